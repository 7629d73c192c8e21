"""Recipients and identities of every type, from and to their text, and what a set of them means for one file.

A recipient wraps a file key into a stanza; an identity unwraps it. Text forms: `age1…`, `age1pq1…`, `ssh-ed25519 …`
for recipients;
`AGE-SECRET-KEY-1…`, `AGE-SECRET-KEY-PQ-1…` for identities. A passphrase (`passphrase.py`) has no text form.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Protocol

from sealane.vault.age import hybrid, ssh, x25519
from sealane.vault.age.failures import HeaderInvalid, KeyInvalid, NoIdentityMatches, RecipientsMixed
from sealane.vault.age.header import FILE_KEY_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sealane.vault.age.header import Header, Stanza


class Recipient(Protocol):
    """A public key that is sealed to."""

    label: str
    """`hybrid`, `classic` or `passphrase`: only recipients of one label share a file."""

    def wrap(self, file_key: bytes) -> Stanza:
        """Return the stanza by which the matching identity finds the file key."""


class Identity(Protocol):
    """A private key that opens."""

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """Return the file key, or None if no stanza is for this identity.

        Raises `HeaderInvalid` for a stanza of its type that is malformed.
        """


class OwnIdentity(Identity, Protocol):
    """A private key of a key pair (a passphrase is none)."""

    def recipient(self) -> Recipient:
        """Return the public half."""


def recipient(text: str) -> Recipient:
    """Return the recipient that this text names. Raises `KeyInvalid`."""
    text = text.strip()
    if text.startswith("age1pq1"):
        return hybrid.HybridRecipient.from_text(text)
    if text.startswith("age1"):
        return x25519.X25519Recipient.from_text(text)
    if text.startswith("ssh-ed25519 "):
        return ssh.SshRecipient.from_text(text)
    raise KeyInvalid("This is not an age recipient: it begins with age1 or ssh-ed25519.")


def identity(text: str) -> hybrid.HybridIdentity | x25519.X25519Identity:
    """Return the identity that this text names. Raises `KeyInvalid`."""
    text = text.strip()
    if text.startswith("AGE-SECRET-KEY-PQ-1"):
        return hybrid.HybridIdentity.from_text(text)
    if text.startswith("AGE-SECRET-KEY-1"):
        return x25519.X25519Identity.from_text(text)
    raise KeyInvalid("This is not an age identity: it begins with AGE-SECRET-KEY-.")


def identities(text: str) -> list[OwnIdentity]:
    """Return the identities of an identity file: one a line, `#` begins a comment. Raises `KeyInvalid`."""
    lines = [line.strip() for line in text.splitlines()]
    return [identity(line) for line in lines if line and not line.startswith("#")]


def digest_of(recipients: Iterable[str]) -> bytes:
    """Return what names a list of recipients between a sender and the server: SHA-256 of their texts, one a line."""
    return hashlib.sha256("\n".join(recipients).encode()).digest()


def check_together(recipients: Sequence[Recipient]) -> None:
    """Raise unless these recipients may share a file: some, all of one label, a passphrase alone."""
    if not recipients:
        raise KeyInvalid("There is no recipient to seal to.")
    labels = {one.label for one in recipients}
    if len(labels) > 1 or ("passphrase" in labels and len(recipients) > 1):
        raise RecipientsMixed


def find_file_key(header: Header, identities: Sequence[Identity]) -> bytes:
    """Return the file key that one of the identities finds, the header's MAC verified with it.

    Raises `NoIdentityMatches`, `HeaderInvalid`, `HeaderForged`.
    """
    if len(header.stanzas) > 1 and any(stanza.arguments[0] == "scrypt" for stanza in header.stanzas):
        raise HeaderInvalid("A passphrase cannot stand beside other recipients.")
    for one in identities:
        file_key = one.unwrap(header.stanzas)
        if file_key is not None:
            if len(file_key) != FILE_KEY_BYTES:
                raise HeaderInvalid
            header.verify(file_key)
            return file_key
    raise NoIdentityMatches
