"""One SSH connection: asyncssh's, with what it may offer, hold and believe narrowed to what Sealane allows.

Must stay true: the connection is signed in only by a session that the keeper made for it; every other way to
authenticate, every forwarding, shell and agent is refused; what a client may make this process hold is bounded.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import TYPE_CHECKING

import asyncssh
from asyncssh.connection import MSG_KEXINIT, SSHServerConnection

from sealane.doors.sftp import algorithms
from sealane.doors.sftp.channel import SessionChannel
from sealane.doors.sftp.exchange import PublicHostKey, let_keeper_sign
from sealane.doors.sftp.express import ASIDE_BYTES
from sealane.doors.sftp.outlet import Padding
from sealane.doors.sftp.session import Session
from sealane.doors.sftp.signing_in import SigningInConnection
from sealane.operations.signing import ExchangeSigned, SignExchange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncssh.packet import SSHPacket

    from sealane.doors.sftp.door import SftpDoor

log = logging.getLogger(__name__)


class SftpConnection(SigningInConnection):
    """A connection from its first byte to its last."""

    def __init__(self, options: asyncssh.SSHServerConnectionOptions, door: SftpDoor) -> None:
        """Nothing is known of the client yet."""
        super().__init__(asyncio.get_running_loop(), options)
        self._door = door
        self.receiving = door.receiving
        self.sending = door.sending
        self.express_allowed = door.express
        self._padding = Padding()
        self._aside = memoryview(bytearray(ASIDE_BYTES))
        self._writing_paused = False
        self._sessions = set()
        self._ending: set[Session] = set()
        """Sessions whose channel has closed and that are still suspending what they wrote."""
        self._chosen: tuple[bytes, bytes] | None = None
        self._heard = door.clock.monotonic()
        self._idle_timer: asyncio.TimerHandle | None = None

    # --- beginning and end ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a stranger's place, or close at once if there is none."""
        assert isinstance(transport, asyncio.Transport)  # asyncio's promise for stream sockets
        address = transport.get_extra_info("peername")[0]
        if not self._door.admission.enter(address):
            log.warning("a connection was closed at once: too many have not signed in")
            self._cancel_login_timer()
            self._gone = True
            transport.abort()
            return
        self._entered = True
        self._door.connections.add(self)
        transport.set_write_buffer_limits(high=self._door.settings.sftp_replies_bytes_max)
        super().connection_made(transport)
        self._watch_idle()

    def _cleanup(self, exc: Exception | None) -> None:
        """Let go of everything. What is under way is suspended after this, by the door."""
        if self._gone:
            return
        self._gone = True
        self._leave_strangers()
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        sessions = (*self._sessions, *self._ending)
        super()._cleanup(exc)
        self.let_go_of_buffers()
        self._door.spawn(self._leave(sessions))

    async def _leave(self, sessions: tuple[Session, ...]) -> None:
        """Sign out once every session has suspended what it was writing, which it does in the signed-in session."""
        for session in sessions:
            await session.ended()
        self._door.connections.discard(self)
        if self._signed_in is not None:
            await self._door.sign_out(self._signed_in)

    def internal_error(self, exc_info: object = None, error_logger: object = None) -> None:
        """Close after something that asyncssh did not expect. A stranger's nonsense leaves one line, no traceback."""
        del error_logger
        kind, error, _ = exc_info or sys.exc_info()  # pyrefly: ignore  # asyncssh's own shape of it
        name = kind.__name__ if kind else "unknown"
        log.error(
            "an SSH connection was closed after an unexpected %s", name, exc_info=error if self.is_signed_in else None
        )
        self._force_close(error if isinstance(error, Exception) else None)

    def _watch_idle(self) -> None:
        wait = self._door.settings.idle_seconds
        silent = self._door.clock.monotonic() - self._heard
        if silent >= wait and not any(session.is_waiting for session in self._sessions):
            self.end(f"Nothing was heard for {wait} seconds.")
            return
        left = max(wait - silent, wait / 8)
        self._idle_timer = asyncio.get_running_loop().call_later(left, self._watch_idle)

    # --- what it may make us hold -----------------------------------------------------------------------------------

    def heard(self) -> None:
        """Take note that the client said something."""
        self._heard = self._door.clock.monotonic()

    def pause_writing(self) -> None:
        """Answer no more requests while the client does not read."""
        self._writing_paused = True

    def resume_writing(self) -> None:
        """Go on: the client has read."""
        self._writing_paused = False
        self._serve_again()

    @property
    def has_room(self) -> bool:
        """Whether replies may be sent: the client reads, and no exchange of keys is under way."""
        return self._kex_complete and not self._writing_paused

    def _send_deferred_packets(self) -> None:
        """Go on after an exchange of keys."""
        super()._send_deferred_packets()
        for channel in tuple(self._channels.values()):
            channel._flush_send_buf()  # noqa: SLF001  # checked by foundations.py
        self._serve_again()

    def _serve_again(self) -> None:
        for session in tuple(self._sessions):
            session.serve_again()

    # --- key exchange -----------------------------------------------------------------------------------------------

    def _send_kexinit(self) -> None:
        """Offer what this client's version calls for. Its version line came before."""
        offered = algorithms.offer(self._client_version, self._door.settings)
        self._enc_algs = list(offered.ciphers)
        self._mac_algs = list(offered.macs)
        super()._send_kexinit()

    async def _process_kexinit(self, _pkttype: int, _pktid: int, packet: SSHPacket) -> None:
        """Begin an exchange of keys in which the keeper signs. Strangers get one."""
        if self._session_id and not self._auth_complete:
            raise asyncssh.ProtocolError("New keys are agreed after sign-in only.")
        await super()._process_kexinit(_pkttype, _pktid, packet)
        let_keeper_sign(self._kex)

    _packet_handlers = {**SSHServerConnection._packet_handlers, MSG_KEXINIT: _process_kexinit}  # noqa: RUF012, SLF001  # asyncssh's own table

    def choose_server_host_key(self, peer_host_key_algs: Sequence[bytes]) -> bool:
        """Choose the client's first algorithm that a host key serves, and keep the choice here: keys are shared."""
        for algorithm in peer_host_key_algs:
            key = self._server_host_keys.get(algorithm)
            if isinstance(key, PublicHostKey):
                self._server_host_key = key
                self._chosen = (key.public_data, algorithm)
                return True
        return False

    def chosen_host_key(self) -> tuple[bytes, bytes]:
        """Return the public blob and the signature algorithm that were agreed."""
        if self._chosen is None:
            raise asyncssh.KeyExchangeFailed("No host key was agreed.")
        return self._chosen

    async def sign_exchange(self, exchange_hash: bytes, algorithm: bytes) -> bytes:
        """Return the keeper's signature of this connection's exchange hash."""
        signed = await self._door.ask(
            SignExchange(
                exchange_hash=exchange_hash,
                algorithm=algorithm.decode("ascii"),
                first=not self._session_id,
                address=self._peer_addr,
            ),
            ExchangeSigned,
        )
        return signed.signature

    # --- sessions ---------------------------------------------------------------------------------------------------

    def open_session(self) -> tuple[SessionChannel, Session] | bool:
        """Open a channel for SFTP or scp, unless the connection has enough of them."""
        settings = self._door.settings
        if self._signed_in is None or len(self._sessions) >= settings.sftp_sessions_per_connection_max:
            return False
        session = Session(self._door, self._signed_in, self)
        channel = SessionChannel.of(
            self, window=settings.sftp_window_bytes, packet_bytes=settings.sftp_packet_bytes_max
        )
        self._sessions.add(session)
        return channel, session

    def session_closed(self, session: Session) -> None:
        """Let a session end whose channel has closed while the connection lives."""
        if not self._gone:
            self._sessions.discard(session)
            self._ending.add(session)
            self._door.spawn(self._end_session(session))

    async def _end_session(self, session: Session) -> None:
        await session.ended()
        self._ending.discard(session)


class Owner(asyncssh.SSHServer):
    """asyncssh's questions to the application: what may be done at all. Whatever is not named here it refuses."""

    def connection_made(self, conn: SSHServerConnection) -> None:
        """Remember the connection."""
        assert isinstance(conn, SftpConnection)  # server.py makes no other
        self._conn = conn

    def begin_auth(self, username: str) -> bool:
        """Everybody has to sign in."""
        del username
        return True

    def public_key_auth_supported(self) -> bool:
        """Keys are taken."""
        return True

    def password_auth_supported(self) -> bool:
        """Passwords are taken, also as the one prompt of keyboard-interactive."""
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        """Ask the keeper."""
        return await self._conn.sign_in_with_password(username, password)

    def session_requested(self) -> tuple[SessionChannel, Session] | bool:  # pyrefly: ignore  # narrower than asyncssh's
        """Open a session."""
        return self._conn.open_session()
