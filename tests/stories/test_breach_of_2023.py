"""The theft of 2023, replayed: moved through a real server, stolen from it, and answered exactly from its ledger.

At 1:10,000 here; `make replay-story` replays it at 1:100. Dates of the story are those of the record, the server's are
of today: a stolen account's sessions are found by its name.
"""

import json
import os
import time
import urllib.request
from collections import Counter
from datetime import UTC, date, datetime

import pytest

from sealane.client.accounts import Login
from sealane.client.server import Server
from sealane.desk import folder, taking
from sealane.desk.incidents import answering, deadlines, reconciling, records
from sealane.desk.incidents.reconciling import Why
from sealane.desk.incidents.records import Dated, Decided, Disclosed, Done, Scope, Scoped
from sealane.desk.notices import addressees, making, page, party
from sealane.desk.server import Remote
from sealane.settings import ClientSettings
from sealane.vault.age.x25519 import X25519Identity
from tests.running_server import RunningServer
from tests.stories.the_record import DATES, story, tables

pytestmark = pytest.mark.slow

SCALE = int(os.environ.get("STORY_SCALE", "10000"))
OFFICER = X25519Identity(b"\x61" * 32)
NOW = datetime(2023, 12, 31, tzinfo=UTC)
TODAY = NOW.date()
WAIT_SECONDS = max(300, 360_000 // SCALE)
URL = "https://example.org/data-event"
PARTY = party.Party(
    name="The Processor", address=("1 Main St", "Denver, CO 80202"), phone="1-800-555-0100",
    happened=("Files were stolen.",), doing=("We closed the hole.",), signed_by="The privacy officer",
)  # fmt: skip


def at(day):
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


class Played:
    """The story so far: the server's side is done, the officer has synced."""

    def __init__(self, told, desk, taken, number):
        self.told, self.desk, self.taken, self.number = told, desk, taken, number

    @property
    def incident(self):
        return records.load(self.desk, self.number)

    @property
    def figures(self):
        return answering.look(self.taken, self.incident).figures

    def contradictions(self, today=TODAY):
        duties = deadlines.duties(deadlines.load(), self.incident, self.figures)
        return reconciling.contradictions(self.incident, self.figures, duties, today)


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    place = tmp_path_factory.mktemp("story")
    told = story(SCALE)
    folder.make(place / "desk", [str(OFFICER.recipient())])
    desk = folder.open_(place / "desk", [OFFICER])
    with RunningServer.started(place, exposure_read=1, checkpoint_seconds=1) as server:
        taken = moved_stolen_synced(server, told, desk)
    number = records.open_(
        desk,
        "The theft of May 2023",
        occurred=at(DATES["occurred"]),
        discovered=at(DATES["alerted"]),
        now=at(DATES["alerted"]),
    )
    records.add(
        desk,
        number,
        Scoped(at=NOW, scope=Scope(users=("stolen@processor",))),
        Dated(at=at(DATES["determined"]), what="discovered", value=at(DATES["determined"]), why="the logs were read"),
        *(Decided(at=NOW, owner=owner, notifier="processor") for owner in told.owners if owner.startswith("Plan")),
        *(
            Disclosed(
                at=NOW, by=one["by"], to=one["to"], count=one["count"], on=one["on"], about=one.get("about", ""),
                unit=one.get("unit", "people"), at_least=one.get("at_least", False),
            )
            for one in told.disclosures()
        ),
        *(Done(at=NOW, duty=f"hipaa-individuals@{owner}", on=DATES["page"]) for owner in told.owners),
    )  # fmt: skip
    return Played(told, desk, taken, number)


def moved_stolen_synced(server, told, desk):
    server.organization("processor", "nightly", "stolen")
    server.sealane("user", "add", "olga@processor", "--role", "officer")
    server.folder_for("processor:/members", "nightly@processor", "stolen@processor")
    server.sealane("officer", "set", "--org", "processor", "--recipient", str(OFFICER.recipient()))
    files = dict(tables(told))
    nightly, stolen, olga = (server.token(f"{name}@processor") for name in ("nightly", "stolen", "olga"))
    for name, table in files.items():
        ask(server, "PUT", f"content/members/{name}", nightly, table)
    for name, table in files.items():
        assert ask(server, "GET", f"content/members/{name}", stolen) == table
    login = Login(f"http://127.0.0.1:{server.http_port}", olga)
    deadline = time.monotonic() + WAIT_SECONDS
    for name in files:
        while json.loads(ask(server, "GET", f"exposure/files/members/{name}", olga))["state"] != "read":
            assert time.monotonic() < deadline, server.log.read_text()[-4000:]
    while True:
        remote = Server(login, ClientSettings())
        try:
            taken = taking.sync(desk, Remote(remote)).taken
        finally:
            remote.close()
        if len(taken.facts.files) == len(files) == len(taken.history.accesses):
            return taken
        assert time.monotonic() < deadline, server.log.read_text()[-4000:]


def ask(server, method, path, token, body=None):
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.http_port}/api/v1/{path}",
        method=method,
        data=body,
        headers={"Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as answer:
        return answer.read()


def test_the_exact_union_and_each_owners_exact_count(played):
    figures, told = played.figures, played.told
    assert figures.people["strict"] == told.union
    assert figures.by_owner == {owner: len(people) for owner, people in sorted(told.owners.items())}
    assert figures.evidence == {"exfiltrated": 5, "reachable": 0, "sealed": 0}
    assert figures.coverage == {"complete": 5, "partial": 0, "unreadable": 0}
    times = Counter(number for people in told.owners.values() for number in people)
    assert figures.shared == sum(count > 1 for count in times.values())


def test_the_answer_comes_out_the_same_again(played):
    found = answering.answer(played.desk, played.taken, played.number, NOW)
    kept = played.incident.answers[-1]
    assert answering.again(played.desk, played.number, kept).digest == found.digest


def test_one_point_six_million_is_contradicted_on_the_first_day_on_which_it_could_be(played):
    below = [one for one in played.contradictions() if one.why is Why.BELOW_UNION]
    assert [one.seen for one in below][:1] == [date(2023, 11, 10)]  # the lists say it at once
    sums = [one for one in played.contradictions() if one.why is Why.SUM_OVER_TOTAL]
    assert sums[0].seen == date(2023, 11, 17)  # the owners' own notices say it a week later
    assert "more than" in sums[0].sentence
    assert sums[0].figures["overlap"] == played.figures.owners_sum - played.told.union


def test_the_double_count_is_named(played):
    (first, *_) = [one for one in played.contradictions() if one.why is Why.SUM_OVER_TOTAL]
    assert "double counting" in first.sentence
    assert f"{played.figures.shared:,} people are of several data owners" in first.sentence


def test_rows_are_told_from_people(played):
    (one,) = [one for one in played.contradictions() if one.why is Why.ROWS_AS_PEOPLE]
    assert one.figures["people"] == len(played.told.owners["Sutter Health"])


def test_the_missed_line_of_the_tenth_of_october(played):
    missed = [one for one in played.contradictions() if one.why is Why.DEADLINE_MISSED and "164.404" in one.sentence]
    assert {one.seen for one in missed} == {date(2023, 10, 11)}
    assert all("due on 2023-10-10, done on 2023-10-31, 21 days late" in one.sentence for one in missed)
    assert not [
        one
        for one in played.contradictions(date(2023, 10, 10))
        if one.seen > date(2023, 10, 10) and "days ago" in one.sentence
    ]


def test_the_date_that_moved_is_kept(played):
    (one,) = [one for one in played.contradictions() if one.why is Why.DATE_MOVED]
    assert "2023-07-26" in one.sentence
    assert "2023-08-11" in one.sentence


def test_letters_go_to_everyone_on_the_strict_list_and_to_nobody_twice_from_one_party(played):
    incident, taken = played.incident, played.taken
    exposed = addressees.of_incident(incident, taken.history)
    parties = dict(addressees.by_party(taken.facts, taken.map, exposed, DATES["occurred"]))
    assert {one.number for people in parties.values() for one in people} == set(
        answering.look(taken, incident).roots.tolist()
    )
    assert all(len({one.number for one in people}) == len(people) for people in parties.values())
    plans = set().union(*(people for owner, people in played.told.owners.items() if owner.startswith("Plan")))
    assert len(parties[addressees.PROCESSOR]) == len(plans)
    made = making.make(
        played.desk,
        taken,
        incident,
        played.figures,
        party=PARTY,
        rules=deadlines.load(),
        recipients={},
        url=URL,
        now=NOW,
    )
    assert sum(made.letters.values()) == sum(map(len, parties.values()))
    public = page.Fetched(
        URL, 200, {}, made.files["page/index.html"].decode(), "", made.files["page/sitemap.xml"].decode()
    )
    assert page.problems(public) == []
