"""Signing in on an SSH connection: what asyncssh asks is asked of the keeper, and nothing is verified here.

Must stay true: a connection counts as signed in only by a session that the keeper made for it, and until then it holds
one of the places that strangers have.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

import asyncssh
from asyncssh.packet import SSHPacket

from sealane.doors.sftp.express import ExpressConnection
from sealane.doors.sftp.password import PasswordSignIn
from sealane.errors import SealaneError
from sealane.operations.signing import KeyAcceptable, KeyAcceptableIs, SignedIn, SignInWithKey, SignInWithPassword

if TYPE_CHECKING:
    from sealane.doors.sftp.door import SftpDoor
    from sealane.doors.sftp.session import Session
    from sealane.operations.envelope import Operation

log = logging.getLogger(__name__)

_DISCONNECT_BY_APPLICATION: Final = 11
_NO_MORE_METHODS: Final = 14


class SigningInConnection(ExpressConnection):
    """A connection as far as it signs in."""

    _door: SftpDoor
    _sessions: set[Session]
    _gone: bool = False
    """It is over."""
    _entered: bool = False
    """It has a stranger's place."""
    _signed_in: SignedIn | None = None
    _failures: int = 0

    @property
    def is_signed_in(self) -> bool:
        """Whether the keeper has made a session for this connection."""
        return self._signed_in is not None

    @property
    def is_busy(self) -> bool:
        """Whether a transfer or a request is under way."""
        return any(session.is_busy for session in self._sessions)

    @property
    def handle_in_use(self) -> str:
        """The handle of its session while a transfer or a request is under way in it, else empty."""
        return "" if self._gone or self._signed_in is None or not self.is_busy else self._signed_in.handle

    def end(self, sentence: str) -> None:
        """Close now, amid whatever runs. What was acknowledged stays; uploads are suspended."""
        if not self._gone and self._transport is not None:
            self._send_disconnect(_DISCONNECT_BY_APPLICATION, sentence, "en")
            self._force_close(None)

    async def reload_config(self) -> None:
        """Nothing depends on the user's name here; asyncssh would read its options anew."""

    async def _finish_userauth(self, begin_auth: bool, method: bytes, packet: SSHPacket) -> None:  # noqa: FBT001  # asyncssh's own signature
        """Begin one way of signing in."""
        if method == b"password" and not self._gone:
            self._auth = PasswordSignIn(self, self._username, method, packet)
        else:
            await super()._finish_userauth(begin_auth, method, packet)

    async def validate_public_key(self, username: str, key_data: bytes, msg: bytes, signature: bytes) -> bool:
        """Ask the keeper whether the key is worth a signature, or to verify one. This process verifies nothing."""
        if not msg:
            try:
                answer = await self._door.ask(
                    KeyAcceptable(name=username, key=key_data, address=self._peer_addr), KeyAcceptableIs
                )
            except SealaneError:
                return False
            return answer.acceptable
        request = SSHPacket(msg)
        request.get_byte()
        name, _service, _method = request.get_string(), request.get_string(), request.get_string()
        request.get_boolean()
        algorithm = request.get_string()
        try:
            operation = SignInWithKey(
                name=name.decode("utf-8"),
                session_identifier=self._session_id,
                algorithm=algorithm.decode("ascii"),
                key=key_data,
                signature=signature,
                address=self._peer_addr,
            )
        except UnicodeDecodeError:
            return False
        return await self._sign_in(operation)

    async def sign_in_with_password(self, name: str, password: str) -> bool:
        """Ask the keeper to sign in by password; also what keyboard-interactive's one prompt comes to."""
        return await self._sign_in(
            SignInWithPassword(
                name=name,
                password=password,
                session_identifier=self._session_id,
                address=self._peer_addr,
                door="sftp",
            )
        )

    async def _sign_in(self, operation: Operation) -> bool:
        """Ask; keep the session that was made, or sign it out again if nobody waits for it any more."""
        asked = asyncio.ensure_future(self._door.ask(operation, SignedIn))
        try:
            signed = await asyncio.shield(asked)
        except asyncio.CancelledError:
            self._door.spawn(self._sign_out_unused(asked))
            raise
        except SealaneError as error:
            log.info("a sign-in was not accepted: %s", error.code)
            return False
        if self._gone or self._signed_in is not None:
            await self._door.sign_out(signed)
            return False
        self._signed_in = signed
        self._door.signed_in(signed, self)
        return True

    async def _sign_out_unused(self, asked: asyncio.Future[SignedIn]) -> None:
        try:
            signed = await asked
        except SealaneError:
            return
        await self._door.sign_out(signed)

    def send_userauth_failure(self, partial_success: bool) -> None:  # noqa: FBT001  # asyncssh's own signature
        """Refuse, and close after too many refusals."""
        self._failures += 1
        if self._failures > self._door.settings.sign_in_tries_per_connection_max:
            self._send_disconnect(_NO_MORE_METHODS, "Too many sign-ins failed.", "en")
            self._force_close(None)
            return
        super().send_userauth_failure(partial_success)

    async def send_userauth_success(self) -> None:
        """Go on as signed in; only ever after the keeper made a session."""
        if self._signed_in is None:
            raise asyncssh.PermissionDenied("Not signed in.")
        self._leave_strangers()
        await super().send_userauth_success()

    def _leave_strangers(self) -> None:
        if self._entered:
            self._entered = False
            self._door.admission.leave(self._peer_addr)
