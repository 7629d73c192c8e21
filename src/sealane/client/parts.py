"""How a file is cut into parts that travel over parallel connections. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sealane.settings import ClientSettings

_PARTS_A_CONNECTION = 8
"""So many parts each connection should get, that a slow one does not leave the others idle at the end, and that the
digest, which follows the gapless front, is not far behind when the last part is there."""


class Part(NamedTuple):
    """A run of a file's bytes."""

    start: int
    length: int

    @property
    def end(self) -> int:
        """The byte after the last."""
        return self.start + self.length


def plan_parts(size: int, settings: ClientSettings) -> tuple[Part, ...]:
    """Return parts that cover `size` bytes without gap or overlap, each but the last equally long.

    Long parts keep a long line full and cost few requests (and few ledger entries); short ones even out connections
    of unequal speed. Never more than `parts_max`.
    """
    if size == 0:
        return ()
    wished = -(-size // (settings.parallel * _PARTS_A_CONNECTION))
    length = min(max(wished, settings.part_bytes_min), settings.part_bytes_max)
    length = max(length, -(-size // settings.parts_max))
    blocks = -(-length // settings.block_bytes)
    length = blocks * settings.block_bytes
    return tuple(Part(start, min(length, size - start)) for start in range(0, size, length))
