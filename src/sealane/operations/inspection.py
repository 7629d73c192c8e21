"""Operations of the inspector: arrivals that owe a digest or are to be read, one key at a time; what was read in them.

Not here: sealing what has settled (`sealing.py`), which tells what was read with its end.
"""

from __future__ import annotations

from typing import ClassVar, Final

import msgspec

from sealane.exposure.model import Coverage, DataClass
from sealane.operations.envelope import Answer, Asker, Done, Operation
from sealane.operations.files import Extent, SealedForm, SegmentPlace


class InspectorOperation(Operation, frozen=True):
    """Base of what only the inspector's socket understands."""

    askers: ClassVar[Asker] = Asker.INSPECTOR


class ArrivalsAre(Answer, frozen=True):
    """Versions leased to this inspector, oldest first. Empty: nothing is owed; a notice comes when something is."""

    versions: tuple[str, ...]


class LeaseArrivals(InspectorOperation, frozen=True):
    """Lease arrivals that owe something. A lease that is not answered runs out and is given again."""

    answer: ClassVar[type[Answer]] = ArrivalsAre
    limit: int = 16
    small: bool = False
    """Only what is small, and was not put off: a huge arrival never delays it."""


class PutOff(InspectorOperation, frozen=True):
    """A leased arrival, or upload to be sealed, is small and yet takes long: who takes all is to do it."""

    answer: ClassVar[type[Answer]] = Done
    arrival: str


# --- Whose data is in it ---------------------------------------------------------------------------------------------


class ColumnOf(msgspec.Struct, frozen=True, array_like=True):
    """What one column of a table holds (`exposure/tables/columns.py`)."""

    slot: str
    role: str = ""
    day_first: bool = False


class LayoutOf(msgspec.Struct, frozen=True, array_like=True):
    """What the columns of a table hold, by the fingerprint of its header."""

    fingerprint: str
    columns: tuple[ColumnOf, ...]


class Reading(msgspec.Struct, frozen=True, array_like=True):
    """How whose data is in an arrival is to be read."""

    name: str
    """The file's name; it helps where the content leaves two formats open."""
    recipients: tuple[str, ...]
    """Public keys that the people list is sealed to. Empty: there is no officer, and only counts are made."""
    owner: str = ""
    """Whose people these are where the file does not tell."""
    layouts: tuple[LayoutOf, ...] = ()
    """Known from earlier files of this sender in this folder."""


class SealedList(msgspec.Struct, frozen=True, array_like=True):
    """A people list that is sealed and durable: an age file in two pieces."""

    blob: str
    """The name of what follows the header: nonce and chunks."""
    header: bytes
    size: int
    digest: bytes
    """SHA-256 of what follows the header."""
    recipients: tuple[str, ...]
    inline: bytes | None = None
    """Small lists: what follows the header, which then is in no blob store."""


class PartNotRead(msgspec.Struct, frozen=True, array_like=True):
    """A part of a file that could not be read, and why."""

    part: str
    why: str


class Exposed(msgspec.Struct, frozen=True, array_like=True):
    """What was read of whose data is in a file. In clear only counts and what could not be read."""

    format: str
    coverage: str
    records: int
    people: int
    classes: dict[str, int]
    unreadable: tuple[PartNotRead, ...]
    readers: int
    """The generation of readers that has read it."""
    people_list: SealedList | None = None
    layouts: tuple[LayoutOf, ...] = ()
    """Of tables whose layout was not known."""


_NUMBER_MAX: Final = 2**48
_FORMAT_CHARACTERS_MAX: Final = 16
_PART_CHARACTERS_MAX: Final = 1024
_WHY_CHARACTERS_MAX: Final = 32
_FINGERPRINT_DIGITS: Final = 32
_WORD_CHARACTERS_MAX: Final = 64
_COLUMNS_MAX: Final = 4096
_HEX: Final = frozenset("0123456789abcdef")
_COVERAGES: Final = frozenset(Coverage)
_DATA_CLASSES: Final = frozenset(DataClass)


def is_sound(exposed: Exposed, *, parts_max: int) -> bool:
    """Return whether this can be what a reading tells; who reads strangers' files may have been taken over by one."""
    counts = (exposed.records, exposed.people, exposed.readers, *exposed.classes.values())
    parts = exposed.unreadable
    return (
        exposed.coverage in _COVERAGES
        and 0 < len(exposed.format) <= _FORMAT_CHARACTERS_MAX
        and exposed.format.isascii()
        and exposed.format.isprintable()
        and all(0 <= count <= _NUMBER_MAX for count in counts)
        and _DATA_CLASSES.issuperset(exposed.classes)
        and all(people <= exposed.people for people in exposed.classes.values())
        and len(parts) <= parts_max + 1
        and all(len(one.part) <= _PART_CHARACTERS_MAX and len(one.why) <= _WHY_CHARACTERS_MAX for one in parts)
        and all(is_layout(one) for one in exposed.layouts)
    )


def is_layout(layout: LayoutOf) -> bool:
    """Return whether this can be the layout of a table; what its words mean is the readers' business."""
    words = (word for column in layout.columns for word in (column.slot, column.role))
    named = len(layout.fingerprint) == _FINGERPRINT_DIGITS and _HEX.issuperset(layout.fingerprint)
    fits = all(len(word) <= _WORD_CHARACTERS_MAX and word.isprintable() for word in words)
    return named and fits and 0 < len(layout.columns) <= _COLUMNS_MAX


# --- Arrivals --------------------------------------------------------------------------------------------------------


class ArrivalOpened(Answer, frozen=True):
    """One arrival, with its keys."""

    version: str
    size: int
    extents: tuple[Extent, ...]
    segments: tuple[SegmentPlace, ...]
    keys: dict[int, bytes]
    sealed: SealedForm | None = None
    """It is a sealed file, and owes the digest of its payload: of the prefix given here, which is what follows the
    header, and the stored bytes. No key opens it."""
    owes_digest: bool = True
    reading: Reading | None = None
    """Whose data is in it is to be read."""


class OpenArrival(InspectorOperation, frozen=True):
    """The keys of one leased arrival; opening the next takes the last one's lease back. On record."""

    answer: ClassVar[type[Answer]] = ArrivalOpened
    version: str


class RecordDigest(InspectorOperation, frozen=True):
    """The SHA-256 of record of an arrival. May be repeated; a different one is an `Integrity` failure."""

    answer: ClassVar[type[Answer]] = Done
    version: str
    digest: bytes


class RecordExposure(InspectorOperation, frozen=True):
    """Whose data is in an arrival. May be repeated: an arrival that owes no reading any more keeps what it has."""

    answer: ClassVar[type[Answer]] = Done
    version: str
    exposed: Exposed


class ReportDamage(InspectorOperation, frozen=True):
    """An arrival could not be read back: a blob is missing or fails its tags. The version is not delivered."""

    answer: ClassVar[type[Answer]] = Done
    version: str
    sentence: str


class ArrivalsWaiting(Answer, frozen=True):
    """Pushed to the inspector: something is owed."""
