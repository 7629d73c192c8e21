"""One part of a file as a reader gets it, and the budget that all parts of a file share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sealane.exposure.model import PartUnreadable, Why
from sealane.exposure.sources import Source

if TYPE_CHECKING:
    from datetime import date

    from sealane.exposure.limits import ExposureLimits
    from sealane.exposure.model import Format
    from sealane.exposure.sources import Readable
    from sealane.exposure.tables.layouts import Layouts


class Budget:
    """What all parts of a file may cost together."""

    def __init__(self, limits: ExposureLimits) -> None:
        """Nothing is spent yet."""
        self._limits = limits
        self._parts = 0
        self._expanded = 0

    def part(self) -> None:
        """Take one more part. Raises `PartUnreadable` (too large) past the limit."""
        self._parts += 1
        if self._parts > self._limits.parts_max:
            raise PartUnreadable(Why.TOO_LARGE)

    def expand(self, size: int) -> None:
        """Take bytes that an archive unfolded to. Raises likewise."""
        self._expanded += size
        if self._expanded > self._limits.expanded_bytes_max:
            raise PartUnreadable(Why.TOO_LARGE)


@dataclass
class Part:
    """One part of a file."""

    name: str
    source: Source
    limits: ExposureLimits
    budget: Budget
    depth: int
    today: date
    layouts: Layouts
    format: Format | None = field(default=None)
    """Set by a reader that knows better than the first look what it reads."""
    holds: bool = field(default=True)
    """Cleared by a reader of an archive none of whose parts it could hand over."""

    def inside(self, stream: Readable) -> Source:
        """Return a source for a part inside this one."""
        return Source(stream, self.limits)


class Unfolding:
    """Counts what a compressed stream unfolds to, and stops it where that is out of proportion."""

    def __init__(self, stream: Readable, *, stored: int | None, part: Part) -> None:
        """Read from `stream`; `stored` is its compressed size, None where it is not known beforehand."""
        self._stream = stream
        self._budget = part.budget
        limits = part.limits
        self._left = limits.expanded_bytes_max
        if stored is not None:
            self._left = limits.expansion_bytes_free + stored * limits.expansion_ratio_max

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes. Raises `PartUnreadable` (too large) past the ratio or the file's budget."""
        piece = self._stream.read(min(size, 1 << 20))
        self._left -= len(piece)
        if self._left < 0:
            raise PartUnreadable(Why.TOO_LARGE)
        self._budget.expand(len(piece))
        return piece
