"""A session's channel: asyncssh's, with every request refused that is not the SFTP subsystem or an scp command."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from asyncssh.channel import SSHServerChannel

if TYPE_CHECKING:
    from asyncssh.connection import SSHServerConnection
    from asyncssh.packet import SSHPacket


class SessionChannel(SSHServerChannel[bytes]):
    """A channel that carries bytes and has no terminal, no environment, no forwarding."""

    @classmethod
    def of(cls, conn: SSHServerConnection, *, window: int, packet_bytes: int) -> SessionChannel:
        """Return a channel of `conn` that takes `window` bytes ahead, in packets of at most `packet_bytes`."""
        conn._update_recv_pktlen(packet_bytes)  # noqa: SLF001  # checked by foundations.py
        return cls(
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
