"""A people list on its way into an age file: Parquet in, sealed bytes out, nothing of it held longer than a chunk.

Used by the reading child, and by a user's client for what it seals itself. Not here: reading (exposure), keeping the
sealed bytes (`readers.py`, the client).
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from sealane.exposure.model import Coverage, Unreadable, Why
from sealane.exposure.tables.columns import Column, Layout
from sealane.exposure.tables.layouts import Layouts
from sealane.exposure.tables.slots import Slot
from sealane.operations.inspection import ColumnOf, LayoutOf, PartNotRead
from sealane.vault.age import files, keys
from sealane.vault.age.header import parse
from sealane.vault.age.streams import Sealer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sealane.exposure.scan import Exposure

_PART_CHARACTERS_MAX = 1024
_MORE = "(more parts)"


class _Sink(io.RawIOBase):
    """Takes a Parquet file as it is written, seals it and hands the sealed bytes on."""

    def __init__(self, sealer: Sealer, emit: Callable[[bytes | bytearray], None]) -> None:
        super().__init__()
        self._sealer = sealer
        self._emit = emit
        self._at = 0

    def writable(self) -> bool:
        """Say that it can be written to."""
        return True

    def tell(self) -> int:
        """Return how much was written."""
        return self._at

    def write(self, block: bytes | bytearray | memoryview, /) -> int:  # type: ignore[override]  # pyrefly: ignore
        """Seal more of it."""
        with memoryview(block).cast("B") as view:
            length = len(view)
            sealed = self._sealer.update(view)
        if sealed:
            self._emit(sealed)
        self._at += length
        return length


def seal_list(
    found: Exposure, recipients: Iterable[str], owner: str, emit: Callable[[bytes | bytearray], None]
) -> bytes:
    """Write the list of who is in a file, sealed; return the age header. `emit` gets what follows it, piece by piece.

    `owner`: whose people they are where the file does not tell.
    """
    from sealane.exposure.people.lists import write_list  # noqa: PLC0415 - Parquet is loaded where a list is made

    begun = files.begin([keys.recipient(text) for text in recipients])
    _, length = parse(begun.prefix)
    emit(begun.prefix[length:])
    sealer = Sealer(begun.payload)
    write_list(found.crowd.people(), _Sink(sealer, emit), owner=owner)  # type: ignore[arg-type]  # pyrefly: ignore
    emit(sealer.finish())
    return begun.prefix[:length]


# --- What is told in clear -------------------------------------------------------------------------------------------


def coverage_of(found: Exposure, name: str, *, has_officer: bool) -> tuple[Coverage, tuple[Unreadable, ...]]:
    """Return how much could be read, with the reason why there is no list where nobody is there to have it."""
    if has_officer or not found.count.people:
        return found.coverage, found.unreadable
    told = (*found.unreadable, Unreadable(name, Why.NO_OFFICER))
    return Coverage.PARTIAL if found.coverage is Coverage.COMPLETE else found.coverage, told


def parts_of(unreadable: Iterable[Unreadable], parts_max: int) -> tuple[PartNotRead, ...]:
    """Return what could not be read as it is told: so many parts, names that can be written anywhere."""
    told: list[PartNotRead] = []
    for each in unreadable:
        if len(told) == parts_max:
            told.append(PartNotRead(_MORE, each.why.value))
            break
        name = each.part.encode("utf-8", "replace").decode()
        told.append(PartNotRead(name[:_PART_CHARACTERS_MAX], each.why.value))
    return tuple(told)


def layouts_of(known: Iterable[LayoutOf]) -> Layouts:
    """Return layouts as the readers take them; one whose words they do not know is left out."""
    slots = {slot.value: slot for slot in Slot}
    return Layouts(
        known={
            one.fingerprint: Layout(tuple(Column(slots[each.slot], each.role, each.day_first) for each in one.columns))
            for one in known
            if all(each.slot in slots for each in one.columns)
        }
    )


def layouts_found(layouts: Layouts, known: Iterable[LayoutOf], most: int) -> tuple[LayoutOf, ...]:
    """Return the layouts that a scan has added, up to `most`."""
    before = {one.fingerprint for one in known}
    return tuple(
        LayoutOf(fingerprint, tuple(ColumnOf(each.slot.value, each.role, each.day_first) for each in layout.columns))
        for fingerprint, layout in layouts.known.items()
        if fingerprint not in before
    )[:most]
