"""Single compressed streams: gzip, bzip2, xz. What is inside is a part of its own, often a tar."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from functools import partial
from typing import TYPE_CHECKING, Any

from sealane.exposure.model import Nested, PartUnreadable, Why
from sealane.exposure.readers.part import Unfolding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sealane.exposure.model import Found
    from sealane.exposure.readers.part import Part
    from sealane.exposure.sources import Readable, Source

BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError)


class AsFile(io.RawIOBase):
    """A source as the file that the standard library's decompressors want; counts what was stored."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self._source = source
        self.stored = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes."""
        piece = self._source.read(size if size >= 0 else 1 << 20)
        self.stored += len(piece)
        return piece


class _Unfolded:
    """Decompressed bytes; a broken stream is damage, one out of proportion too large."""

    def __init__(self, stream: Readable, stored: AsFile, part: Part) -> None:
        self._stream = stream
        self._stored = stored
        self._limits = part.limits
        self._given = 0

    def read(self, size: int, /) -> bytes:
        """Return the next bytes."""
        try:
            piece = self._stream.read(min(size, 1 << 20))
        except BROKEN:
            raise PartUnreadable(Why.DAMAGED) from None
        self._given += len(piece)
        most = self._limits.expansion_bytes_free + self._stored.stored * self._limits.expansion_ratio_max
        if self._given > most:
            raise PartUnreadable(Why.TOO_LARGE)
        return piece


def _read(part: Part, opened: Callable[[Any], Readable], ending: str) -> Iterator[Found]:
    stored = AsFile(part.source)
    name = part.name.rpartition("/")[2]
    inner = name.removesuffix(ending).removesuffix(".tgz") if name.endswith((ending, ".tgz")) else f"{name} content"
    unfolded = Unfolding(_Unfolded(opened(stored), stored, part), stored=None, part=part)
    part.holds = False
    yield Nested(inner, part.inside(unfolded), alone=True)


def _gunzipped(stored: AsFile) -> Readable:
    return gzip.GzipFile(fileobj=stored, mode="rb")


def read_gzip(part: Part) -> Iterator[Found]:
    """Yield what a gzip stream holds."""
    yield from _read(part, _gunzipped, ".gz")


def read_bzip2(part: Part) -> Iterator[Found]:
    """Yield what a bzip2 stream holds."""
    yield from _read(part, partial(bz2.BZ2File, mode="rb"), ".bz2")


def read_xz(part: Part) -> Iterator[Found]:
    """Yield what an xz stream holds. Its dictionary may take 256 MiB."""
    yield from _read(part, lzma.LZMAFile, ".xz")
