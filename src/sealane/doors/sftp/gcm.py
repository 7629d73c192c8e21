"""AES-GCM of SSH packets (RFC 5647; aes*-gcm@openssh.com) with one cipher object for the life of a key.

asyncssh builds a cipher anew for every packet and copies the packet several times. This stands in its place, under the
same face for asyncssh's own path, and with `open_into` and `seal_into` for the express path. Both share one packet
counter, so a packet may take either path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from asyncssh.encryption import Encryption, GCMEncryption
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from sealane.vault.blobs import Buffer

TAG_BYTES: Final = 16
_FIXED_BYTES: Final = 4
_COUNTER_MASK: Final = 2**64 - 1


class Gcm(Encryption):
    """One direction of one key."""

    __slots__ = ("_aead", "_counter", "_fixed", "_opened")

    def __init__(self, key: bytes, iv: bytes) -> None:
        """Go on at the counter that the IV holds (RFC 5647, 7.1)."""
        self._aead = AESGCM(key)
        self._fixed = iv[:_FIXED_BYTES]
        self._counter = int.from_bytes(iv[_FIXED_BYTES:], "big")
        self._opened: bytes | None = None

    @classmethod
    def instead_of(cls, encryption: Encryption | None) -> Encryption | None:
        """Return this in place of asyncssh's own GCM; anything else is left as it is."""
        if type(encryption) is not GCMEncryption:
            return encryption
        cipher = encryption._cipher  # noqa: SLF001  # checked by foundations.py
        return cls(cipher._key, cipher._iv)  # noqa: SLF001  # checked by foundations.py

    def open_into(self, head: Buffer, sealed: Buffer, plain: Buffer) -> bool:
        """Open one packet (without its length, `head`) into `plain`. False: its tag is wrong, nothing may be used."""
        try:
            self._aead.decrypt_into(self._nonce(), sealed, head, plain)
        except InvalidTag:
            return False
        return True

    def seal_into(self, head: Buffer, plain: Buffer, sealed: Buffer) -> None:
        """Seal one packet into `sealed`, which is longer by the tag."""
        self._aead.encrypt_into(self._nonce(), plain, head, sealed)

    def seal(self, head: bytes, plain: bytes) -> bytes:
        """Return one packet sealed, without its length, `head`."""
        return self._aead.encrypt(self._nonce(), plain, head)

    def hand_over(self, plain: bytes) -> None:
        """Let asyncssh's own path take a packet that `open_into` has opened: its next `decrypt_packet` returns it."""
        self._opened = plain

    def encrypt_packet(self, seq: int, header: bytes, packet: bytes) -> tuple[bytes, bytes]:
        """Seal a packet for asyncssh."""
        del seq
        sealed = self._aead.encrypt(self._nonce(), packet, header)
        return header + sealed[:-TAG_BYTES], sealed[-TAG_BYTES:]

    def decrypt_header(self, seq: int, first_block: bytes, header_len: int) -> tuple[bytes, bytes]:
        """Return the length, which is in clear."""
        del seq
        return first_block, first_block[:header_len]

    def decrypt_packet(self, seq: int, first: bytes, rest: bytes, header_len: int, mac: bytes) -> bytes | None:
        """Open a packet for asyncssh; None means that its tag is wrong."""
        del seq
        if self._opened is not None:
            opened, self._opened = self._opened, None
            return opened
        try:
            return self._aead.decrypt(self._nonce(), first[header_len:] + rest + mac, first[:header_len])
        except InvalidTag:
            return None

    def _nonce(self) -> bytes:
        counter = self._counter
        self._counter = (counter + 1) & _COUNTER_MASK
        return self._fixed + counter.to_bytes(8, "big")
