"""Mail that came back: delivery status notifications (RFC 3464) read for the messages that the desk sent.

Who wrote such a file is not known. It counts for what it names by a Message-ID of ours, which only those have who got
the message; it counts once; and what it says beside that is not kept.
"""

from __future__ import annotations

import email
from email.message import Message as Mail
from email.policy import compat32
from typing import TYPE_CHECKING, Final

from sealane.desk.failures import BounceInvalid
from sealane.desk.notices import mailings
from sealane.desk.notices.mailings import Bounced
from sealane.desk.notices.sending import token_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from sealane.desk.folder import Folder

_BYTES_MAX: Final = 4 << 20
_PARTS_MAX: Final = 100
_FAILED: Final = "failed"


def files_in(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files that are named, and those in folders that are, in order of name."""
    for path in paths:
        yield from sorted(each for each in path.iterdir() if each.is_file()) if path.is_dir() else (path,)


def read(path: Path) -> str | None:
    """Return the token of the message that did not arrive, if it is one of ours. Raises `BounceInvalid`."""
    try:
        with path.open("rb") as file:
            content = file.read(_BYTES_MAX + 1)
    except OSError as problem:
        raise BounceInvalid(f"{path} cannot be read: {problem}.") from None
    if len(content) > _BYTES_MAX:
        raise BounceInvalid(f"{path} is larger than any delivery status notification.")
    return token_in(content)


def token_in(content: bytes) -> str | None:
    """Return the token of the message that a notification is about; None where it is not ours, or only late.

    Raises `BounceInvalid` for what is no delivery status notification.
    """
    try:
        parts = list(_parts(email.message_from_bytes(content, policy=compat32)))
    except (ValueError, LookupError, RecursionError, AssertionError, AttributeError, TypeError):
        raise BounceInvalid from None  # what the library makes of hostile mail
    status = [part for part in parts if part.get_content_type() == "message/delivery-status"]
    if not status:
        raise BounceInvalid
    actions = {
        str(block.get("Action", "")).strip().lower()
        for part in status
        for block in (part.get_payload() if isinstance(part.get_payload(), list) else [])
        if isinstance(block, Mail)
    }
    if _FAILED not in actions:
        return None
    tokens = {token for part in parts[1:] for name in _ids(part) if (token := token_of(name)) is not None}
    return tokens.pop() if len(tokens) == 1 else None


def _parts(mail: Mail) -> Iterator[Mail]:
    for number, part in enumerate(mail.walk()):
        if number >= _PARTS_MAX:
            raise BounceInvalid
        yield part


def _ids(part: Mail) -> Iterator[str]:
    """Yield the Message-ID of a message that is enclosed, whole or by its headers alone."""
    if part.get("Message-ID") is not None:
        yield str(part["Message-ID"])
    if part.get_content_type() == "text/rfc822-headers":
        payload = part.get_payload(decode=True)
        enclosed = email.message_from_bytes(payload if isinstance(payload, bytes) else b"", policy=compat32)
        if enclosed.get("Message-ID") is not None:
            yield str(enclosed["Message-ID"])


def keep(folder: Folder, number: int, tokens: Iterable[str], now: datetime) -> int:
    """Keep that these messages of an incident came back; return how many of them were not known to."""
    mailing = mailings.load(folder, number)
    new = sorted({token for token in tokens if mailing.states.get(token, "bounced") != "bounced"})
    if new:
        mailings.add(folder, number, Bounced(now, tuple(new)))
    return len(new)
