"""`python -m sealane.inspector.child --fd N`: the process whose copies read files, one copy a file.

It loads every reader once, then copies itself (fork) for each socket that the inspector hands it: a copy reads one
file, says what is in it, and ends. So a hostile file takes over a process that has this file's bytes and nothing else,
and no reading pays for loading libraries. Must stay true: no work is done here in threads, which copies do not have; a
copy is confined before it is given a byte; it has no way out but its socket, and seals the list before the list leaves.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import io
import json
import logging
import os
import pkgutil
import signal
import socket
import sys
from typing import TYPE_CHECKING, Final

from sealane.clock import Clock
from sealane.inspector import channel, confinement
from sealane.process import close_off, end_with_parent, log_to_stderr
from sealane.settings import Settings

if TYPE_CHECKING:
    from sealane.inspector.channel import Job

log = logging.getLogger(__name__)

_BUFFER_BYTES: Final = 1 << 20
_LAYOUTS_MAX: Final = 200
_NICENESS: Final = 10
"""Transfers go first."""
_ENVIRON: Final = {
    **dict.fromkeys(("POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    "_RJEM_MALLOC_CONF": "background_thread:false",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}
"""Libraries that would start threads, which a copy does not have, are told not to."""
_FAILED: Final = 70


class StoredFile(io.RawIOBase):
    """The file that is read, asked for piece by piece from the inspector."""

    def __init__(self, line: socket.socket, size: int) -> None:
        """Begin at the first byte."""
        super().__init__()
        self._line = line
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be, in any order."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """Return the place."""
        return self._at

    def readinto(self, target: bytearray | memoryview, /) -> int:  # type: ignore[override]  # pyrefly: ignore
        """Fill the target from here on, as far as one range goes."""
        view = memoryview(target).cast("B")
        wanted = min(len(view), max(0, self._size - self._at), channel.RANGE_BYTES_MAX)
        if not wanted:
            return 0
        got = channel.ask_range(self._line, self._at, view[:wanted])
        self._at += got
        return got


def read(line: socket.socket, job: Job) -> None:
    """Read one file and say what is in it."""
    from sealane.exposure import READERS  # noqa: PLC0415 - loaded before, here only named
    from sealane.exposure.scan import scan  # noqa: PLC0415
    from sealane.inspector import listing  # noqa: PLC0415

    wanted = job.reading
    layouts = listing.layouts_of(wanted.layouts)
    stream = io.BufferedReader(StoredFile(line, job.size), _BUFFER_BYTES)
    found = scan(stream, wanted.name, today=job.today, listed=bool(wanted.recipients), layouts=layouts)
    header = b""
    if wanted.recipients and found.count.people:
        header = listing.seal_list(
            found, wanted.recipients, wanted.owner, lambda sealed: channel.say(line, channel.LIST, sealed)
        )
    coverage, unreadable = listing.coverage_of(found, wanted.name, has_officer=bool(wanted.recipients))
    said = channel.Read(
        format=found.format.value,
        coverage=coverage.value,
        records=found.records,
        people=found.count.people,
        classes=found.count.classes,
        unreadable=listing.parts_of(unreadable, job.parts_max),
        readers=READERS,
        header=header,
        layouts=listing.layouts_found(layouts, wanted.layouts, _LAYOUTS_MAX),
    )
    channel.say(line, channel.END, channel.encoded(said))


def serve(control: socket.socket, settings: Settings) -> None:
    """Make a copy for each socket that comes, until the inspector is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel clears away copies that have ended
    while True:
        _, fds, _, _ = socket.recv_fds(control, 1, 1)
        if not fds:
            return
        child = os.fork()
        if child == 0:
            control.close()
            _be_copy(socket.socket(fileno=fds[0]), settings)
        os.close(fds[0])
        _tell(control, child)


def _tell(control: socket.socket, child: int) -> None:
    """Hand over the copy, so that the inspector can end it and no other process that may get its number."""
    try:
        handle = os.pidfd_open(child)
    except ProcessLookupError:  # it has ended already
        control.send(b"-")
        return
    try:
        socket.send_fds(control, [b"+"], [handle])
    finally:
        os.close(handle)


def _be_copy(line: socket.socket, settings: Settings) -> None:
    """Read one file and end. Never returns."""
    code = _FAILED
    try:
        end_with_parent()
        confinement.limit(memory_bytes=settings.reader_memory_bytes_max, seconds=settings.reader_seconds_max)
        confinement.forbid_calls()
        read(line, channel.take_job(line))
        code = 0
    except channel.ChannelBroken:
        pass  # the inspector wants it no more
    except BaseException as failure:  # noqa: BLE001 - neither its message nor its values: they may be somebody's data
        log.error("a file could not be read: %s", type(failure).__name__)  # noqa: TRY400
    finally:
        os._exit(code)


def _load() -> None:
    """Load every reader and its libraries, each to use one thread."""
    import sealane.exposure.readers as readers  # noqa: PLC0415, PLR0402

    os.environ.update(_ENVIRON)
    for module in pkgutil.iter_modules(readers.__path__, "sealane.exposure.readers."):
        importlib.import_module(module.name)
    for name in ("numpy.random", "pyarrow.compute", "sealane.exposure.people.lists", "sealane.inspector.listing"):
        importlib.import_module(name)
    import pyarrow as pa  # noqa: PLC0415

    from sealane.exposure.scan import scan  # noqa: PLC0415

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    # What is made ready once (patterns, lists of names) is made ready here; a text with nobody in it starts no thread.
    scan(io.BytesIO(b"Nobody is in here.\n"), "nobody.txt", today=Clock().now().date())
    # What is loaded now lives as long as the process: a copy that looks for garbage need not touch, and so copy, it.
    gc.collect()
    gc.freeze()


def main() -> None:
    """Close itself off, load, serve."""
    parser = argparse.ArgumentParser(description="Reads files for the inspector, which starts it.")
    parser.add_argument("--fd", required=True, type=int)
    control = socket.socket(fileno=parser.parse_args().fd)
    close_off()  # it ends when its socket does: the signal of a parent's end would come with that of one thread
    log_to_stderr()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_NICENESS)
    settings = Settings(**json.load(sys.stdin))
    apart = confinement.leave_the_network()
    _load()
    blind = confinement.see_only_programs()
    log.info("files are read apart; in a network of nothing: %s, without files: %s", apart, blind)
    control.send(b"!")
    serve(control, settings)


if __name__ == "__main__":
    main()
