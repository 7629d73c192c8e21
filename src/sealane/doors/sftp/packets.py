"""The words of SFTP version 3 (draft-ietf-secsh-filexfer-02): numbers, reading a request's fields, building replies.

Pure: bytes in, bytes out. Every reply is a whole packet with its length in front.
"""

from __future__ import annotations

import enum
import struct
from typing import TYPE_CHECKING, Final

from sealane import paths

if TYPE_CHECKING:
    from collections.abc import Iterable

VERSION: Final = 3
HANDLE_BYTES_MAX: Final = 256
"""Of a handle, as section 6.3 bounds it; ours have 4."""
WORD_BYTES_MAX: Final = 1024
"""Of the name of an extension or a list of algorithms."""
_PATH_BYTES_MAX: Final = 4 * paths.PATH_BYTES_MAX
"""Of a path before `.`, `..` and `//` are folded."""


class Kind(enum.IntEnum):
    """Packet types (section 3)."""

    INIT = 1
    VERSION = 2
    OPEN = 3
    CLOSE = 4
    READ = 5
    WRITE = 6
    LSTAT = 7
    FSTAT = 8
    SETSTAT = 9
    FSETSTAT = 10
    OPENDIR = 11
    READDIR = 12
    REMOVE = 13
    MKDIR = 14
    RMDIR = 15
    REALPATH = 16
    STAT = 17
    RENAME = 18
    READLINK = 19
    SYMLINK = 20
    STATUS = 101
    HANDLE = 102
    DATA = 103
    NAME = 104
    ATTRS = 105
    EXTENDED = 200
    EXTENDED_REPLY = 201


class Code(enum.IntEnum):
    """Status codes (section 7). Version 3 has no others."""

    OK = 0
    EOF = 1
    NO_SUCH_FILE = 2
    PERMISSION_DENIED = 3
    FAILURE = 4
    BAD_MESSAGE = 5
    NO_CONNECTION = 6
    CONNECTION_LOST = 7
    OP_UNSUPPORTED = 8


class Flag(enum.IntFlag):
    """Flags of OPEN (section 6.3)."""

    READ = 0x01
    WRITE = 0x02
    APPEND = 0x04
    CREAT = 0x08
    TRUNC = 0x10
    EXCL = 0x20


class Malformed(Exception):
    """A request that cannot be read; its sentence goes to the client."""


U32: Final = struct.Struct(">I")
U64: Final = struct.Struct(">Q")
_STATUS_HEAD: Final = struct.Struct(">IBIII")
_REPLY_HEAD: Final = struct.Struct(">IBI")
_DATA_HEAD: Final = struct.Struct(">IBII")
_LANGUAGE: Final = b"\0\0\0\2en"


class Fields:
    """Reads the fields of one request in order. Everything it gives back is checked against the request's end."""

    __slots__ = ("_at", "_body")

    def __init__(self, body: memoryview) -> None:
        """Begin at the first byte of `body`."""
        self._body = body
        self._at = 0

    def u32(self) -> int:
        """Return the next uint32."""
        return int.from_bytes(self._take(4), "big")

    def u64(self) -> int:
        """Return the next uint64."""
        return int.from_bytes(self._take(8), "big")

    def string(self, length_max: int) -> bytes:
        """Return a copy of the next string, which may have at most `length_max` bytes."""
        length = self.u32()
        if length > length_max:
            raise Malformed(f"A field of {length} bytes is longer than the {length_max} that are allowed.")
        return bytes(self._take(length))

    def block(self) -> memoryview:
        """Return the next string where it lies, without a copy."""
        return self._take(self.u32())

    def _take(self, length: int) -> memoryview:
        end = self._at + length
        if end > len(self._body):
            raise Malformed("The packet ends in the middle of a field.")
        taken = self._body[self._at : end]
        self._at = end
        return taken


def read_text(fields: Fields) -> str:
    """Return the text of a path at this place of a request, not yet parsed. Raises `PathInvalid`."""
    return paths.decode(fields.string(_PATH_BYTES_MAX))


def read_path(fields: Fields) -> str:
    """Return the path at this place of a request, checked and absolute; relative ones begin at the root."""
    return paths.show(paths.resolve(read_text(fields)))


def string(value: bytes) -> bytes:
    """Return `value` as an SFTP string."""
    return U32.pack(len(value)) + value


def ok(number: int) -> bytes:
    """Return the reply that a request was done: the most frequent of all, and without words, which nobody reads."""
    return _STATUS_HEAD.pack(13 + len(_LANGUAGE), Kind.STATUS, number, Code.OK, 0) + _LANGUAGE


def status(number: int, code: Code, sentence: str) -> bytes:
    """Return a status reply with a sentence for the person at the other end."""
    message = sentence.encode()
    head = _STATUS_HEAD.pack(13 + len(message) + len(_LANGUAGE), Kind.STATUS, number, code, len(message))
    return head + message + _LANGUAGE


def handle(number: int, name: bytes) -> bytes:
    """Return the reply that gives a handle."""
    return _reply(Kind.HANDLE, number, string(name))


def data_head(number: int, length: int) -> bytes:
    """Return what goes before the `length` bytes of a DATA reply."""
    return _DATA_HEAD.pack(9 + length, Kind.DATA, number, length)


def attrs(number: int, packed: bytes) -> bytes:
    """Return a reply of attributes."""
    return _reply(Kind.ATTRS, number, packed)


def name_entry(name: bytes, longname: bytes, packed: bytes) -> bytes:
    """Return one entry of a NAME reply."""
    return string(name) + string(longname) + packed


def names(number: int, entries: Iterable[bytes]) -> bytes:
    """Return a reply of names."""
    listed = list(entries)
    return _reply(Kind.NAME, number, U32.pack(len(listed)) + b"".join(listed))


def extended(number: int, body: bytes) -> bytes:
    """Return a reply to an extended request."""
    return _reply(Kind.EXTENDED_REPLY, number, body)


def version(extensions: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the answer to INIT."""
    body = b"".join(string(name) + string(value) for name, value in extensions)
    return struct.pack(">IBI", 5 + len(body), Kind.VERSION, VERSION) + body


def _reply(kind: Kind, number: int, body: bytes) -> bytes:
    return _REPLY_HEAD.pack(5 + len(body), kind, number) + body
