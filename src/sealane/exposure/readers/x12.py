"""X12 interchanges: 834, 835, 837 (professional, institutional, dental), 270, 271, 276, 277.

Segments are read in order; loops are followed as far as they say whose a name is: the insured (IL), the patient (QC),
the member (IL or 74) and, in an 834, those who are responsible for a member are individuals; providers, payers,
submitters, contacts and the incorrect earlier data of a member (70) are not counted. Delimiters are read off each
ISA. What belongs to which loop of which set is in `x12_loops.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealane.exposure.formats import ISA_BYTES, x12_kind
from sealane.exposure.model import PartUnreadable, Why
from sealane.exposure.readers.x12_loops import Loops

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealane.exposure.model import Batch
    from sealane.exposure.readers.part import Part

_WHITE: Final = " \t\r\n\ufeff\x0b\x00\x1a"


def read_x12(part: Part) -> Iterator[Batch]:
    """Yield the mentions of an X12 file. Raises `PartUnreadable` (damaged) where it ends or breaks off within a set."""
    loops = Loops(part.limits.batch_mentions)
    for segments, element, component in _segments(part):
        # Three characters tell every segment apart, the delimiter behind a short name among them.
        takes = {f"{name}{element}"[:3]: take for name, take in loops.takes.items()}
        for segment in segments:
            take = takes.get(segment[:3])
            if take is not None:
                take(segment.split(element), component)
        yield from loops.rows.full()
    whole = loops.finished()
    yield from loops.rows.rest()
    if not whole:
        raise PartUnreadable(Why.DAMAGED)


def _segments(part: Part) -> Iterator[tuple[list[str], str, str]]:
    """Yield runs of whole segments, with the element and component delimiters that hold for them."""
    left, element, terminator, component = "", "", "", ""
    for block in part.source.blocks(min(part.limits.block_bytes, 1 << 20)):
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
            yield _split(left[:upto], terminator), element, component
            left = left[upto:]
            if again > 0:
                element = ""
        if len(left) > part.limits.record_bytes_max:
            raise PartUnreadable(Why.TOO_LARGE)
    if left.strip(_WHITE):
        yield [left.strip(_WHITE)], element or "*", component or ":"


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
