"""Versions that were written over or removed: who sees them, who reads them, and having one back."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealane.database.tables import organizations, versions
from sealane.errors import Conflict, Exhausted, Integrity, IsAFolder, Missing, NotAllowed, QuotaExceeded
from sealane.operations import accounts
from sealane.operations.accounts import SealFolder, SetRecipient
from sealane.operations.failures import NotReadYet, NotSealed
from sealane.operations.files import MakeFolder, Move, OpenVersion, Receipt, RemoveFile, Space
from sealane.operations.versions import ListRemoved, ListVersions, LookVersion, RestoreVersion
from sealane.settings import Settings
from sealane.vault.age.x25519 import X25519Identity
from tests.domain.test_held_back import inspect
from tests.domain.transfers import SMALL, World
from tests.tries import tries

pytestmark = pytest.mark.slow  # each test copies a whole world


def written(world, anna, *contents, path="/in/file"):
    """Write a name anew several times; return the versions."""
    made = []
    for content in contents:
        world.clock.advance(timedelta(seconds=1))
        made.append(anna.put(content, path).version)
    world.clock.advance(timedelta(seconds=1))
    return made


def listed(session, path="/in/file", **fields):
    return [one.entry.version for one in session.ask(ListVersions, path=path, **fields).versions]


def restore(session, version, path="/in/file"):
    return session.ask(RestoreVersion, path=path, version=version).entry


def used(session, path="/in"):
    told = session.ask(Space, path=path)
    return told.used_bytes, told.used_files


def test_the_versions_of_a_name_are_listed_the_newest_first(world, anna):
    one, two, three = written(world, anna, b"one", b"second", b"the third")
    told = anna.ask(ListVersions, path="/in/file").versions
    assert [(each.entry.version, each.entry.size) for each in told] == [(three, 9), (two, 6), (one, 3)]
    assert [each.entry.digest for each in told] == [sha256(text).digest() for text in (b"the third", b"second", b"one")]
    assert [each.replaced is None for each in told] == [True, False, False]
    assert {each.sender for each in told} == {"anna@clinic"}
    keep = timedelta(seconds=world.home.settings.version_keep_seconds)
    assert all(each.kept_until == each.replaced + keep for each in told[1:])


def test_pages_of_versions_have_each_once(world, anna):
    made = written(world, anna, *(bytes([number]) for number in range(7)))
    for limit in (1, 2, 3, 7):
        found, after = [], ""
        while True:
            page = anna.ask(ListVersions, path="/in/file", after=after, limit=limit)
            assert 1 <= len(page.versions) <= limit
            found += [each.entry.version for each in page.versions]
            after = page.after
            if not after:
                break
        assert found == made[::-1], limit


def test_an_earlier_version_is_read_and_restored_on_record(world, anna, carl):
    one, two = written(world, anna, b"one", b"second")
    assert anna.read(version=one) == b"one"
    began = next(body for body in reversed(world.bodies()) if body["kind"] == "download_begun")
    assert began["version_id"] == one
    counted = used(anna)
    assert restore(anna, one).version == one == anna.look().version
    assert anna.read() == carl.read("/@clinic/in/file") == b"one"
    assert used(anna) == (counted[0] - 3, counted[1])
    assert listed(anna) == [one, two]
    said = next(body for body in world.bodies() if body["kind"] == "file_restored")
    assert (said["version_id"], said["replaced_version_id"]) == (one, two)
    assert restore(anna, one).version == one  # asked again it is there, and nothing is written
    assert world.kinds().count("file_restored") == 1
    assert restore(anna, two).version == two
    assert anna.read() == b"second"


def test_a_removed_files_versions_are_had_back_also_past_another_file_of_the_name(world, anna, carl):
    one, two = written(world, anna, b"one", b"second")
    anna.ask(RemoveFile, path="/in/file")
    assert [file.name for file in anna.ask(ListRemoved, path="/in").files] == ["file"]
    assert listed(anna) == [two, one]
    assert anna.read(version=one) == b"one"
    assert anna.ask(LookVersion, path="/in/file", version=two).entry.size == 6
    (other,) = written(world, anna, b"another")
    assert anna.ask(ListRemoved, path="/in").files == ()
    restore(anna, one)
    assert carl.read("/@clinic/in/file") == b"one"  # under the file that has the name now
    said = world.bodies()[-3]
    assert said["kind"] == "file_restored"
    assert said["former_file_id"] != said["file_id"]
    assert listed(anna) == [one, other, two]
    anna.ask(RemoveFile, path="/in/file")
    restore(anna, other)
    assert anna.read() == b"another"
    anna.ask(RemoveFile, path="/in/file")
    restore(anna, two)
    assert anna.read() == b"second"
    assert used(anna) == (6, 1)


def test_what_counts_is_what_is_visible_and_what_is_kept_counts_apart(world, anna):
    world.admin(accounts.SetOrganizationQuota(name="clinic", quota_bytes=1000))
    one, two = written(world, anna, b"1" * 600, b"2" * 100)
    anna.put(b"3" * 500, "/in/other")
    with pytest.raises(QuotaExceeded):
        restore(anna, one)
    assert listed(anna) == [two, one]  # a refusal takes nothing away
    world.admin(accounts.SetOrganizationQuota(name="clinic", quota_bytes=1100))
    restore(anna, one)
    assert used(anna) == (1100, 2)
    assert world.count(versions, versions.c.replaced.is_not(None)) == 1
    assert world.count(organizations, organizations.c.kept_bytes == 100, organizations.c.name == "clinic") == 1


def test_room_that_uploads_under_way_hold_is_not_taken(world, anna):
    world.admin(accounts.SetOrganizationQuota(name="clinic", quota_bytes=1000))
    (one,) = written(world, anna, b"1" * 600)
    anna.ask(RemoveFile, path="/in/file")
    writing = anna.begin("/in/running")
    writing.write(0, b"x" * 500)
    writing.record()
    with pytest.raises(QuotaExceeded):
        restore(anna, one)
    writing.abandon()
    restore(anna, one)


def test_what_is_over_its_time_or_not_of_this_place_is_not_there(world, anna):
    one, _ = written(world, anna, b"one", b"second")
    (elsewhere,) = written(world, anna, b"elsewhere", path="/in/other")
    for path, version in (("/in/file", "x" * 26), ("/in/file", elsewhere), ("/in/other", one), ("/in/none", one)):
        with pytest.raises(Missing):
            restore(anna, version, path)
        with pytest.raises(Missing):
            anna.ask(OpenVersion, path=path, version=version)
        with pytest.raises(Missing):
            anna.ask(LookVersion, path=path, version=version)
        with pytest.raises(Missing):
            anna.ask(Receipt, path=path, version=version)
    world.clock.advance(timedelta(seconds=world.home.settings.version_keep_seconds + 1))
    anna = world.session("anna@clinic")
    world.admin(accounts.Sweep())
    with pytest.raises(Missing):
        restore(anna, one)
    assert len(listed(anna)) == 1
    anna.ask(MakeFolder, path="/in/folder")
    with pytest.raises(IsAFolder):
        listed(anna, "/in/folder")
    with pytest.raises(Missing):
        listed(anna, "/in/none")


def test_rights_decide_and_a_role_gives_none(world, anna, carl):
    """carl may list and read: what was taken back is taken back from him, but what he reads on with goes on."""
    one, two = written(world, anna, b"one", b"second")
    theirs = "/@clinic/in/file"
    assert listed(carl, theirs) == [two]
    assert carl.read(theirs, version=one) == b"one"
    with pytest.raises(NotAllowed):
        restore(carl, one, theirs)
    with pytest.raises(NotAllowed):
        carl.ask(ListRemoved, path="/@clinic/in")
    anna.ask(RemoveFile, path="/in/file")
    for asked in (
        lambda: listed(carl, theirs),
        lambda: carl.ask(OpenVersion, path=theirs, version=one),
        lambda: carl.ask(LookVersion, path=theirs, version=two),
        lambda: carl.ask(Receipt, path=theirs, version=two),
    ):
        with pytest.raises(Missing):
            asked()
    world.admin(accounts.AddUser(user="root@clinic", role="admin"))
    root = world.session("root@clinic", scopes=("read", "write", "admin"))
    for asked in (lambda: listed(root), lambda: restore(root, one)):
        with pytest.raises(Missing):
            asked()
    world.grant("clinic:/in", "berta@clinic", "write")
    berta = world.session("berta@clinic")
    with pytest.raises(Missing):
        restore(berta, one)  # a drop folder shows nothing of what was there
    world.grant("clinic:/in", "berta@clinic", "list", "write")
    berta = world.session("berta@clinic")
    assert listed(berta) == [two, one]
    with pytest.raises(NotAllowed):
        berta.ask(OpenVersion, path="/in/file", version=one)
    restore(berta, one)
    reading = world.session("anna@clinic", scopes=("read",))
    assert listed(reading) == [one, two]
    with pytest.raises(NotAllowed):
        restore(reading, two)


def test_versions_go_along_with_a_new_name_and_stay_behind_in_another_folder(world, anna, carl):
    one, two = written(world, anna, b"one", b"second")
    anna.ask(Move, source="/in/file", target="/in/renamed")
    assert listed(anna, "/in/renamed") == [two, one]
    with pytest.raises(Missing):
        listed(anna)
    world.admin(accounts.AddFolder(folder="clinic:/out"))
    world.grant("clinic:/out", "anna@clinic", "list", "read", "write", "delete")
    world.grant("clinic:/out", "carl@insurer", "list", "read", "write")
    anna, carl = world.session("anna@clinic"), world.session("carl@insurer")
    anna.ask(Move, source="/in/renamed", target="/out/shown")
    assert listed(carl, "/@clinic/out/shown") == [two]
    with pytest.raises(Missing):
        carl.ask(OpenVersion, path="/@clinic/out/shown", version=one)
    assert listed(anna, "/in/renamed") == [one]
    assert restore(anna, one, "/in/renamed").version == one  # as a file of its own: the other has its number
    assert anna.read("/in/renamed") == b"one"
    assert anna.read("/out/shown") == b"second"


def test_who_may_not_list_is_not_told_what_was_removed(world, anna):
    written(world, anna, b"one")
    anna.ask(RemoveFile, path="/in/file")
    world.grant("clinic:/in", "berta@clinic", "read", "write")
    with pytest.raises(NotAllowed):
        world.session("berta@clinic").ask(ListRemoved, path="/in")
    world.grant("clinic:/in", "berta@clinic", "list", "write")
    assert [one.name for one in world.session("berta@clinic").ask(ListRemoved, path="/in").files] == ["file"]


def test_nothing_comes_back_where_a_folder_stands_now(world, anna):
    (one,) = written(world, anna, b"one")
    anna.ask(RemoveFile, path="/in/file")
    anna.ask(MakeFolder, path="/in/file")
    with pytest.raises(IsAFolder):
        restore(anna, one)
    assert used(anna) == (0, 0)


def test_what_is_damaged_does_not_come_back(world, anna):
    one, two = written(world, anna, b"one", b"second")
    world.change(versions.update().where(versions.c.id == one).values(damaged=world.clock.now()))
    assert [each.damaged for each in anna.ask(ListVersions, path="/in/file").versions] == [False, True]
    with pytest.raises(Integrity):
        restore(anna, one)
    assert listed(anna) == [two, one]


def test_in_a_folder_with_as_many_files_as_it_may_have_none_more_comes_back(world_template, tmp_path):
    world = World.copied(world_template, tmp_path / "data", replace(SMALL, folder_entries_max=2))
    try:
        anna = world.session("anna@clinic")
        one, two = written(world, anna, b"one", b"second")
        restore(anna, one)  # in the place of another
        anna.ask(RemoveFile, path="/in/file")
        for name in "ab":
            anna.put(b"", f"/in/{name}")
        with pytest.raises(Exhausted):
            restore(anna, two)
        anna.ask(RemoveFile, path="/in/a")
        restore(anna, two)
    finally:
        world.close()


def test_who_may_only_read_goes_on_with_no_file_that_was_removed_before_another_came(world, anna, carl):
    (one,) = written(world, anna, b"taken back")
    anna.ask(RemoveFile, path="/in/file")
    (two,) = written(world, anna, b"another file")
    for operation in (OpenVersion, LookVersion, Receipt):
        with pytest.raises(Missing):
            carl.ask(operation, path="/@clinic/in/file", version=one)
        anna.ask(operation, path="/in/file", version=one)
    assert carl.read("/@clinic/in/file", version=two) == b"another file"


def test_who_may_only_write_learns_nothing_of_a_version_not_even_of_the_present_one(world, anna):
    (one,) = written(world, anna, b"one")
    world.grant("clinic:/in", "berta@clinic", "write")
    berta = world.session("berta@clinic")
    with pytest.raises(NotAllowed):
        berta.ask(LookVersion, path="/in/file", version=one)
    with pytest.raises(NotAllowed):
        berta.ask(ListVersions, path="/in/file")


def test_one_organizations_excess_takes_no_version_of_another(world, anna):
    (one, _) = written(world, anna, b"one" * 100, b"second")
    world.admin(accounts.AddFolder(folder="insurer:/in"))
    world.grant("insurer:/in", "carl@insurer", "list", "read", "write")
    world.admin(accounts.SetOrganizationQuota(name="insurer", quota_bytes=250))
    carl = world.session("carl@insurer")
    theirs = written(world, carl, *(bytes([number]) * 200 for number in range(4)))
    assert listed(carl) == [theirs[3], theirs[2]]
    assert anna.read(version=one) == b"one" * 100


def test_what_stood_in_a_folder_that_is_moved_elsewhere_is_shown_to_nobody_there(world, anna):
    world.admin(accounts.AddFolder(folder="clinic:/out"))
    world.grant("clinic:/out", "anna@clinic", "list", "read", "write", "delete")
    world.grant("clinic:/out", "carl@insurer", "list", "read", "write")
    anna, carl = world.session("anna@clinic"), world.session("carl@insurer")
    anna.ask(MakeFolder, path="/in/sub")
    anna.ask(MakeFolder, path="/in/sub/deep")
    draft, clean = written(world, anna, b"secret draft", b"clean", path="/in/sub/deep/file")
    (gone,) = written(world, anna, b"never for carl", path="/in/sub/gone")
    anna.ask(RemoveFile, path="/in/sub/gone")
    anna.ask(Move, source="/in/sub", target="/in/renamed")  # nobody else sees there
    assert listed(anna, "/in/renamed/deep/file") == [clean, draft]
    anna.ask(Move, source="/in/renamed", target="/out/sub")
    theirs = "/@clinic/out/sub"
    assert listed(carl, f"{theirs}/deep/file") == [clean]
    assert carl.ask(ListRemoved, path=theirs).files == ()
    for path, version in ((f"{theirs}/deep/file", draft), (f"{theirs}/gone", gone)):
        with pytest.raises(Missing):
            carl.ask(OpenVersion, path=path, version=version)
        with pytest.raises(Missing):
            restore(carl, version, path)


def test_who_may_only_read_goes_on_reading_what_was_written_over_for_a_day(world, anna, carl):
    one, _ = written(world, anna, b"wrong patient", b"right")
    world.clock.advance(timedelta(hours=23))
    assert world.session("carl@insurer").read("/@clinic/in/file", version=one) == b"wrong patient"
    world.clock.advance(timedelta(hours=1))
    with pytest.raises(Missing):
        world.session("carl@insurer").ask(OpenVersion, path="/@clinic/in/file", version=one)
    assert world.session("anna@clinic").read("/in/file", version=one) == b"wrong patient"


def test_a_file_that_is_moved_over_can_be_had_back(world, anna):
    (one,) = written(world, anna, b"one")
    (two,) = written(world, anna, b"second", path="/in/file.part")
    anna.ask(Move, source="/in/file.part", target="/in/file", replace=True)
    assert listed(anna) == [two, one]
    restore(anna, one)
    assert anna.read() == b"one"
    assert anna.read(version=two) == b"second"


def test_a_receipt_is_of_the_version_that_is_named(world, anna):
    one, two = written(world, anna, b"one", b"second")
    anna.read(version=one)
    told = anna.ask(Receipt, path="/in/file", version=one)
    assert (told.version, told.size) == (one, 3)
    assert [each.kind for each in told.transfers] == ["upload", "download"]
    assert [each.kind for each in anna.ask(Receipt, path="/in/file").transfers] == ["upload"]
    assert anna.ask(Receipt, path="/in/file", version=two) == anna.ask(Receipt, path="/in/file")


def test_the_oldest_kept_goes_and_never_the_one_that_is_had_back(world, anna):
    world.admin(accounts.SetOrganizationQuota(name="clinic", quota_bytes=1000))
    one, two = written(world, anna, b"1" * 900, b"2" * 900)
    restore(anna, one)
    assert anna.read() == b"1" * 900
    assert listed(anna) == [one, two]


def test_in_a_folder_that_was_sealed_since_nothing_from_before_comes_back_unsealed(world, anna):
    one, _ = written(world, anna, b"one", b"second")
    world.admin(SetRecipient("anna@clinic", str(X25519Identity(b"\x42" * 32).recipient()), present=True))
    world.admin(SealFolder(folder="clinic:/in"))
    with pytest.raises(NotSealed):
        restore(anna, one)
    assert anna.read(version=one) == b"one"


@pytest.fixture
def reading_world(world_template, tmp_path):
    fine = Settings(inline_bytes_max=64, segment_bytes_max=256 * 1024)
    made = World.copied(world_template, tmp_path / "data", fine, reading=True)
    yield made
    made.check_tree()
    made.close()


def test_what_was_never_read_does_not_come_back_into_a_folder_that_shows_only_what_was(reading_world):
    from sealane.operations.exposures import SetReading

    world = reading_world
    anna = world.session("anna@clinic")
    one, _ = written(world, anna, b"first_name\nInvented\n", b"second")
    world.admin(SetReading("clinic:/in", publish="after-reading"))
    with pytest.raises(NotReadYet):
        restore(anna, one)
    inspect(world)
    restore(anna, one)
    assert anna.read() == b"first_name\nInvented\n"


def test_what_came_where_nothing_is_read_counts_as_never_read(reading_world):
    from sealane.operations.exposures import SetReading

    world = reading_world
    anna = world.session("anna@clinic")
    world.admin(SetReading("clinic:/in", reading=False))
    one, _ = written(world, anna, b"first_name\nInvented\n", b"second")
    world.admin(SetReading("clinic:/in", reading=True, publish="after-reading"))
    with pytest.raises(NotReadYet):
        restore(anna, one)


def test_what_was_never_read_is_not_moved_to_where_only_what_was_is_shown(reading_world):
    from sealane.operations.exposures import SetReading

    world = reading_world
    for name in ("out", "own"):
        world.admin(accounts.AddFolder(folder=f"clinic:/{name}"))
        world.grant(f"clinic:/{name}", "anna@clinic", "list", "read", "write", "delete")
    world.admin(SetReading("clinic:/out", publish="after-reading"))
    anna = world.session("anna@clinic")
    anna.ask(MakeFolder, path="/own/sub")
    anna.ask(MakeFolder, path="/own/sub/deep")
    for path in ("/own/file", "/own/sub/deep/file"):
        anna.put(b"first_name\nInvented\n", path)
    for name in ("file", "sub"):
        with pytest.raises(NotReadYet):
            anna.ask(Move, source=f"/own/{name}", target=f"/out/{name}")
    anna.ask(Move, source="/own/file", target="/own/renamed")
    inspect(world)
    for name, moved in (("renamed", "file"), ("sub", "sub")):
        anna.ask(Move, source=f"/own/{name}", target=f"/out/{moved}")
    assert anna.read("/out/sub/deep/file") == anna.read("/out/file") == b"first_name\nInvented\n"


def test_what_waits_to_be_read_is_not_overtaken_by_what_is_had_back(reading_world):
    from sealane.operations.exposures import SetReading

    world = reading_world
    anna = world.session("anna@clinic")
    one, _ = written(world, anna, b"first_name\nInvented\n", b"second")
    inspect(world)
    world.admin(SetReading("clinic:/in", publish="after-reading"))
    anna.put(b"it waits")
    with pytest.raises(Conflict):
        restore(anna, one)
    inspect(world)
    restore(anna, one)
    assert anna.read() == b"first_name\nInvented\n"


ACTS = st.lists(
    st.tuples(st.sampled_from(["write", "remove", "rename", "restore"]), st.integers(0, 5), st.booleans()),
    min_size=1,
    max_size=25,
)


@settings(
    max_examples=tries(15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(acts=ACTS)
def test_whatever_is_done_each_version_has_one_place_and_keeps_its_bytes(world_template, tmp_path_factory, acts):
    """Two names in one folder against a model: what stands at each, and what stood there, the newest first."""
    world = World.copied(world_template, tmp_path_factory.mktemp("lives") / "data")
    try:
        live(world, acts)
    finally:
        world.close()


def live(world, acts):
    anna = world.session("anna@clinic")
    contents, present = {}, {"a": None, "b": None}
    past = {"a": [], "b": []}
    owner = {}
    for number, (act, pick, first) in enumerate(acts):
        world.clock.advance(timedelta(seconds=1))
        name, other = ("a", "b") if first else ("b", "a")
        if act == "write":
            content = bytes([number]) * (number * 13)
            made = anna.put(content, f"/in/{name}").version
            contents[made] = content
            if present[name]:
                owner[made] = owner[present[name]]
                past[name].insert(0, present[name])
            else:
                owner[made] = made
            present[name] = made
        elif act == "remove" and present[name]:
            anna.ask(RemoveFile, path=f"/in/{name}")
            past[name].insert(0, present[name])
            present[name] = None
        elif act == "rename" and present[name]:
            anna.ask(Move, source=f"/in/{name}", target=f"/in/{other}", replace=True)
            along = [one for one in past[name] if owner[one] == owner[present[name]]]
            stay = [one for one in past[name] if one not in along]
            if present[other]:
                past[other].insert(0, present[other])
            past[name], present[other], present[name] = stay, present[name], None
            past[other] = past[other] + along
        elif act == "restore" and past[name]:
            chosen = past[name].pop(pick % len(past[name]))
            restore(anna, chosen, f"/in/{name}")
            if present[name]:
                past[name].insert(0, present[name])
                owner[chosen] = owner[present[name]]
            elif owner[chosen] in {owner[one] for one in present.values() if one}:
                owner[chosen] = chosen + "again"
            present[name] = chosen
        for each in ("a", "b"):
            told = listed(anna, f"/in/{each}") if present[each] or past[each] else []
            assert set(told) == {*past[each], *([present[each]] if present[each] else [])}
            assert not present[each] or told[0] == present[each]
    for name in ("a", "b"):
        for version in (*past[name], *([present[name]] if present[name] else [])):
            assert anna.read(f"/in/{name}", version=version) == contents[version]
    total = sum(len(contents[one]) for one in present.values() if one)
    assert used(anna) == (total, sum(one is not None for one in present.values()))
