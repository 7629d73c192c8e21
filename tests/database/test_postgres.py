"""What is PostgreSQL's own: the lease as a lock on the connection, a server that goes away, failed transactions."""

import threading

import psycopg
import pytest

from sealane.database.drivers import DiskFailed, StatementFailed
from sealane.database.engine import Database
from sealane.database.postgres import _LEASE_KEY
from sealane.errors import Integrity, LeaseHeld, OutcomeUnknown, SealaneError, StoreFull, Unavailable
from tests.database import example
from tests.peers.losing_line import LosingLine
from tests.peers.postgres import name_in

pytestmark = pytest.mark.slow


@pytest.fixture
def url(postgres_server):
    return postgres_server.new_database()


@pytest.fixture
def opened(url):
    database = example.make(Database.open(url))
    yield database
    database.close()


def end_connections(url):
    """End every other connection to this database, as a server does that is stopped."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def names(database):
    with database.begin() as transaction:
        return [thing.name for thing in transaction.all(example.ALL)]


def test_two_keepers_cannot_hold_one_database(opened, url):
    opened.hold_lease()
    standby = Database.open(url)
    with pytest.raises(LeaseHeld):
        standby.hold_lease()
    opened.close()
    standby.hold_lease()
    standby.close()


def test_a_lease_that_its_holder_is_about_to_let_go_is_waited_for(opened, url):
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (_LEASE_KEY,))
        failures = []

        def hold():
            try:
                opened.hold_lease()
            except LeaseHeld as failure:
                failures.append(failure)

        holding = threading.Thread(target=hold)
        holding.start()
        while other.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone() != (1,) and not failures:
            pass
        other.execute("SELECT pg_advisory_unlock_all()")
        holding.join(30)
        assert failures == []
    standby = Database.open(url)
    with pytest.raises(LeaseHeld):
        standby.hold_lease()
    standby.close()


def test_a_lost_connection_fails_the_transaction_and_the_next_one_opens_another(opened, url):
    opened.hold_lease()
    transaction = opened.begin()
    transaction.insert(example.ADD_NAME, name="lost")
    end_connections(url)
    with pytest.raises(Unavailable):
        transaction.insert(example.ADD_NAME, name="never")
    with pytest.raises(Unavailable):
        transaction.commit()
    transaction.rollback()
    assert names(opened) == []
    other = Database.open(url)
    with pytest.raises(LeaseHeld):
        other.hold_lease()
    other.close()


def test_a_keeper_that_was_cut_off_cannot_write_after_its_standby_took_over(opened, url):
    opened.hold_lease()
    transaction = opened.begin()
    end_connections(url)
    standby = Database.open(url)
    standby.hold_lease()
    with pytest.raises(Unavailable):
        transaction.insert(example.ADD_NAME, name="late")
    transaction.rollback()
    with pytest.raises(LeaseHeld):
        opened.begin()
    with pytest.raises(LeaseHeld):
        opened.begin()
    assert names(standby) == []
    standby.close()
    assert names(opened) == []


def test_a_transaction_that_failed_on_the_server_cannot_pass_for_committed(opened):
    """The server answers COMMIT with ROLLBACK then, and no error."""
    transaction = opened.begin()
    transaction.insert(example.ADD_NAME, name="a")
    with pytest.raises(StatementFailed):
        transaction.insert(example.ADD_NAME, name="a")
    with pytest.raises(StatementFailed):
        transaction.commit()
    assert names(opened) == []


def when_it_commits(connection, name, deed):
    """Have the server do something at the commit of whatever adds to the example table."""
    connection.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {deed}; RETURN NULL; END'")
    connection.execute(
        f"CREATE CONSTRAINT TRIGGER {name} AFTER INSERT ON things DEFERRABLE INITIALLY DEFERRED"
        f" FOR EACH ROW EXECUTE FUNCTION {name}()"
    )


@pytest.fixture
def line(postgres_server):
    with LosingLine.to(postgres_server) as line:
        yield line


@pytest.mark.parametrize(("lost", "done"), [("answer", ["a"]), ("request", [])])
def test_a_connection_lost_during_commit_leaves_the_outcome_unknown(url, line, lost, done):
    database = example.make(Database.open(line.url(name_in(url))))
    database.hold_lease()
    assert names(database) == []  # COMMIT is prepared from here on: one request, one answer
    transaction = database.begin()
    transaction.insert(example.ADD_NAME, name="a")
    line.lose(lost)
    with pytest.raises(OutcomeUnknown) as failure:
        transaction.commit()
    assert failure.value.code == "outcome-unknown"
    end_connections(url)
    assert names(database) == done  # over a connection and under a lease of its own
    standby = Database.open(url)
    with pytest.raises(LeaseHeld):
        standby.hold_lease()
    standby.close()
    database.close()


def test_a_server_process_that_is_ended_while_it_commits_leaves_the_outcome_unknown(opened, url):
    """The commit waits in a deferred trigger; its server process is ended there by the administrator."""
    with psycopg.connect(url, autocommit=True) as other:
        when_it_commits(other, "waits", "PERFORM pg_advisory_xact_lock(7)")
        other.execute("SELECT pg_advisory_lock(7)")
        transaction = opened.begin()
        transaction.insert(example.ADD_NAME, name="a")
        failures = []

        def commit():
            try:
                transaction.commit()
            except SealaneError as failure:
                failures.append(failure)

        committing = threading.Thread(target=commit)
        committing.start()
        ended = "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE objid = 7 AND NOT granted"
        while other.execute(ended).fetchone() != (True,):
            pass
        committing.join(30)
        assert [failure.code for failure in failures] == ["outcome-unknown"]
    assert names(opened) == []


def test_a_commit_that_the_server_refuses_is_known_not_to_be_done(opened, url):
    with psycopg.connect(url, autocommit=True) as other:
        when_it_commits(other, "refuses", "RAISE disk_full")
    transaction = opened.begin()
    transaction.insert(example.ADD_NAME, name="a")
    with pytest.raises(StoreFull):
        transaction.commit()
    assert names(opened) == []


@pytest.mark.parametrize(
    ("condition", "error"),
    [("io_error", DiskFailed), ("index_corrupted", Integrity), ("undefined_table", Integrity)],
)
def test_a_server_whose_disk_fails_is_told_as_that(opened, url, condition, error):
    with psycopg.connect(url, autocommit=True) as other:
        other.execute(
            "CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS"
            f" 'BEGIN RAISE {condition} USING MESSAGE = ''very private''; RETURN NULL; END'"
        )
        other.execute("CREATE TRIGGER fails AFTER INSERT ON things FOR EACH ROW EXECUTE FUNCTION fails()")
    transaction = opened.begin()
    with pytest.raises(error) as failure:
        transaction.insert(example.ADD_NAME, name="a")
    assert "private" not in f"{failure.value!r} {failure.value.__cause__!r}"
    transaction.rollback()
    assert names(opened) == []


def test_a_server_that_is_not_there_is_told_without_its_password(tmp_path):
    with pytest.raises(Unavailable) as failure:
        Database.open(f"postgresql://keeper:very-secret@/catalogue?host={tmp_path}")
    assert "secret" not in f"{failure.value!r}"
    assert failure.value.__suppress_context__


def test_a_database_of_another_encoding_is_refused(postgres_server):
    with pytest.raises(Unavailable, match="UTF8"):
        Database.open(postgres_server.new_database(encoding="SQL_ASCII"))


def test_a_session_that_would_not_wait_for_the_disk_is_made_to(postgres_server):
    url = postgres_server.new_database()
    database = Database.open(f"{url}&options=-csynchronous_commit%3Doff")
    assert database._driver.query("SHOW synchronous_commit", ()) == [("on",)]
    database.close()


def test_statements_are_prepared_once_whatever_their_values(opened):
    with opened.begin() as transaction:
        for size in (1, 100_000, 2**40):
            transaction.insert(example.ADD, **example.EMPTY | {"name": f"n{size}", "size": size})
    prepared = opened._driver.query("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'INSERT%%'", ())
    assert prepared == [(1,)]
