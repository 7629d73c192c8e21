"""Operations of sealed folders.

The inspector turns closed uploads into age files; clients ask whom to seal to, and re-wrap the headers of files that
are there for whoever reads now.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from sealane.operations.envelope import Answer, Done, Operation
from sealane.operations.files import Extent, SegmentPlace
from sealane.operations.inspection import Exposed, InspectorOperation, Reading
from sealane.operations.uploads import Edit, NewSegment

# --- The inspector ---------------------------------------------------------------------------------------------------


class SealingsAre(Answer, frozen=True):
    """Uploads that are to be sealed now, leased to this inspector, oldest first."""

    uploads: tuple[str, ...]
    wait_seconds: float | None
    """When the next one will have settled; None: none waits."""


class LeaseSealings(InspectorOperation, frozen=True):
    """Lease uploads that have settled. A lease that is not answered runs out and is given again."""

    answer: ClassVar[type[Answer]] = SealingsAre
    limit: int = 16
    small: bool = False
    """As of `LeaseArrivals`."""


class SealingOpened(Answer, frozen=True):
    """An upload to seal, with its keys, and what is left to do."""

    upload: str
    generation: int
    size: int
    extents: tuple[Extent, ...]
    segments: tuple[SegmentPlace, ...]
    keys: dict[int, bytes]
    age_key: bytes
    """Empty: it is only read, and answered by `FinishReading`."""
    chunks: tuple[tuple[int, int], ...]
    """Ranges of chunks (end exclusive) to be sealed under the age key, in order. The file's last chunk is in the last
    one; an empty file has none."""
    digest: bytes | None
    """SHA-256 of the plaintext where it is known; otherwise the inspector owes it."""
    reading: Reading | None = None
    """Whose data is in it is to be read before it is sealed: afterwards nobody here can."""


class OpenSealing(InspectorOperation, frozen=True):
    """The keys of one leased upload. On record; whoever writes to it from now on does so under another age key."""

    answer: ClassVar[type[Answer]] = SealingOpened
    upload: str


class RecordSealing(InspectorOperation, frozen=True):
    """Chunks that are sealed and durable; none of them the last."""

    answer: ClassVar[type[Answer]] = Done
    upload: str
    generation: int
    segments: tuple[NewSegment, ...]
    edits: tuple[Edit, ...]


class FinishSealing(InspectorOperation, frozen=True):
    """The last chunk and the end: the header is written, the keys are destroyed, the file is visible."""

    answer: ClassVar[type[Answer]] = Done
    upload: str
    generation: int
    segments: tuple[NewSegment, ...]
    edits: tuple[Edit, ...]
    digest: bytes
    exposed: Exposed | None = None
    """What was read of whose data is in it."""


class FinishReading(InspectorOperation, frozen=True):
    """An upload that an ordinary folder held back was read: it is visible. May be repeated."""

    answer: ClassVar[type[Answer]] = Done
    upload: str
    generation: int
    digest: bytes
    exposed: Exposed | None = None
    """What was read of whose data is in it; None where nothing is to be read any more."""


class ReportSealingDamage(InspectorOperation, frozen=True):
    """An upload cannot be read back. It is kept, and not tried again before its time is over."""

    answer: ClassVar[type[Answer]] = Done
    upload: str
    sentence: str


# --- Clients ---------------------------------------------------------------------------------------------------------


class RecipientOf(msgspec.Struct, frozen=True, array_like=True):
    """One public key that a sealed folder's files are sealed to."""

    recipient: str
    user: str
    """Whose it is, `NAME@ORG`; empty for a recovery key, and to who may not know."""
    recovery: bool = False
    """It is an off-line recovery key of the organization."""


class RecipientsAre(Answer, frozen=True):
    """To whom files of a folder are sealed now."""

    sealed: bool
    recipients: tuple[RecipientOf, ...] = ()
    without_key: tuple[str, ...] = ()
    """Readers that have no key (of the kind that is used): what arrives now they cannot open. Empty as names are."""


class Recipients(Operation, frozen=True):
    """To whom is a file at this path sealed? For whoever may write or read there."""

    answer: ClassVar[type[Answer]] = RecipientsAre
    handle: str
    path: str


class SealedFile(msgspec.Struct, frozen=True, array_like=True):
    """A sealed file's header and whom it is for."""

    version: str
    path: str
    """As the caller sees it, without `.age`."""
    header: bytes
    recipients: tuple[str, ...]
    lacking: tuple[str, ...]
    """The folder's present recipients whom the header does not name."""
    extra: tuple[str, ...]
    """Whom the header names and who is no recipient any more."""


class HeadersAre(Answer, frozen=True):
    """Headers of sealed files. `after` is "" at the end."""

    files: tuple[SealedFile, ...]
    after: str


class ListHeaders(Operation, frozen=True):
    """The sealed files in a folder and below it whose headers do not name its present recipients, page by page."""

    answer: ClassVar[type[Answer]] = HeadersAre
    handle: str
    path: str
    after: str = ""
    limit: int = 500


class ReadHeader(Operation, frozen=True):
    """The header of one sealed version, for whoever may read its file."""

    answer: ClassVar[type[Answer]] = HeadersAre
    handle: str
    version: str


class NewHeader(msgspec.Struct, frozen=True, array_like=True):
    """A header made anew by somebody who can open the old one. The payload stays as it is."""

    version: str
    header: bytes
    recipients: tuple[str, ...]


class HeadersReplaced(Answer, frozen=True):
    """How many headers were replaced, and which were not, with the code of why."""

    replaced: int
    refused: tuple[tuple[str, str], ...]


class ReplaceHeaders(Operation, frozen=True):
    """Replace headers. Needs read on each file; the old ones are kept."""

    answer: ClassVar[type[Answer]] = HeadersReplaced
    handle: str
    headers: tuple[NewHeader, ...]
