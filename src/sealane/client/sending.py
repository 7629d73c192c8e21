"""Sending one file: a small one in one request, a large one as parallel parts (tus 1.0 with concatenation).

Must stay true: what the server acknowledged is not sent again, also by another process after this one was killed; the
file is done only when the server's digest of record equals what was read here (or it is said that this is still owed).
"""

from __future__ import annotations

import base64
import hashlib
import os
import threading
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sealane import paths
from sealane.client import journals, remote
from sealane.client.events import FileBegan, FileDone, FileMoved
from sealane.client.failures import AnswerInvalid, ChangedHere, Interrupted, LocalFailure, NotVerified
from sealane.client.journals import Journal, UploadJournal
from sealane.client.parts import Part, plan_parts
from sealane.client.positions import FollowingDigest, Positions, hash_file, read_at
from sealane.client.server import UPLOADS, digest_of, modified_header, modified_text, show_digest, target_of, version_of
from sealane.client.verifying import verify
from sealane.errors import DigestMismatch, Missing, NotAllowed, SealaneError, UploadMissing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sealane.client.runs import Run

_TUS = {"Tus-Resumable": "1.0.0"}
_BEGUN_AGAIN_MAX = 3


class Present(NamedTuple):
    """What is at a file's target before it is sent."""

    size: int
    sha256: str | None
    """Hexadecimal; None where there is nothing, or it is owed."""


NOTHING = Present(0, None)


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file to send, as it was when the run was planned."""

    path: Path
    name: str
    """What to call it to the user."""
    target: paths.Path
    size: int
    modified_ns: int
    inode: int
    present: Present | None
    """What is at the target already; None where nobody has looked yet."""


def send(run: Run, source: LocalFile) -> None:
    """Send one file and tell of it. Raises the `SealaneError` that it failed with."""
    descriptor = _open(source)
    try:
        _must_be_unchanged(descriptor, source)
        if _is_there(run, source, descriptor):
            return
        if source.size <= run.settings.whole_file_bytes_max:
            _send_whole(run, source, descriptor)
        else:
            _send_large(run, source, descriptor)
    finally:
        os.close(descriptor)


def _is_there(run: Run, source: LocalFile, descriptor: int) -> bool:
    """Say whether this very content is at the target already, by size and SHA-256, and tell of it."""
    present = source.present
    if present is None:
        try:
            there = run.patiently(source.name, lambda: remote.look(run.server, source.target))
        except (Missing, NotAllowed):
            return False
        present = Present(there.size, there.sha256)
    if present.sha256 is None or present.size != source.size:
        return False
    ours = hash_file(descriptor, source.size, block_bytes=run.settings.block_bytes, check=run.stop.check).hex()
    if ours != present.sha256:
        return False
    run.tell(FileDone(source.name, source.size, ours, verified=True, unchanged=True))
    return True


# --- small files -----------------------------------------------------------------------------------------------------


def _send_whole(run: Run, source: LocalFile, descriptor: int) -> None:
    """Send a file in one request. The server refuses it where its digest differs from the one declared."""
    content = _read_all(descriptor, source.size)
    ours = hashlib.sha256(content).digest()
    run.tell(FileBegan(source.name, source.size))
    headers = {"Repr-Digest": show_digest(ours), **modified_header(source.modified_ns)}
    try:
        # It may be repeated: an answer that was lost costs one version too many, of the same content.
        reply = run.patiently(
            source.name,
            lambda: run.server.ask("PUT", target_of("content", source.target), headers=headers, content=content),
        )
    except DigestMismatch as error:
        raise NotVerified from error
    run.tell(FileMoved(source.name, source.size))
    _must_be_unchanged(descriptor, source)
    _confirm(run, source, ours=ours, version=version_of(reply.headers), theirs=digest_of(reply.headers))


# --- large files -----------------------------------------------------------------------------------------------------


def _send_large(run: Run, source: LocalFile, descriptor: int) -> None:
    about = (run.server.url, paths.show(source.target), str(source.path), str(source.size), str(source.modified_ns))
    with journals.hold(run.journals, UploadJournal, *about, str(source.inode)) as journal:
        ours, version, theirs = _send_parts(run, source, descriptor, journal)
        _confirm(run, source, ours=ours, version=version, theirs=theirs)
        journal.forget()


def _send_parts(
    run: Run, source: LocalFile, descriptor: int, journal: Journal[UploadJournal]
) -> tuple[bytes, str, bytes | None]:
    """Return the SHA-256 of what was read here, the version made of it, and the server's digest where it exists."""
    begun_again = 0
    while True:
        upload = _PartedUpload(run, source, descriptor, journal)
        try:
            return upload.send()
        except UploadMissing:
            # The parts expired while others were sent: all of them are sent again.
            journal.forget()
            begun_again += 1
            if begun_again > _BEGUN_AGAIN_MAX:
                raise
        except ChangedHere:
            upload.abandon()
            raise


class _PartedUpload:
    """One try at sending a file as parts; what an earlier try got acknowledged counts."""

    def __init__(self, run: Run, source: LocalFile, descriptor: int, journal: Journal[UploadJournal]) -> None:
        self._run = run
        self._source = source
        self._descriptor = descriptor
        self._journal = journal
        kept = journal.read()
        if kept is None or not _covers(kept, source.size):
            kept = UploadJournal(
                parts=[(part.start, part.length, "") for part in plan_parts(source.size, run.settings)]
            )
        self._parts = [Part(start, length) for start, length, _ in kept.parts]
        self._addresses = [address for _, _, address in kept.parts]
        self._addresses_lock = threading.Lock()
        self._positions = Positions(self._parts, [0] * len(self._parts))
        self._beginnings: dict[int, Future[None]] = {}
        """Parts that are begun at the server before a lane comes to them."""
        self._fresh: set[int] = set()
        """Parts that were begun just now: the server has nothing of them, and need not be asked."""
        self._failed = threading.Event()

    def send(self) -> tuple[bytes, str, bytes | None]:
        """Send all parts and join them; return as `_send_parts` does."""
        run, source = self._run, self._source
        run.tell(FileBegan(source.name, source.size))
        # All of the file is here already: its digest waits for nothing that is sent.
        here = Positions([Part(0, source.size)], [source.size])
        digest = FollowingDigest(
            self._descriptor, source.size, here, block_bytes=run.settings.block_bytes, check=run.stop.check
        )
        try:
            moving = [run.lanes.submit(lambda n=number: self._send_part(n)) for number in range(len(self._parts))]
            finished, unfinished = wait(moving, return_when=FIRST_EXCEPTION)
            if unfinished:
                self._failed.set()
                wait(unfinished)
            wait(self._beginnings.values())
            for future in (*finished, *unfinished):
                future.result()
            ours = digest.result()
        finally:
            self._failed.set()
            digest.close()
        _must_be_unchanged(self._descriptor, source)
        version, theirs = self._join()
        return ours, version, theirs

    def abandon(self) -> None:
        """Throw the parts away, at the server as far as it can be reached."""
        self._journal.forget()
        for address in filter(None, self._addresses):
            try:
                self._run.server.ask("DELETE", address, headers=_TUS)
            except SealaneError:
                return

    def _send_part(self, number: int) -> None:
        """Bring one part to its end, through every break on the way."""
        part = self._parts[number]
        patience = self._run.patience(self._source.name)
        acknowledged, begun_again = 0, 0
        told: int | None = None
        while True:
            self._check()
            try:
                reached = self._offset(number) if told is None else told
                told = None
                if reached > acknowledged:
                    patience.moved()
                acknowledged = reached
                self._moved(number, reached, resumed=True)
                if reached == part.length:
                    return
                self._begin_ahead(number + self._run.settings.parallel)
                told = self._patch(number, reached)
            except UploadMissing:
                begun_again += 1
                if begun_again > _BEGUN_AGAIN_MAX:
                    raise
                self._remember(number, "")
            except SealaneError as error:
                patience.wait_after(error)

    def _offset(self, number: int) -> int:
        """Return how much of a part the server has acknowledged; a part that has no address yet is begun."""
        beginning = self._beginnings.get(number)
        if beginning is not None:
            wait([beginning])  # whether it succeeded is seen by the address
        if not self._addresses[number]:
            self._begin(number)
        if number in self._fresh:
            self._fresh.remove(number)
            return 0
        try:
            reply = self._run.server.ask("HEAD", self._addresses[number], headers=_TUS)
        except Missing as error:
            raise UploadMissing from error
        reached = _offset_of(reply.headers.get("upload-offset", ""), self._parts[number])
        if reached < self._parts[number].length:
            # A dead line may still hold the part: better learn it now than when a whole body was sent in vain.
            self._append(number, reached, 0, b"")
        return reached

    def _begin_ahead(self, number: int) -> None:
        """Have a part begun meanwhile that a lane will come to; where that fails, the lane begins it."""
        if number < len(self._parts) and not self._addresses[number] and number not in self._beginnings:
            self._beginnings[number] = self._run.ahead.submit(lambda: self._begin(number))

    def _begin(self, number: int) -> None:
        headers = {
            **_TUS,
            "Upload-Concat": "partial",
            "Upload-Length": str(self._parts[number].length),
            "Upload-Metadata": _metadata(path=paths.show(self._source.target)),
        }
        reply = self._run.server.ask("POST", UPLOADS, headers=headers)
        self._fresh.add(number)
        self._remember(number, self._run.server.own_target(reply.headers.get("location", "")))

    def _patch(self, number: int, offset: int) -> int:
        """Send the rest of a part; return how much of it the server has acknowledged."""
        rest = self._parts[number].length - offset
        reached = self._append(number, offset, rest, self._blocks(number, offset))
        if reached <= offset:
            raise AnswerInvalid  # it took the body and acknowledges none of it: to send it again could go on for ever
        return reached

    def _append(self, number: int, offset: int, length: int, content: bytes | Iterator[bytes]) -> int:
        headers = {
            **_TUS,
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(length),
        }
        reply = self._run.server.ask("PATCH", self._addresses[number], headers=headers, content=content)
        return _offset_of(reply.headers.get("upload-offset", ""), self._parts[number])

    def _blocks(self, number: int, offset: int) -> Iterator[bytes]:
        """Yield the rest of a part as it lies in the file, telling how far it is."""
        part = self._parts[number]
        while offset < part.length:
            self._check()
            wanted = min(self._run.settings.block_bytes, part.length - offset)
            block = read_at(self._descriptor, wanted, part.start + offset)
            yield block
            offset += len(block)
            self._moved(number, offset)

    def _join(self) -> tuple[str, bytes | None]:
        """Join the parts into the file; return its version, and its digest where that exists already."""
        source = self._source
        headers = {
            **_TUS,
            "Upload-Concat": "final;" + " ".join(self._addresses),
            "Upload-Metadata": _metadata(path=paths.show(source.target), mtime=modified_text(source.modified_ns)),
        }
        # Joining may be repeated: parts stay until their time is over, so a lost answer costs one version too many.
        reply = self._run.patiently(source.name, lambda: self._run.server.ask("POST", UPLOADS, headers=headers))
        return version_of(reply.headers), digest_of(reply.headers)

    def _remember(self, number: int, address: str) -> None:
        with self._addresses_lock:
            self._addresses[number] = address
            parts = [(part.start, part.length, known) for part, known in zip(self._parts, self._addresses, strict=True)]
            self._journal.write(UploadJournal(parts=parts))

    def _moved(self, number: int, to: int, *, resumed: bool = False) -> None:
        self._run.tell(FileMoved(self._source.name, self._positions.set(number, to), resumed))

    def _check(self) -> None:
        """End a part because the run was stopped, or because another part of the file has failed."""
        self._run.stop.check()
        if self._failed.is_set():
            raise Interrupted


# --- what both share -------------------------------------------------------------------------------------------------


def _confirm(run: Run, source: LocalFile, *, ours: bytes, version: str, theirs: bytes | None) -> None:
    verified = verify(run, source.name, source.target, version=version, size=source.size, ours=ours, theirs=theirs)
    run.tell(FileDone(source.name, source.size, ours.hex(), verified=verified, unchanged=False))


def _open(source: LocalFile) -> int:
    try:
        return os.open(source.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as problem:
        raise LocalFailure(f"{source.name} cannot be read: {problem.strerror}.") from None


def _must_be_unchanged(descriptor: int, source: LocalFile) -> None:
    """Refuse a file that is another one, or has another size or time, than when the run was planned."""
    status = os.fstat(descriptor)
    if (status.st_size, status.st_mtime_ns, status.st_ino) != (source.size, source.modified_ns, source.inode):
        raise ChangedHere


def _read_all(descriptor: int, size: int) -> bytes:
    content = bytearray()
    while len(content) < size:
        content += read_at(descriptor, size - len(content), len(content))
    return bytes(content)


def _covers(kept: UploadJournal, size: int) -> bool:
    """Say whether the parts of a journal make up a file of this size, in order, without gap or overlap."""
    reached = 0
    for start, length, _ in kept.parts:
        if start != reached or length <= 0:
            return False
        reached += length
    return reached == size


def _metadata(**words: str) -> str:
    """Return the tus `Upload-Metadata` of these words."""
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in words.items())


def _offset_of(text: str, part: Part) -> int:
    """Return an acknowledged offset, or raise `AnswerInvalid` where it is none of this part."""
    if not text.isascii() or not text.isdigit() or int(text) > part.length:
        raise AnswerInvalid
    return int(text)
