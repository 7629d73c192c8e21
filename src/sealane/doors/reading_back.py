"""A running upload read again by its own client, as it stands now: what is at hand, what is on its way, what is stored.

Pure but for the reading itself. Must stay true: what is given is what was written last, whether it is durable or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sealane.doors.sealing import OpenSegment
    from sealane.doors.stored import Stored
    from sealane.vault.extents import Extent


def is_under_way(runs: Iterable[Extent], at_hand: OpenSegment | None, closed: Iterable[OpenSegment]) -> bool:
    """Whether some of these bytes lie in a segment that cannot be read from yet."""
    unsettled = [segment for segment in closed if not segment.is_durable]
    return any(_is_under_way(run, at_hand, unsettled) for run in runs)


def _is_under_way(run: Extent, at_hand: OpenSegment | None, unsettled: Iterable[OpenSegment]) -> bool:
    if at_hand is not None and run.segment == at_hand.segment:
        return at_hand.peek(run.start, run.length) is None
    return any(segment.holds(run.segment) for segment in unsettled)


async def read(runs: Sequence[Extent], offset: int, at_hand: OpenSegment | None, stored: Stored) -> bytes:
    """Return the bytes of runs that follow each other from `offset` on; none of them is under way.

    Raises `NotAllowed` for bytes of an earlier version that was not opened for reading.
    """
    parts = []
    for run in runs:
        if at_hand is not None and run.segment == at_hand.segment:
            seen = at_hand.peek(run.start, run.length)
            assert seen is not None, "what is under way was settled before"
            parts.append(seen)
        else:
            parts.append(await stored.read(run, offset))
        offset += run.length
    return b"".join(parts)
