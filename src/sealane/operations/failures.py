"""Failures that only some operations have: what an administrator names and is not there, or may not be so.

Lives here: errors that the keeper raises and that its callers must know again by their code. Not here: those that any
operation may meet (`errors.py`), nor those that never cross a socket (each door has its own).
"""

from __future__ import annotations

from sealane.errors import Integrity, Invalid, Missing


class OrganizationMissing(Missing):
    """There is no organization of this name."""

    code = "organization-missing"
    default = "There is no organization of this name."


class UserMissing(Missing):
    """There is no such user."""

    code = "user-missing"
    default = "There is no user of this name."


class GroupMissing(Missing):
    """There is no such group."""

    code = "group-missing"
    default = "There is no group of this name."


class CredentialMissing(Missing):
    """The user has no such key or token."""

    code = "credential-missing"
    default = "The user has no such key or token."


class GrantMissing(Missing):
    """There is no such grant."""

    code = "grant-missing"
    default = "This user or group has no grant of its own on this folder."


class SessionMissing(Missing):
    """There is no open session of this name."""

    code = "session-missing"
    default = "There is no open session of this name."


class NameInvalid(Invalid):
    """A name of an organization, user or group breaks the rules, or is not written as it must be."""

    code = "name-invalid"
    default = "The name is not valid."


class PasswordInvalid(Invalid):
    """A password is too short or too long, or is no text."""

    code = "password-invalid"
    default = "The password is too short or too long."


class SshKeyInvalid(Invalid):
    """A line or blob is no SSH public key that is accepted here."""

    code = "ssh-key-invalid"
    default = (
        "This is not an SSH public key that is accepted. Use ssh-ed25519, sk-ssh-ed25519@openssh.com, "
        "ecdsa-sha2-nistp256, ecdsa-sha2-nistp384, or ssh-rsa with 2048 bits or more."
    )


class AlgorithmUnknown(Invalid):
    """A door asked for a signature by an algorithm that no host key has."""

    code = "host-key-algorithm-unknown"
    default = "No host key signs with this algorithm."


class NoteInvalid(Invalid):
    """A text is no signed note, or no key for one."""

    code = "note-invalid"


class SignatureWrong(Integrity):
    """A signature by a key that is known does not verify, or none by such a key is there."""

    code = "signature-wrong"
    default = "The signature is not by the key that was expected, or is over something else."


class SigningKeyWrong(Integrity):
    """A signing key was not appointed by the one before it."""

    code = "signing-key-wrong"
    default = "A signing key of the ledger was not appointed by the key before it."


class ProofWrong(Integrity):
    """A proof does not prove what it is said to."""

    code = "proof-wrong"
    default = "The proof does not fit: the entry is not the one that the checkpoint has there."
