"""The keeper signs what it records: by the clock, at start and end, with a key that nobody can have later."""

import dataclasses
import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from sealane.clock import ManualClock
from sealane.database import engine
from sealane.errors import Integrity, Missing, OutcomeUnknown
from sealane.keeper import node
from sealane.keeper.core import Request
from sealane.ledger.checkpoints import parse_saved
from sealane.ledger.notes import verifier_key
from sealane.ledger.verdicts import Damage, Why
from sealane.ledger.verifier import Expected, Verifier
from sealane.operations.accounts import AddOrganization, RotateNodeKey
from sealane.operations.audit import Checkpoint, LookLedger, ReadCheckpoints, ReadLedger
from sealane.operations.envelope import Asker
from tests.keeper_in_process import SETTINGS, KeeperInProcess

pytestmark = pytest.mark.slow  # each test opens a keeper of its own; together they take longer than make check may

START = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
ROUND = dataclasses.replace(SETTINGS, checkpoint_seconds=60, signing_key_seconds=3600)


@pytest.fixture
def clock():
    return ManualClock(START)


@pytest.fixture
def home(tmp_path, clock):
    made = KeeperInProcess(tmp_path / "data", ROUND, clock)
    yield made
    made.close()


def serve(home):
    home.keeper.perform_one(Request(node.begin_serving, Asker.ADMIN, "keeper"))


def tick(home):
    home.keeper.perform_one(Request(lambda _: None, Asker.ADMIN, "keeper"))


def organizations(home, *names):
    for name in names:
        home.admin(AddOrganization(name=name))


def sizes(home):
    return list(home.admin(ReadCheckpoints()).sizes)


def bodies(home):
    return [json.loads(entry.body) for entry in home.admin(ReadLedger()).entries]


def reasons(home):
    return [body["reason"] for body in bodies(home) if body["kind"] == "signing_key_set"]


def verdict(home):
    looked = home.admin(LookLedger())
    page = home.admin(ReadCheckpoints())
    verifier = Verifier(
        Expected(
            origin=looked.origin,
            key=verifier_key(looked.key),
            checkpoints=list(zip(page.sizes, page.notes, strict=True)),
        )
    )
    verifier.feed(home.admin(ReadLedger(limit=2000)).entries)
    return verifier.verdict()


def test_what_serves_signs_from_its_start_on(home):
    serve(home)
    assert [body["kind"] for body in bodies(home)] == ["keeper_started", "signing_key_set"]
    assert sizes(home) == [2]
    assert verdict(home).signed == 2


def test_a_command_without_a_server_signs_nothing_unless_asked(home):
    organizations(home, "north")
    assert sizes(home) == []
    assert home.admin(LookLedger()).signed == 0
    told = home.admin(Checkpoint())
    assert parse_saved(told.note).checkpoint.size == told.size == 2
    assert reasons(home) == ["first"]


def test_an_empty_ledger_has_no_checkpoint(home):
    with pytest.raises(Missing):
        home.admin(Checkpoint())
    assert home.admin(ReadLedger()).entries == ()


def test_a_growing_ledger_is_signed_once_in_each_span_and_an_idle_one_not_again(home, clock):
    serve(home)
    for name in ("a", "b", "c"):
        clock.advance(timedelta(seconds=29))
        organizations(home, name)
    assert sizes(home) == [2, 5]
    clock.advance(timedelta(seconds=61))
    tick(home)
    tick(home)
    assert sizes(home) == [2, 5]
    organizations(home, "d")
    clock.advance(timedelta(seconds=60))
    tick(home)
    assert sizes(home) == [2, 5, 6]


def test_each_hour_has_its_key_and_the_old_one_signs_up_to_the_new(home, clock):
    serve(home)
    for name in ("a", "b"):
        clock.advance(timedelta(hours=1))
        organizations(home, name)
    assert reasons(home) == ["first", "hour", "hour"]
    assert sizes(home) == [2, 3, 4, 5, 6]
    said = bodies(home)
    keys = [body for body in said if body["kind"] == "signing_key_set"]
    assert keys[1]["previous_key"] == keys[0]["signing_key"]
    assert "previous_key" not in keys[0]
    assert verdict(home).whole


def test_a_clock_set_back_changes_keys_and_goes_on(home, clock):
    serve(home)
    clock.advance(timedelta(hours=-2))
    organizations(home, "a")
    assert reasons(home) == ["first", "hour"]
    found = verdict(home)
    assert found.whole
    assert found.clock_set_back == 3
    assert [body["kind"] for body in bodies(home)[2:5]] == ["clock_set_back", "organization_added", "signing_key_set"]


def test_a_clock_set_back_is_on_record_also_where_nothing_else_happened(home, clock):
    serve(home)
    clock.advance(timedelta(hours=-2))
    home.admin(Checkpoint())
    assert [body["kind"] for body in bodies(home)[2:]] == ["clock_set_back", "signing_key_set"]
    assert verdict(home).whole


def test_a_clean_end_signs_everything_and_a_start_after_it_says_so(home):
    serve(home)
    organizations(home, "a")
    home.keeper.perform_one(Request(node.end_serving, Asker.ADMIN, "keeper"))
    home.restart()
    assert sizes(home) == [2, 4]
    serve(home)
    assert reasons(home) == ["first", "start"]
    assert verdict(home).crashes == ()


def test_after_a_crash_the_long_term_key_begins_anew_and_the_ledger_says_that_it_was_a_crash(home):
    serve(home)
    organizations(home, "a")
    home.keeper._database.close()  # what SIGKILL leaves: nobody signs, nobody notes an end
    home.keeper = home._opened()
    serve(home)
    assert reasons(home) == ["first", "crash"]
    found = verdict(home)
    assert found.whole
    assert found.crashes == (5,)


def test_the_key_of_the_hour_is_nowhere_in_the_data_directory(home):
    serve(home)
    secret = home.keeper._signer._hour.key.private_bytes_raw()
    long_term = home.keeper._signer._long_term.private_bytes_raw()
    tick(home)
    for path in home.data_dir.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert secret not in content
            assert secret.hex().encode() not in content
            assert long_term not in content


def test_what_is_rolled_back_was_not_signed_and_keeps_its_key(home, clock, monkeypatch):
    serve(home)
    key = home.keeper._signer._hour.key
    clock.advance(timedelta(hours=2))

    def fails(self):
        self.rollback()
        raise Integrity

    with monkeypatch.context() as broken:
        broken.setattr(engine.Transaction, "commit", fails)
        with pytest.raises(Integrity):
            organizations(home, "a")
    assert home.keeper._signer._hour.key is key
    organizations(home, "a")
    assert reasons(home) == ["first", "hour"]
    assert verdict(home).whole


def test_a_key_of_which_nobody_knows_whether_it_was_appointed_signs_nothing_more(home, clock, monkeypatch):
    """The database commits the change of keys, and the answer is lost on its way."""
    serve(home)
    clock.advance(timedelta(hours=2))
    done = engine.Transaction.commit

    def lost(self):
        done(self)
        raise OutcomeUnknown

    with monkeypatch.context() as broken:
        broken.setattr(engine.Transaction, "commit", lost)
        with pytest.raises(OutcomeUnknown):
            organizations(home, "a")
    organizations(home, "b")
    assert reasons(home)[:2] == ["first", "hour"]
    assert set(reasons(home)[2:]) == {"crash"}
    assert verdict(home).whole


def test_a_new_node_key_wraps_the_signing_key_too(home):
    serve(home)
    before = home.admin(LookLedger()).key
    home.admin(RotateNodeKey())
    home.restart()
    for old in (home.data_dir / "keys").glob("node-1.key"):
        old.unlink()
    home.restart()
    assert home.admin(LookLedger()).key == before


ALTERED = (
    "UPDATE ledger SET leaf = zeroblob(32), body = CAST(replace(CAST(body AS TEXT), 'admin', 'other') AS BLOB)"
    " WHERE seq = 3"
)


@pytest.mark.parametrize("change", ["DELETE FROM ledger WHERE seq = 4", ALTERED, "DELETE FROM ledger"])
def test_what_does_not_go_on_from_the_last_signature_is_not_signed(home, change):
    serve(home)
    organizations(home, "a", "b")
    home.admin(Checkpoint())
    home.keeper._database.close()
    home.keeper = home._opened()
    home.keeper._database._driver.change("PRAGMA foreign_keys = OFF", ())
    home.keeper._database._driver.change(change, ())
    with pytest.raises(Integrity):
        serve(home)
    with pytest.raises(Integrity):
        home.admin(Checkpoint())


def test_a_ledger_rolled_back_to_an_older_copy_is_signed_on_and_found_by_what_was_kept(tmp_path, clock):
    """Yesterday's whole data directory put back: nothing in it can tell, what was given away can."""
    import shutil

    home = KeeperInProcess(tmp_path / "data", ROUND, clock)
    serve(home)
    home.close()
    shutil.copytree(tmp_path / "data", tmp_path / "yesterday")
    home = KeeperInProcess(tmp_path / "data", ROUND, clock)
    serve(home)
    organizations(home, "a", "b")
    kept = home.admin(Checkpoint()).note
    home.close()
    back = KeeperInProcess(tmp_path / "yesterday", ROUND, clock)
    serve(back)
    organizations(back, "c", "d", "e")
    assert verdict(back).whole
    looked = back.admin(LookLedger())
    saved = parse_saved(kept)
    verifier = Verifier(Expected(origin=looked.origin, saved=[saved]))
    verifier.feed(back.admin(ReadLedger()).entries)
    size = saved.checkpoint.size
    assert verifier.verdict().damage == Damage(1, Why.SAVED, size)
    back.close()


def test_the_database_of_another_server_is_not_opened_by_this_ones_keys(home, tmp_path):
    organizations(home, "a")
    home.close()
    other = KeeperInProcess(tmp_path / "other", SETTINGS)
    other.close()
    for path in (tmp_path / "other").glob("catalogue.sqlite*"):
        shutil.copy(path, home.data_dir / path.name)
    with pytest.raises(Integrity, match="do not belong together"):
        home.keeper = home._opened()
