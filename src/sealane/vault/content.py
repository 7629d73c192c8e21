"""The plaintext of one file, read through its map and its segments. What doors deliver from and the inspector reads.

Synchronous; safe to use from several threads at once. Nothing of a slot is given out before its tag is verified.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sealane.settings import SLOT_BYTES
from sealane.vault.extents import ExtentMap
from sealane.vault.segments import SegmentReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sealane.vault.blobs import BlobStore, Buffer
    from sealane.vault.extents import Extent
    from sealane.vault.segments import SegmentPlace


class ReplacedBegin:
    """A content of which the first `skip` bytes are replaced by others: an age file with a header made anew."""

    __slots__ = ("_content", "_prefix", "_skip", "size")

    def __init__(self, content: Content, prefix: bytes, skip: int) -> None:
        """Hold both; nothing is read yet."""
        self._content = content
        self._prefix = prefix
        self._skip = skip
        self.size = len(prefix) + content.size - skip
        """Bytes of the whole."""

    def read_into(self, offset: int, target: Buffer) -> int:
        """Fill `target` with the bytes from `offset` on, up to the end; return how many those are."""
        view = memoryview(target).cast("B")
        before = self._prefix[offset : offset + len(view)]
        view[: len(before)] = before
        rest = view[len(before) :]
        if not rest:
            return len(before)
        at = offset + len(before) - len(self._prefix) + self._skip
        return len(before) + self._content.read_into(at, rest)

    def slot_end(self, offset: int) -> int:
        """Return the offset at which the stored slot of the byte at `offset` ends, one slot on at most."""
        at = max(0, offset - len(self._prefix)) + self._skip
        return min(self._content.slot_end(at) - self._skip + len(self._prefix), offset + SLOT_BYTES)

    def blocks(self, buffer: bytearray) -> Iterator[memoryview]:
        """Yield the whole in order, in pieces as large as `buffer`, each valid until the next is asked for."""
        return blocks_of(self, buffer)


class _Readable(Protocol):
    @property
    def size(self) -> int: ...

    def read_into(self, offset: int, target: Buffer, /) -> int: ...


def blocks_of(content: _Readable, buffer: bytearray) -> Iterator[memoryview]:
    """Yield a whole content in order, in pieces as large as `buffer`, each valid until the next is asked for."""
    view = memoryview(buffer)
    offset = 0
    while offset < content.size:
        length = content.read_into(offset, view)
        yield view[:length]
        offset += length


class Content:
    """One immutable content: extents over segments, with the keys that open them."""

    __slots__ = ("_map", "_reader")

    def __init__(
        self, store: BlobStore, extents: Iterable[Extent], segments: Iterable[SegmentPlace], keys: Mapping[int, bytes]
    ) -> None:
        """Hold the map; nothing is read yet. The keeper has authenticated it, so it is as long as it is."""
        told = tuple(extents)
        self._map = ExtentMap(told, extents_max=len(told))
        self._reader = SegmentReader(store, segments, keys)

    @property
    def size(self) -> int:
        """Plaintext bytes."""
        return self._map.size

    @property
    def reader(self) -> SegmentReader:
        """Reads this content's segments, by segment instead of by the file's offsets."""
        return self._reader

    def read_into(self, offset: int, target: Buffer) -> int:
        """Fill `target` with the bytes from `offset` on, up to the end of the content; return how many those are.

        Raises `Integrity` where the stored bytes are not those that were written; `target` is then not to be used.
        """
        view = memoryview(target).cast("B")
        done = 0
        for run in self._map.runs(offset, len(view)):
            self._reader.read_into(run, view[done : done + run.length])
            done += run.length
        return done

    def slot_end(self, offset: int) -> int:
        """Return the offset at which the stored slot of the byte at `offset` ends: a good place to stop reading."""
        for run in self._map.runs(offset, SLOT_BYTES):
            if not run.segment:
                break
            return offset + min(run.length, SLOT_BYTES - run.start % SLOT_BYTES)
        return min(offset + SLOT_BYTES, self._map.size)

    def blocks(self, buffer: bytearray) -> Iterator[memoryview]:
        """Yield the whole content in order, in pieces as large as `buffer`, each valid until the next is asked for."""
        return blocks_of(self, buffer)
