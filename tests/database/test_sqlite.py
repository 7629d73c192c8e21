"""What is SQLite's own: durability settings, the lock file, a disk that is full."""

import contextlib
import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sealane.database.drivers import DiskFailed
from sealane.database.engine import Database
from sealane.database.sqlite import SqliteDriver
from sealane.errors import Integrity, LeaseHeld, StoreFull, Unavailable
from tests.database import example
from tests.failing_files import failing_file

pytestmark = pytest.mark.slow  # together they take longer than make check may

HOLD = """
import sys, time
from sealane.database.engine import Database
held = Database.open(sys.argv[1])
held.hold_lease()
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "catalogue.sqlite"


@pytest.fixture
def opened(path):
    database = example.make(Database.open(f"sqlite:///{path}"))
    yield database
    database.close()


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("trusted_schema", 0), ("temp_store", 2)],
)
def test_the_connection_is_durable_and_checks_references(opened, pragma, value):
    assert opened._driver.query(f"PRAGMA {pragma}", ()) == [(value,)]


def test_a_connection_opened_again_is_set_up_the_same(opened):
    opened._driver.close()
    with opened.begin():
        pass
    assert opened._driver.query("PRAGMA synchronous", ()) == [(2,)]


def test_nobody_else_may_read_the_file(opened, path):
    with opened.begin() as transaction:
        transaction.insert(example.ADD_NAME, name="a")
        opened.hold_lease()
        for suffix in ("", "-wal", "-shm", ".lock"):
            assert stat.S_IMODE(Path(f"{path}{suffix}").stat().st_mode) == 0o600, suffix


def test_two_keepers_cannot_hold_one_database(opened, path):
    opened.hold_lease()
    opened.hold_lease()
    other = Database.open(f"sqlite:///{path}")
    with pytest.raises(LeaseHeld):
        other.hold_lease()
    opened.close()
    other.hold_lease()
    other.close()


@pytest.mark.slow
def test_the_lease_ends_with_its_process_however_that_ends(opened, path):
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            HOLD,
            f"sqlite:///{path}",
        ],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
    )
    with holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(LeaseHeld):
            opened.hold_lease()
        holder.kill()
        holder.wait()
    opened.hold_lease()


def test_a_folder_that_is_not_there_is_told_clearly(tmp_path):
    with pytest.raises(Unavailable, match="cannot be opened"):
        Database.open(f"sqlite:///{tmp_path}/missing/catalogue.sqlite")


def test_a_file_that_is_no_database_is_told_clearly(path):
    path.write_bytes(b"not a database at all, but long enough to look at" * 100)
    with pytest.raises(Unavailable, match="cannot be opened"):
        Database.open(f"sqlite:///{path}")


def test_no_more_room_for_pages_is_a_full_store_and_the_next_transaction_works(opened):
    [(pages,)] = opened._driver.query("PRAGMA page_count", ())
    opened._driver.query(f"PRAGMA max_page_count={pages + 10}", ())
    with pytest.raises(StoreFull), opened.begin() as transaction:
        transaction.insert(example.ADD, **example.EMPTY | {"name": "large", "content": bytes(1 << 20)})
    with opened.begin() as transaction:
        transaction.insert(example.ADD_NAME, name="small")
        assert [thing.name for thing in transaction.all(example.ALL)] == ["small"]


def add(database, name):
    with database.begin() as transaction:
        transaction.insert(example.ADD_NAME, name=name)


def names(database):
    with database.begin() as transaction:
        return [thing.name for thing in transaction.all(example.ALL)]


def names_and_one_more(database):
    with database.begin() as transaction:
        transaction.insert(example.ADD_NAME, name="with it")
        return [thing.name for thing in transaction.all(example.ALL)]


@pytest.mark.parametrize("what", ["write", "sync"])
def test_a_commit_that_the_disk_fails_is_not_done_and_the_next_one_is(opened, path, what):
    add(opened, "before")
    with failing_file(Path(f"{path}-wal"), what), pytest.raises(DiskFailed) as failure:
        add(opened, "failed")
    assert failure.value.code == "unavailable"
    assert "disk" in failure.value.sentence
    add(opened, "after")
    assert names(opened) == ["before", "after"]
    opened.close()
    again = Database.open(f"sqlite:///{path}")
    assert names(again) == ["before", "after"]
    again.close()


def test_a_row_that_the_disk_does_not_give_ends_its_transaction_alone(opened, path):
    with opened.begin() as transaction:
        transaction.insert(example.ADD, **example.EMPTY | {"name": "large", "content": bytes(1 << 20)})
    opened.close()
    again = Database.open(f"sqlite:///{path}")
    add(again, "small")
    with failing_file(path, "read"):
        with pytest.raises(DiskFailed):
            names_and_one_more(again)
        add(again, "beside it")
    assert sorted(names(again)) == ["beside it", "large", "small"]
    again.close()


@pytest.mark.parametrize("what", ["write", "sync"])
def test_a_file_that_fails_for_good_is_opened_anew_under_the_same_lease(opened, path, what):
    with opened.begin() as transaction:
        transaction.insert(example.ADD, **example.EMPTY | {"name": "before", "content": bytes(1 << 20)})
    opened.hold_lease()
    log = Path(f"{path}-wal")
    size = log.stat().st_size
    with failing_file(log, what):
        for _ in range(2):
            with pytest.raises(DiskFailed):
                add(opened, "failed")
        add(opened, "after")
        assert log.stat().st_size < size, "what was in the log is written to the file itself, durably"
        other = Database.open(f"sqlite:///{path}")
        with pytest.raises(LeaseHeld):
            other.hold_lease()
        other.close()
    assert names(opened) == ["before", "after"]
    assert opened._driver.query("PRAGMA synchronous", ()) == [(2,)]


def test_a_disk_that_fails_now_and_then_is_no_reason_to_open_the_file_anew(opened, path):
    add(opened, "before")
    connection = opened._driver._connection
    for number in range(3):
        with failing_file(Path(f"{path}-wal"), "write"), pytest.raises(DiskFailed):
            add(opened, "failed")
        add(opened, f"after {number}")
    assert opened._driver._connection is connection


def test_a_file_that_cannot_be_opened_anew_is_tried_again_each_time(opened, path):
    add(opened, "before")
    with failing_file(Path(f"{path}-wal"), "write"):
        for _ in range(2):
            with pytest.raises(DiskFailed):
                add(opened, "failed")
    aside = path.rename(f"{path}.aside")
    path.mkdir()
    for _ in range(2):
        with pytest.raises(Unavailable):
            add(opened, "failed")
    path.rmdir()
    aside.rename(path)
    add(opened, "after")
    assert names(opened) == ["before", "after"]


def test_a_damaged_file_is_told_as_that(opened, path):
    with opened.begin() as transaction:
        transaction.insert(example.ADD, **example.EMPTY | {"name": "large", "content": bytes(1 << 20)})
    opened.close()
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = b"\xff" * (len(content) - len(content) // 2)
    path.write_bytes(content)
    again = Database.open(f"sqlite:///{path}")
    with pytest.raises(Integrity, match="damaged"), again.begin() as transaction:
        transaction.all(example.ALL)
    again.close()


@pytest.mark.slow
def test_a_full_disk_is_told_as_such_and_what_was_committed_stays(path):
    """A limit on file size in a child stands in for the disk: SQLite meets both as a failed write."""
    result = subprocess.run(
        [sys.executable, __file__, f"sqlite:///{path}"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": f"{Path(__file__).parents[2] / 'src'}:{Path(__file__).parents[2]}"},
    )
    assert result.stdout.splitlines() == ["refused", "small ones still work"], result.stderr
    database = Database.open(f"sqlite:///{path}")
    with database.begin() as transaction:
        assert [thing.name for thing in transaction.all(example.ALL)] == ["before", "after"]
    database.close()


def fill() -> None:
    """Run in a child: write more than its files may hold."""
    database = example.make(Database.open(sys.argv[1]))
    with database.begin() as transaction:
        transaction.insert(example.ADD_NAME, name="before")
    present = Path(sys.argv[1].removeprefix("sqlite:///") + "-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (present + 100_000, resource.RLIM_INFINITY))
    try:
        with database.begin() as transaction:
            transaction.insert(example.ADD, **example.EMPTY | {"name": "large", "content": bytes(1 << 20)})
    except (StoreFull, Unavailable):
        sys.stdout.write("refused\n")
    with database.begin() as transaction:
        transaction.insert(example.ADD_NAME, name="after")
    sys.stdout.write("small ones still work\n")


if __name__ == "__main__":
    fill()


@pytest.mark.parametrize("ends", ["release", "undo"])
def test_what_a_savepoint_keeps_is_written_to_no_file_beside_the_database(tmp_path, ends):
    """SQLite would put pages as they were into a file in /var/tmp: wrapped keys and hashes of secrets among them."""
    driver = SqliteDriver(tmp_path / "sealane.db")
    driver.query("CREATE TABLE things (id INTEGER PRIMARY KEY, text BLOB)", ())
    driver.begin()
    driver.change_many("INSERT INTO things VALUES (?, ?)", [(number, bytes(3000)) for number in range(200)])
    driver.commit()
    driver.begin()
    driver.savepoint(1)
    driver.change("UPDATE things SET text = ?", (b"x" * 3000,))
    held = _open_files()
    getattr(driver, ends)(1)
    driver.commit()
    driver.close()
    assert "sealane.db" in held
    assert not [name for name in held if name.startswith("etilqs")]


def _open_files() -> set[str]:
    """Return the names of the files that this process holds open."""
    names = set()
    for file in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # that by which they are listed is gone
            names.add(file.readlink().name)
    return names
