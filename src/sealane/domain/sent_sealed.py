"""Files that their sender has sealed: kept as they came, inside slots like any other, and handed out as age files.

The server cannot read them and says so. The header is kept apart from then on, so that it can be made anew for readers
who come later. Not here: what is sealed here (sealing.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.domain import age_versions, exposures, publish, reading, recipients
from sealane.errors import Conflict, Integrity, Invalid, Unsupported
from sealane.exposure.model import Why
from sealane.ids import UploadId
from sealane.ledger import events
from sealane.operations.failures import NOT_SEALED_HERE, NotSealed
from sealane.vault.age import header as age_header
from sealane.vault.age import keys as age_keys
from sealane.vault.age.payload import NONCE_BYTES, plain_length

if TYPE_CHECKING:
    from sealane.domain.places import Folder
    from sealane.domain.publish import Published
    from sealane.domain.work import Caller, Work
    from sealane.operations.uploads import SentSealed


def check(folder: Folder, sent: SentSealed, size: int) -> None:
    """Raise `NotSealed` unless what came can be an age file of what its sender says, and belongs here."""
    if folder.row.sealed_by is None:
        raise NotSealed(NOT_SEALED_HERE)
    try:
        parsed, length = age_header.parse(sent.header)
        plain = plain_length(size - length - NONCE_BYTES)
    except (Invalid, Integrity, Unsupported):
        raise NotSealed from None
    if length != len(sent.header) or not parsed.stanzas or plain != sent.length:
        raise NotSealed


def keep(work: Work, upload: str, folder: Folder, published: Published, sent: SentSealed) -> None:
    """Keep what makes it an age file. The nonce stays where it came: at the begin of the stored payload."""
    told = _told(work, folder, sent)
    age_versions.add(
        work,
        published.version,
        header=sent.header,
        start=b"",
        skip=len(sent.header),
        plain_size=sent.length,
        recipients_=told,
    )
    age_versions.record(work, UploadId(upload), published, folder, told, ())


def note_unread(work: Work, folder: Folder, name: str, published: Published, caller: Caller) -> None:
    """Note that nobody here can read whose data is in it; its sender may send a people list along (people_lists.py)."""
    if reading.is_read(work, folder.id):
        place = publish.arrived(published.version, published.file, folder, name, caller.user_id, work.now)
        exposures.expect(work, place, empty=False)
        unread = exposures.unreadable(name, Why.SEALED_BY_SENDER)
        exposures.record(work, published.version, unread, who=events.KEEPER)


def _told(work: Work, folder: Folder, sent: SentSealed) -> tuple[str, ...]:
    """Return whom it is sealed to, where the sender says that it is those whom this folder has now."""
    try:
        texts = recipients.of_folder(work, folder.id, folder.organization_id).texts()
    except Conflict:
        return ()
    return texts if sent.sealed_to == age_keys.digest_of(texts) else ()
