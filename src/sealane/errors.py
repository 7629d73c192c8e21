"""Every expected failure, each with a stable code and a sentence for the person who meets it.

The tree:

    SealaneError
    ├── Refused            who you are or what you may
    │   ├── NotSignedIn        no valid credential; the same answer to every stranger
    │   ├── SessionEnded       the session was ended (disabled, revoked, expired)
    │   ├── Locked             too many failures; try again later
    │   └── NotAllowed         you can see it, but may not do this
    ├── Missing            it is not there, or you may not see it: the same answer
    ├── Invalid            the request itself is wrong (name, offset, length, range)
    ├── Conflict           the state forbids it (exists, not empty, taken over, wrong offset)
    ├── Exhausted          a limit or a quota
    ├── Unavailable        cannot be done now (keeper away, disk full); trying again later may work
    └── Integrity          what was stored is not what was written

Not here: protocol status codes. A door maps `kind` to its own words (`doors/sftp/status.py`, `doors/http/problems.py`).
A class is found again by its `code` on the other side of the socket, so a code is never reused or renamed.
"""

from __future__ import annotations

import enum
from typing import ClassVar


class Kind(enum.Enum):
    """What a door needs to know of a failure to translate it."""

    REFUSED = "refused"
    MISSING = "missing"
    INVALID = "invalid"
    CONFLICT = "conflict"
    EXHAUSTED = "exhausted"
    UNAVAILABLE = "unavailable"
    INTEGRITY = "integrity"
    UNSUPPORTED = "unsupported"


class SealaneError(Exception):
    """An expected failure. `code` is stable; `sentence` says what to do and names nothing the caller may not know."""

    code: ClassVar[str] = "failed"
    kind: ClassVar[Kind] = Kind.UNAVAILABLE
    default: ClassVar[str] = "This could not be done."
    by_code: ClassVar[dict[str, type[SealaneError]]] = {}

    def __init__(self, sentence: str | None = None) -> None:
        """Use the class's own sentence unless a better one is given."""
        self.sentence = sentence or self.default
        super().__init__(self.sentence)

    def __init_subclass__(cls) -> None:
        """Register the class under its code, so that the caller's side of the socket can raise it again."""
        super().__init_subclass__()
        if "code" in cls.__dict__:
            if cls.code in SealaneError.by_code:
                msg = f"error code {cls.code} is taken"
                raise TypeError(msg)
            SealaneError.by_code[cls.code] = cls


def raised_again(code: str, sentence: str) -> SealaneError:
    """Return the error that the other side of a socket raised; an unknown code becomes a plain `SealaneError`.

    A class with a constructor of its own never crosses a socket, so its code is not known here either.
    """
    known = SealaneError.by_code.get(code, SealaneError)
    return (known if known.__init__ is SealaneError.__init__ else SealaneError)(sentence)


# --- Refused ---------------------------------------------------------------------------------------------------------


class Refused(SealaneError):
    """Who you are, or what you may."""

    code = "refused"
    kind = Kind.REFUSED
    default = "You may not do this."


class NotSignedIn(Refused):
    """No valid credential. One answer to every stranger; who comes with a right key or token is told why it is none."""

    code = "not-signed-in"
    default = "The sign-in was not accepted. Check the user name and the password, key or token."


class SessionEnded(Refused):
    """The session is over: signed out, disabled, revoked or expired."""

    code = "session-ended"
    default = "Your session has ended. Sign in again."


class Locked(Refused):
    """Too many failed sign-ins."""

    code = "locked"
    default = "Too many failed sign-ins. Wait some minutes and try again."


class NotAllowed(Refused):
    """The thing is visible to the caller, but this act on it is not theirs."""

    code = "not-allowed"
    default = "You do not have the right to do this here. Ask the folder's administrator."


class OperationRefused(Refused):
    """A process asked for an operation that is not its own (a door asking for an administrator's)."""

    code = "operation-refused"
    default = "This operation may not be asked from here."


class ExchangeKnown(Refused):
    """The keeper has signed this exchange before."""

    code = "exchange-known"
    default = "This key exchange was signed before. Connect again."


# --- Missing ---------------------------------------------------------------------------------------------------------


class Missing(SealaneError):
    """Not there, or not yours to see."""

    code = "missing"
    kind = Kind.MISSING
    default = "There is no such file or folder."


class UploadMissing(Missing):
    """No such upload, or it is somebody else's, or its time is over."""

    code = "upload-missing"
    default = "There is no such upload. It may have expired; start it again."


# --- Invalid ---------------------------------------------------------------------------------------------------------


class Invalid(SealaneError):
    """The request itself is wrong; sending it again will not help."""

    code = "invalid"
    kind = Kind.INVALID
    default = "The request is not valid."


class PathInvalid(Invalid):
    """A path or a name breaks the rules of `paths.py`."""

    code = "path-invalid"
    default = "The path is not valid."


class LengthMismatch(Invalid):
    """More or fewer bytes came than were declared."""

    code = "length-mismatch"
    default = "The number of bytes received differs from the length declared. The upload can be resumed."


class DigestMismatch(Invalid):
    """The bytes received do not have the digest that the sender declared."""

    code = "digest-mismatch"
    default = "The digest of what arrived differs from the one declared. Send it again."


class NotASegment(Invalid):
    """A door reported a segment, an edit or a size that does not add up."""

    code = "segment-invalid"
    default = "The reported segment is not valid."


class PeopleListInvalid(Invalid):
    """A people list is damaged, or of a version that this program does not know."""

    code = "people-list-invalid"
    default = "This is no people list that can be read here."


class LayoutInvalid(Invalid):
    """What an administrator wrote about a table's columns cannot be used."""

    code = "layout-invalid"
    default = "The layout cannot be used."


# --- Conflict --------------------------------------------------------------------------------------------------------


class Conflict(SealaneError):
    """The present state forbids it."""

    code = "conflict"
    kind = Kind.CONFLICT
    default = "This conflicts with the present state."


class AlreadyExists(Conflict):
    """The name is taken."""

    code = "already-exists"
    default = "Something with this name is already there."


class NotEmpty(Conflict):
    """Only an empty folder can be removed."""

    code = "not-empty"
    default = "The folder is not empty."


class NotAFolder(Conflict):
    """A file stands where a folder is needed."""

    code = "not-a-folder"
    default = "This is a file, not a folder."


class IsAFolder(Conflict):
    """A folder stands where a file is needed."""

    code = "is-a-folder"
    default = "This is a folder, not a file."


class OffsetConflict(Conflict):
    """The offset named is not where the upload stands."""

    code = "offset-conflict"
    default = "The upload does not stand at this offset. Ask for its offset and go on from there."


class UploadBusy(Conflict):
    """Another request is writing this upload at this moment."""

    code = "upload-busy"
    default = "Another request is sending to this upload. Wait for it to end, then resume."


class UploadTakenOver(Conflict):
    """Another session of the same user has resumed this upload."""

    code = "upload-taken-over"
    default = "This upload was resumed elsewhere."


class UploadFinished(Conflict):
    """The upload is finished and takes no more bytes."""

    code = "upload-finished"
    default = "This upload is already finished."


class UploadUnfinished(Conflict):
    """It is not whole yet, so it cannot be read or joined."""

    code = "upload-unfinished"
    default = "This upload is not finished yet."


class CopyNotShared(Conflict):
    """The bytes cannot be shared between these files; the door copies them by reading and writing."""

    code = "copy-not-shared"
    default = "These bytes cannot be shared; copy them by reading and writing."


class MoveIntoItself(Conflict):
    """A folder was to be moved below itself."""

    code = "move-into-itself"
    default = "A folder cannot be moved into itself."


class BlobExists(Conflict):
    """A blob of this name is there, or is being written."""

    code = "blob-exists"
    default = "A blob of this name is there already."


# --- Exhausted -------------------------------------------------------------------------------------------------------


class Exhausted(SealaneError):
    """A limit of `settings.py` or a quota is reached."""

    code = "exhausted"
    kind = Kind.EXHAUSTED
    default = "A limit has been reached."


class QuotaExceeded(Exhausted):
    """The organization's or folder's quota does not hold this."""

    code = "quota-exceeded"
    default = "The quota of this folder or organization does not have room for this file."


class TooLarge(Exhausted):
    """Larger than a limit allows."""

    code = "too-large"
    default = "This is larger than the limit allows."


class TooMany(Exhausted):
    """More than a limit allows at once."""

    code = "too-many"
    default = "Too many at once. Try again later."


class ReleaseLimit(Exhausted):
    """More was fetched in an hour than a session, or all of them, may: a break-in gets so much and no more."""

    code = "release-limit"
    default = "More was fetched in this hour than is allowed. Go on in an hour, or ask the administrator."


# --- Unavailable -----------------------------------------------------------------------------------------------------


class Unavailable(SealaneError):
    """Not now."""

    code = "unavailable"
    kind = Kind.UNAVAILABLE
    default = "The server cannot do this now. Try again later; nothing was lost."


class StoreFull(Unavailable):
    """No room on the server's disk or object store."""

    code = "store-full"
    default = "The server has no room left. Nothing was lost; tell its administrator and resume later."


class KeeperAway(Unavailable):
    """No keeper answers on its socket."""

    code = "keeper-away"
    default = "The server is being restarted. Try again in a moment; nothing was lost."


class OutcomeUnknown(Unavailable):
    """The keeper, or its database, went away while this was under way: it is not safe to ask again blindly."""

    code = "outcome-unknown"
    default = "The server was interrupted: this may or may not have been done. Look before you try again."


class InternalFailure(Unavailable):
    """A programming error, answered without its details; the server's log has them under the reference."""

    code = "internal"
    default = "Something went wrong on the server. It was logged."


class LeaseHeld(Unavailable):
    """Another keeper is the writer of this database."""

    code = "lease-held"
    default = "Another keeper already works on this data. Stop it first, or leave this one as a standby."


class KeyFileInvalid(Unavailable):
    """A key file of the node is missing, damaged or open to others."""

    code = "key-file-invalid"
    default = "The node's key file cannot be used."


# --- Integrity -------------------------------------------------------------------------------------------------------


class Integrity(SealaneError):
    """Stored bytes, a version's list or the ledger are not what was written."""

    code = "integrity"
    kind = Kind.INTEGRITY
    default = "What is stored is damaged or was altered. It was not delivered; tell the administrator."


# --- Unsupported -----------------------------------------------------------------------------------------------------


class Unsupported(SealaneError):
    """Understood, and not offered."""

    code = "unsupported"
    kind = Kind.UNSUPPORTED
    default = "This is not supported."
