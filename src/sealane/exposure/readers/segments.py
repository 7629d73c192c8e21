"""Messages of segments and fields (X12, HL7) as numbers: where each segment and each of its fields begins and ends.

Thousands of segments are looked at in one step; text is made only of the fields that tell of somebody. Bytes are taken
as they are: what is not UTF-8 is read by the `decode` that whoever asks for text hands in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from sealane.exposure.people.coded import text_of_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    Numbers = npt.NDArray[Any]

_PAD: Final = 8
"""Bytes behind the end, so that a name or code may be looked at without asking where the end is."""
_BEYOND: Final = 128
_CODE_BYTES: Final = 4
_MASKS: Final = np.array([(1 << 8 * size) - 1 for size in range(_CODE_BYTES + 1)] + [0], dtype=np.uint32)
_LONGER: Final = np.array([0] * (_CODE_BYTES + 1) + [0xFFFFFFFF], dtype=np.uint32)
"""What is kept of four bytes for a field of each size, and what is told of one that is longer."""
_QUESTION: Final = 63
_LEADING, _CONTINUED = np.uint8(0xC0), np.uint8(0x80)
"""The first two bits of a byte that goes on with a character, in UTF-8."""


def _where(these: Numbers) -> Numbers:
    return np.flatnonzero(these).astype(np.int32)


def number_of(text: str) -> int:
    """Return up to four characters as the number that `Segments` tells names and codes by."""
    return int.from_bytes(text.encode("latin-1"), "little")


def _is_utf8(data: Numbers, begins: Numbers) -> bool:
    """Return whether all values, one behind the other, are UTF-8: all together, and none begins within a character."""
    first = data[begins[begins < len(data)]]
    if ((first & _LEADING) == _CONTINUED).any():
        return False
    try:
        data.tobytes().decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


class Segments:
    """The segments of some bytes, none of them empty, in order."""

    def __init__(self, data: bytes, terminator: str, field: str) -> None:
        """Take apart `data` at its terminators (each one byte) and fields' delimiters."""
        if not data.endswith(terminator.encode("latin-1")):
            data += terminator.encode("latin-1")
        self._data = np.frombuffer(data + bytes(_PAD), dtype=np.uint8)
        # Four bytes from each place on, as one number: nothing is copied.
        self._words = np.ndarray(len(self._data) - _CODE_BYTES + 1, "<u4", self._data.data, strides=(1,))
        self.terminator = ord(terminator)
        whole = self._data[:-_PAD]
        ends = _where(whole == ord(terminator))
        begins = np.concatenate((np.zeros(1, dtype=ends.dtype), ends[:-1] + np.int32(1)))
        told = ends > begins
        self.begins, self.ends = begins[told], ends[told]
        self.names = self.codes_at(self.begins, 3)
        """The first three bytes of each segment, as `number_of` gives them."""
        self._marks = _where(whole == ord(field))
        # No delimiter stands between two segments: where those of one end, those of the next begin.
        self._first = np.append(np.searchsorted(self._marks, self.begins), len(self._marks)).astype(np.int32)
        self._rows: dict[tuple[str, ...], Numbers] = {}
        self._whole: set[int] = set()
        """Which arrays of `_rows`, by their `id`: what is looked up of those is asked again."""
        self._fields: dict[tuple[int, int], Fields] = {}

    def __len__(self) -> int:
        """Return how many segments there are."""
        return len(self.begins)

    def named(self, *names: str) -> Numbers:
        """Tell for each segment whether it begins with one of these three characters."""
        found = self.names == number_of(names[0])
        for name in names[1:]:
            found |= self.names == number_of(name)
        return found

    def rows(self, *names: str) -> Numbers:
        """Return which segments these are."""
        if names not in self._rows:
            self._rows[names] = np.flatnonzero(self.named(*names))
            self._whole.add(id(self._rows[names]))
        return self._rows[names]

    def bytes_at(self, places: Numbers) -> Numbers:
        """Return the byte at each place."""
        return self._data[places]

    def codes_at(self, places: Numbers, size: int) -> Numbers:
        """Return `size` bytes (up to four) from each place as a number. They may reach behind a segment's end."""
        made = self._words[places]
        return made if size == _CODE_BYTES else made & np.uint32((1 << 8 * size) - 1)

    def field(self, rows: Numbers, place: int) -> Fields:
        """Return where a field of some segments stands: 1 is the first behind the name."""
        if id(rows) not in self._whole:
            return self._field(rows, place)
        key = (id(rows), place)
        if key not in self._fields:
            self._fields[key] = self._field(rows, place)
        return self._fields[key]

    def _field(self, rows: Numbers, place: int) -> Fields:
        mark = self._first[rows] + np.int32(place - 1)
        left = self._first[rows + 1] - mark
        ends = self.ends[rows]
        there, more = left > 0, left > 1
        begins = ends if not there.any() else np.where(there, self._mark(mark) + np.int32(1), ends)
        return Fields(self, begins, ends if not more.any() else np.where(more, self._mark(mark + 1), ends), there)

    def _mark(self, places: Numbers) -> Numbers:
        """Return where the delimiters of these numbers stand; of one too many that of the last."""
        return self._marks.take(places, mode="clip")

    def every_field(self, rows: Numbers) -> tuple[Numbers, Numbers]:
        """Return all fields of some segments: of which of `rows` each is, and where it begins."""
        counts = self._first[rows + 1] - self._first[rows]
        of = np.repeat(np.arange(len(rows)), counts)
        within = np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)
        return of, self._marks[np.repeat(self._first[rows], counts) + within] + 1

    def text(self, begins: Numbers, ends: Numbers, decode: Callable[[bytes], str]) -> pl.Series:
        """Return what stands there as text."""
        sizes = ends - begins
        stops = np.cumsum(sizes)
        total = int(stops[-1]) if len(stops) else 0
        places = np.repeat(begins - (stops - sizes), sizes) + np.arange(total)
        data = self._data[places]
        beyond = np.flatnonzero(data >= _BEYOND)
        if not len(beyond) or _is_utf8(data, stops - sizes):
            return text_of_bytes(data, stops)
        # Only what is not ASCII is decoded one by one, and only where some of it is not UTF-8.
        concerned = np.unique(np.searchsorted(stops, beyond, side="right"))
        read = [
            decode(self._data[begin:end].tobytes())
            for begin, end in zip(begins[concerned].tolist(), ends[concerned].tolist(), strict=True)
        ]
        plain = text_of_bytes(np.where(data >= _BEYOND, np.uint8(_QUESTION), data), stops)
        return plain.scatter(pl.Series(concerned), pl.Series(read, dtype=pl.String))

    def raw(self, rows: Numbers) -> Iterator[bytes]:
        """Yield some whole segments."""
        for begin, end in zip(self.begins[rows].tolist(), self.ends[rows].tolist(), strict=True):
            yield self._data[begin:end].tobytes()


class Fields:
    """One field of some segments, each where it is `there`."""

    def __init__(self, segments: Segments, begins: Numbers, ends: Numbers, there: Numbers) -> None:
        """Take where they begin and end; where one is not there, it is empty."""
        self._segments = segments
        self.begins, self.ends, self.there = begins, ends, there
        self._codes: Numbers | None = None

    def codes(self) -> Numbers:
        """Return fields of up to four bytes as `number_of` gives them; the largest number for longer ones."""
        if self._codes is None:
            self._codes = self._coded()
        return self._codes

    def _coded(self) -> Numbers:
        sizes = self.ends - self.begins
        made = self._segments.codes_at(self.begins, _CODE_BYTES)
        kept = np.minimum(sizes, _CODE_BYTES + 1)
        made &= _MASKS.take(kept)
        made |= _LONGER.take(kept)
        return made

    def spaced(self) -> Numbers:
        """Tell which have space or a control character at an end."""
        first, last = self._segments.bytes_at(self.begins), self._segments.bytes_at(np.maximum(self.ends - 1, 0))
        return (self.ends > self.begins) & ((first <= _SPACE) | (last <= _SPACE))

    def text(self, decode: Callable[[bytes], str]) -> pl.Series:
        """Return them as text, null where one is not there."""
        made = self._segments.text(self.begins, self.ends, decode)
        return made if self.there.all() else made.set(pl.Series(~self.there), None)

    def spread(self, rows: Numbers, count: int) -> Fields:
        """Return `count` fields of which those at `rows` are these, and no other is there."""
        begins, ends = np.zeros(count, dtype=np.int32), np.zeros(count, dtype=np.int32)
        there = np.zeros(count, dtype=bool)
        begins[rows], ends[rows], there[rows] = self.begins, self.ends, self.there
        return Fields(self._segments, begins, ends, there)


_SPACE: Final = 32
