"""X12 interchanges: 834, 835, 837 (professional, institutional, dental), 270, 271, 276, 277.

Segments are read in order; loops are followed as far as they say whose a name is: the insured (IL), the patient (QC),
the member (IL or 74) and, in an 834, those who are responsible for a member are individuals; providers, payers,
submitters, contacts and the incorrect earlier data of a member (70) are not counted. Delimiters are read off each
ISA. What belongs to which loop of which set is in `x12_loops.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from sealane.exposure.formats import ISA_BYTES, x12_kind
from sealane.exposure.model import Batch, PartUnreadable, Why
from sealane.exposure.readers.x12_columns import claims_of, mentions_of, owners_of
from sealane.exposure.readers.x12_loops import MARKED, Loops

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sealane.exposure.readers.part import Part
    from sealane.exposure.readers.x12_columns import Claims

_BLOCK_BYTES: Final = 4 << 20
_WHITE: Final = " \t\r\n\ufeff\x0b\x00\x1a"


def read_x12(part: Part) -> Iterator[Batch]:
    """Yield the mentions of an X12 file. Raises `PartUnreadable` (damaged) where it ends or breaks off within a set."""
    loops = Loops(part.limits.batch_mentions)
    for text, terminator, element, component in _segments(part):
        claims = claims_of(text, terminator, element, component) if loops.kind in {"", "837"} else None
        if claims is not None and claims.plain.any():
            yield from loops.rows.rest()
            yield _by_column(loops, claims, element, component)
        else:
            _feed(loops, _split(text, terminator), element, component)
            yield from loops.rows.full()
    whole = loops.finished()
    yield from loops.rows.rest()
    if not whole:
        raise PartUnreadable(Why.DAMAGED)


def _feed(loops: Loops, segments: Iterable[str], element: str, component: str) -> None:
    """Read segments one by one."""
    # Three characters tell every segment apart, the delimiter behind a short name among them.
    takes = {f"{name}{element}"[:3]: take for name, take in loops.takes.items()}
    for segment in segments:
        take = takes.get(segment[:3])
        if take is not None:
            take(segment.split(element), component)


def _by_column(loops: Loops, claims: Claims, element: str, component: str) -> Batch:
    """Read plain loops at once, and the others one by one; mentions stay in the order of the file."""
    owners: pl.Series | None = None
    numbers: list[int] = []
    before = -1
    start: tuple[int, list[str]] = (0, [])
    for loop, segments in (start, *claims.others()):
        if owners is None and loop:
            owners = owners_of(claims, loops.owner)
        if owners is not None and loop > before + 1:
            # Plain loops stand between: what was open before them is over.
            loops.settle(owners[loop - 1])
        numbers += [before] * (len(loops.rows) - len(numbers))
        _feed(loops, segments, element, component)
        numbers += [max(loop - 1, 0)] * (len(loops.rows) - len(numbers))
        before = loop
    assert owners is not None, "the last loop is never a plain one"
    plain = mentions_of(claims, owners, MARKED)
    pieces = [plain]
    records = len(plain)
    for batch in loops.rows.rest():
        records += batch.records
        pieces.append(batch.mentions.with_columns(pl.Series("loop", numbers, dtype=pl.UInt32)))
    mentions = pl.concat(pieces, how="diagonal_relaxed").sort("loop", maintain_order=True).drop("loop")
    return Batch(records=records, mentions=mentions)


def _segments(part: Part) -> Iterator[tuple[str, str, str, str]]:
    """Yield runs of whole segments, with the terminator, element and component delimiters that hold for them."""
    left, element, terminator, component = "", "", "", ""
    for block in part.source.blocks(min(part.limits.block_bytes, _BLOCK_BYTES)):
        left += _decoded(block)
        while left:
            if not element:
                left = left.lstrip(_WHITE)
                if len(left) < ISA_BYTES:
                    break
                element, component, terminator = _delimiters(left)
            end = left.rfind(terminator) + 1
            again = left.find(f"ISA{element}", 1, end)
            again = again if again > 0 and left[:again].rstrip(_WHITE).endswith(terminator) else -1
            upto = again if again > 0 else end
            if upto <= 0:
                break
            yield left[:upto], terminator, element, component
            left = left[upto:]
            if again > 0:
                element = ""
        if len(left) > part.limits.record_bytes_max:
            raise PartUnreadable(Why.TOO_LARGE)
    if left.strip(_WHITE):
        yield left.strip(_WHITE), terminator or "~", element or "*", component or ":"


def _split(text: str, terminator: str) -> list[str]:
    """Return segments without the line breaks that many programs write between them."""
    if terminator in "\r\n":
        return [segment.lstrip(_WHITE) for segment in text.split(terminator)]
    return text.replace("\r", "").replace("\n", "").split(terminator)


def _decoded(block: bytes) -> str:
    # Every byte stands for a character, so that a block may be cut anywhere; names are put right where they are used.
    return block.decode("latin-1")


def _delimiters(start: str) -> tuple[str, str, str]:
    """Return element, component and segment delimiters of an ISA. Raises `PartUnreadable` where it is none."""
    if not start.startswith("ISA"):
        raise PartUnreadable(Why.DAMAGED)
    element, component, terminator = start[3], start[ISA_BYTES - 2], start[ISA_BYTES - 1]
    if element.isalnum() or terminator.isalnum() or element == terminator:
        raise PartUnreadable(Why.DAMAGED)
    return element, component, terminator


__all__ = ["read_x12", "x12_kind"]
