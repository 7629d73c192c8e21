"""Sending one file: a small one in one request, a large one as parallel parts; sealed on the way where the folder asks.

Must stay true: what the server acknowledged is not sent again, also by another process after this one was killed; the
file is done only when the server's digest of record equals what was read here (or it is said that this is still
owed). Into a sealed folder no byte of the file itself leaves this machine.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sealane import paths
from sealane.client import journals, people_sending, remote, sealing
from sealane.client.events import FileBegan, FileDone, FileMoved
from sealane.client.failures import BeingSealed, ChangedHere, LocalFailure, NotVerified
from sealane.client.journals import Journal, UploadJournal
from sealane.client.parts import Part, plan_parts, plan_sealed_parts
from sealane.client.positions import FollowingDigest, Positions, hash_file, read_at
from sealane.client.server import (
    PAYLOAD_DIGEST,
    PLAINTEXT_DIGEST,
    PLAINTEXT_LENGTH,
    SEALED,
    SEALED_TO,
    Reply,
    digest_of,
    modified_header,
    modified_text,
    show_digest,
    target_of,
    version_of,
)
from sealane.client.uploads import Content, PartedUpload
from sealane.client.verifying import verify
from sealane.errors import DigestMismatch, Missing, NotAllowed, UploadMissing
from sealane.vault.age import files
from sealane.vault.age.payload import STORED_CHUNK_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sealane.client.events import Form
    from sealane.client.runs import Run
    from sealane.client.sealed_remote import SealsTo

_BEGUN_AGAIN_MAX = 3
_DIGEST_BLOCK_BYTES = 16 * STORED_CHUNK_BYTES


class Present(NamedTuple):
    """What is at a file's target before it is sent."""

    size: int
    sha256: str | None
    """Hexadecimal, of the file itself; None where there is nothing, or it is owed."""


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
    seals_to: SealsTo | None = None
    """To whom it is sealed before it leaves; None where the folder is an ordinary one."""


class _Sent(NamedTuple):
    """What a file that was sent is compared by."""

    ours: bytes
    """SHA-256 of what was read here."""
    payload: bytes | None
    """SHA-256 of what was sent after the header, where it was sealed and that is still to be compared."""
    reply: Reply


def send(run: Run, source: LocalFile) -> None:
    """Send one file and tell of it. Raises the `SealaneError` that it failed with."""
    descriptor = _open(source)
    try:
        _must_be_unchanged(descriptor, source)
        if _is_there(run, source, descriptor):
            return
        if source.size <= run.settings.whole_file_bytes_max:
            sent = _send_whole(run, source, descriptor)
            _confirm(run, source, sent)
        else:
            _send_large(run, source, descriptor)
    finally:
        os.close(descriptor)


def _is_there(run: Run, source: LocalFile, descriptor: int) -> bool:
    """Say whether this very content is at the target already, by size and SHA-256, and tell of it."""
    present = source.present
    if present is None:
        present = run.patiently(source.name, lambda: _present(run, source.target))
    if present.sha256 is None or present.size != source.size:
        return False
    ours = hash_file(descriptor, source.size, block_bytes=run.settings.block_bytes, check=run.stop.check).hex()
    if ours != present.sha256:
        return False
    run.tell(FileDone(source.name, source.size, ours, verified=True, unchanged=True, form=_form(source)))
    return True


def _present(run: Run, target: paths.Path) -> Present:
    """Return what is at a target; what is about to be sealed there is not waited for."""
    try:
        there = remote.look(run.server, target)
    except (Missing, NotAllowed, BeingSealed):
        return NOTHING
    return Present(there.plain_size, there.sha256)


# --- small files -----------------------------------------------------------------------------------------------------


def _send_whole(run: Run, source: LocalFile, descriptor: int) -> _Sent:
    """Send a file in one request. The server refuses it where its digest differs from the one declared."""
    content = sealing.read_exactly(descriptor, source.size, 0)
    ours = hashlib.sha256(content).digest()
    run.tell(FileBegan(source.name, source.size))
    headers = modified_header(source.modified_ns)
    if source.seals_to is not None:
        # A key of its own for every try to send it: what may have changed meanwhile never meets it.
        content = files.seal(content, source.seals_to.recipients)
        headers |= {
            SEALED: "age",
            SEALED_TO: show_digest(source.seals_to.digest()),
            PLAINTEXT_LENGTH: str(source.size),
            PLAINTEXT_DIGEST: show_digest(ours),
        }
    headers["Repr-Digest"] = show_digest(hashlib.sha256(content).digest() if source.seals_to else ours)
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
    return _Sent(ours, None, reply)


# --- large files -----------------------------------------------------------------------------------------------------


def _send_large(run: Run, source: LocalFile, descriptor: int) -> None:
    """Send a file as parts. Where an earlier process was killed at this very file, its journal says how far it was."""
    about = [run.server.url, paths.show(source.target), str(source.path), str(source.size), str(source.modified_ns)]
    about += [str(source.inode), *(["sealed"] if source.seals_to else [])]
    with journals.hold(run.journals, UploadJournal, *about) as journal:
        begun_again = 0
        while True:
            try:
                sent = _send_parts(run, source, descriptor, journal)
                break
            except UploadMissing:
                # The parts expired while others were sent: all of them are sent again.
                _forget(journal)
                begun_again += 1
                if begun_again > _BEGUN_AGAIN_MAX:
                    raise
            except ChangedHere:
                _forget(journal)
                raise
        _confirm(run, source, sent)
        _forget(journal)


def _forget(journal: Journal[UploadJournal]) -> None:
    sealing.forget(journal.beside)
    journal.forget()


def _send_parts(run: Run, source: LocalFile, descriptor: int, journal: Journal[UploadJournal]) -> _Sent:
    if source.seals_to is None:
        return _send_plain(run, source, descriptor, journal)
    ahead = run.settings.sealed_ahead_bytes_max
    recipients = source.seals_to.recipients
    with sealing.sealing_of(journal.beside, descriptor, source.size, recipients, ahead_bytes_max=ahead) as begun:
        return _send_sealed(run, source, descriptor, journal, begun, sealed_to=source.seals_to.digest().hex())


def _send_plain(run: Run, source: LocalFile, descriptor: int, journal: Journal[UploadJournal]) -> _Sent:
    def blocks(offset: int, end: int) -> Iterator[bytes]:
        while offset < end:
            block = read_at(descriptor, min(run.settings.block_bytes, end - offset), offset)
            yield block
            offset += len(block)

    path = paths.show(source.target)
    parts = plan_parts(source.size, run.settings)
    content = Content(source.name, source.size, parts, blocks, shown=lambda moved: moved, words={"path": path})
    upload = PartedUpload(run, content, journal)
    run.tell(FileBegan(source.name, source.size))
    with _digest(run, descriptor, source.size) as digest, upload.thrown_away_on_change():
        upload.move()
        _must_be_unchanged(descriptor, source)
        reply = upload.join({"path": path, "mtime": modified_text(source.modified_ns)})
        ours = digest.result()  # the server works out its own meanwhile
        _must_be_unchanged(descriptor, source)
    return _Sent(ours, None, reply)


def _send_sealed(
    run: Run,
    source: LocalFile,
    descriptor: int,
    journal: Journal[UploadJournal],
    begun: sealing.Sealing,
    *,
    sealed_to: str,
) -> _Sent:
    whole = begun.source
    words = {"path": paths.show(source.target), "sealed": "age", "plaintext-length": str(source.size)}
    content = Content(
        source.name,
        whole.size,
        plan_sealed_parts(source.size, run.settings, prefix=len(whole.prefix)),
        whole.blocks,
        shown=lambda moved: moved * source.size // whole.size,
        words=words,
        sealing=begun.id,
    )
    upload = PartedUpload(run, content, journal)
    run.tell(FileBegan(source.name, source.size))
    payload = FollowingDigest(
        whole.read,
        whole.size,
        upload.positions,
        block_bytes=_DIGEST_BLOCK_BYTES,
        check=run.stop.check,
        start=len(whole.prefix),
        before=begun.nonce,
    )
    digests = _digest(run, descriptor, source.size)
    with digests as digest, contextlib.closing(payload), upload.thrown_away_on_change():
        upload.move()
        ours = digest.result()
        if upload.goes_on:
            payload.result()  # what an earlier run has sent may be of another content: this seals it again, and tells
        _must_be_unchanged(descriptor, source)
        words |= {"plaintext-digest": ours.hex(), "sealed-to": sealed_to, "mtime": modified_text(source.modified_ns)}
        reply = upload.join(words)
        sent = payload.result()  # the server works out its own meanwhile
    return _Sent(ours, sent, reply)


def _digest(run: Run, descriptor: int, size: int) -> contextlib.closing[FollowingDigest]:
    """Give the SHA-256 of a file all of which is here already: it waits for nothing that is sent."""
    settings, check = run.settings, run.stop.check
    read = functools.partial(read_at, descriptor)
    return contextlib.closing(
        FollowingDigest(read, size, _all_here(size), block_bytes=settings.block_bytes, check=check)
    )


def _all_here(size: int) -> Positions:
    return Positions([Part(0, size)], [size])


# --- what both share -------------------------------------------------------------------------------------------------


def _confirm(run: Run, source: LocalFile, sent: _Sent) -> None:
    """Compare with what the server says that it has, and tell of the file."""
    version = version_of(sent.reply.headers)
    form = _form(source)
    if form == "sealed" and sent.payload is None:
        # It came in one request, and the server would have refused it if it had not the SHA-256 that was declared.
        _send_people(run, source, version)
        run.tell(FileDone(source.name, source.size, sent.ours.hex(), verified=True, unchanged=False, form=form))
        return
    if sent.payload is None:
        theirs = digest_of(sent.reply.headers)
        ours, kind = sent.ours, "file"
    else:
        theirs = digest_of(sent.reply.headers, PAYLOAD_DIGEST)
        ours, kind = sent.payload, "payload"
    verified = verify(
        run, source.name, source.target, version=version, size=source.size, ours=ours, theirs=theirs, of=kind
    )
    _send_people(run, source, version)
    run.tell(FileDone(source.name, source.size, sent.ours.hex(), verified=verified, unchanged=False, form=form))


def _send_people(run: Run, source: LocalFile, version: str) -> None:
    if run.send_people and source.seals_to is not None:
        people_sending.send_people(run, source, version)


def _form(source: LocalFile) -> Form:
    return "plain" if source.seals_to is None else "sealed"


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
