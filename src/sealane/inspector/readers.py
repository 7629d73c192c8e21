"""The inspector's side of reading: starts the process that reads, feeds a copy of it one file, keeps the sealed list.

Synchronous; used by one thread at a time. Must stay true: a copy gets the bytes of one file and no key; what it says is
a stranger's word and is checked; one that hangs, grows or dies costs its own file's reading and nothing else.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import logging
import math
import os
import select
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from sealane.errors import SealaneError
from sealane.exposure.model import Coverage, Format, Why
from sealane.ids import new_segment_id
from sealane.inspector import channel
from sealane.inspector.turns import BUFFER_BYTES, Stopped, TurnOver
from sealane.operations.inspection import Exposed, PartNotRead, SealedList, is_sound
from sealane.process import settings_json
from sealane.vault.age import header as age_header
from sealane.vault.age.payload import NONCE_BYTES, plain_length

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from sealane.inspector.channel import Read
    from sealane.operations.contents import AnyContent
    from sealane.operations.inspection import Reading
    from sealane.settings import Settings
    from sealane.vault.blobs import BlobStore, BlobWriter

log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 0.25
_LOAD_SECONDS: Final = 120
"""How long the libraries of all readers may take to load on a machine that is busy."""
_STALL_SECONDS: Final = 60
"""How long a copy may be silent amid what it says."""
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_LIBRARIES: Final = ("polars", "numpy", "pyarrow", "python_calamine", "pypdfium2")


class _Failed(Exception):
    """This file's reading came to nothing."""

    def __init__(self, why: Why) -> None:
        self.why = why
        super().__init__(why.value)


class Outcome(NamedTuple):
    """What reading one file gave."""

    exposed: Exposed
    digest: bytes | None
    """SHA-256 of all of it, also where the readers did not want all; None where it is not wanted."""


class Readers:
    """Reads files in processes of their own."""

    def __init__(self, settings: Settings, store: BlobStore) -> None:
        """Nothing is started before the first file comes."""
        self._settings = settings
        self._store = store
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @staticmethod
    def installed() -> bool:
        """Say whether the libraries that read files are there (they are an extra)."""
        return all(importlib.util.find_spec(name) is not None for name in _LIBRARIES)

    def read(
        self,
        content: AnyContent,
        reading: Reading,
        today: date,
        *,
        hashed: bool,
        stopped: Callable[[], bool],
        turn_seconds: float | None = None,
    ) -> Outcome:
        """Read whose data is in a content, and its digest (`hashed`), in one go where readers go from front to end.

        A sealed list is durable in the store when this returns. Raises `Integrity`, `Unavailable`, `StoreFull` for what
        the store does, `Stopped` soon after `stopped` says so, `TurnOver` where it takes longer than `turn_seconds`;
        never for what the file holds.
        """
        source = _Hashed(content, wanted=hashed)
        try:
            exposed = self._read(content, source, reading, today, (stopped, turn_seconds))
        except _Failed as failure:
            log.warning("a file could not be read for whose data is in it: %s", failure.why.value)
            exposed = failed(reading.name, failure.why)
        return Outcome(exposed, source.finish(stopped) if hashed else None)

    def close(self) -> None:
        """End the process."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _read(
        self,
        content: AnyContent,
        hashed: _Hashed,
        reading: Reading,
        today: date,
        ending: tuple[Callable[[], bool], float | None],
    ) -> Exposed:
        line, handle = self._copy()
        sink = _ListSink(self._store, self._settings)
        try:
            watch = _Watch(handle, self._settings, *ending)
            job = channel.Job(content.size, reading, today, self._settings.unreadable_parts_told_max)
            channel.send_job(line, job)
            found = _fed(line, hashed, sink, watch)
            exposed = _told(found, sink.finish(found.header, reading.recipients))
        except (channel.ChannelBroken, OSError):
            raise _Failed(Why.READER_FAILED) from None
        finally:
            sink.abort()
            _end(handle)
            line.close()
        if not is_sound(exposed, parts_max=self._settings.unreadable_parts_told_max):
            raise _Failed(Why.READER_FAILED)
        return exposed

    def _copy(self) -> tuple[socket.socket, int]:
        """Return a line to a fresh copy and a handle of it (pidfd)."""
        ours, theirs = socket.socketpair()
        try:
            control = self._running()
            socket.send_fds(control, [b"?"], [theirs.fileno()])
            _, fds, _, _ = socket.recv_fds(control, 1, 1)
        except OSError:
            self.close()  # the next file begins with a fresh process
            ours.close()
            raise _Failed(Why.READER_FAILED) from None
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        if not fds:
            ours.close()
            raise _Failed(Why.READER_FAILED)
        ours.settimeout(_STALL_SECONDS)
        return ours, fds[0]

    def _running(self) -> socket.socket:
        if self._process is not None and self._process.poll() is not None:
            self.close()
        if self._control is None:
            self._start()
        assert self._control is not None
        return self._control

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sealane.inspector.child", "--fd", str(theirs.fileno())],
                stdin=subprocess.PIPE,
                pass_fds=(theirs.fileno(),),
            )
        self._control = ours
        ours.settimeout(_LOAD_SECONDS)
        assert self._process.stdin is not None
        with self._process.stdin as settings:
            settings.write(settings_json(_without_secrets(self._settings)))
        if ours.recv(1) != b"!":
            raise OSError


def failed(name: str, why: Why) -> Exposed:
    """Return what is known of a file whose reading came to nothing."""
    part = PartNotRead(name[:1024], why.value)
    return Exposed(
        Format.UNKNOWN.value, Coverage.UNREADABLE.value, records=0, people=0, classes={}, unreadable=(part,), readers=0
    )


def _without_secrets(settings: Settings) -> Settings:
    """Return settings for a process that reads strangers' files: no address and no key of anything."""
    return dataclasses.replace(
        settings, database="", blob_store="", blob_store_access_key="", blob_store_secret_key="", tls_key=""
    )


class _Hashed:
    """A content of which a digest is made while it is given out in order; what was left out is read in the end."""

    def __init__(self, content: AnyContent, *, wanted: bool) -> None:
        self._content = content
        self._wanted = wanted
        self._digest = hashlib.sha256()
        self._reached = 0
        self._buffer = bytearray(min(max(content.size, 1), channel.RANGE_BYTES_MAX))
        self._ahead_at = 0
        self._ahead = 0

    def block(self, offset: int, length: int) -> memoryview:
        """Return bytes from `offset` on, `length` or up to the end; valid until the next call."""
        if not (offset == self._ahead_at and min(length, self._content.size - offset) <= self._ahead):
            self._ahead = 0
            self._fill(offset, length)
        block = memoryview(self._buffer)[: min(length, self._ahead)]
        if self._wanted and offset <= self._reached < offset + len(block):
            self._digest.update(block[self._reached - offset :])
            self._reached = offset + len(block)
        return block

    def read_ahead(self, offset: int, length: int) -> None:
        """Read what will probably be asked for next, while the copy is at work."""
        if offset < self._content.size:
            self._fill(offset, length)

    def _fill(self, offset: int, length: int) -> None:
        length = max(0, min(length, self._content.size - offset))
        if length > len(self._buffer):
            self._buffer = bytearray(length)
        self._ahead = self._content.read_into(offset, memoryview(self._buffer)[:length]) if length else 0
        self._ahead_at = offset

    def finish(self, stopped: Callable[[], bool]) -> bytes:
        """Return the digest of the whole content."""
        while self._reached < self._content.size:
            if stopped():
                raise Stopped
            self.block(self._reached, BUFFER_BYTES)
        return self._digest.digest()


class _Watch:
    """Ends a copy that takes too much or too long."""

    def __init__(
        self, handle: int, settings: Settings, stopped: Callable[[], bool], turn_seconds: float | None
    ) -> None:
        self._pid = _pid_of(handle)
        self._most = settings.reader_memory_bytes_max
        now = time.monotonic()
        self._until = now + settings.reader_seconds_max
        self._turn_until = math.inf if turn_seconds is None else now + turn_seconds
        self._looked = 0.0
        self._stopped = stopped

    def look(self) -> None:
        """Raise `_Failed`, `TurnOver` or `Stopped` where it is time to; looks at most four times a second."""
        if self._stopped():
            raise Stopped
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        if now > self._until or _held_bytes(self._pid) > self._most:
            raise _Failed(Why.TOO_LARGE)
        if now > self._turn_until:
            raise TurnOver


def _fed(line: socket.socket, hashed: _Hashed, sink: _ListSink, watch: _Watch) -> Read:
    """Give a copy what it asks for until it says what it has found."""
    while True:
        watch.look()
        if not select.select([line], [], [], _LOOK_SECONDS)[0]:
            continue
        kind, body = channel.heard(line)
        if kind == channel.END:
            return channel.decoded(body)
        if kind == channel.LIST:
            sink.add(body)
            continue
        offset, length = channel.place_of(body)
        block = hashed.block(offset, length)
        channel.give_range(line, block)
        end = offset + len(block)
        block.release()
        hashed.read_ahead(end, length)


class _ListSink:
    """Where a sealed list goes as it comes: in memory while it is small, past that to a blob of its own."""

    def __init__(self, store: BlobStore, settings: Settings) -> None:
        self._store = store
        self._most = settings.people_list_bytes_max
        self._inline_most = settings.inline_bytes_max
        self._name = new_segment_id()
        self._gathered = bytearray()
        self._blob: BlobWriter | None = None
        self._digest = hashlib.sha256()
        self._size = 0

    def add(self, sealed: bytes) -> None:
        """Take more of it."""
        self._size += len(sealed)
        if self._size > self._most:
            raise _Failed(Why.TOO_LARGE)
        self._digest.update(sealed)
        if self._blob is None:
            self._gathered += sealed
            if len(self._gathered) <= self._inline_most:
                return
            sealed = bytes(self._gathered)
            self._gathered.clear()
            self._blob = self._store.create(self._name)
        self._blob.append(sealed)

    def finish(self, header: bytes, recipients: tuple[str, ...]) -> SealedList | None:
        """Make it durable; None where there is none."""
        if not header or not self._size:
            return None
        try:
            parsed, length = age_header.parse(header)
            plain_length(self._size - NONCE_BYTES)
        except SealaneError:
            raise channel.ChannelBroken from None
        if length != len(header) or len(parsed.stanzas) != len(recipients):
            raise channel.ChannelBroken
        inline = bytes(self._gathered) if self._blob is None else None
        if self._blob is not None:
            self._blob.commit()
            self._blob = None
        return SealedList(self._name, header, self._size, self._digest.digest(), recipients, inline)

    def abort(self) -> None:
        """Throw away what is not finished."""
        if self._blob is not None:
            self._blob.abort()
            self._blob = None


def _told(found: Read, made: SealedList | None) -> Exposed:
    return Exposed(
        format=found.format,
        coverage=found.coverage,
        records=found.records,
        people=found.people,
        classes=found.classes,
        unreadable=found.unreadable,
        readers=found.readers,
        people_list=made,
        layouts=found.layouts,
    )


def _end(handle: int) -> None:
    try:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    except ProcessLookupError:
        pass
    finally:
        os.close(handle)


def _pid_of(handle: int) -> int:
    """Return the process id behind a handle; -1 once it has ended."""
    try:
        with open(f"/proc/self/fdinfo/{handle}", encoding="ascii") as told:  # noqa: PTH123 - a path that is ours
            return next((int(line.split()[1]) for line in told if line.startswith("Pid:")), -1)
    except OSError:
        return -1


def _held_bytes(pid: int) -> int:
    """Return what a process holds in memory of its own; 0 once it has ended."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as told:  # noqa: PTH123 - a path that is ours
            pages = told.read().split()
        return (int(pages[1]) - int(pages[2])) * _PAGE_BYTES
    except (OSError, IndexError, ValueError):
        return 0
