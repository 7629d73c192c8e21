"""The SSH key exchange as far as the host key is in it: the keeper signs, this process has only the public half.

asyncssh signs synchronously inside its handler of the client's first message (RFC 5656, 4; RFC 4253, 8). Here that
handler is replaced by one that awaits the keeper's signature; while it waits, asyncssh reads nothing further.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from asyncssh import KeyExchangeFailed, ProtocolError
from asyncssh.kex_dh import MSG_KEX_ECDH_INIT, _KexECDH
from asyncssh.public_key import SSHKeyPair

from sealane.errors import SealaneError

if TYPE_CHECKING:
    from asyncssh.kex import Kex
    from asyncssh.packet import SSHPacket

_RSA = b"ssh-rsa"
_RSA_SIGNATURES = (b"rsa-sha2-512", b"rsa-sha2-256")


class PublicHostKey(SSHKeyPair):
    """A host key of which only the public half is here, under the face that asyncssh's options want."""

    def __init__(self, blob: bytes) -> None:
        """Read the algorithm from a public key blob (RFC 4253, 6.6)."""
        length = int.from_bytes(blob[:4], "big")
        algorithm = blob[4 : 4 + length]
        signatures = _RSA_SIGNATURES if algorithm == _RSA else (algorithm,)
        super().__init__(algorithm, algorithm, signatures, signatures, blob, None)

    def sign(self, data: bytes) -> bytes:
        """Never called: the private half is the keeper's."""
        del data
        raise KeyExchangeFailed("The host key signs in the keeper.")


class SigningConnection(Protocol):
    """What the exchange needs of its connection."""

    def chosen_host_key(self) -> tuple[bytes, bytes]:
        """Return the public blob and the signature algorithm that were agreed."""
        ...

    async def sign_exchange(self, exchange_hash: bytes, algorithm: bytes) -> bytes:
        """Return the keeper's signature blob of an exchange hash."""
        ...

    def is_closed(self) -> bool:
        """Return whether the connection has ended meanwhile."""
        ...

    def send_newkeys(self, k: bytes, h: bytes) -> None:
        """Go on with the new keys."""
        ...


async def _reply_signed_by_keeper(kex: _KexECDH, _kind: int, _sequence: int, packet: SSHPacket) -> None:
    """Answer the client's public key: `SSH_MSG_KEX_ECDH_REPLY` with the keeper's signature of the exchange hash."""
    conn = cast("SigningConnection", kex._conn)  # noqa: SLF001  # checked by foundations.py
    kex._parse_client_key(packet)  # noqa: SLF001  # checked by foundations.py
    packet.check_end()
    host_key, algorithm = conn.chosen_host_key()
    shared = kex._compute_server_shared()  # noqa: SLF001  # checked by foundations.py
    exchange_hash = kex._compute_hash(host_key, shared)  # noqa: SLF001  # checked by foundations.py
    try:
        signature = await conn.sign_exchange(exchange_hash, algorithm)
    except SealaneError as error:
        raise KeyExchangeFailed(error.sentence) from None
    if conn.is_closed():
        return
    kex._send_reply(host_key, signature)  # noqa: SLF001  # checked by foundations.py
    conn.send_newkeys(shared, exchange_hash)


def let_keeper_sign(kex: Kex | None) -> None:
    """Make this one exchange await the keeper. Its class is left alone: clients in the same process use it too."""
    if not isinstance(kex, _KexECDH):
        raise ProtocolError("This key exchange is not offered here.")
    kex._packet_handlers = {MSG_KEX_ECDH_INIT: _reply_signed_by_keeper}  # noqa: SLF001  # checked by foundations.py
