"""Which bytes of a file lie where: the map from a file's offsets to runs of its segments' plaintext.

Lives here: the map (`ExtentMap`), its edits and its packed form (docs/formats/segment.md, "The map"). Pure: no bytes
are read or written. Not here: what a segment looks like (`segments.py`), who may edit (domain).
Must stay true: extents cover the file from 0 to `size` without overlap; neighbours that could be one extent are one;
so one content has one packed form, and `unpack` takes no other.
"""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Final, Self

import msgspec

from sealane.errors import Integrity, NotASegment, TooLarge, TooMany
from sealane.ids import SegmentId

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HOLE: Final = SegmentId("")
"""The segment of an extent that reads as zeros. Its `start` is `ZEROS` or `GAP`."""
ZEROS: Final = 0
"""`start` of a hole that was asked for: the file was made longer (`resize`). It counts as written."""
GAP: Final = 1
"""`start` of a hole that a write beyond the end jumped over. Nobody wrote it (yet), so `contiguous` ends before it."""

SIZE_MAX: Final = 2**63 - 1
_FORM: Final = 1
_HEAD: Final = struct.Struct(">BII")
_ID_BYTES: Final = 16


class Extent(msgspec.Struct, frozen=True, array_like=True):
    """A run of a file's bytes: `length` bytes that begin `start` plaintext bytes into a segment.

    A version is the list of its extents in file order; where each begins in the file is the sum of those before.
    A segment of "" is a hole (see `HOLE`).
    """

    segment: str
    start: int
    length: int


class ExtentMap:
    """The extents of one file, in order. Appending at the end is O(1); an edit inside costs a search and a splice.

    An edit that fails changes nothing. Offsets, starts and lengths are plaintext bytes.
    """

    __slots__ = ("_extents_max", "_offsets", "_segments", "_size", "_starts")

    def __init__(self, extents: Iterable[Extent] = (), *, extents_max: int) -> None:
        """Hold these extents. Raises `NotASegment` for an impossible one, `TooMany` past `extents_max`."""
        self._extents_max = extents_max
        self._offsets: list[int] = []
        self._segments: list[SegmentId] = []
        self._starts: list[int] = []
        self._size = 0
        for extent in extents:
            self.append(extent)

    @property
    def size(self) -> int:
        """The file's length in bytes."""
        return self._size

    @property
    def contiguous(self) -> int:
        """Bytes from the start of the file up to the first that was never written (or the size)."""
        at = -1
        try:
            while True:
                at = self._segments.index(HOLE, at + 1)
                if self._starts[at] == GAP:
                    return self._offsets[at]
        except ValueError:
            return self._size

    def __len__(self) -> int:
        return len(self._offsets)

    def __iter__(self) -> Iterator[Extent]:
        for index in range(len(self._offsets)):
            yield Extent(self._segments[index], self._starts[index], self._end(index) - self._offsets[index])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExtentMap) and self.pack() == other.pack()

    __hash__ = None  # pyrefly: ignore  # a map changes, so it is no key

    def segments(self) -> tuple[SegmentId, ...]:
        """Every segment named, once, in order of its first use. Holes name none."""
        named = dict.fromkeys(self._segments)
        named.pop(HOLE, None)
        return tuple(named)

    def runs(self, offset: int, length: int) -> Iterator[Extent]:
        """Yield what `length` bytes from `offset` consist of, clipped to the file. The map must not change then."""
        end = min(offset + length, self._size)
        index = bisect_right(self._offsets, offset) - 1
        while offset < end:
            run_end = min(self._end(index), end)
            segment = self._segments[index]
            start = self._starts[index] + (offset - self._offsets[index] if segment else 0)
            yield Extent(segment, start, run_end - offset)
            offset = run_end
            index += 1

    def place(self, offset: int, length: int, segment: SegmentId, start: int) -> None:
        """Let `length` bytes at `offset` be those of `segment` from `start` on. Beyond the end, a gap comes before."""
        _check(segment, start, length)
        if offset < 0 or offset + length > SIZE_MAX:
            raise TooLarge("The offset is beyond what a file can have.")
        if offset >= self._size:
            self._place_beyond(offset, length, segment, start)
            return
        end = offset + length
        first = bisect_right(self._offsets, offset) - 1
        last = bisect_left(self._offsets, min(end, self._size)) - 1
        pieces = _Pieces()
        if first > 0:
            first -= 1  # the neighbour on the left takes part, so that it can be merged with
        self._cut_into(pieces, first, self._offsets[first], offset)
        pieces.add(offset, segment, start)
        self._cut_into(pieces, last, end, self._size)
        self._splice(first, min(last + 2, len(self._offsets)), pieces)
        self._size = max(self._size, end)

    def resize(self, size: int) -> None:
        """Cut the file at `size`, or make it longer with zeros."""
        if size < 0 or size > SIZE_MAX:
            raise TooLarge("The size is beyond what a file can have.")
        if size > self._size:
            self._append(HOLE, ZEROS, size - self._size)
            return
        keep = bisect_left(self._offsets, size)
        del self._offsets[keep:], self._segments[keep:], self._starts[keep:]
        self._size = size

    def append(self, extent: Extent) -> None:
        """Add an extent at the end of the file."""
        segment = SegmentId(extent.segment)
        if segment == HOLE:
            if extent.start not in {ZEROS, GAP} or extent.length < 1:
                raise NotASegment
        else:
            _check(segment, extent.start, extent.length)
        if self._size + extent.length > SIZE_MAX:
            raise TooLarge("The size is beyond what a file can have.")
        self._append(segment, extent.start, extent.length)

    def join(self, other: Iterable[Extent]) -> None:
        """Add another file's extents behind this one's. On failure the map is as it was before."""
        before = self._size
        try:
            for extent in tuple(other):
                self.append(extent)
        except Exception:
            self.resize(before)
            raise

    def pack(self) -> bytes:
        """Return the packed form: canonical, so that it can be authenticated."""
        named = self.segments()
        number = {segment: index for index, segment in enumerate(named, 1)}
        number[HOLE] = 0
        count = len(self._offsets)
        return b"".join(
            (
                _HEAD.pack(_FORM, len(named), count),
                bytes.fromhex("".join(named)),
                struct.pack(f">{count}I", *map(number.__getitem__, self._segments)),
                struct.pack(f">{count}Q", *self._starts),
                struct.pack(f">{count}Q", *map(int.__sub__, [*self._offsets[1:], self._size][:count], self._offsets)),
            )
        )

    @classmethod
    def unpack(cls, packed: bytes, *, extents_max: int) -> Self:
        """Return the map of a packed form. Anything that `pack` would not have written is an `Integrity` failure."""
        made = cls(extents_max=extents_max)
        try:
            form, segment_count, count = _HEAD.unpack_from(packed)
            at = _HEAD.size + segment_count * _ID_BYTES
            if form != _FORM or len(packed) != at + count * 20 or count > extents_max:
                raise Integrity
            names = [HOLE]
            names += [SegmentId(packed[place : place + _ID_BYTES].hex()) for place in range(_HEAD.size, at, _ID_BYTES)]
            made._segments = [names[index] for index in struct.unpack_from(f">{count}I", packed, at)]
            made._starts = list(struct.unpack_from(f">{count}Q", packed, at + count * 4))
            lengths = struct.unpack_from(f">{count}Q", packed, at + count * 12)
        except (struct.error, IndexError):
            raise Integrity from None
        offsets = list(accumulate(lengths, initial=0))
        made._size = offsets.pop()
        made._offsets = offsets
        # Canonical: segments in order of first use, each used; nothing empty; nothing left to merge; all within bounds.
        if list(made.segments()) != names[1:] or 0 in lengths or made._size > SIZE_MAX or made._mergeable(lengths):
            raise Integrity
        return made

    def _end(self, index: int) -> int:
        return self._offsets[index + 1] if index + 1 < len(self._offsets) else self._size

    def _mergeable(self, lengths: tuple[int, ...]) -> bool:
        """Whether the packed form was not the shortest, or a hole in it is of no known kind."""
        before, reach = None, 0
        for segment, start, length in zip(self._segments, self._starts, lengths, strict=True):
            if segment == HOLE and start not in {ZEROS, GAP}:
                return True
            if segment == before and start == reach:
                return True
            before, reach = segment, start + (length if segment else 0)
        return False

    def _append(self, segment: SegmentId, start: int, length: int) -> None:
        if not (self._offsets and self._continues(segment, start)):
            if len(self._offsets) >= self._extents_max:
                raise TooMany(_TOO_MANY)
            self._offsets.append(self._size)
            self._segments.append(segment)
            self._starts.append(start)
        self._size += length

    def _continues(self, segment: SegmentId, start: int) -> bool:
        """Whether a run at the end of the file goes on where the last one stops."""
        if self._segments[-1] != segment:
            return False
        return start == self._starts[-1] + (self._size - self._offsets[-1] if segment else 0)

    def _place_beyond(self, offset: int, length: int, segment: SegmentId, start: int) -> None:
        before = self._size
        if offset > before:
            self._append(HOLE, GAP, offset - before)
        try:
            self._append(segment, start, length)
        except TooMany:
            self.resize(before)
            raise

    def _cut_into(self, pieces: _Pieces, index: int, begin: int, end: int) -> None:
        """Add what the extents from `index` on hold between the offsets `begin` and `end`: two extents at most."""
        for at in range(index, min(index + 2, len(self._offsets))):
            run_begin = max(begin, self._offsets[at])
            run_end = min(end, self._end(at))
            if run_begin < run_end:
                segment = self._segments[at]
                shift = run_begin - self._offsets[at] if segment else 0
                pieces.add(run_begin, segment, self._starts[at] + shift)

    def _splice(self, first: int, after: int, pieces: _Pieces) -> None:
        if len(self._offsets) - (after - first) + len(pieces.offsets) > self._extents_max:
            raise TooMany(_TOO_MANY)
        self._offsets[first:after] = pieces.offsets
        self._segments[first:after] = pieces.segments
        self._starts[first:after] = pieces.starts


class _Pieces:
    """A few neighbouring extents under construction; those that continue each other become one."""

    __slots__ = ("offsets", "segments", "starts")

    def __init__(self) -> None:
        self.offsets: list[int] = []
        self.segments: list[SegmentId] = []
        self.starts: list[int] = []

    def add(self, offset: int, segment: SegmentId, start: int) -> None:
        if self.offsets and self.segments[-1] == segment:
            reach = self.starts[-1] + (offset - self.offsets[-1] if segment else 0)
            if start == reach:
                return
        self.offsets.append(offset)
        self.segments.append(segment)
        self.starts.append(start)


_TOO_MANY: Final = "The file is made of too many pieces. Send it again from the start, in order."
_HEX: Final = frozenset("0123456789abcdef")


def _check(segment: SegmentId, start: int, length: int) -> None:
    if len(segment) != _ID_BYTES * 2 or not _HEX.issuperset(segment):
        raise NotASegment("This is not a segment's id.")
    if start < 0 or length < 1 or start + length > SIZE_MAX:
        raise NotASegment("The run does not lie within a segment.")
