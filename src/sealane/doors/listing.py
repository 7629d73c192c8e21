"""A people list that a client sends: what it says in clear, the age header, and the sealed rest, stored as it comes.

The first line is a JSON object of counts and coverage, what follows is the age file (nothing, where there is no list).
Must stay true: memory is bounded whatever comes; what is stored is durable before the keeper hears of it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec

from sealane.errors import Invalid, SealaneError
from sealane.ids import new_segment_id
from sealane.operations.inspection import Exposed, PartNotRead, SealedList
from sealane.vault.age import header as age_header
from sealane.vault.age.failures import HeaderCut

if TYPE_CHECKING:
    from sealane.settings import Settings
    from sealane.vault.blobs import BlobStore, BlobWriter

LINE_BYTES_MAX: Final = 256 * 1024
_HEADER_BYTES_MAX: Final = 64 * 1024


class _Part(msgspec.Struct, frozen=True):
    part: str
    why: str


class Said(msgspec.Struct, frozen=True):
    """What the first line says."""

    format: str
    coverage: str
    records: int
    people: int
    classes: dict[str, int] = {}
    unreadable: tuple[_Part, ...] = ()
    recipients: tuple[str, ...] = ()


class ListTaker:
    """Takes the body piece by piece. Synchronous: in a thread, one piece after another."""

    def __init__(self, store: BlobStore, settings: Settings) -> None:
        """Nothing has come yet."""
        self._store = store
        self._inline_most = settings.inline_bytes_max
        self._pending = bytearray()
        self._said: Said | None = None
        self._header = b""
        self._name = new_segment_id()
        self._blob: BlobWriter | None = None
        self._digest = hashlib.sha256()
        self._size = 0

    def take(self, piece: memoryview) -> None:
        """Take more of it. Raises `Invalid` for what is no list."""
        self._pending += piece
        if self._said is None and not self._take_line():
            return
        if not self._header and not self._take_header():
            return
        self._keep()

    def finish(self) -> Exposed:
        """Make it durable and return what came."""
        said = self._said
        if said is None or (self._pending and not self._header):
            raise Invalid("This is not a people list: a line of JSON, then an age file.")
        made = None
        if self._header:
            inline = bytes(self._pending) if self._blob is None else None
            if self._blob is not None:
                self._blob.commit()
                self._blob = None
            made = SealedList(self._name, self._header, self._size, self._digest.digest(), said.recipients, inline)
        return Exposed(
            format=said.format,
            coverage=said.coverage,
            records=said.records,
            people=said.people,
            classes=said.classes,
            unreadable=tuple(PartNotRead(one.part, one.why) for one in said.unreadable),
            readers=0,
            people_list=made,
        )

    def abort(self) -> None:
        """Throw away what is not finished."""
        if self._blob is not None:
            self._blob.abort()
            self._blob = None

    def _take_line(self) -> bool:
        end = self._pending.find(b"\n", 0, LINE_BYTES_MAX)
        if end < 0:
            if len(self._pending) >= LINE_BYTES_MAX:
                raise Invalid("The first line of a people list is too long.")
            return False
        try:
            self._said = msgspec.json.decode(bytes(self._pending[:end]), type=Said)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise Invalid("The first line of a people list is a JSON object of its counts.") from None
        del self._pending[: end + 1]
        return True

    def _take_header(self) -> bool:
        try:
            _, length = age_header.parse(bytes(self._pending[:_HEADER_BYTES_MAX]))
        except HeaderCut:
            if len(self._pending) >= _HEADER_BYTES_MAX:
                raise Invalid("The header of this people list is too long.") from None
            return False
        except SealaneError:
            raise Invalid("What follows the first line of a people list is an age file.") from None
        self._header = bytes(self._pending[:length])
        sealed = bytes(self._pending[length:])
        self._pending.clear()
        self._pending += sealed
        self._size = len(sealed)
        self._digest.update(sealed)
        self._kept_in_memory = len(sealed)
        return True

    def _keep(self) -> None:
        """Count what has come since, and give it to the store where it is too much to hold."""
        fresh = bytes(self._pending[self._kept_in_memory :])
        self._size += len(fresh)
        self._digest.update(fresh)
        self._kept_in_memory = len(self._pending)
        if self._blob is None and self._size <= self._inline_most:
            return
        if self._blob is None:
            self._blob = self._store.create(self._name)
        self._blob.append(bytes(self._pending))
        self._pending.clear()
        self._kept_in_memory = 0

    _kept_in_memory = 0
