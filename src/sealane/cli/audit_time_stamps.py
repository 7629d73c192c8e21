"""The time stamps of the ledger's checkpoints: proving them for `audit verify`, writing them for `audit export`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from sealane.errors import Invalid
from sealane.ledger import notes
from sealane.ledger.verdicts import Damage, Why
from sealane.operations.audit import CheckpointsAre, ReadCheckpoints, ReadTimeStamps, TimeStampsAre

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from cryptography.x509 import Certificate

    from sealane.cli.asking import Ask
    from sealane.ledger.time_stamps import TimeStamped
    from sealane.ledger.verdicts import Verdict
    from sealane.settings import Settings

_PAGE = 500


def trusted(settings: Settings, given: BinaryIO | None) -> tuple[Certificate, ...]:
    """Return the certificates by which time stamps are proven, none where none are named. Raises `Invalid`."""
    from sealane.ledger import time_stamps

    if given is not None:
        return time_stamps.certificates(given.read(time_stamps.CERTIFICATES_BYTES_MAX + 1))
    if not settings.time_stamps_ca:
        return ()
    try:
        with Path(settings.time_stamps_ca).open("rb") as file:
            return time_stamps.certificates(file.read(time_stamps.CERTIFICATES_BYTES_MAX + 1))
    except OSError as problem:
        raise Invalid(f"The file 'time_stamps_ca' cannot be read: {problem.strerror}.") from None


def kept(ask: Ask) -> Iterator[tuple[int, bytes]]:
    """Yield size and answer of every time stamp that is kept, in order."""
    after = 0
    while True:
        page = ask(ReadTimeStamps(after=after, limit=_PAGE), TimeStampsAre)
        yield from zip(page.sizes, page.responses, strict=True)
        if page.after <= after:
            return
        after = page.after


def text_of(ask: Ask, size: int) -> str:
    """Return the text of the checkpoint of this size, what was stamped; "" where there is none."""
    page = ask(ReadCheckpoints(after=size - 1, limit=1), CheckpointsAre)
    try:
        return notes.parse(page.notes[0]).text if page.sizes == (size,) else ""
    except Invalid:
        return ""


def proven(ask: Ask, verdict: Verdict, certificates: tuple[Certificate, ...]) -> tuple[Verdict, TimeStamped]:
    """Return the verdict on a ledger, its time stamps included, and what these prove.

    Only of a ledger that is whole: the texts that were stamped are those of checkpoints that the verifier has met.
    """
    from sealane.ledger.time_stamps import TimeStamped, judged

    if not verdict.whole:
        return verdict, TimeStamped()
    stamps = ((size, response) for size, response in kept(ask) if size <= verdict.size)
    told = judged(((size, response, text_of(ask, size)) for size, response in stamps), certificates)
    if told.wrong is not None:
        verdict = dataclasses.replace(verdict, damage=Damage(told.wrong, Why.TIME_STAMP))
    return verdict, told


def in_words(told: TimeStamped, verdict: Verdict) -> list[str]:
    """Say what the time stamps prove."""
    said: list[str] = []
    if not verdict.whole:
        return said
    if told.at is not None:
        said.append(
            f"Time-stamped up to entry {told.size}, which was there at {told.at:%Y-%m-%dT%H:%M:%SZ} by the authority's"
            f" clock ({told.proven} in all)."
        )
    if told.unproven:
        said.append(
            f"{told.unproven} kept with the ledger as time stamps are not proven by the certificates given"
            " (time_stamps_ca, --time-stamp-ca)."
        )
    return said


def row_of(told: TimeStamped) -> dict[str, object]:
    """Return the same for programs."""
    at = None if told.at is None else told.at.isoformat()
    return {"time_stamped": {"size": told.size, "at": at, "proven": told.proven, "unproven": told.unproven}}


def written(ask: Ask, out: Path, size: int) -> int:
    """Write the time stamps of checkpoints up to this size, each beside what was stamped; return how many."""
    from sealane.cli.files import put

    count = 0
    for of, response in kept(ask):
        if of <= size:
            put(out / f"{of}.tsr", response)
            put(out / f"{of}.txt", text_of(ask, of).encode())
            count += 1
    return count
