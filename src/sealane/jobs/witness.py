"""The witness: serves C2SP `tlog-witness` from one folder, on a machine that the log's operator does not rule.

The folder holds the witness's key (`witness.key`, mode 0400) and, for each log, the checkpoint it cosigned last. Must
stay true: a checkpoint is durable before its cosignature is given; two requests at once are judged one after the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sealane.errors import Integrity, Invalid, Unavailable
from sealane.ledger import checkpoints, notes, witnessing
from sealane.ledger.notes import COSIGNED, VerifierKey, public_of, verifier_key
from sealane.ledger.witnessing import Judged
from sealane.vault.disk import sync_folder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from pathlib import Path

    from sealane.clock import Clock

log = logging.getLogger(__name__)

BODY_SECONDS_MAX = 20.0
_KEY_FILE = "witness.key"
_KEY_HEAD = "sealane witness key 1"
_CHECKPOINT = ".checkpoint"


class WitnessFolderInvalid(Unavailable):
    """The witness's folder, or its key, cannot be used."""

    code = "witness-folder-invalid"


class Witness:
    """One witness: its key, the logs that it knows, what it saw of each."""

    def __init__(self, folder: Path, name: str, secret: Ed25519PrivateKey, clock: Clock) -> None:
        """Use `open`."""
        self._folder = folder
        self._name = name
        self._secret = secret
        self._clock = clock
        self._logs: dict[str, VerifierKey] = {}
        self._turn = asyncio.Lock()

    @classmethod
    def open(cls, folder: Path, logs: Iterable[VerifierKey], clock: Clock, *, name: str = "") -> Witness:
        """Open the folder, making it and its key (of this name) where missing. Raises `WitnessFolderInvalid`."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            if not (folder / _KEY_FILE).exists():
                _make_key(folder, name)
            head, kept_name, secret = (folder / _KEY_FILE).read_text().splitlines()
            key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
        except (OSError, ValueError) as problem:
            raise WitnessFolderInvalid(f"The witness's key in {folder} cannot be used ({problem}).") from None
        if head != _KEY_HEAD or (folder / _KEY_FILE).stat().st_mode & 0o077 or name not in {"", kept_name}:
            raise WitnessFolderInvalid(f"{folder / _KEY_FILE} is damaged, open to others or of another name.")
        witness = cls(folder, kept_name, key, clock)
        witness._logs = {log_key.name: log_key for log_key in logs}
        return witness

    @property
    def key(self) -> VerifierKey:
        """Return the key by which its cosignatures are verified."""
        return VerifierKey(self._name, public_of(self._secret), COSIGNED)

    async def add_checkpoint(self, body: bytes) -> Judged:
        """Judge one request, remember what is cosigned, return what to answer."""
        try:
            submitted = witnessing.read(body)
        except Invalid as problem:
            return Judged(HTTPStatus.BAD_REQUEST, problem.sentence + "\n")
        async with self._turn:
            return await asyncio.to_thread(self._judge, submitted)

    def latest(self, origin_hash: str) -> str | None:
        """Return the checkpoint that was cosigned last, of the log whose origin has this SHA-256 in hex."""
        for origin in self._logs:
            if sha256(origin.encode()).hexdigest() == origin_hash:
                return self._remembered(origin)
        return None

    def _judge(self, submitted: witnessing.Submitted) -> Judged:
        origin = submitted.checkpoint.origin
        remembered = self._remembered(origin) if origin in self._logs else None
        seen = None
        if remembered is not None:
            note = notes.parse(remembered)
            note.demand(self.key)
            seen = checkpoints.parse(note.text)
            if seen.origin != origin:
                raise Integrity("What the witness remembers of this log is of another one.")
        judgement = witnessing.judged(
            submitted,
            logs=self._logs,
            seen=seen,
            name=self._name,
            secret=self._secret,
            at=int(self._clock.now().timestamp()),
        )
        if judgement.remember:
            _put(self._folder, self._file(origin), judgement.remember.encode())
        else:
            log.warning("%s was answered %d", origin if origin in self._logs else "an unknown log", judgement.status)
        return judgement

    def _remembered(self, origin: str) -> str | None:
        try:
            return (self._folder / self._file(origin)).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    @staticmethod
    def _file(origin: str) -> str:
        return sha256(origin.encode()).hexdigest() + _CHECKPOINT


def _make_key(folder: Path, name: str) -> None:
    if not notes.is_name(name):
        raise WitnessFolderInvalid("A new witness needs a name, such as witness.example.org/w1: no spaces, no plus.")
    secret = Ed25519PrivateKey.generate().private_bytes_raw().hex()
    _put(folder, _KEY_FILE, f"{_KEY_HEAD}\n{name}\n{secret}\n".encode(), mode=0o400)


def _put(folder: Path, name: str, content: bytes, mode: int = 0o600) -> None:
    """Put a file in place of what was there: whole and durable when this returns."""
    part = folder / f"{name}.part"
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / name)
    sync_folder(folder)


def logs_of(vkeys: Iterable[str]) -> list[VerifierKey]:
    """Return the keys of the logs to be witnessed. Raises `Invalid` for one that is a witness's."""
    found = [verifier_key(vkey) for vkey in vkeys]
    if any(key.kind == COSIGNED for key in found):
        raise Invalid("A witness's key was given where a log's is needed.")
    return found


# --- HTTP ------------------------------------------------------------------------------------------------------------


class Door:
    """The witness as an ASGI application: two requests, small bodies, nothing else."""

    def __init__(self, witness: Witness) -> None:
        """Serve this witness."""
        self._witness = witness

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            answer = await self._answer(scope["method"], scope["path"], receive)
        except (OSError, Integrity, Invalid):
            log.exception("a request failed")
            answer = Judged(HTTPStatus.INTERNAL_SERVER_ERROR, "The witness cannot answer now.\n")
        body = answer.body.encode()
        headers = [
            (b"content-type", answer.content_type.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        await send({"type": "http.response.start", "status": int(answer.status), "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, method: str, path: str, receive: Callable[[], Awaitable[dict[str, Any]]]) -> Judged:
        if path == "/add-checkpoint":
            if method != "POST":
                return Judged(HTTPStatus.METHOD_NOT_ALLOWED)
            body = await _small_body(receive)
            if body is None:
                return Judged(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return await self._witness.add_checkpoint(body)
        origin_hash, _, rest = path.removeprefix("/").partition("/")
        if rest == "checkpoint" and method in {"GET", "HEAD"}:
            found = await asyncio.to_thread(self._witness.latest, origin_hash)
            if found is not None:
                return Judged(HTTPStatus.OK, found)
        return Judged(HTTPStatus.NOT_FOUND)


async def _small_body(receive: Callable[[], Awaitable[dict[str, Any]]]) -> bytes | None:
    """Return the body; None for one that is too large or too slow."""
    body = bytearray()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(BODY_SECONDS_MAX):
            while True:
                message = await receive()
                body += message.get("body", b"")
                if message["type"] != "http.request" or len(body) > witnessing.REQUEST_BYTES_MAX:
                    return None
                if not message.get("more_body", False):
                    return bytes(body)
    return None
