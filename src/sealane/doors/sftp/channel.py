"""A session's channel: asyncssh's, with every request refused that is not the SFTP subsystem or an scp command.

Must stay true: replies leave in the order in which they were made, whether by express or by asyncssh's own path; the
client is given more window only for what its session has taken.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import asyncssh
from asyncssh.channel import SSHServerChannel

from sealane.doors.sftp.outlet import Outlet

if TYPE_CHECKING:
    from asyncssh.packet import SSHPacket

    from sealane.doors.sftp.express import ExpressConnection
    from sealane.vault.blobs import Buffer

WINDOW_ADJUST: Final = 93
"""SSH_MSG_CHANNEL_WINDOW_ADJUST (RFC 4254, 5.2)."""


class SessionChannel(SSHServerChannel[bytes]):
    """A channel that carries bytes and has no terminal, no environment, no forwarding."""

    outlet: Outlet
    _express: ExpressConnection

    @classmethod
    def of(cls, conn: ExpressConnection, *, window: int, packet_bytes: int) -> SessionChannel:
        """Return a channel of `conn` that takes `window` bytes ahead, in packets of at most `packet_bytes`."""
        conn._update_recv_pktlen(packet_bytes)  # noqa: SLF001  # checked by foundations.py
        channel = cls(
            conn,
            asyncio.get_running_loop(),
            allow_pty=False,
            line_editor=False,
            line_echo=False,
            line_history=0,
            max_line_length=0,
            encoding=None,
            errors="strict",
            window=window,
            max_pktsize=packet_bytes,
        )
        channel.outlet = Outlet()
        channel._express = conn
        return channel

    # --- sending ----------------------------------------------------------------------------------------------------

    def send(self, blocks: list[Buffer]) -> None:
        """Send, or let wait for the window, behind what was sent before. Nothing of the blocks is looked at later."""
        if self._send_buf:
            self.write(b"".join(blocks))
            return
        self.outlet.add(blocks)
        if not self._express.pump(self):
            self.write(self.outlet.drain())
        elif self.outlet.size:
            self.outlet.keep()

    def _flush_send_buf(self) -> None:
        """Go on sending: the client has given more window, or new keys are agreed."""
        if self.outlet.size:
            if self._express.pump(self):
                if self._session is not None:
                    self._session.resume_writing()
                return
            self._send_buf.append((bytearray(self.outlet.drain()), None))
            self._send_buf_len = sum(len(data) for data, _ in self._send_buf)
        super()._flush_send_buf()

    @property
    def peer_number(self) -> int:
        """The client's number of this channel."""
        assert self._send_chan is not None
        return self._send_chan

    @property
    def send_window(self) -> int:
        """Bytes that the client takes now; none once it was told that there are no more."""
        return self._send_window if self._send_state == "open" else 0

    @property
    def send_packet_bytes(self) -> int:
        """Data bytes of the largest packet that the client takes."""
        return self._send_pktsize

    def gained(self, size: int) -> None:
        """Take note that the client takes so many bytes more. `go_on_sending` sends them."""
        self._send_window += size

    def go_on_sending(self) -> None:
        """Send what waits, if anything does."""
        if self.outlet.size or self._send_buf:
            self._flush_send_buf()

    def sent(self, size: int) -> None:
        """Take note that a packet used up some of the client's window."""
        self._send_window -= size

    # --- receiving --------------------------------------------------------------------------------------------------

    @property
    def number(self) -> int | None:
        """Our number of this channel, None once it has closed."""
        return self._recv_chan

    @property
    def takes_express(self) -> bool:
        """Whether data may go straight to the session: the channel is open and nothing waits in front of it."""
        return self._recv_state == "open" and self._send_state == "open" and not self._recv_buf

    def took(self, size: int) -> None:
        """Take note that a packet used up some of our window. Raises `ProtocolError` if the client had none left."""
        if size > self._recv_window:
            raise asyncssh.ProtocolError("Window exceeded")
        self._recv_window -= size

    def give_window(self) -> None:
        """Let the client send as much again, once it has used up half."""
        if (
            self._recv_window < self._init_recv_window // 2
            and self._recv_state == "open"
            and self._send_state == "open"
        ):
            adjust = self._init_recv_window - self._recv_window
            self._recv_window = self._init_recv_window
            self.send_packet(WINDOW_ADJUST, adjust.to_bytes(4, "big"))

    # --- what is refused --------------------------------------------------------------------------------------------

    def _refuse(self, packet: SSHPacket) -> bool:
        del packet
        return False

    _process_pty_req_request = _refuse
    _process_x11_req_request = _refuse
    _process_auth_agent_req_at_openssh_dot_com_request = _refuse  # pyrefly: ignore  # asyncssh's answers later
    _process_env_request = _refuse
    _process_window_change_request = _refuse
    _process_signal_request = _refuse
    _process_break_request = _refuse
