"""The ledger is asked by folder, session, address, door, outcome and time, page by page, and in any mix of them."""

import json
from datetime import timedelta

import pytest

from sealane.cli.audit_log import followed
from sealane.errors import Invalid, Missing
from sealane.operations.accounts import AddFolder, GrantFolder
from sealane.operations.audit import ReadLedger
from sealane.operations.files import Look, OpenVersion

pytestmark = pytest.mark.slow  # together with the others they take longer than make check may


@pytest.fixture
def busy(world, anna, carl):
    """Files in two folders, a refusal, and an hour between."""
    world.admin(AddFolder(folder="clinic:/in/deep"))
    world.admin(AddFolder(folder="clinic:/other"))
    world.admin(GrantFolder(folder="clinic:/other", grantee="anna@clinic", rights=("list", "read", "write")))
    anna.put(b"a", "/in/a")
    world.clock.advance(timedelta(minutes=10))
    anna.put(b"b", "/in/deep/b")
    anna.put(b"c", "/other/c")
    carl.ask(OpenVersion, path="/@clinic/in/a")
    with pytest.raises(Missing):
        carl.ask(Look, path="/@clinic/in/nothing")
    return world


def asked(world, **question):
    return [json.loads(entry.body) for entry in world.admin(ReadLedger(limit=2000, **question)).entries]


def kinds(world, **question):
    return [body["kind"] for body in asked(world, **question)]


def test_a_folder_is_asked_with_all_below_it(busy):
    assert kinds(busy, folder="clinic:/in/deep") == ["folder_made", "upload_begun", "upload_finished"]
    below = kinds(busy, folder="clinic:/in")
    assert below.count("upload_finished") == 2
    assert below.count("download_begun") == 1
    assert kinds(busy, folder="clinic:/other").count("upload_finished") == 1
    seqs = [entry.seq for entry in busy.admin(ReadLedger(folder="clinic:/in", limit=2000)).entries]
    assert seqs == sorted(set(seqs))
    with pytest.raises(Missing):
        asked(busy, folder="clinic:/nowhere")


def test_a_folder_with_too_many_below_it_is_refused(busy):
    import dataclasses

    busy.home.settings = dataclasses.replace(busy.home.settings, audit_folders_max=1)
    busy.home.restart()
    with pytest.raises(Invalid, match="too many folders"):
        asked(busy, folder="clinic:/in")
    assert kinds(busy, folder="clinic:/in/deep")


def test_session_address_door_and_outcome(busy, carl):
    assert set(kinds(busy, session=carl.name)) == {"sign_in", "download_begun", "request_refused"}
    assert len(asked(busy, address="192.0.2.1")) == len(asked(busy, door="http"))
    assert asked(busy, address="192.0.2.99") == []
    assert set(kinds(busy, outcome="refused")) == {"request_refused"}
    assert kinds(busy, outcome="damaged") == []
    assert "request_refused" not in kinds(busy, outcome="done")
    assert len(asked(busy, outcome="done")) + len(asked(busy, outcome="refused")) == len(asked(busy))
    assert kinds(busy, outcome="refused", kind="upload_finished") == []
    assert kinds(busy, door="http", user="carl@insurer", outcome="refused") == ["request_refused"]


def test_time_from_and_to(busy):
    now = busy.clock.now()
    early, late = asked(busy, until=now - timedelta(minutes=5)), asked(busy, since=now - timedelta(minutes=5))
    assert len(early) + len(late) == len(asked(busy))
    assert [body["kind"] for body in late].count("upload_finished") == 2
    assert asked(busy, since=now + timedelta(days=1)) == []


def test_what_a_clock_set_back_hid_from_order_is_still_found(busy):
    """An intruder sets the clock on, acts, and sets it back: the entry stands before earlier ones."""
    busy.clock.advance(timedelta(days=10))
    busy.admin(AddFolder(folder="clinic:/future"))
    busy.clock.advance(timedelta(days=-10))
    busy.admin(AddFolder(folder="clinic:/present"))
    since = busy.clock.now() + timedelta(days=5)
    assert kinds(busy, since=since) == ["folder_made"]
    assert len(asked(busy, until=busy.clock.now())) == len(asked(busy)) - 1


@pytest.mark.parametrize("question", [{"folder": "clinic:/in"}, {"outcome": "done"}, {"door": "http"}, {}])
def test_pages_are_the_whole_in_order(busy, question):
    whole = [entry.seq for entry in busy.admin(ReadLedger(limit=2000, **question)).entries]
    seen, after = [], 0
    while True:
        page = busy.admin(ReadLedger(limit=2, after=after, **question))
        seen += [entry.seq for entry in page.entries]
        if not page.after:
            break
        after = page.after
    assert seen == whole


def test_following_goes_on_with_what_comes(busy, anna):
    def ask(operation, wanted):
        return busy.admin(operation)

    following = followed(ask, ReadLedger(kind="upload_finished"), pause_seconds=0)
    before = [next(following).seq for _ in range(3)]
    anna.put(b"new", "/in/new")
    assert next(following).seq > max(before)
