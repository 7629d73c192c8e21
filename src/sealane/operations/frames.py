"""Frames: how operations and answers lie on a socket. Pure: bytes in, messages out.

A frame is a 4-byte big-endian length and a MessagePack array `[number, message]`; a message is an array that begins
with its class's name (`envelope.py`). What does not parse ends the connection: both ends are ours, so there is nothing
to repair. Must stay true: a length above the limit is refused before its bytes are waited for.
"""

from __future__ import annotations

import functools
import operator
import struct
import types
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from sealane.errors import Invalid, TooLarge
from sealane.operations import (
    accounts,
    administering,
    audit,
    browser,
    exposures,
    failures,
    files,
    inspection,
    sealing,
    signing,
    uploads,
    versions,
)
from sealane.operations.envelope import Answer, Operation
from sealane.vault.age import failures as age_failures

if TYPE_CHECKING:
    from collections.abc import Iterator

_LENGTH = struct.Struct(">I")
LENGTH_BYTES = _LENGTH.size

WORDS = (accounts, administering, audit, browser, exposures, files, inspection, sealing, signing, uploads, versions)
"""The modules whose operations and answers a frame can hold."""
FAILURES = (failures, age_failures)
"""The modules, besides `errors.py`, whose failures an answer can tell of: whoever reads frames knows their codes."""

_Message = TypeVar("_Message", Operation, Answer)


class FrameInvalid(Invalid):
    """What came by a socket is not a frame of ours."""

    code = "frame-invalid"
    default = "The processes of this server do not understand each other. Were they all restarted after the upgrade?"


def _leaves(base: type[_Message]) -> tuple[type[_Message], ...]:
    found: list[type[_Message]] = []
    for child in base.__subclasses__():
        found.extend(_leaves(child) or (child,))
    return tuple(sorted(found, key=lambda leaf: leaf.__name__))


OPERATIONS: tuple[type[Operation], ...] = _leaves(Operation)
ANSWERS: tuple[type[Answer], ...] = _leaves(Answer)


def _framed(leaves: tuple[type[_Message], ...]) -> Any:
    """Return the type `tuple[int, A | B | …]` of the computed classes: no second list of operations is to be kept."""
    return types.GenericAlias(tuple, (int, functools.reduce(operator.or_, leaves)))


_encoder = msgspec.msgpack.Encoder()
_operations: msgspec.msgpack.Decoder[tuple[int, Operation]] = msgspec.msgpack.Decoder(_framed(OPERATIONS))
_answers: msgspec.msgpack.Decoder[tuple[int, Answer]] = msgspec.msgpack.Decoder(_framed(ANSWERS))


def pack(number: int, message: Operation | Answer, *, bytes_max: int) -> bytes:
    """Return the frame of a message, or raise `TooLarge`."""
    body = _encoder.encode((number, message))
    if len(body) > bytes_max:
        raise TooLarge
    return _LENGTH.pack(len(body)) + body


def operation_of(body: bytes | memoryview) -> tuple[int, Operation]:
    """Return the number and the operation of a frame's body, or raise `FrameInvalid`."""
    try:
        return _operations.decode(body)
    except msgspec.MsgspecError:
        raise FrameInvalid from None


def answer_of(body: bytes | memoryview) -> tuple[int, Answer]:
    """Return the number and the answer of a frame's body, or raise `FrameInvalid`."""
    try:
        return _answers.decode(body)
    except msgspec.MsgspecError:
        raise FrameInvalid from None


def length_of(prefix: bytes, *, bytes_max: int) -> int:
    """Return how long the body after these 4 bytes is, or raise `FrameInvalid` if that is more than `bytes_max`."""
    (length,) = _LENGTH.unpack(prefix)
    if length > bytes_max:
        raise FrameInvalid
    return length


class FrameSplitter:
    """Cuts a stream of bytes into the bodies of its frames, holding at most one frame that is not whole yet."""

    def __init__(self, bytes_max: int) -> None:
        """Refuse frames of more than `bytes_max` bytes."""
        self._bytes_max = bytes_max
        self._held = bytearray()

    @property
    def holds_part(self) -> bool:
        """Whether a frame is held that is not whole yet."""
        return bool(self._held)

    def feed(self, received: bytes) -> Iterator[bytes]:
        """Yield the bodies that are whole now. Raises `FrameInvalid` at a length above the limit."""
        if not self._held:
            used = yield from self._whole(received)
            self._held += received[used:]
            return
        self._held += received
        if len(self._held) < LENGTH_BYTES:
            return
        length = length_of(bytes(self._held[:LENGTH_BYTES]), bytes_max=self._bytes_max)
        if len(self._held) < LENGTH_BYTES + length:
            return
        whole = bytes(self._held)
        used = yield from self._whole(whole)
        self._held = bytearray(whole[used:])

    def _whole(self, stream: bytes) -> Iterator[bytes]:
        """Yield each whole body in `stream`; return how many bytes those were."""
        place = 0
        while place + LENGTH_BYTES <= len(stream):
            (length,) = _LENGTH.unpack_from(stream, place)
            if length > self._bytes_max:
                raise FrameInvalid
            end = place + LENGTH_BYTES + length
            if end > len(stream):
                break
            yield stream[place + LENGTH_BYTES : end]
            place = end
        return place
