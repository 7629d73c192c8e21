"""What stood in a folder that was removed, or moved elsewhere, is had back from where the folder was."""

from datetime import timedelta

import pytest

from sealane.database.tables import versions
from sealane.errors import AlreadyExists, Missing, NotAFolder, NotAllowed
from sealane.operations import accounts
from sealane.operations.accounts import SealFolder, SetRecipient
from sealane.operations.failures import NotSealed
from sealane.operations.files import MakeFolder, Move, RemoveFile, RemoveFolder
from sealane.operations.versions import ListRemoved, ListVersions, LookVersion, RestoreVersion
from sealane.vault.age.x25519 import X25519Identity

pytestmark = pytest.mark.slow  # each test copies a whole world

LONG = "ü" * 100


def put(world, session, path, *contents):
    """Write a name anew several times, its folders made where they are not there; return the versions."""
    for end in [at for at, letter in enumerate(path) if letter == "/"][2:]:
        try:
            session.ask(MakeFolder, path=path[:end])
        except AlreadyExists:
            continue
    made = []
    for content in contents:
        world.clock.advance(timedelta(seconds=1))
        made.append(session.put(content, path).version)
    world.clock.advance(timedelta(seconds=1))
    return made


def remove(session, *paths):
    for path in paths:
        session.ask(RemoveFile if "file" in path else RemoveFolder, path=path)


def removed(session, path="/in", **fields):
    return [(one.name, one.versions) for one in session.ask(ListRemoved, path=path, **fields).files]


def listed(session, path):
    return [one.entry.version for one in session.ask(ListVersions, path=path).versions]


def restore(session, version, path):
    return session.ask(RestoreVersion, path=path, version=version).entry


def test_a_file_that_was_removed_with_its_folders_is_had_back_with_them(world, anna):
    one, two = put(world, anna, "/in/sub/deep/file", b"one", b"second")
    remove(anna, "/in/sub/deep/file", "/in/sub/deep")
    assert removed(anna, "/in/sub") == [("deep/file", 2)]
    remove(anna, "/in/sub")
    assert removed(anna) == [("sub/deep/file", 2)]
    assert removed(anna, after="sub/deep/e") == [("sub/deep/file", 2)]
    assert removed(anna, after="sub/deep/file") == []
    assert listed(anna, "/in/sub/deep/file") == [two, one]
    told = anna.ask(ListVersions, path="/in/sub/deep/file").versions[0]
    assert (told.entry.name, told.entry.size) == ("file", 6)
    seen = anna.ask(LookVersion, path="/in/sub/deep/file", version=one).entry
    assert (seen.name, seen.size, seen.version) == ("file", 3, one)
    before = world.kinds()
    shown = restore(anna, one, "/in/sub/deep/file")
    assert (shown.name, shown.version) == ("file", one)
    assert anna.read("/in/sub/deep/file") == b"one"
    assert listed(anna, "/in/sub/deep/file") == [one, two]  # what else stood there came along
    assert anna.read("/in/sub/deep/file", version=two) == b"second"
    assert world.kinds()[len(before) :][:3] == ["folder_made", "folder_made", "file_restored"]
    assert removed(anna) == []


def test_what_stood_in_a_folder_stays_where_it_was_when_it_is_moved_elsewhere(world, anna, carl):
    world.admin(accounts.AddFolder(folder="clinic:/out"))
    world.grant("clinic:/out", "anna@clinic", "list", "read", "write", "delete")
    world.grant("clinic:/out", "carl@insurer", "list", "read", "write")
    anna, carl = world.session("anna@clinic"), world.session("carl@insurer")
    draft, clean = put(world, anna, "/in/sub/file", b"draft", b"clean")
    anna.ask(Move, source="/in/sub", target="/out/sub")
    assert listed(carl, "/@clinic/out/sub/file") == [clean]
    for session, path in ((carl, "/@clinic/out/sub/file"), (anna, "/out/sub/file")):
        with pytest.raises(Missing):
            restore(session, draft, path)
    assert removed(anna) == [("sub/file", 1)]
    assert restore(anna, draft, "/in/sub/file").version == draft
    assert anna.read("/in/sub/file") == b"draft"
    assert anna.read("/out/sub/file") == carl.read("/@clinic/out/sub/file") == b"clean"


def test_it_comes_back_into_another_folder_of_that_name_and_past_another_file(world, anna):
    (one,) = put(world, anna, "/in/sub/file", b"one")
    remove(anna, "/in/sub/file", "/in/sub")
    (two,) = put(world, anna, "/in/sub/file", b"another")
    assert listed(anna, "/in/sub/file") == [two, one], "what stayed with the folder above comes behind"
    restore(anna, one, "/in/sub/file")
    assert anna.read("/in/sub/file") == b"one"
    assert listed(anna, "/in/sub/file") == [one, two]
    remove(anna, "/in/sub/file", "/in/sub")
    anna.put(b"a file in the way", "/in/sub")
    with pytest.raises((NotAFolder, AlreadyExists)):
        restore(anna, one, "/in/sub/file")
    assert removed(anna) == [("sub/file", 2)]


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_it_is_listed_page_by_page_also_where_its_folder_is_there_again(world, anna, limit, again):
    expected = put(world, anna, "/in/sub/file", b"one", b"two", b"three")[::-1]
    remove(anna, "/in/sub/file", "/in/sub")
    if again:
        anna.ask(MakeFolder, path="/in/sub")
        expected = put(world, anna, "/in/sub/file", b"four", b"five")[::-1] + expected
    found, after = [], ""
    while not found or after:
        told = anna.ask(ListVersions, path="/in/sub/file", limit=limit, after=after)
        found += [one.entry.version for one in told.versions]
        after = told.after
    assert found == list(expected)


def test_nothing_plain_comes_along_into_a_folder_that_is_sealed_now(world, anna):
    one, empty = put(world, anna, "/in/sub/file", b"one plain", b"")
    remove(anna, "/in/sub/file", "/in/sub")
    anna.ask(MakeFolder, path="/in/sub")
    world.admin(SetRecipient("anna@clinic", str(X25519Identity(b"\x42" * 32).recipient()), present=True))
    world.admin(SealFolder(folder="clinic:/in/sub"))
    for version in (one, empty):
        with pytest.raises(NotSealed):
            restore(anna, version, "/in/sub/file")
    with pytest.raises(Missing):
        anna.read("/in/sub/file", version=one)


def test_it_is_had_back_by_those_alone_who_may(world, anna, carl):
    world.admin(accounts.AddFolder(folder="clinic:/in/sub"))
    world.grant("clinic:/in/sub", "berta@clinic", "list", "read", "write", "delete")
    berta = world.session("berta@clinic")
    (one,) = put(world, berta, "/in/sub/file", b"one")
    remove(berta, "/in/sub/file")
    world.admin(accounts.RevokeFolder(folder="clinic:/in/sub", grantee="berta@clinic"))
    remove(anna, "/in/sub")
    for session, above in ((world.session("berta@clinic"), "/in"), (carl, "/@clinic/in")):
        for asked in (ListVersions, RestoreVersion, LookVersion):
            fields = {} if asked is ListVersions else {"version": one}
            with pytest.raises(Missing):
                session.ask(asked, path=f"{above}/sub/file", **fields)
    world.grant("clinic:/in", "berta@clinic", "list", "read")
    with pytest.raises(NotAllowed):
        removed(world.session("berta@clinic"))
    reading = world.session("anna@clinic", scopes=("read",))
    assert listed(reading, "/in/sub/file") == [one]
    with pytest.raises(NotAllowed):
        restore(reading, one, "/in/sub/file")
    assert "sub" not in anna.names()  # what was refused made no folder
    for path in ("/in/file", "/in/sub/other", "/in/else/file", "/sub/file"):
        with pytest.raises(Missing):
            restore(anna, one, path)
    restore(anna, one, "/in/sub/file")


def test_what_was_sealed_otherwise_stays_nowhere_and_what_was_not_comes_into_no_sealed_folder(world, anna):
    (one,) = put(world, anna, "/in/sub/file", b"one")
    (two,) = put(world, anna, "/in/plain/file", b"two")
    world.admin(SetRecipient("anna@clinic", str(X25519Identity(b"\x42" * 32).recipient()), present=True))
    world.admin(SealFolder(folder="clinic:/in/sub"))
    remove(anna, "/in/sub/file", "/in/sub", "/in/plain/file", "/in/plain")
    assert removed(anna) == [("plain/file", 1)]
    with pytest.raises(Missing):
        restore(anna, one, "/in/sub/file")
    world.admin(SealFolder(folder="clinic:/in"))
    with pytest.raises(NotSealed):
        restore(anna, two, "/in/plain/file")
    assert "plain" not in anna.names()


def test_a_way_that_is_too_long_to_be_kept_leaves_what_stood_there_without_a_name(world, anna):
    path = "/in" + f"/{LONG}" * 11
    put(world, anna, f"{path}/file", b"one")
    remove(anna, f"{path}/file")
    while path != "/in":
        remove(anna, path)
        path = path.rpartition("/")[0]
    assert removed(anna) == []
    kept = (versions.c.replaced.is_not(None), versions.c.kept_folder_id.is_not(None), versions.c.kept_name.is_(None))
    assert world.count(versions, *kept) == 1
