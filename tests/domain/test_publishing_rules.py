"""An administrator with a token of the scope says when a folder publishes, and sees how far reading is behind."""

from datetime import timedelta

import pytest

from sealane.errors import Invalid, Missing, NotAllowed
from sealane.operations.accounts import SetRole
from sealane.operations.exposures import (
    ListReading,
    LookBacklog,
    LookFolderReading,
    LookOwnBacklog,
    SetFolderPublishing,
    SetReading,
)
from sealane.settings import Settings
from tests.domain.transfers import World

pytestmark = pytest.mark.slow  # together with the others they take longer than make check may


@pytest.fixture
def world(world_template, tmp_path):
    settings = Settings(inline_bytes_max=64, segment_bytes_max=256 * 1024, reading_behind_files_max=2)
    made = World.copied(world_template, tmp_path / "data", settings, reading=True)
    made.admin(SetRole(user="anna@clinic", role="admin"))
    yield made
    made.close()


def test_an_administrator_says_when_a_folder_publishes(world):
    anna = world.session("anna@clinic", scopes=("read", "write", "admin"))
    before = anna.ask(LookFolderReading, path="/in")
    assert (before.reading, before.publish, before.said_here) == (True, "at-once", False)
    told = anna.ask(SetFolderPublishing, path="/in", publish="after-reading", unread_after_seconds=600)
    assert (told.publish, told.unread_after_seconds, told.said_here) == ("after-reading", 600, True)
    assert anna.ask(LookFolderReading, path="/in") == told
    assert not anna.put(b"a,b\n").visible
    (row,) = world.admin(ListReading()).rows
    assert "clinic:/in" in str(row)
    (said,) = [body for body in world.bodies() if body["kind"] == "reading_set"]
    assert said["user_id"] is not None, "the ledger names the person"
    again = anna.ask(SetFolderPublishing, path="/in", publish="at-once")
    assert (again.publish, again.unread_after_seconds) == ("at-once", 600)


@pytest.mark.parametrize("path", ["/", "/@insurer/in", "/nowhere"])
def test_other_places_are_not_there(world, path):
    anna = world.session("anna@clinic", scopes=("read", "write", "admin"))
    with pytest.raises(Missing):
        anna.ask(SetFolderPublishing, path=path, publish="after-reading")


@pytest.mark.parametrize("operation", [LookFolderReading, SetFolderPublishing, LookOwnBacklog])
def test_nobody_else_may(world, operation):
    words = {} if operation is LookOwnBacklog else {"path": "/in"}
    for session in (world.session("anna@clinic"), world.session("carl@insurer", scopes=("read", "write", "admin"))):
        with pytest.raises(NotAllowed):
            session.ask(operation, **words)


def test_a_time_past_a_year_is_refused(world):
    anna = world.session("anna@clinic", scopes=("read", "write", "admin"))
    with pytest.raises(Invalid):
        anna.ask(SetFolderPublishing, path="/in", unread_after_seconds=10**9)


def test_what_waits_is_told_in_numbers_up_to_where_nothing_more_is_taken(world):
    world.admin(SetReading("clinic:/in", publish="after-reading"))
    anna = world.session("anna@clinic", scopes=("read", "write", "admin"))
    told = anna.ask(LookOwnBacklog)
    assert (told.waiting_files, told.waiting_since, told.behind) == (0, None, False)
    for name in ("one", "two"):
        anna.put(b"first_name,last_name\nAnn,Lee\n", f"/in/{name}")
    world.clock.advance(timedelta(seconds=3))
    told = anna.ask(LookOwnBacklog)
    assert (told.waiting_files, told.held_files, told.held_bytes > 0, told.behind) == (2, 2, True, True)
    assert told == world.admin(LookBacklog())
