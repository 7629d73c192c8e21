"""What an SFTP version 3 client is told of a failure: the one table from our errors to its nine codes."""

from __future__ import annotations

from sealane.doors.sftp import packets
from sealane.doors.sftp.packets import Code
from sealane.errors import Kind, NotAFolder, SealaneError

_CODES = {
    Kind.REFUSED: Code.PERMISSION_DENIED,
    Kind.MISSING: Code.NO_SUCH_FILE,
    Kind.INVALID: Code.FAILURE,
    Kind.CONFLICT: Code.FAILURE,
    Kind.EXHAUSTED: Code.FAILURE,
    Kind.UNAVAILABLE: Code.FAILURE,
    Kind.INTEGRITY: Code.FAILURE,
    Kind.UNSUPPORTED: Code.OP_UNSUPPORTED,
}
"""BAD_MESSAGE is kept for packets that cannot be read: some clients take it for a broken connection."""


def code_of(error: SealaneError) -> Code:
    """Return the status code of a failure. A file in the way of a folder is missing, as others answer ENOTDIR."""
    if isinstance(error, NotAFolder):
        return Code.NO_SUCH_FILE
    return _CODES[error.kind]


def reply(number: int, error: SealaneError) -> bytes:
    """Return the status reply: the sentence for the person, the stable code for the one who supports them."""
    return packets.status(number, code_of(error), f"{error.sentence} ({error.code})")
