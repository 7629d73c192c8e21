"""The people list of a file that is sealed here: read on the user's machine, sealed to the officer, sent along.

The server cannot read what is sealed before it leaves, so it cannot know whose data is in it; this is how it learns the
counts, and the officer the rest. Must stay true: nothing of the individuals leaves but sealed; one file is read at a
time, whatever else is under way.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import msgspec

from sealane.client import people_lists
from sealane.client.failures import AnswerInvalid, LocalFailure
from sealane.client.server import API
from sealane.vault.age.failures import KeyInvalid

if TYPE_CHECKING:
    from sealane.client.people_lists import ListSeals
    from sealane.client.runs import Run
    from sealane.client.sending import LocalFile
    from sealane.exposure.scan import Exposure

_PARTS_TOLD_MAX: Final = 500
_one_at_a_time = threading.Lock()


class _Said(msgspec.Struct):
    format: str
    coverage: str
    records: int
    people: int
    classes: dict[str, int]
    unreadable: list[dict[str, str]]
    recipients: tuple[str, ...]


def send_people(run: Run, source: LocalFile, version: str) -> None:
    """Read a file that was sent sealed, and send the list of who is in it, where the folder wants to know."""
    seals = run.patiently(source.name, lambda: people_lists.recipients_at(run.server, source.target))
    if not seals.reading:
        return
    with _one_at_a_time:
        body = _made(run, source, seals)
    run.patiently(
        source.name,
        lambda: run.server.ask("PUT", f"{API}/exposure/lists/{quote(version, safe='')}", content=body),
    )


def _made(run: Run, source: LocalFile, seals: ListSeals) -> bytes:
    """Return what is sent: a line of counts, then the sealed list."""
    from sealane.exposure.scan import scan  # noqa: PLC0415 - its libraries are an extra, loaded where they are asked for
    from sealane.inspector import listing  # noqa: PLC0415

    today, recipients = run.clock.now().date(), seals.recipients
    try:
        with source.path.open("rb") as stream:
            found = scan(stream, source.path.name, today=today, listed=bool(recipients))
    except OSError as problem:
        raise LocalFailure(f"{source.name} cannot be read: {problem.strerror}.") from None
    pieces: list[bytes | bytearray] = []
    header = b""
    if recipients and found.count.people:
        try:
            header = listing.seal_list(found, recipients, seals.owner, pieces.append)
        except KeyInvalid:
            raise AnswerInvalid("The server named a recipient of people lists that is none.") from None
    return b"".join((_line(found, source.path.name, recipients), b"\n", header, *pieces))


def _line(found: Exposure, name: str, recipients: tuple[str, ...]) -> bytes:
    from sealane.inspector import listing  # noqa: PLC0415 - as above

    coverage, unreadable = listing.coverage_of(found, name, has_officer=bool(recipients))
    said = _Said(
        format=found.format.value,
        coverage=coverage.value,
        records=found.records,
        people=found.count.people,
        classes=found.count.classes,
        unreadable=[{"part": one.part, "why": one.why} for one in listing.parts_of(unreadable, _PARTS_TOLD_MAX)],
        recipients=recipients,
    )
    return msgspec.json.encode(said)
