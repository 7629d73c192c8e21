import dataclasses
import itertools
import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy as sa

from sealane.clock import ManualClock
from sealane.database.engine import Database, Transaction
from sealane.database.ledger_tables import ledger
from sealane.database.statements import Statement
from sealane.domain.holds import Hold
from sealane.domain.table import SESSION_ACTS
from sealane.errors import (
    InternalFailure,
    KeeperAway,
    KeyFileInvalid,
    LeaseHeld,
    Missing,
    NotSignedIn,
    OperationRefused,
    OutcomeUnknown,
    SessionEnded,
    StoreFull,
    Unavailable,
)
from sealane.ids import SessionId, UploadId
from sealane.keeper import node, queries
from sealane.keeper.core import Keeper, Request
from sealane.ledger.verifier import Verifier
from sealane.operations.accounts import AddGroup, DisableUser, RotateNodeKey, SetMembership
from sealane.operations.audit import ReadLedger
from sealane.operations.envelope import Asker, Done, SessionsEnded
from sealane.operations.files import ListFolder, Look, MakeFolder
from sealane.operations.signing import Health, HostKeys, SignInWithPassword, SignInWithToken, SignOut
from tests.failing_files import failing_file
from tests.keeper.people import PASSWORD, people, sign_in
from tests.keeper_in_process import SETTINGS, KeeperInProcess
from tests.peers.losing_line import LosingLine
from tests.peers.postgres import name_in

pytestmark = pytest.mark.slow  # each test opens a whole keeper; together they take longer than make check may


class EntryRow(NamedTuple):
    kind: str
    body: bytes


ENTRIES = Statement("tests.entries", sa.select(ledger.c.kind, ledger.c.body).order_by(ledger.c.seq), EntryRow)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def home(request, tmp_path):
    settings = SETTINGS
    if request.param == "postgresql":
        database = request.getfixturevalue("postgres_server").new_database()
        settings = dataclasses.replace(SETTINGS, database=database)
    home = KeeperInProcess(tmp_path / "data", settings)
    yield home
    home.close()


def adding(name):
    def act(work):
        work.transaction.run(queries.ADD_NODE_VALUE, name=name, value=b"")
        return name

    return act


def failing(name, error):
    def act(work):
        adding(name)(work)
        raise error

    return act


def all_values(work):
    return work.transaction.all(queries.NODE_VALUES)


def names(home):
    rows = home.keeper.perform_one(request(all_values))
    return {row.name for row in rows if len(row.name) == 1}


def request(wanted, asker=Asker.ADMIN, connection="tests-1"):
    return Request(wanted, asker, connection)


def entries(home):
    return home.keeper.perform_one(request(lambda work: work.transaction.all(ENTRIES)))


def kinds(home):
    return [entry.kind for entry in entries(home)]


def last_body(home):
    return json.loads(entries(home)[-1].body)


class TestABatch:
    def test_is_one_transaction(self, home, monkeypatch):
        commits = []
        commit = Transaction.commit

        def counted(self):
            commits.append(self)
            commit(self)

        monkeypatch.setattr(Transaction, "commit", counted)
        batch = home.keeper.perform_batch([request(adding(name)) for name in "abcdef"])
        assert batch.outcomes == list("abcdef")
        assert len(commits) == 1
        assert names(home) == set("abcdef")

    def test_keeps_what_succeeded_beside_what_failed(self, home):
        batch = home.keeper.perform_batch(
            [request(adding("a")), request(failing("b", Missing())), request(adding("c"))]
        )
        assert batch.outcomes[0] == "a"
        assert isinstance(batch.outcomes[1], Missing)
        assert batch.outcomes[2] == "c"
        assert names(home) == {"a", "c"}

    def test_survives_a_programming_error_which_is_told_without_its_details(self, home, caplog):
        with caplog.at_level(logging.ERROR):
            batch = home.keeper.perform_batch(
                [request(adding("a")), request(failing("b", ValueError("secret"))), request(adding("c"))]
            )
        failure = batch.outcomes[1]
        assert isinstance(failure, InternalFailure)
        assert "secret" not in failure.sentence
        assert failure.sentence.split()[-1].rstrip(".") in caplog.text
        assert names(home) == {"a", "c"}

    def test_takes_back_what_a_failed_act_held(self, home):
        upload = UploadId("u")

        def holding(work):
            work.holds.take(upload, Hold("doors-1", SessionId("s")))

        def holding_in_vain(work):
            holding(work)
            raise Missing

        home.keeper.perform_batch([request(adding("a")), request(holding_in_vain)])
        assert home.keeper._holds.of(upload) is None
        home.keeper.perform_batch([request(holding), request(failing("b", Missing()))])
        assert home.keeper._holds.of(upload) == Hold("doors-1", "s")
        home.keeper.connection_closed("doors-1")
        assert home.keeper._holds.of(upload) is None

    def test_whose_commit_finds_no_room_is_not_done_at_all_and_the_keeper_goes_on(self, home, monkeypatch):
        def full(self):
            self.rollback()
            raise StoreFull

        with monkeypatch.context() as patched:
            patched.setattr(Transaction, "commit", full)
            batch = home.keeper.perform_batch([request(adding(name)) for name in "abc"])
        assert [type(one) for one in batch.outcomes] == [StoreFull] * 3
        assert names(home) == set()
        assert home.keeper.perform_batch([request(adding("d"))]).outcomes == ["d"]
        assert names(home) == {"d"}

    def test_that_was_not_committed_is_forgotten_by_the_ledger_too(self, home, monkeypatch):
        people(home)

        def full(self):
            self.rollback()
            raise StoreFull

        with monkeypatch.context() as patched:
            patched.setattr(Transaction, "commit", full)
            with pytest.raises(StoreFull):
                home.admin(AddGroup(group="nurses@clinic"))
        home.admin(AddGroup(group="nurses@clinic"))
        kinds = [json.loads(entry.body)["kind"] for entry in home.admin(ReadLedger(limit=1000)).entries]
        assert kinds.count("group_added") == 1

    def test_that_met_a_lost_database_fails_whole_and_is_not_tried_again(self, home, monkeypatch):
        tried = []

        def lost(self):
            tried.append(self)
            self.rollback()
            raise Unavailable

        with monkeypatch.context() as patched:
            patched.setattr(Transaction, "commit", lost)
            batch = home.keeper.perform_batch([request(adding(name)) for name in "abc"])
        assert [type(one) for one in batch.outcomes] == [Unavailable] * 3
        assert len(tried) == 1

    def test_on_a_full_disk_hurts_only_what_writes(self, home):
        """A real SQLite that may not grow: what only reads is answered, what writes is told, and later all is well."""
        if home.settings.database:
            pytest.skip("only SQLite can be told not to grow")
        driver = home.keeper._database._driver
        (pages,) = driver.query("PRAGMA page_count", ())[0]
        driver.query(f"PRAGMA max_page_count={pages}", ())

        def large(work):
            work.transaction.run(queries.ADD_NODE_VALUE, name="l", value=bytes(1 << 20))

        count = request(lambda work: len(work.transaction.all(queries.NODE_VALUES)))
        batch = home.keeper.perform_batch([count, request(large), count])
        assert isinstance(batch.outcomes[1], StoreFull)
        assert batch.outcomes[0] == batch.outcomes[2] > 0
        driver.query("PRAGMA max_page_count=4294967294", ())
        assert home.keeper.perform_batch([request(large)]).outcomes == [None]


class TestADiskThatFails:
    """A real SQLite whose file or log cannot be read or written, by descriptors that do not allow it."""

    @pytest.fixture
    def home(self, tmp_path):
        home = KeeperInProcess(tmp_path / "data")
        yield home
        home.close()

    @pytest.fixture
    def catalogue(self, home):
        return home.data_dir / "catalogue.sqlite"

    @pytest.mark.parametrize("what", ["write", "sync"])
    def test_is_told_and_the_keeper_goes_on_by_itself(self, home, catalogue, what, caplog):
        count = request(lambda work: len(work.transaction.all(queries.NODE_VALUES)))
        with failing_file(Path(f"{catalogue}-wal"), what):
            batch = home.keeper.perform_batch([request(adding("a")), count, request(adding("b"))])
            failure = batch.outcomes[0]
            assert isinstance(failure, Unavailable)
            assert failure.code == "unavailable"
            assert "disk" in failure.sentence
            assert batch.outcomes[1:] == [len(home.keeper.perform_one(request(all_values))) - 1, "b"]
            assert home.door().ask_now(Health()) == Done()
        assert "SQLITE_IOERR" in caplog.text
        assert names(home) == {"b"}
        home.restart()
        assert names(home) == {"b"}

    def test_stops_only_who_needs_what_cannot_be_read(self, home, catalogue):
        home.keeper.perform_one(
            request(lambda work: work.transaction.run(queries.ADD_NODE_VALUE, name="l", value=bytes(1 << 20)))
        )
        home.restart()
        home.keeper._database._driver.query("PRAGMA shrink_memory", ())
        home.keeper.perform_one(request(adding("a")))  # what writing needs is in memory, the large value is not
        with failing_file(catalogue, "read"):
            batch = home.keeper.perform_batch([request(adding("b")), request(all_values), request(adding("c"))])
        assert [batch.outcomes[0], batch.outcomes[2]] == ["b", "c"]
        assert batch.outcomes[1].code == "unavailable"
        assert names(home) == {"l", "a", "b", "c"}


class TestADatabaseThatGoesAwayWhileItCommits:
    @pytest.fixture
    def line(self, postgres_server):
        with LosingLine.to(postgres_server) as line:
            yield line

    @pytest.fixture
    def remote(self, line, postgres_server, tmp_path):
        database = line.url(name_in(postgres_server.new_database()))
        remote = KeeperInProcess(tmp_path / "data", dataclasses.replace(SETTINGS, database=database))
        yield remote
        remote.close()

    @pytest.mark.parametrize("lost", ["request", "answer"])
    def test_all_are_told_that_it_may_have_been_done_and_doors_hear_if_it_was(self, remote, line, lost, monkeypatch):
        people(remote)
        door = remote.door()
        heard = []
        door.on_notice(heard.append)
        session = sign_in(door)
        commit = Transaction.commit

        def lose_once(transaction):
            monkeypatch.setattr(Transaction, "commit", commit)
            line.lose(lost)
            commit(transaction)

        monkeypatch.setattr(Transaction, "commit", lose_once)
        batch = remote.keeper.perform_batch([request(DisableUser(user="anna@clinic")), request(adding("a"))])
        assert [outcome.code for outcome in batch.outcomes] == ["outcome-unknown"] * 2
        done = lost == "answer"
        assert names(remote) == ({"a"} if done else set())
        assert heard == ([SessionsEnded((session.session,))] if done else [])
        look = Look(handle=session.handle, path="/")
        if done:
            with pytest.raises(SessionEnded):
                door.ask_now(look)
        else:
            assert door.ask_now(look)
        verifier = Verifier()
        read = remote.admin(ReadLedger())
        assert verifier.feed(read.entries)

    def test_it_is_looked_at_again_until_the_database_is_back(self, remote, line, monkeypatch):
        people(remote)
        door = remote.door()
        heard = []
        door.on_notice(heard.append)
        session = sign_in(door)
        commit = Transaction.commit

        def away(database):
            raise Unavailable

        with monkeypatch.context() as patched:

            def lose_and_stay_away(transaction):
                patched.setattr(Database, "begin", away)
                line.lose("answer")
                commit(transaction)

            patched.setattr(Transaction, "commit", lose_and_stay_away)
            with pytest.raises(OutcomeUnknown):
                remote.admin(DisableUser(user="anna@clinic"))
        assert heard == []
        assert remote.admin(Health()) == Done()
        assert heard == [SessionsEnded((session.session,))]


class TestWhoAsks:
    def test_an_operation_on_the_wrong_socket_is_refused_and_on_record(self, home):
        with pytest.raises(OperationRefused):
            home.door().ask_now(RotateNodeKey())
        with pytest.raises(OperationRefused):
            home.inspector().ask_now(Look(handle="h", path="/"))
        assert kinds(home).count("request_refused") == 2
        with pytest.raises(OperationRefused):
            home.inspector().ask_now(SignInWithToken(token="t", address="127.0.0.1", door="http"))

    def test_nobody_speaks_by_a_handle_that_is_not_one(self, home):
        with pytest.raises(SessionEnded):
            home.door().ask_now(Look(handle="guess", path="/"))
        assert "request_refused" not in kinds(home)

    def test_a_disabled_user_is_out_in_the_same_batch(self, home):
        people(home)
        door = home.door()
        handle = sign_in(door).handle
        look = request(Look(handle=handle, path="/"), Asker.DOOR, door.name)
        disable = request(DisableUser(user="anna@clinic"))
        before, done, after = home.keeper.perform_batch([look, disable, look]).outcomes
        assert before.entry.kind == "folder"
        assert done == Done()
        assert isinstance(after, SessionEnded)

    def test_a_changed_membership_holds_from_the_next_operation_on(self, home, monkeypatch):
        people(home)
        home.admin(AddGroup(group="nurses@clinic"))
        door = home.door()
        handle = sign_in(door).handle
        groups = []
        look = SESSION_ACTS[Look]

        def noted(work, caller, operation):
            groups.append(len(caller.groups))
            return look(work, caller, operation)

        monkeypatch.setitem(SESSION_ACTS, Look, noted)
        door.ask_now(Look(handle=handle, path="/"))
        home.admin(SetMembership(group="nurses@clinic", user="anna@clinic", member=True))
        door.ask_now(Look(handle=handle, path="/"))
        assert groups == [0, 1]

    def test_doors_are_told_of_ended_sessions(self, home):
        people(home)
        door = home.door()
        heard = []
        door.on_notice(heard.append)
        session = sign_in(door)
        home.admin(DisableUser(user="anna@clinic"))
        assert heard == [SessionsEnded((session.session,))]

    def test_a_session_that_is_remembered_ends_when_its_time_is_over(self, tmp_path):
        clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        settings = dataclasses.replace(SETTINGS, session_idle_seconds=1000, session_lifetime_seconds=1500)
        home = KeeperInProcess(tmp_path / "data", settings, clock)
        people(home)
        door = home.door()
        handle = door.ask_now(SignInWithPassword("anna@clinic", PASSWORD, b"", "192.0.2.1", "http")).handle
        for _ in range(6):
            door.ask_now(Look(handle=handle, path="/"))
            clock.advance(timedelta(seconds=249))
        assert door.ask_now(Look(handle=handle, path="/"))
        clock.advance(timedelta(seconds=10))
        with pytest.raises(SessionEnded):
            door.ask_now(Look(handle=handle, path="/"))
        home.close()

    def test_a_session_is_over_at_once_when_its_user_signs_out(self, home):
        people(home)
        door = home.door()
        handle = sign_in(door).handle
        door.ask_now(Look(handle=handle, path="/"))
        door.ask_now(SignOut(handle=handle))
        with pytest.raises(SessionEnded):
            door.ask_now(Look(handle=handle, path="/"))


class TestRefusals:
    def test_of_a_signed_in_user_are_on_record(self, home):
        people(home)
        door = home.door()
        handle = sign_in(door).handle
        with pytest.raises(Missing):
            door.ask_now(ListFolder(handle=handle, path="/not-there"))
        assert kinds(home)[-1] == "request_refused"

    def test_of_a_looping_client_are_counted_instead(self, tmp_path):
        clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        home = KeeperInProcess(
            tmp_path / "data", dataclasses.replace(SETTINGS, refusals_recorded_per_minute_max=5), clock
        )
        people(home)
        door = home.door()
        handle = sign_in(door).handle

        def ask_in_vain():
            with pytest.raises(Missing):
                door.ask_now(MakeFolder(handle=handle, path="/no/where"))

        for _ in range(50):
            ask_in_vain()
        assert kinds(home).count("request_refused") == 5
        clock.advance(timedelta(minutes=1))
        ask_in_vain()
        assert kinds(home).count("request_refused") == 6
        assert last_body(home)["omitted"] == 45
        home.close()


class TestTheLedger:
    @pytest.mark.parametrize(("answer_bytes_max", "at_once"), [(3000, 2), (100, 1)])
    def test_is_read_in_pages_that_fit_an_answer(self, tmp_path, answer_bytes_max, at_once):
        home = KeeperInProcess(tmp_path / "data", dataclasses.replace(SETTINGS, answer_bytes_max=answer_bytes_max))
        people(home)
        count = len(entries(home))
        pages, after = [], 0
        while not pages or after:
            page = home.admin(ReadLedger(after=after))
            pages.append([entry.seq for entry in page.entries])
            after = page.after
        assert list(itertools.chain(*pages)) == list(range(1, count + 1))
        assert max(map(len, pages)) >= at_once
        assert len(pages) > 1
        home.close()


class TestTheNode:
    def test_is_held_by_one_keeper_alone(self, home):
        with pytest.raises(LeaseHeld):
            Keeper.open(home.data_dir, home.settings)

    def test_has_the_same_host_keys_after_a_restart_and_after_a_new_node_key(self, home):
        before = home.door().ask_now(HostKeys())
        home.restart()
        assert home.door().ask_now(HostKeys()) == before
        home.admin(RotateNodeKey())
        (home.data_dir / "keys" / "node-1.key").unlink()
        home.restart()
        assert home.door().ask_now(HostKeys()) == before

    def test_says_when_its_key_file_is_gone_instead_of_making_another(self, home):
        home.keeper.close()
        for path in (home.data_dir / "keys").iterdir():
            path.unlink()
        with pytest.raises(KeyFileInvalid):
            Keeper.open(home.data_dir, home.settings)
        assert list((home.data_dir / "keys").iterdir()) == []

    def test_tells_a_crash_from_a_clean_end(self, home):
        def begun():
            home.keeper.perform_one(request(node.begin_serving))
            return next(
                body["previous"]
                for entry in reversed(entries(home))
                for body in [json.loads(entry.body)]
                if body["kind"] == "keeper_started"
            )

        assert begun() == "first"
        home.restart()
        assert begun() == "crash"
        home.keeper.perform_one(request(node.end_serving))
        home.restart()
        assert begun() == "clean"

    def test_is_healthy_only_if_it_can_write(self, home, monkeypatch):
        assert home.door().ask_now(Health()) == Done()

        def away(self):
            self.rollback()
            raise Unavailable

        monkeypatch.setattr(Transaction, "commit", away)
        with pytest.raises(Unavailable) as failure:
            home.door().ask_now(Health())
        assert not isinstance(failure.value, KeeperAway)

    def test_signs_a_user_in_by_password_and_nobody_by_a_wrong_one(self, home):
        people(home)
        door = home.door()
        right = SignInWithPassword("anna@clinic", PASSWORD, b"", "192.0.2.1", "http")
        assert door.ask_now(right).user == "anna@clinic"
        for wrong in (
            SignInWithPassword("anna@clinic", PASSWORD + "x", b"", "192.0.2.1", "http"),
            SignInWithPassword("nobody@clinic", PASSWORD, b"", "192.0.2.1", "http"),
        ):
            with pytest.raises(NotSignedIn):
                door.ask_now(wrong)
