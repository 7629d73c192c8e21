"""How a file is cut into parts that travel over parallel connections. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sealane.vault.age.payload import CHUNK_BYTES, sealed_length
from sealane.vault.age.stretches import stored_at

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


def plan_parts(
    size: int, settings: ClientSettings, *, step: int = 1, length_max: int | None = None
) -> tuple[Part, ...]:
    """Return parts that cover `size` bytes without gap or overlap, each but the last equally long and full `step`s.

    Long parts keep a long line full and cost few requests (and few ledger entries); short ones even out connections
    of unequal speed. Never more than `parts_max`, even if they are longer than `length_max` then.
    """
    if size == 0:
        return ()
    wished = -(-size // (settings.parallel * _PARTS_A_CONNECTION))
    length = min(max(wished, settings.part_bytes_min), length_max or settings.part_bytes_max)
    length = max(length, -(-size // settings.parts_max))
    block = -(-settings.block_bytes // step) * step
    length = -(-length // block) * block
    return tuple(Part(start, min(length, size - start)) for start in range(0, size, length))


def plan_sealed_parts(size: int, settings: ClientSettings, *, prefix: int) -> tuple[Part, ...]:
    """Return parts of the age file of a file of `size` bytes: each begins with a chunk, the first with all before it.

    So no chunk is ever sealed for two parts. They are so short that what all lanes have sent is kept until the digest,
    which goes in order, has come to it.
    """
    longest = min(settings.part_bytes_max, settings.sealed_ahead_bytes_max // settings.parallel)
    parts = plan_parts(size, settings, step=CHUNK_BYTES, length_max=longest) or (Part(0, 0),)
    starts = [0, *(prefix + stored_at(part.start) for part in parts[1:])]
    ends = [*starts[1:], prefix + sealed_length(size)]
    return tuple(Part(start, end - start) for start, end in zip(starts, ends, strict=True))
