"""The drill of a breach, in order: a house with files, two thefts, the officer's answers, and whether all was exact."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sealane.client.server import API
from sealane.clock import Clock
from sealane.desk import folder as desks
from sealane.desk.notices import making
from sealane.drill import answers, telling, thefts
from sealane.drill.house import House, address_of, wait_for
from sealane.drill.invented import FILES, ORGANIZATION
from sealane.errors import Missing
from sealane.operations.accounts import AddFolder, AddOrganization, AddUser, GrantFolder
from sealane.operations.envelope import Done
from sealane.operations.exposures import SetOfficer
from sealane.vault.age.x25519 import X25519Identity

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from sealane.client.server import Server
    from sealane.drill.answers import Check
    from sealane.operations.envelope import Operation

_READ_SECONDS: Final = 120
_EVERYTHING: Final = ("list", "read", "write", "delete")
NIGHTLY: Final = f"nightly@{ORGANIZATION}"
BILLING: Final = f"billing@{ORGANIZATION}"
OFFICER: Final = f"officer@{ORGANIZATION}"
DOCTOR: Final = f"oncology@{ORGANIZATION}"


@dataclass(slots=True)
class Played:
    """How the drill went."""

    checks: list[Check] = field(default_factory=list)
    loot: thefts.Loot = field(default_factory=thefts.Loot)
    people: dict[str, int] = field(default_factory=dict)
    """Individuals by theft."""
    answer_seconds: float = 0.0
    """From the thefts to the last notice."""
    seconds: float = 0.0

    @property
    def exact(self) -> bool:
        """Whether every figure was the one that was known, and the thief read what they should and no more."""
        return all(check.exact for check in self.checks)

    def as_json(self) -> str:
        """Return it for programs."""
        told = {
            "exact": self.exact,
            "seconds": round(self.seconds, 1),
            "answer_seconds": round(self.answer_seconds, 1),
            "people": self.people,
            "thief": {
                "opened": self.loot.opened,
                "shut": self.loot.shut,
                "people_lists": self.loot.lists,
                "people_lists_opened": self.loot.lists_opened,
                "opened_without_keys": self.loot.opened_without_keys,
            },
            "checks": [
                {"what": one.what, "expected": one.expected, "found": one.found, "exact": one.exact}
                for one in self.checks
            ],
        }
        return json.dumps(told, ensure_ascii=False)


def play(place: Path, say: Callable[[str], None], keep: Path | None = None) -> Played:
    """Play it in this empty folder. `keep`: a new folder for the notices. Raises `HouseFailed`."""
    begun, clock, played = time.monotonic(), Clock(), Played()
    officer, doctor = X25519Identity.new(), X25519Identity.new()
    telling.opening(say, place)
    with House.started(place) as house:
        _furnish(house, str(officer.recipient()), str(doctor.recipient()))
        with house.asked_by(house.login(NIGHTLY, "read", "write")) as nightly:
            for file in FILES:
                nightly.ask("PUT", address_of(file.path), content=file.content())
        with house.asked_by(house.login(OFFICER)) as officers:
            wait_for(lambda: _all_read(officers), _READ_SECONDS, "the files to be read")
            telling.house(say, time.monotonic() - begun)

            since = clock.now()
            with house.asked_by(house.login(BILLING)) as stolen:
                got = thefts.by_account(stolen)
            until = clock.now() + timedelta(seconds=1)
            telling.first_theft(say, BILLING, got)
            played.loot = thefts.of_the_disk(house.data, place / "stolen", house.settings)
            played.checks += _of_the_thief(played.loot)
            telling.second_theft(say, played.loot)

            answering = time.monotonic()
            desks.make(place / "desk", [str(officer.recipient())])
            desk = desks.open_(place / "desk", [officer])
            taken = answers.synced(desk, officers, len(got))
    telling.proof(say, taken, time.monotonic() - answering)
    _answer(played, desk, taken, (since, until), say, keep)
    played.answer_seconds = time.monotonic() - answering
    played.seconds = time.monotonic() - begun
    telling.verdict(say, played.checks, played.answer_seconds, played.seconds)
    return played


def _answer(
    played: Played,
    desk: desks.Folder,
    taken: answers.Taken,
    window: tuple[datetime, datetime],
    say: Callable[[str], None],
    keep: Path | None,
) -> None:
    since, until = window
    account = answers.to_the_account(desk, taken, BILLING, since, until)
    telling.first_answer(say, account, answers.contradicted(desk, account, until))
    begun = time.monotonic()
    written = answers.notices(desk, taken, account, until)
    telling.notices(say, written, time.monotonic() - begun, answers.first_deadline(desk, account))
    disk = answers.to_the_disk(desk, taken, until)
    telling.second_answer(say, disk)
    played.checks += [*account.checks, *written.checks, *disk.checks]
    played.people = {
        "stolen account": account.figures.people["strict"], "copied disk": disk.figures.people["strict"],
    }  # fmt: skip
    if keep is not None:
        making.write(written.made, keep)
        telling.kept(say, keep)


def _furnish(house: House, officer: str, doctor: str) -> None:
    def do(operation: Operation) -> None:
        house.admin(operation, Done)

    do(AddOrganization(ORGANIZATION))
    do(AddUser(NIGHTLY))
    do(AddUser(BILLING))
    do(AddUser(OFFICER, role="officer"))
    do(AddUser(DOCTOR, recipients=(doctor,)))
    do(SetOfficer(ORGANIZATION, (officer,)))
    for path in ("/claims", "/payroll", "/oncology"):
        sealed = path == "/oncology"
        do(AddFolder(f"{ORGANIZATION}:{path}", sealed=sealed, settle_seconds=0 if sealed else None))
        do(GrantFolder(f"{ORGANIZATION}:{path}", NIGHTLY, _EVERYTHING if not sealed else ("list", "write")))
    do(GrantFolder(f"{ORGANIZATION}:/oncology", DOCTOR, ("list", "read")))
    for path in ("/claims", "/oncology"):
        do(GrantFolder(f"{ORGANIZATION}:{path}", BILLING, ("list", "read")))


def _all_read(server: Server) -> bool:
    try:
        return all(
            json.loads(server.ask("GET", f"{API}/exposure/files{file.path}").body)["state"] == "read" for file in FILES
        )
    except Missing:
        return False  # it is being sealed


def _of_the_thief(loot: thefts.Loot) -> list[Check]:
    ordinary = [file.path for file in FILES if not file.sealed]
    sealed = [file.path for file in FILES if file.sealed]
    lists = sum(bool(file.people) for file in FILES)
    return [
        answers.Check("stored files with a name or number in clear", 0, loot.clear),
        answers.Check("ordinary files that the thief opened with the node's keys", ordinary, loot.opened),
        answers.Check("sealed files that stayed shut", sealed, loot.shut),
        answers.Check("people lists that the thief found", lists, loot.lists),
        answers.Check("people lists that the thief opened", 0, loot.lists_opened),
        answers.Check("files that opened without the key files", 0, loot.opened_without_keys),
    ]
