"""What can go wrong on the user's side only. Everything else comes from the server, by the codes of `errors.py`."""

from __future__ import annotations

from sealane.errors import Conflict, Integrity, Invalid, Refused, SealaneError, Unavailable


class LoginMissing(Refused):
    """Nobody has signed in on this machine."""

    code = "login-missing"
    default = "You are not signed in. Run 'sealane login URL --token-stdin', or set SEALANE_URL and SEALANE_TOKEN."


class ServerAddressInvalid(Invalid):
    """A server's address that a token must not be sent to."""

    code = "server-address-invalid"
    default = "The address must be https://HOST[:PORT]; http is only for this machine itself."


class Unreachable(Unavailable):
    """The connection could not be made, or broke. Trying again may work."""

    code = "unreachable"
    default = "The server cannot be reached."


class CertificateRefused(Refused):
    """The server's certificate is not one that this machine trusts."""

    code = "certificate-refused"
    default = "The server's certificate is not trusted. For a private one, name its file in SEALANE_CA."


class BeingSealed(Unavailable):
    """The file has arrived and nobody can fetch it yet. Trying again will work."""

    code = "being-sealed"
    default = "The file has arrived and is about to be sealed; then it can be fetched."


class AnswerInvalid(Unavailable):
    """The server answered something that is not Sealane's."""

    code = "answer-invalid"
    default = "The server's answer was not understood. Is this the address of a Sealane server?"


class ChangedHere(Conflict):
    """The local file changed while it was being sent."""

    code = "changed-here"
    default = "The file changed while it was being sent. Send it again."


class ChangedThere(Conflict):
    """The remote file was replaced while it was being fetched."""

    code = "changed-there"
    default = "The file was replaced on the server while it was being fetched. Fetch it again."


class BeingMoved(Conflict):
    """Another process on this machine sends or fetches the same file."""

    code = "being-moved"
    default = "Another sealane on this machine is moving this file."


class NotVerified(Integrity):
    """The digests differ: what arrived is not what was sent."""

    code = "digest-differs"
    default = (
        "The SHA-256 of what arrived differs from what was sent. Send it again; tell the administrator if it recurs."
    )


class FolderNotSealed(Refused):
    """What was to be sealed would have gone in clear."""

    code = "folder-not-sealed"
    default = "This folder is not a sealed one; nothing was sent."


class IdentityExposed(Refused):
    """A file of private keys that other accounts can read."""

    code = "identity-exposed"


class PassphraseWrong(Refused):
    """The passphrase does not open the identity file."""

    code = "passphrase-wrong"
    default = "This passphrase does not open the identity file."


class RecoveryWordsInvalid(Invalid):
    """Words of a recovery key that are mistyped, incomplete, or of different keys."""

    code = "recovery-words-invalid"
    default = "These are not the words of a recovery key."


class LocalFailure(SealaneError):
    """The operating system refused something with a local file."""

    code = "local-file"


class Interrupted(SealaneError):
    """The user stopped it."""

    code = "interrupted"
    default = "Stopped."
