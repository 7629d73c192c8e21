"""Making, removing and moving folders and files; listing them by pages; quotas."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealane.domain import folders, named_folders, quotas
from sealane.errors import (
    AlreadyExists,
    Exhausted,
    Invalid,
    IsAFolder,
    Missing,
    MoveIntoItself,
    NotAFolder,
    NotAllowed,
    NotEmpty,
    PathInvalid,
    QuotaExceeded,
    Unsupported,
)
from sealane.operations.accounts import AddFolder, SetFolderQuota, SetOrganizationQuota
from sealane.operations.files import (
    ListFolder,
    Look,
    MakeFolder,
    Move,
    RemoveFile,
    RemoveFolder,
    SetModified,
    Space,
)

pytestmark = pytest.mark.slow  # together they take longer than make check may

ALL = "list,read,write,delete"


@pytest.fixture
def clinic(office):
    office.anna = office.user("anna@clinic")
    office.folder("clinic:/a", f"anna@clinic: {ALL}")
    office.folder("clinic:/b", f"anna@clinic: {ALL}")
    return office


def pages(office, caller, path, limit):
    after, names = "", []
    while True:
        page = office.ask(caller, ListFolder(handle="", path=path, after=after, limit=limit))
        assert len(page.entries) <= limit
        names += [entry.name for entry in page.entries]
        after = page.after
        if not after:
            return names


def make(office, path, **fields):
    return office.ask(office.anna, MakeFolder(handle="", path=path, **fields)).entry


def move(office, source, target, *, replace=False):
    office.ask(office.anna, Move(handle="", source=source, target=target, replace=replace))


def used(office, place):
    row = office.do(lambda work: named_folders.find(work, place))
    return row.used_bytes, row.used_files


def test_pages_are_whole_and_in_order_whatever_their_size(clinic):
    names = ["ä", "a", "B", "z" * 200, "\U0001f600", "10", "9", "é.txt", "name with spaces"]
    for number, name in enumerate(names):
        if number % 3:
            clinic.file("clinic:/a", name)
        else:
            make(clinic, f"/a/{name}")
    for limit in (1, 2, 3, 8, 9, 10, 100):
        assert pages(clinic, clinic.anna, "/a", limit) == sorted(names)


def test_entries_that_come_and_go_between_pages_move_no_others(clinic):
    for name in "bdfh":
        clinic.file("clinic:/a", name)
    first = clinic.ask(clinic.anna, ListFolder(handle="", path="/a", limit=2))
    clinic.ask(clinic.anna, RemoveFile(handle="", path="/a/b"))
    clinic.file("clinic:/a", "a")
    second = clinic.ask(clinic.anna, ListFolder(handle="", path="/a", limit=2, after=first.after))
    assert [entry.name for entry in (*first.entries, *second.entries)] == ["b", "d", "f", "h"]


def test_a_page_is_never_longer_than_the_settings_say(clinic):
    clinic.set(page_entries_max=2)
    for name in "abc":
        clinic.file("clinic:/a", name)
    page = clinic.ask(clinic.anna, ListFolder(handle="", path="/a", limit=10**9))
    assert ([entry.name for entry in page.entries], page.after) == (["a", "b"], "b")
    assert len(clinic.ask(clinic.anna, ListFolder(handle="", path="/a", limit=-5)).entries) == 1


def test_a_new_folder_is_shown_with_its_time_and_its_makers_rights(clinic):
    entry = make(clinic, "/a/new", modified=clinic.clock.now() - timedelta(days=3))
    assert entry == clinic.ask(clinic.anna, Look(handle="", path="/a/new")).entry
    assert entry.rights == ("list", "read", "write", "delete")
    assert entry.modified == clinic.clock.now() - timedelta(days=3)
    assert clinic.kinds()[-1] == "folder_made"


def test_a_taken_name_is_taken_for_files_and_folders_alike(clinic):
    clinic.file("clinic:/a", "x")
    make(clinic, "/a/y")
    for path in ("/a/x", "/a/y"):
        with pytest.raises(AlreadyExists):
            make(clinic, path)
        with pytest.raises(AlreadyExists):
            move(clinic, "/a/x" if path == "/a/y" else "/a/y", path)


def test_folders_are_only_so_deep_also_by_moving(clinic):
    path = "/a"
    for level in range(folders.DEPTH_MAX - 1):
        path += f"/{level}"
        make(clinic, path)
    with pytest.raises(PathInvalid):
        make(clinic, f"{path}/more")
    make(clinic, "/b/top")
    with pytest.raises(PathInvalid):
        move(clinic, "/a/0", "/b/top/0")
    move(clinic, "/a/0", "/b/0")


def test_a_folder_has_a_most_of_entries(clinic):
    clinic.set(folder_entries_max=2)
    make(clinic, "/a/1")
    make(clinic, "/a/2")
    with pytest.raises(Exhausted):
        make(clinic, "/a/3")
    for name in ("f1", "f2"):
        clinic.file("clinic:/a", name)
    clinic.file("clinic:/b", "f3")
    with pytest.raises(Exhausted):
        move(clinic, "/b/f3", "/a/f3")


def test_only_an_empty_folder_is_removed(clinic):
    make(clinic, "/a/x")
    clinic.file("clinic:/a/x", "f")
    with pytest.raises(NotEmpty):
        clinic.ask(clinic.anna, RemoveFolder(handle="", path="/a/x"))
    clinic.ask(clinic.anna, RemoveFile(handle="", path="/a/x/f"))
    clinic.ask(clinic.anna, RemoveFolder(handle="", path="/a/x"))
    with pytest.raises(Missing):
        clinic.ask(clinic.anna, Look(handle="", path="/a/x"))
    assert clinic.kinds()[-2:] == ["file_removed", "folder_removed"]


def test_a_folder_that_others_were_granted_is_removed_and_moved_by_its_administrator_only(clinic):
    clinic.user("bert@lab")
    clinic.folder("clinic:/a/x", "bert@lab: list")
    make(clinic, "/a/above")
    move(clinic, "/a/above", "/b/above")
    for act in (
        RemoveFolder(handle="", path="/a/x"),
        Move(handle="", source="/a/x", target="/a/y"),
        Move(handle="", source="/a/x", target="/b/x"),
    ):
        with pytest.raises(NotAllowed):
            clinic.ask(clinic.anna, act)
    clinic.grant("clinic:/a", "anna@clinic", f"{ALL},admin")
    anna = clinic.session("anna@clinic")
    clinic.ask(anna, Move(handle="", source="/a/x", target="/a/y"))
    bert = clinic.session("bert@lab")
    assert clinic.ask(bert, Look(handle="", path="/@clinic/a/y")).entry.rights == ("list",)
    clinic.ask(anna, RemoveFolder(handle="", path="/a/y"))
    with pytest.raises(Missing):
        clinic.ask(bert, Look(handle="", path="/@clinic/a/y"))


def test_removing_says_what_is_wrong(clinic):
    clinic.file("clinic:/a", "f")
    with pytest.raises(NotAFolder):
        clinic.ask(clinic.anna, RemoveFolder(handle="", path="/a/f"))
    with pytest.raises(Missing):
        clinic.ask(clinic.anna, RemoveFolder(handle="", path="/a/nothing"))
    with pytest.raises(Missing):
        clinic.ask(clinic.anna, RemoveFile(handle="", path="/a/nothing"))
    with pytest.raises(NotAllowed):
        clinic.ask(clinic.anna, RemoveFolder(handle="", path="/a"))


def test_a_file_keeps_what_it_is_when_it_moves_and_what_it_replaces_gives_way(clinic):
    first = clinic.file("clinic:/a", "f", size=10)
    clinic.file("clinic:/b", "g", size=3)
    with pytest.raises(AlreadyExists):
        move(clinic, "/a/f", "/b/g")
    move(clinic, "/a/f", "/b/g", replace=True)
    entry = clinic.ask(clinic.anna, Look(handle="", path="/b/g")).entry
    assert (entry.version, entry.size) == (first, 10)
    with pytest.raises(Missing):
        clinic.ask(clinic.anna, Look(handle="", path="/a/f"))
    assert (used(clinic, "clinic:/a"), used(clinic, "clinic:/b"), used(clinic, "clinic:/")) == (
        (0, 0),
        (10, 1),
        (10, 1),
    )
    event = clinic.events[-1]
    assert (event.path, event.target) == ("clinic:/a/f", "clinic:/b/g")
    assert event.replaced_version_id


def test_a_folder_moves_with_all_below_it_and_its_use(clinic):
    make(clinic, "/a/x")
    make(clinic, "/a/x/y")
    clinic.file("clinic:/a/x/y", "f", size=7)
    make(clinic, "/b/gone")
    with pytest.raises(AlreadyExists):
        move(clinic, "/a/x", "/b/gone")
    move(clinic, "/a/x", "/b/gone", replace=True)
    assert clinic.ask(clinic.anna, Look(handle="", path="/b/gone/y/f")).entry.size == 7
    assert (used(clinic, "clinic:/a"), used(clinic, "clinic:/b/gone"), used(clinic, "clinic:/")) == (
        (0, 0),
        (7, 1),
        (7, 1),
    )


def test_a_moved_folder_is_where_it_is_now_for_whoever_knew_it_before(clinic):
    bert = clinic.user("bert@lab")
    clinic.folder("clinic:/a/x", "bert@lab: list")
    clinic.grant("clinic:/a", "anna@clinic", f"{ALL},admin")
    clinic.anna = clinic.session("anna@clinic")
    assert clinic.ask(bert, Look(handle="", path="/@clinic/a/x")).entry.rights == ("list",)
    move(clinic, "/a/x", "/b/y")
    assert clinic.ask(bert, Look(handle="", path="/@clinic/b/y")).entry.rights == ("list",)
    names = [entry.name for entry in clinic.ask(bert, ListFolder(handle="", path="/@clinic")).entries]
    assert names == ["b"]
    with pytest.raises(Missing):
        clinic.ask(bert, Look(handle="", path="/@clinic/a"))


def test_a_folder_never_moves_into_itself_nor_onto_what_is_not_empty(clinic):
    make(clinic, "/a/x")
    make(clinic, "/a/x/y")
    make(clinic, "/b/full")
    clinic.file("clinic:/b/full", "f")
    for target in ("/a/x/z", "/a/x/y/z"):
        with pytest.raises(MoveIntoItself):
            move(clinic, "/a/x", target)
    with pytest.raises(NotEmpty):
        move(clinic, "/a/x", "/b/full", replace=True)
    with pytest.raises(NotAFolder):
        move(clinic, "/a/x", "/b/full/f", replace=True)
    with pytest.raises(IsAFolder):
        move(clinic, "/b/full/f", "/a/x", replace=True)
    move(clinic, "/a/x", "/a/x")


def test_moving_away_needs_that_its_mover_might_read_there(clinic):
    clinic.grant("clinic:/a", "anna@clinic", "list,delete")
    clinic.file("clinic:/a", "unread.csv")
    clinic.anna = clinic.session("anna@clinic")
    with pytest.raises(NotAllowed):
        move(clinic, "/a/unread.csv", "/b/unread.csv")
    clinic.grant("clinic:/a", "anna@clinic", "list,read,delete")
    clinic.anna = clinic.session("anna@clinic", scopes={"write"})
    move(clinic, "/a/unread.csv", "/b/read.csv")


def test_renaming_needs_write_and_moving_needs_delete_there_and_write_here(clinic):
    clinic.file("clinic:/a", "f")
    clinic.grant("clinic:/a", "anna@clinic", "list,read,write")
    clinic.anna = clinic.session("anna@clinic")
    move(clinic, "/a/f", "/a/g")
    with pytest.raises(NotAllowed):
        move(clinic, "/a/g", "/b/g")
    clinic.grant("clinic:/a", "anna@clinic", "list,read,delete")
    clinic.grant("clinic:/b", "anna@clinic", "list,read,delete")
    clinic.anna = clinic.session("anna@clinic")
    with pytest.raises(NotAllowed):
        move(clinic, "/a/g", "/a/h")
    with pytest.raises(NotAllowed):
        move(clinic, "/a/g", "/b/g")


def test_nothing_moves_to_another_organization(clinic):
    clinic.user("bert@lab")
    clinic.folder("lab:/in", f"anna@clinic: {ALL}")
    clinic.file("clinic:/a", "f")
    clinic.anna = clinic.session("anna@clinic")
    with pytest.raises(Unsupported):
        move(clinic, "/a/f", "/@lab/in/f")


def test_times_are_set_by_whoever_may_write(clinic):
    clinic.file("clinic:/a", "f")
    earlier = clinic.clock.now() - timedelta(days=400)
    for path in ("/a/f", "/a"):
        clinic.ask(clinic.anna, SetModified(handle="", path=path, modified=earlier))
        assert clinic.ask(clinic.anna, Look(handle="", path=path)).entry.modified == earlier
    clinic.grant("clinic:/a", "anna@clinic", "list,read,delete")
    with pytest.raises(NotAllowed):
        clinic.ask(clinic.session("anna@clinic"), SetModified(handle="", path="/a/f", modified=earlier))


# --- quotas -----------------------------------------------------------------------------------------------------------


def test_a_quota_holds_for_everything_below_at_the_limit_and_not_one_past_it(clinic):
    clinic.folder("clinic:/a/deep")
    clinic.admin(SetFolderQuota(folder="clinic:/a", quota_bytes=100, quota_files=2))
    clinic.file("clinic:/a/deep", "f", size=100)
    with pytest.raises(QuotaExceeded):
        clinic.file("clinic:/a", "g", size=1)
    clinic.file("clinic:/a", "g", size=0)
    with pytest.raises(QuotaExceeded):
        clinic.file("clinic:/a/deep", "h", size=0)
    clinic.ask(clinic.anna, RemoveFile(handle="", path="/a/g"))
    clinic.file("clinic:/a", "h", size=0)


def test_an_organizations_quota_counts_all_its_folders(clinic):
    clinic.admin(SetOrganizationQuota(name="clinic", quota_bytes=10))
    clinic.file("clinic:/a", "f", size=6)
    with pytest.raises(QuotaExceeded):
        clinic.file("clinic:/b", "g", size=5)
    clinic.file("clinic:/b", "g", size=4)


def test_a_lowered_quota_refuses_growth_and_never_shrinking(clinic):
    clinic.file("clinic:/a", "f", size=50)
    clinic.admin(SetFolderQuota(folder="clinic:/a", quota_bytes=10))
    folder_id = clinic.do(lambda work: named_folders.find(work, "clinic:/a").id)
    assert clinic.do(lambda work: quotas.room(work, folder_id)).bytes == -40
    clinic.ask(clinic.anna, RemoveFile(handle="", path="/a/f"))


def test_moving_within_a_quota_is_not_refused_by_what_it_holds_already(clinic):
    clinic.folder("clinic:/a/one")
    clinic.folder("clinic:/a/two")
    clinic.admin(SetFolderQuota(folder="clinic:/a", quota_bytes=10))
    clinic.admin(SetFolderQuota(folder="clinic:/b", quota_bytes=9))
    clinic.file("clinic:/a/one", "f", size=10)
    move(clinic, "/a/one/f", "/a/two/f")
    with pytest.raises(QuotaExceeded):
        move(clinic, "/a/two/f", "/b/f")
    assert used(clinic, "clinic:/a") == (10, 1)


def test_space_shows_the_folders_use_and_room_and_not_the_organizations_use(clinic):
    bert = clinic.user("bert@lab")
    clinic.folder("clinic:/in", "bert@lab: list,write")
    clinic.admin(SetOrganizationQuota(name="clinic", quota_bytes=1000))
    clinic.file("clinic:/a", "f", size=300)
    clinic.file("clinic:/in", "g", size=100)
    space = clinic.ask(bert, Space(handle="", path="/@clinic/in/g"))
    assert (space.used_bytes, space.quota_bytes) == (100, 700)
    assert (space.quota_files, space.used_files) == (0, 1)
    way = clinic.ask(bert, Space(handle="", path="/@clinic"))
    assert (way.used_bytes, way.quota_bytes, way.used_files) == (0, 0, 0)


@pytest.mark.parametrize(
    "negative", [SetFolderQuota(folder="clinic:/a", quota_bytes=-1), AddFolder(folder="clinic:/q", quota_files=-1)]
)
def test_a_quota_is_never_negative(clinic, negative):
    with pytest.raises(Invalid):
        clinic.admin(negative)


_moves = st.tuples(st.sampled_from(["/a", "/b", "/a/x", "/b/y"]), st.sampled_from("fg"), st.integers(0, 40))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["put", "remove", "move", "move-folder"]), _moves, _moves), max_size=12))
def test_use_is_always_the_sum_of_what_is_there(clinic, acts):
    """Model: files by folder. Whatever is put, removed or moved, every folder counts what is below it."""
    top = f"round{len(clinic.events)}"
    clinic.folder(f"clinic:/{top}", f"anna@clinic: {ALL}")
    for folder in ("a", "a/x", "b", "b/y"):
        clinic.folder(f"clinic:/{top}/{folder}")
    anna = clinic.session("anna@clinic")
    for act, (folder, name, size), (other, other_name, _) in acts:
        source, target = f"/{top}{folder}", f"/{top}{other}"
        try:
            if act == "put":
                clinic.file(f"clinic:{source}", name, size=size)
            elif act == "remove":
                clinic.ask(anna, RemoveFile(handle="", path=f"{source}/{name}"))
            elif act == "move":
                clinic.ask(
                    anna, Move(handle="", source=f"{source}/{name}", target=f"{target}/{other_name}", replace=True)
                )
            else:
                clinic.ask(anna, Move(handle="", source=source, target=f"{target}/{other_name}"))
        except (Missing, AlreadyExists, NotAFolder, IsAFolder, MoveIntoItself):
            continue

    def total(path):
        entries = clinic.ask(anna, ListFolder(handle="", path=path)).entries
        sums = [total(f"{path}/{entry.name}") if entry.kind == "folder" else (entry.size, 1) for entry in entries]
        counted = (sum(one[0] for one in sums), sum(one[1] for one in sums))
        assert counted == used(clinic, f"clinic:{path}")
        return counted

    total(f"/{top}")
