"""Operations of the inspector: arrivals that owe a digest (later: people lists, sealing), one key at a time."""

from __future__ import annotations

from typing import ClassVar

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


class OpenArrival(InspectorOperation, frozen=True):
    """The keys of one leased arrival; opening the next takes the last one's lease back. On record."""

    answer: ClassVar[type[Answer]] = ArrivalOpened
    version: str


class RecordDigest(InspectorOperation, frozen=True):
    """The SHA-256 of record of an arrival. May be repeated; a different one is an `Integrity` failure."""

    answer: ClassVar[type[Answer]] = Done
    version: str
    digest: bytes


class ReportDamage(InspectorOperation, frozen=True):
    """An arrival could not be read back: a blob is missing or fails its tags. The version is not delivered."""

    answer: ClassVar[type[Answer]] = Done
    version: str
    sentence: str


class ArrivalsWaiting(Answer, frozen=True):
    """Pushed to the inspector: something is owed."""
