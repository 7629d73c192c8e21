"""Versions that were replaced or removed may take as much again as the quota, and are so many of a name and folder."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealane.database.tables import versions
from sealane.domain import kept as kept_versions
from sealane.domain import sweep
from sealane.errors import InternalFailure, NotAllowed, SealaneError
from sealane.operations import accounts
from sealane.operations.files import MakeFolder, Move, OpenVersion, RemoveFile, RemoveFolder
from sealane.operations.versions import ListRemoved, ListVersions, RestoreVersion
from tests.domain.remembered import KEPT_IN
from tests.domain.transfers import World
from tests.tries import tries

pytestmark = pytest.mark.slow  # each test copies a whole world

SIZE = 1000


@pytest.fixture
def bounded(world):
    """A clinic with room for three such files."""
    world.admin(accounts.SetOrganizationQuota(name="clinic", quota_bytes=3 * SIZE))
    return world


def content(number):
    return bytes([number]) * SIZE


def kept(world):
    return world.count(versions, versions.c.replaced.is_not(None))


def test_the_oldest_go_where_all_are_too_much(bounded, anna):
    for number in range(6):
        anna.put(content(number))
        bounded.clock.advance(timedelta(seconds=1))
    assert kept(bounded) == 3
    assert anna.read() == content(5)
    assert bounded.kinds().count("version_expired") == 2
    bounded.clock.advance(timedelta(seconds=1))
    anna.ask(RemoveFile, path="/in/file")
    assert kept(bounded) == 3
    assert bounded.kinds().count("version_expired") == 3


def test_a_version_larger_than_all_that_may_be_kept_is_not_kept(bounded, anna):
    anna.put(content(0))
    bounded.admin(accounts.SetOrganizationQuota(name="clinic", quota_bytes=SIZE - 1))
    anna.ask(RemoveFile, path="/in/file")
    assert kept(bounded) == 0


def test_one_that_somebody_is_receiving_stays(bounded, anna):
    anna.put(content(0))
    opened = anna.ask(OpenVersion, path="/in/file")
    for number in range(1, 6):
        bounded.clock.advance(timedelta(seconds=1))
        anna.put(content(number))
    assert bounded.count(versions, versions.c.id == opened.version) == 1
    assert kept(bounded) == 3


def rewrite(world, session, path, times, size=SIZE):
    for number in range(times):
        world.clock.advance(timedelta(seconds=1))
        session.put(bytes([number]) * size, path)


def kept_in(session, path):
    return [one.entry.size for one in session.ask(ListVersions, path=path).versions if one.replaced is not None]


@pytest.fixture
def berta(world):
    """Somebody who writes in a folder of the clinic beside anna's, and there alone."""
    world.admin(accounts.AddFolder(folder="clinic:/other"))
    world.grant("clinic:/other", "berta@clinic", "list", "read", "write", "delete")
    return world.session("berta@clinic")


@pytest.mark.parametrize("path", ["/in/file", "/in/sub/deep/file"])
def test_a_folders_quota_bounds_what_is_kept_of_it_and_of_those_below_it(world, anna, path):
    world.admin(accounts.SetFolderQuota(folder="clinic:/in", quota_bytes=3 * SIZE))
    for folder in ("/in/sub", "/in/sub/deep"):
        anna.ask(MakeFolder, path=folder)
    rewrite(world, anna, path, 6)
    assert kept_in(anna, path) == [SIZE] * 3
    world.admin(accounts.SetFolderQuota(folder="clinic:/in", quota_bytes=2 * SIZE))
    rewrite(world, anna, path, 1)
    # To the folder's own quota at once; to one above it by as much as is added each time.
    assert kept_in(anna, path) == [SIZE] * (2 if path == "/in/file" else 3)


def test_what_is_too_much_already_is_not_paid_by_who_writes_next(world, berta, anna):
    rewrite(world, berta, "/other/file", 10)
    rewrite(world, anna, "/in/file", 4)
    world.admin(accounts.SetOrganizationQuota(name="clinic", quota_bytes=6 * SIZE))
    anna.put(b"x", "/in/tiny")
    world.clock.advance(timedelta(seconds=1))
    anna.ask(RemoveFile, path="/in/tiny")
    assert len(kept_in(anna, "/in/file")) == 2, "one went, the oldest, and not all for what is kept elsewhere"


def test_who_writes_in_one_folder_drives_out_nothing_that_is_kept_of_another(world, berta, anna):
    world.admin(accounts.SetOrganizationQuota(name="clinic", quota_bytes=6 * SIZE))
    rewrite(world, anna, "/in/file", 3)
    rewrite(world, berta, "/other/file", 9)
    assert kept_in(anna, "/in/file") == [SIZE] * 2
    assert kept_in(berta, "/other/file") == [SIZE] * 4
    anna.ask(RemoveFile, path="/in/file")
    assert kept_in(anna, "/in/file") == [SIZE] * 2  # its own oldest went


def test_a_quota_of_its_own_keeps_a_folder_from_taking_all_that_may_be_kept(world, berta, anna):
    world.admin(accounts.SetOrganizationQuota(name="clinic", quota_bytes=6 * SIZE))
    rewrite(world, berta, "/other/file", 9)
    anna.put(content(0))
    anna.ask(RemoveFile, path="/in/file")
    assert kept(world) == 6  # all of the other folder
    world.admin(accounts.SetFolderQuota(folder="clinic:/other", quota_bytes=4 * SIZE))
    rewrite(world, berta, "/other/file", 1)
    anna.put(content(1))
    anna.ask(RemoveFile, path="/in/file")
    assert kept_in(anna, "/in/file") == [SIZE]
    assert kept_in(berta, "/other/file") == [SIZE] * 4


def test_many_small_ones_do_not_let_a_large_one_pass_the_bound(bounded, anna, monkeypatch):
    monkeypatch.setattr(kept_versions, "_EARLY_MAX", 3)
    rewrite(bounded, anna, "/in/small", 9, size=1)
    rewrite(bounded, anna, "/in/file", 1, size=3 * SIZE - 2)
    assert kept(bounded) == 8
    anna.ask(RemoveFile, path="/in/file")
    assert kept_in(anna, "/in/small") == [1] * 5  # three made room for it, which was not enough
    assert kept(bounded) == 5
    anna.put(b"x" * (3 * SIZE - 1), "/in/file")
    anna.ask(RemoveFile, path="/in/file")
    assert kept(bounded) == 2


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "remove", "make", "unmake", "move", "restore"]),
        st.integers(0, 7),
        st.integers(0, 7),
    ),
    min_size=5,
    max_size=25,
)
PLACES = ("/in/a", "/in/a/b", "/in/a/b/c", "/in/d", "/own2/a", "/own2/d", "/own2/d/b", "/in/e")


@settings(max_examples=tries(12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_is_done_what_is_kept_is_counted_and_bounded(world_template, tmp_path_factory, steps):
    """Names that are now a file and now a folder: after each step each sum is right, and no bound is passed."""
    world = World.copied(world_template, tmp_path_factory.mktemp("lives") / "data")
    try:
        live(world, steps)
    finally:
        world.close()


def live(world, steps):
    world.admin(accounts.AddFolder(folder="clinic:/own2"))
    world.grant("clinic:/own2", "anna@clinic", "list", "read", "write", "delete")
    world.admin(accounts.SetFolderQuota(folder="clinic:/in", quota_bytes=3 * SIZE))
    world.admin(accounts.SetOrganizationQuota(name="clinic", quota_bytes=5 * SIZE))
    anna = world.session("anna@clinic")
    for act, one, other in steps:
        world.clock.advance(timedelta(seconds=1))
        path, target = PLACES[one], PLACES[other]
        try:
            if act == "put":
                anna.put(content(other), path)
            elif act == "remove":
                anna.ask(RemoveFile, path=path)
            elif act == "make":
                anna.ask(MakeFolder, path=path)
            elif act == "unmake":
                anna.ask(RemoveFolder, path=path)
            elif act == "move":
                anna.ask(Move, source=path, target=target, replace=True)
            else:
                told = anna.ask(ListVersions, path=path).versions
                version = told[other % len(told)]
                anna.ask(RestoreVersion, path=path, version=version.entry.version)
                assert anna.look(path).version == version.entry.version
        except InternalFailure:
            raise
        except SealaneError:
            pass
        world.check_tree()
        for row in world.act(lambda work: work.transaction.all(KEPT_IN)):
            assert row.kept_bytes <= 5 * SIZE


def test_without_a_quota_there_is_no_bound(world, anna):
    for number in range(6):
        anna.put(content(number))
    assert kept(world) == 5


def test_parts_of_uploads_are_for_who_may_write_somewhere(world):
    berta = world.session("berta@clinic")
    with pytest.raises(NotAllowed):
        berta.begin("", partial=True)
    world.grant("clinic:/in", "berta@clinic", "list", "read")
    with pytest.raises(NotAllowed):
        world.session("berta@clinic").begin("", partial=True)
    world.grant("clinic:/in", "berta@clinic", "write")
    part = world.session("berta@clinic").begin("", partial=True)
    part.write(0, content(1))
    part.finish()
    listed = world.admin(accounts.ListUploads())
    assert [dict(zip(row.columns, row.values, strict=True))["user"] for row in listed.rows] == ["berta@clinic"]


@pytest.fixture
def few(world):
    """A node that keeps three versions of a name, and eight of a folder."""
    keeper = world.home.keeper
    keeper.settings = replace(keeper.settings, kept_versions_of_name_max=3, kept_versions_of_folder_max=8)
    return world


def test_of_one_name_only_so_many_are_kept_whatever_their_size(few, anna):
    rewrite(few, anna, "/in/file", 4, size=1)
    assert few.kinds().count("version_expired") == 0
    oldest = anna.ask(ListVersions, path="/in/file").versions[-1].entry.version
    rewrite(few, anna, "/in/file", 3, size=1)
    assert kept_in(anna, "/in/file") == [1] * 3
    expired = [body["version_id"] for body in few.bodies() if body["kind"] == "version_expired"]
    assert len(expired) == 3
    assert expired[0] == oldest
    anna.ask(RemoveFile, path="/in/file")
    assert kept_in(anna, "/in/file") == [1] * 3


def test_of_one_folder_only_so_many_are_kept_and_the_oldest_go(few, anna):
    for number in range(12):
        rewrite(few, anna, f"/in/{number}", 1, size=1)
        anna.ask(RemoveFile, path=f"/in/{number}")
    assert sorted(int(one.name) for one in anna.ask(ListRemoved, path="/in").files) == list(range(4, 12))
    assert few.kinds().count("version_expired") == 4


def test_what_is_kept_of_a_folder_below_counts_there_alone(few, anna):
    anna.ask(MakeFolder, path="/in/sub")
    for number in range(8):
        rewrite(few, anna, f"/in/sub/{number}", 1, size=1)
        anna.ask(RemoveFile, path=f"/in/sub/{number}")
        rewrite(few, anna, f"/in/{number}", 1, size=1)
        anna.ask(RemoveFile, path=f"/in/{number}")
    assert kept(few) == 16
    anna.ask(RemoveFolder, path="/in/sub")
    assert kept(few) == 16, "what stayed behind is cleared by the sweep"
    few.act(sweep.clear)
    assert kept(few) == 8
    assert few.act(sweep.clear).versions == 0


def test_versions_that_are_received_are_not_driven_out_by_number(few, anna):
    anna.put(b"0")
    opened = anna.ask(OpenVersion, path="/in/file")
    rewrite(few, anna, "/in/file", 9, size=1)
    assert few.count(versions, versions.c.id == opened.version) == 1
    assert kept(few) == 3


def test_versions_replaced_at_the_same_moment_are_bounded_too(few, anna):
    made = [anna.put(bytes([number]) * 3).version for number in range(9)]
    listed = [one.entry.version for one in anna.ask(ListVersions, path="/in/file").versions]
    assert len(listed) == 4
    assert {made[-1], made[-2]} <= set(listed)


def test_a_large_folder_is_looked_at_now_and_then_and_never_grows_far_past_its_bound(few, anna):
    keeper = few.home.keeper
    keeper.settings = replace(keeper.settings, kept_versions_of_folder_max=96)
    most = 0
    for number in range(110):
        few.clock.advance(timedelta(seconds=1))
        anna.put(b"", f"/in/{number}")
        anna.ask(RemoveFile, path=f"/in/{number}")
        most = max(most, kept(few)) if number > 90 else 0
    assert 96 <= most <= 96 + 3
