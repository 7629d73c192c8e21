"""Signing in by password (RFC 4252, 8), with the password as its user typed it.

asyncssh passes passwords through SASLprep of Unicode 3.2, which knows few of today's characters and ends the connection
over the rest. The keeper compares what was set with what is sent, so nothing is changed on the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncssh.auth import _ServerPasswordAuth

if TYPE_CHECKING:
    from asyncssh.packet import SSHPacket


class PasswordSignIn(_ServerPasswordAuth):
    """One try. Changing a password here is not offered."""

    async def _start(self, packet: SSHPacket) -> None:
        changes = packet.get_boolean()
        password = packet.get_string()
        if changes:
            packet.get_string()
        packet.check_end()
        try:
            text = password.decode("utf-8")
        except UnicodeDecodeError:
            self.send_failure()
            return
        if not changes and await self._conn.validate_password(self._username, text):
            await self.send_success()
        else:
            self.send_failure()
