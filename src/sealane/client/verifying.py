"""Comparing what was read or written here with the server's digest of record, which may still be owed for a while."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Literal

from sealane.client import remote
from sealane.client.events import FileChecked
from sealane.client.failures import NotVerified
from sealane.errors import Missing, NotAllowed

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealane import paths
    from sealane.client.remote import RemoteFile
    from sealane.client.runs import Run

_FIRST_PAUSE_SECONDS = 0.1
_PAUSE_SECONDS_MAX = 5.0
_PAUSE_GROWS = 1.2
"""So slowly, that it is not asked much later than the digest is there."""


Digested = Literal["file", "payload"]
"""Of what a digest is: of the file's bytes, or of a sealed file's bytes after its header."""


def verify(
    run: Run,
    name: str,
    path: paths.Path,
    *,
    version: str,
    size: int,
    ours: bytes,
    theirs: bytes | None,
    of: Digested = "file",
    earlier: bool = False,
) -> bool:
    """Say whether a file is verified: its digest of record is `ours`. Raises `NotVerified` where it is another.

    False where the digest of record cannot be had: it is owed for longer than a limit, or the caller may not see it.
    `earlier`: the version need not stand there any more.
    """
    run.tell(FileChecked(name))
    if theirs is None:
        if of == "payload":
            ask = _of_payload(version if earlier else "")
        else:
            ask = _of_version(version) if earlier else _of_file
        theirs = _awaited(run, name, path, ask, version=version, size=size, of=of)
    if theirs is not None and theirs != ours:
        raise NotVerified
    return theirs is not None


_Asked = tuple[str, dict[Digested, str | None]]
"""Which version is there, and its digests as far as they are known."""


def _awaited(
    run: Run,
    name: str,
    path: paths.Path,
    ask: Callable[[Run, paths.Path], _Asked],
    *,
    version: str,
    size: int,
    of: Digested,
) -> bytes | None:
    settings = run.settings
    deadline = run.clock.monotonic() + settings.digest_wait_seconds + size / settings.digest_bytes_per_second_min
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            present, digests = run.patiently(name, lambda: ask(run, path))
        except (Missing, NotAllowed):
            return None
        if present != version or run.clock.monotonic() > deadline:
            return None
        if (found := digests[of]) is not None:
            return bytes.fromhex(found)
        run.stop.pause(pause)
        pause = min(pause * _PAUSE_GROWS, _PAUSE_SECONDS_MAX)


def _of_file(run: Run, path: paths.Path) -> _Asked:
    """Ask for the receipt: whoever has sent the file may, also where they may not look."""
    receipt = remote.receipt(run.server, path)
    return receipt.version, {"file": receipt.sha256, "payload": receipt.payload_sha256}


def _of_payload(version: str) -> Callable[[Run, paths.Path], _Asked]:
    """Ask for the receipt, which has the digest worked out where it was not; look where that is not allowed."""

    def ask(run: Run, path: paths.Path) -> _Asked:
        with contextlib.suppress(NotAllowed):
            receipt = remote.receipt(run.server, path, version)
            return receipt.version, {"file": receipt.sha256, "payload": receipt.payload_sha256}
        return _seen(remote.look(run.server, path, version))

    return ask


def _of_version(version: str) -> Callable[[Run, paths.Path], _Asked]:
    """Look at this version, wherever it stands."""
    return lambda run, path: _seen(remote.look(run.server, path, version))


def _seen(file: RemoteFile) -> _Asked:
    return file.version, {"file": file.sha256, "payload": file.payload_sha256}
