"""7z archives (7zFormat.txt of the LZMA SDK): members in order, stored, LZMA, LZMA2, Deflate or bzip2.

Written here since the libraries for it bring a dozen others. Only what is needed to read members one after the other:
the archive's list is at its end, members of one folder are one compressed stream. Other methods (BCJ2, PPMd) are told
as an unknown format, AES as encrypted.
"""

from __future__ import annotations

import bz2
import io
import lzma
import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from sealane.exposure.model import Nested, PartUnreadable, Unreadable, Why
from sealane.exposure.readers.compressed import BROKEN
from sealane.exposure.readers.part import Unfolding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealane.exposure.model import Found
    from sealane.exposure.readers.part import Part

_START_BYTES: Final = 32
_END, _HEADER, _FILES, _PACK, _UNPACK, _SUB = 0x00, 0x01, 0x05, 0x06, 0x07, 0x08
_STREAMS, _SIZE, _CRC, _FOLDER, _UNPACK_SIZE, _NUM_UNPACK = 0x04, 0x09, 0x0A, 0x0B, 0x0C, 0x0D
_EMPTY_STREAM, _EMPTY_FILE, _NAMES, _ENCODED_HEADER = 0x0E, 0x0F, 0x11, 0x17
_AES: Final = b"\x06\xf1\x07\x01"
_HEADER_BYTES_MAX: Final = 64 << 20
_FILTERS: Final = {
    b"\x00": "copy",
    b"\x03\x01\x01": "lzma1",
    b"\x21": "lzma2",
    b"\x04\x01\x08": "deflate",
    b"\x04\x02\x02": "bzip2",
    b"\x03\x03\x01\x03": "x86",
    b"\x04": "x86",
    b"\x03": "delta",
}
_DELTA: Final = "delta"


@dataclass
class _Coder:
    method: bytes
    properties: bytes


@dataclass
class _Folder:
    coders: list[_Coder]
    packed: int = 0
    offset: int = 0
    digest: bool = False
    unpacked: list[int] = field(default_factory=list)
    members: list[int] = field(default_factory=list)

    @property
    def size(self) -> int:
        return self.unpacked[-1] if self.unpacked else 0


@dataclass
class _Contents:
    folders: list[_Folder] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    empty: list[bool] = field(default_factory=list)


def read_seven_zip(part: Part) -> Iterator[Found]:
    """Yield the members of a 7z archive."""
    stream = part.source.anywhere()
    part.holds = False
    try:
        contents = _contents(stream, part.limits.archive_entries_max)
    except PartUnreadable:
        raise
    except (*BROKEN, struct.error, IndexError, UnicodeDecodeError):
        raise PartUnreadable(Why.DAMAGED) from None
    names = iter([name for name, empty in zip(contents.names, contents.empty, strict=False) if not empty])
    for folder in contents.folders:
        yield from _members(part, stream, folder, [next(names, "?") for _ in folder.members])
    if not contents.folders:
        part.holds = True


def _members(part: Part, stream: BinaryIO, folder: _Folder, names: list[str]) -> Iterator[Found]:
    if any(coder.method == _AES for coder in folder.coders):
        yield from (Unreadable(name, Why.ENCRYPTED) for name in names)
        return
    try:
        unfolded = Unfolding(_Unpacked(stream, folder), stored=folder.packed, part=part)
    except PartUnreadable as refused:
        yield from (Unreadable(name, refused.why) for name in names)
        return
    for place, (name, size) in enumerate(zip(names, folder.members, strict=True)):
        member = _Window(unfolded, size)
        try:
            yield Nested(name, part.inside(member))
            member.pass_over()
        except PartUnreadable as refused:
            yield from (Unreadable(other, refused.why) for other in names[place:])
            return


class _Window:
    """The next so many bytes of a stream."""

    def __init__(self, stream: Unfolding, size: int) -> None:
        self._stream = stream
        self._left = size

    def read(self, size: int, /) -> bytes:
        piece = self._stream.read(min(size, self._left)) if self._left else b""
        if self._left and not piece:
            raise PartUnreadable(Why.DAMAGED)
        self._left -= len(piece)
        return piece

    def pass_over(self) -> None:
        while self._left:
            self.read(1 << 20)


class _Unpacked:
    """What a folder unfolds to, a megabyte at a time."""

    def __init__(self, stream: BinaryIO, folder: _Folder) -> None:
        self._stream = stream
        self._at = folder.offset
        self._left = folder.packed
        self._size = folder.size
        self._decoder = _decoder(folder)
        self._ready = b""

    def read(self, size: int, /) -> bytes:
        try:
            while not self._ready and self._size > 0:
                self._step(size)
        except (*BROKEN, struct.error):
            raise PartUnreadable(Why.DAMAGED) from None
        taken, self._ready = self._ready[:size], self._ready[size:]
        return taken

    def _step(self, size: int) -> None:
        decoder = self._decoder
        if isinstance(decoder, (lzma.LZMADecompressor, bz2.BZ2Decompressor)):
            wants_more, left = decoder.needs_input, b""
        else:
            # What it has not taken yet comes first: read on, it would pile up.
            left = b"" if decoder is None else decoder.unconsumed_tail
            wants_more = not left
        piece = b""
        if wants_more:
            self._stream.seek(self._at)
            piece = self._stream.read(min(1 << 18, self._left))
            self._at += len(piece)
            self._left -= len(piece)
        if decoder is None:
            made = piece
        elif isinstance(decoder, (lzma.LZMADecompressor, bz2.BZ2Decompressor)):
            made = decoder.decompress(piece, max(size, 1 << 16))
        else:
            made = decoder.decompress(left or piece, max(size, 1 << 16))
        if not piece and not made:
            raise PartUnreadable(Why.DAMAGED)
        self._ready = made[: self._size]
        self._size -= len(self._ready)


def _decoder(folder: _Folder) -> Any:
    """Return one of the standard library's decompressors, which share no type; None for what is stored as it is."""
    kinds = [_FILTERS.get(coder.method) for coder in folder.coders]
    if None in kinds or not kinds:
        raise PartUnreadable(Why.UNKNOWN_FORMAT)
    if kinds == ["copy"]:
        return None
    if kinds == ["bzip2"]:
        return bz2.BZ2Decompressor()
    if kinds == ["deflate"]:
        return zlib.decompressobj(-15)
    if not set(kinds) <= {"lzma1", "lzma2", "x86", _DELTA}:
        raise PartUnreadable(Why.UNKNOWN_FORMAT)
    # Coders are written in the order of packing; a raw decoder wants the same.
    ordered = sorted(zip(kinds, folder.coders, strict=True), key=lambda each: each[0] in {"lzma1", "lzma2"})
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[_filter(str(kind), coder) for kind, coder in ordered])


def _filter(kind: str, coder: _Coder) -> dict[str, int]:
    made: dict[str, int]
    if kind == "lzma1":
        first, dictionary = struct.unpack("<BI", coder.properties[:5])
        rest, context = divmod(first, 9)
        place, literal = divmod(rest, 5)
        made = {"id": lzma.FILTER_LZMA1, "dict_size": dictionary, "lc": context, "lp": literal, "pb": place}
    elif kind == "lzma2":
        bits = coder.properties[0]
        made = {"id": lzma.FILTER_LZMA2, "dict_size": (2 | bits & 1) << (bits // 2 + 11)}
    elif kind == "x86":
        return {"id": lzma.FILTER_X86}
    else:
        return {"id": lzma.FILTER_DELTA, "dist": (coder.properties[0] if coder.properties else 0) + 1}
    if made["dict_size"] > _DICTIONARY_MAX:
        raise PartUnreadable(Why.TOO_LARGE)
    return made


_DICTIONARY_MAX: Final = 512 << 20


class _Reader:
    """The numbers of a 7z header."""

    def __init__(self, data: bytes) -> None:
        self._stream = io.BytesIO(data)

    def bytes(self, size: int) -> bytes:
        taken = self._stream.read(size) if 0 <= size <= _HEADER_BYTES_MAX else b""
        if len(taken) != size:
            raise PartUnreadable(Why.DAMAGED)
        return taken

    def byte(self) -> int:
        return self.bytes(1)[0]

    def number(self) -> int:
        """Return a number of one to nine bytes: leading ones of the first say how many follow."""
        first = self.byte()
        mask, value = 0x80, 0
        for place in range(8):
            if not first & mask:
                return value | (first & (mask - 1)) << (8 * place)
            value |= self.byte() << (8 * place)
            mask >>= 1
        return value

    def flags(self, count: int) -> list[bool]:
        packed = self.bytes((count + 7) // 8)
        return [bool(packed[place // 8] & (0x80 >> place % 8)) for place in range(count)]

    def some(self, count: int) -> list[bool]:
        return [True] * count if self.byte() else self.flags(count)


def _contents(stream: BinaryIO, entries_max: int) -> _Contents:
    stream.seek(0)
    start = stream.read(_START_BYTES)
    if len(start) < _START_BYTES or zlib.crc32(start[12:]) != struct.unpack_from("<I", start, 8)[0]:
        raise PartUnreadable(Why.DAMAGED)
    offset, size = struct.unpack_from("<QQ", start, 12)
    if size == 0:
        return _Contents()
    if size > _HEADER_BYTES_MAX:
        raise PartUnreadable(Why.TOO_LARGE)
    stream.seek(_START_BYTES + offset)
    data = stream.read(size)
    for _ in range(4):  # a header may be packed, and that header too
        reader = _Reader(data)
        kind = reader.byte()
        if kind == _HEADER:
            return _listed(reader, entries_max)
        if kind != _ENCODED_HEADER:
            break
        folders = _streams(reader, entries_max)
        if any(coder.method == _AES for folder in folders for coder in folder.coders):
            raise PartUnreadable(Why.ENCRYPTED)
        if len(folders) != 1 or folders[0].size > _HEADER_BYTES_MAX:
            break
        unpacked = _Unpacked(stream, folders[0])
        data = b"".join(iter(lambda source=unpacked: source.read(1 << 20), b""))
    raise PartUnreadable(Why.DAMAGED)


def _listed(reader: _Reader, entries_max: int) -> _Contents:
    contents = _Contents()
    while (kind := reader.byte()) != _END:
        if kind == _STREAMS:
            contents.folders = _streams(reader, entries_max)
        elif kind == _FILES:
            _files(reader, contents, entries_max)
        else:
            raise PartUnreadable(Why.DAMAGED)
    return contents


def _files(reader: _Reader, contents: _Contents, entries_max: int) -> None:
    count = reader.number()
    if count > entries_max:
        raise PartUnreadable(Why.TOO_LARGE)
    contents.empty = [False] * count
    while (kind := reader.number()) != _END:
        inner = _Reader(reader.bytes(reader.number()))
        if kind == _EMPTY_STREAM:
            contents.empty = inner.flags(count)
        elif kind == _NAMES and not inner.byte():
            text = inner._stream.read().decode("utf-16-le")  # noqa: SLF001  the rest of it
            contents.names = text.split("\x00")[:count]


def _streams(reader: _Reader, entries_max: int) -> list[_Folder]:
    folders: list[_Folder] = []
    position, sizes = 0, [0]
    while (kind := reader.byte()) != _END:
        if kind == _PACK:
            position, sizes = _packed(reader, entries_max)
        elif kind == _UNPACK:
            folders = _folders(reader, entries_max)
        elif kind == _SUB:
            _substreams(reader, folders, entries_max)
        else:
            raise PartUnreadable(Why.DAMAGED)
    offset = _START_BYTES + position
    if len(sizes) < len(folders):
        raise PartUnreadable(Why.DAMAGED)
    for folder, size in zip(folders, sizes, strict=False):
        folder.offset, folder.packed = offset, size
        offset += size
        folder.members = folder.members or [folder.size]
    return folders


def _packed(reader: _Reader, entries_max: int) -> tuple[int, list[int]]:
    position, count = reader.number(), reader.number()
    sizes: list[int] = []
    if count > entries_max:
        raise PartUnreadable(Why.TOO_LARGE)
    while (kind := reader.byte()) != _END:
        if kind == _SIZE:
            sizes = [reader.number() for _ in range(count)]
        elif kind == _CRC:
            reader.bytes(4 * sum(reader.some(count)))
        else:
            raise PartUnreadable(Why.DAMAGED)
    return position, sizes


def _folders(reader: _Reader, entries_max: int) -> list[_Folder]:
    folders: list[_Folder] = []
    while (kind := reader.byte()) != _END:
        if kind == _FOLDER:
            count = reader.number()
            if count > entries_max or reader.byte():
                raise PartUnreadable(Why.TOO_LARGE)
            folders = [_folder(reader) for _ in range(count)]
        elif kind == _UNPACK_SIZE:
            for folder in folders:
                folder.unpacked = [reader.number() for _ in folder.coders]
        elif kind == _CRC:
            told = reader.some(len(folders))
            reader.bytes(4 * sum(told))
            for folder, digest in zip(folders, told, strict=True):
                folder.digest = digest
        else:
            raise PartUnreadable(Why.DAMAGED)
    return folders


def _folder(reader: _Reader) -> _Folder:
    count = reader.number()
    if not 1 <= count <= 4:  # noqa: PLR2004  more would be none that is known
        raise PartUnreadable(Why.UNKNOWN_FORMAT)
    coders = []
    for _ in range(count):
        flags = reader.byte()
        method = reader.bytes(flags & 0x0F)
        if flags & 0x10:
            raise PartUnreadable(Why.UNKNOWN_FORMAT)  # several streams into one: BCJ2
        coders.append(_Coder(method, reader.bytes(reader.number()) if flags & 0x20 else b""))
    for _ in range(count - 1):
        reader.number(), reader.number()
    return _Folder(coders[::-1])


def _substreams(reader: _Reader, folders: list[_Folder], entries_max: int) -> None:
    counts = [1] * len(folders)
    kind = reader.byte()
    if kind == _NUM_UNPACK:
        counts = [reader.number() for _ in folders]
        kind = reader.byte()
    if sum(counts) > entries_max:
        raise PartUnreadable(Why.TOO_LARGE)
    for folder, count in zip(folders, counts, strict=True):
        sizes = [reader.number() for _ in range(count - 1)] if kind == _SIZE else []
        folder.members = [*sizes, folder.size - sum(sizes)][:count]
        if any(size < 0 for size in folder.members):
            raise PartUnreadable(Why.DAMAGED)
    if kind == _SIZE:
        kind = reader.byte()
    if kind == _CRC:
        # Digests of members: of folders of one only where the folder had none of its own.
        missing = sum(len(folder.members) for folder in folders if len(folder.members) != 1 or not folder.digest)
        reader.bytes(4 * sum(reader.some(missing)))
        kind = reader.byte()
    if kind != _END:
        raise PartUnreadable(Why.DAMAGED)
