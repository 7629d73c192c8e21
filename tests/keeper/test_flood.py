"""Whoever is refused, however often and from wherever, can neither fill the ledger nor keep others from it."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest

from sealane.clock import ManualClock
from sealane.domain import attempts
from sealane.errors import NotSignedIn, OperationRefused, SealaneError
from sealane.keeper.core import Request
from sealane.operations.audit import ReadLedger
from sealane.operations.envelope import Asker
from sealane.operations.files import MakeFolder
from sealane.operations.signing import SignInWithKey, SignInWithToken
from tests.keeper.people import people, sign_in
from tests.keeper_in_process import SETTINGS, KeeperInProcess

pytestmark = pytest.mark.slow  # thousands of tries, each a transaction

RANGES_KEPT = 100
TRIES = 600


@pytest.fixture
def home(tmp_path):
    settings = dataclasses.replace(SETTINGS, strangers_kept_rows_max=RANGES_KEPT)
    made = KeeperInProcess(tmp_path / "data", settings, ManualClock(datetime(2026, 3, 1, 9, 30, tzinfo=UTC)))
    people(made)
    yield made
    made.close()


def entries(home, after=0):
    return [json.loads(entry.body) for entry in home.admin(ReadLedger(after=after, limit=2000)).entries]


def minute_over(home):
    home.clock.advance(timedelta(minutes=1))
    return home.keeper.perform_one(Request(attempts.write_strangers, Asker.ADMIN, "keeper"))


def test_strangers_from_everywhere_are_counted_in_few_entries_and_everybody_else_goes_on(home):
    door = home.door()
    signed_in = sign_in(door)
    before, written = len(entries(home)), []
    for minute in range(3):
        for number in range(TRIES // 3):
            address = f"{10 + minute}.0.{number}.{number}"
            with pytest.raises(NotSignedIn):
                door.ask_now(SignInWithToken(token=f"guess-{number}", address=address, door="http"))
            if number % 40 == 0:  # in the middle of it, somebody works
                door.ask_now(MakeFolder(handle=signed_in.handle, path=f"/in/{minute}-{number}"))
        assert len(entries(home)) == before + sum(written) + 5 * (minute + 1)
        written.append(minute_over(home))
    assert all(0 < count <= RANGES_KEPT + 1 for count in written)
    told = [body for body in entries(home) if body["kind"] == "strangers_refused"]
    assert sum(body["count"] for body in told) == TRIES
    made = [body for body in entries(home) if body["kind"] == "folder_made"]
    assert len(made) == 15 + 1
    assert minute_over(home) == 0


def test_tries_at_an_account_that_exists_are_counted_too_once_it_is_locked(home):
    door = home.door()
    before = len(entries(home))
    for _ in range(400):
        with pytest.raises(SealaneError):
            door.ask_now(
                SignInWithKey(
                    name="anna@clinic",
                    session_identifier=b"x" * 32,
                    algorithm="ssh-ed25519",
                    key=b"no key",
                    signature=b"no signature",
                    address="192.0.2.66",
                )
            )
    assert len(entries(home)) - before <= home.settings.sign_in_range_failures_max
    minute_over(home)
    assert len(entries(home)) - before <= home.settings.sign_in_range_failures_max + 1
    assert sign_in(home.door()).user == "anna@clinic"


def test_a_process_that_asks_what_it_may_not_writes_no_more_by_opening_connections(home):
    before = len(entries(home))
    for _ in range(200):
        with pytest.raises(OperationRefused):
            home.door().ask_now(ReadLedger())
    most = home.settings.refusals_recorded_per_minute_max
    assert len(entries(home)) - before == most
    home.clock.advance(timedelta(minutes=1))
    with pytest.raises(OperationRefused):
        home.door().ask_now(ReadLedger())
    assert entries(home)[-1]["omitted"] == 200 - most
