"""Failures that only some operations have: what an administrator names and is not there, or may not be so.

Lives here: errors that the keeper raises and that its callers must know again by their code. Not here: those that any
operation may meet (`errors.py`), nor those that never cross a socket (each door has its own).
"""

from __future__ import annotations

from typing import Final

from sealane.errors import Conflict, Exhausted, Integrity, Invalid, Missing, Refused, Unavailable, Unsupported


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


class PasswordWeak(PasswordInvalid):
    """A password that its owner has chosen would be guessed soon."""

    code = "password-weak"
    default = "This password is easy to guess. Take a few words that nobody else would put together."


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


class NoRecipients(Conflict):
    """Nobody has a key that a sealed folder's files could be sealed to."""

    code = "no-recipients"
    default = (
        "This folder is sealed, and none of those who may read it has a key yet. Its administrator can add one "
        "(sealane user recipient add NAME@ORG age1…)."
    )


class RecipientsDiffer(Conflict):
    """Some recipients have post-quantum keys only and others classic ones only."""

    code = "recipients-mixed"
    default = (
        "This folder is sealed, and those who may read it have no kind of key in common, so that nothing can be sealed"
        " to all of them. Its administrator can see who lacks which (sealane folder sealed) and give them one."
    )


class NotReadYet(Conflict):
    """A folder that publishes only what has been read is not given back a version that was not."""

    code = "not-read-yet"
    default = (
        "This folder shows only what has been read, and this version was not read (yet). Fetch it and send it again:"
        " it is read then."
    )


class TooManyRecipients(Conflict):
    """A header of so many recipients would be refused by those who are to open it."""

    code = "too-many-recipients"
    default = "More people may read this folder than one file can be sealed to. Its administrator can grant fewer."


class SealedName(Conflict):
    """A sealed file was to be opened by the name of its plaintext."""

    code = "sealed-name"
    default = "This file is sealed. Open it by its name with .age at the end."


class SealedContent(Conflict):
    """A sealed file was to be changed in place."""

    code = "sealed-content"
    default = "This file is sealed: nobody here can read it, so it cannot be changed. Send it anew, whole."


class SealedMove(Unsupported):
    """Something was to be moved into or out of a sealed folder."""

    code = "sealed-move"
    default = "Nothing is moved into a sealed folder or out of it. Send it there anew."


NOT_SEALED_HERE: Final = "This folder is not sealed: send the file as it is, or under a name that ends in .age."


class PartElsewhere(Conflict):
    """A part was to be joined into the folder of another organization than the one whose key its bytes are under."""

    code = "part-elsewhere"
    default = "This part was sent for a folder of another organization. Send it anew for where it is to go."


class NotSealed(Invalid):
    """What came as sealed by its sender is no age file."""

    code = "not-an-age-file"
    default = (
        "In a sealed folder a name that ends in .age is for a file that you have sealed yourself, and this is none. "
        "Send it without .age; it is sealed here."
    )


class HeaderUnfit(Invalid):
    """A header that was to replace another is no header, or not one for those it is said to be for."""

    code = "header-unfit"
    default = "This is not an age header for these recipients."


class RecipientsChanged(Conflict):
    """A header that was to replace another is not for those who read its folder now: readers came or went meanwhile."""

    code = "recipients-changed"
    default = "The folder's recipients are others than this header is for. Look at who they are now, and do it again."


class NoteInvalid(Invalid):
    """A text is no signed note, or no key for one."""

    code = "note-invalid"


class SignatureWrong(Integrity):
    """A signature by a key that is known does not verify, or none by such a key is there."""

    code = "signature-wrong"
    default = "The signature is not by the key that was expected, or is over something else."


class TimeStampWrong(Integrity):
    """A time stamp is none, is of something else, or is not by the authority that was expected."""

    code = "time-stamp-wrong"
    default = "The time stamp is not one of this checkpoint by the authority that was expected."


class SigningKeyWrong(Integrity):
    """A signing key was not appointed by the one before it."""

    code = "signing-key-wrong"
    default = "A signing key of the ledger was not appointed by the key before it."


class ProofWrong(Integrity):
    """A proof does not prove what it is said to."""

    code = "proof-wrong"
    default = "The proof does not fit: the entry is not the one that the checkpoint has there."


class ProofWanted(Refused):
    """A dangerous step was asked by somebody who has not proved lately who they are."""

    code = "proof-wanted"
    default = "Prove again who you are before this step."


class LinkOver(Refused):
    """A one-time link was used, replaced, or is too old; or there never was one."""

    code = "link-over"
    default = "This link is not valid any more. Ask for a new one."


class PasskeysOff(Conflict):
    """This server's name is not known to it, and passkeys are made for a name."""

    code = "passkeys-off"
    default = "Passkeys need the address of this server: whoever runs it sets 'public_url'."


class PasskeyWrong(Refused):
    """An authenticator's answer does not fit what it was asked."""

    code = "passkey-wrong"
    default = "The passkey could not be checked. Try it again."


class NoDownloadsLeft(Exhausted):
    """A package was fetched as often as its sender allows."""

    code = "no-downloads-left"
    default = "This package was fetched as often as its sender allows. Ask the sender for it again."


class NameUnwanted(Invalid):
    """A request for files takes none with such a name."""

    code = "name-unwanted"
    default = "Files with such a name are not wanted here."


class ShareMissing(Missing):
    """There is no such share of the caller's."""

    code = "share-missing"
    default = "There is no such package or request of yours."


class MailboxInvalid(Invalid):
    """An e-mail address is not one that mail is sent to from here."""

    code = "mailbox-invalid"
    default = "An e-mail address is not valid. Write them as name@example.org, one a line."


class CodeWrong(Invalid):
    """A one-time code does not fit the secret that is being set up."""

    code = "code-wrong"
    default = "The code does not fit. Check the clock of your telephone, and type the code that it shows now."


class SecondFactorThere(Conflict):
    """There is a second factor already."""

    code = "second-factor-there"
    default = "One-time codes are set up already. Switch them off first."


class UploadInTheWay(Conflict):
    """The caller was shown their own unfinished upload and asks for the bytes of what stands behind it."""

    code = "upload-in-the-way"
    default = (
        "What you sent under this name was interrupted or is not published yet, and is what you are shown."
        " Go on with it, send it again, or remove it; until then you cannot read the file here."
    )


class ReadingBehind(Unavailable):
    """More has arrived than could be read until now, and what arrives here is to be read before it is visible."""

    code = "reading-behind"
    default = "Too much waits to be read before it is published. Nothing more is taken here for a while. Try later."
