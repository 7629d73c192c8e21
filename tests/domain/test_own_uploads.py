"""An interrupted upload is shown to its own user, where it is asked for, and to nobody else."""

import pytest

from sealane.errors import AlreadyExists, IsAFolder, Missing, NotAllowed, NotEmpty
from sealane.ledger.events import UploadMoved
from sealane.operations.files import ListFolder, Look, Move, RemoveFile, RemoveFolder
from sealane.operations.uploads import BeginUpload, LookUpload


@pytest.fixture
def clinic(office):
    office.anna = office.user("anna@clinic")
    office.carl = office.user("carl@clinic")
    office.folder("clinic:/a", "anna@clinic: list,read,write,delete", "carl@clinic: list,read,write,delete,admin")
    return office


def begin(office, path, *, mode="create", exclusive=False):
    return office.ask(office.anna, BeginUpload(handle="", path=path, mode=mode, exclusive=exclusive))


def names(office, caller, *, own_uploads):
    page = office.ask(caller, ListFolder(handle="", path="/a", own_uploads=own_uploads, limit=2))
    found = [(entry.name, entry.unfinished) for entry in page.entries]
    while page.after:
        page = office.ask(caller, ListFolder(handle="", path="/a", own_uploads=own_uploads, limit=2, after=page.after))
        found += [(entry.name, entry.unfinished) for entry in page.entries]
    return found


def test_it_stands_before_the_file_of_its_name_for_its_own_user_alone(clinic):
    for name in "bdf":
        clinic.file("clinic:/a", name)
    for name in "acdg":
        begin(clinic, f"/a/{name}")
    whole = [("b", False), ("d", False), ("f", False)]
    assert names(clinic, clinic.anna, own_uploads=True) == [
        ("a", True),
        ("b", False),
        ("c", True),
        ("d", True),
        ("f", False),
        ("g", True),
    ]
    assert names(clinic, clinic.anna, own_uploads=False) == whole
    assert names(clinic, clinic.carl, own_uploads=True) == whole


def test_it_is_looked_at_by_its_own_user_alone(clinic):
    begin(clinic, "/a/new")
    assert clinic.ask(clinic.anna, Look(handle="", path="/a/new", own_uploads=True)).entry.unfinished
    for caller, own in ((clinic.anna, False), (clinic.carl, True)):
        with pytest.raises(Missing):
            clinic.ask(caller, Look(handle="", path="/a/new", own_uploads=own))


def move(office, caller, source, target, **fields):
    office.ask(caller, Move(handle="", source=source, target=target, **fields))


def test_it_is_renamed_like_a_file_by_its_own_user_alone(clinic):
    upload = begin(clinic, "/a/new").upload
    for caller, own in ((clinic.anna, False), (clinic.carl, True)):
        with pytest.raises(Missing):
            move(clinic, caller, "/a/new", "/a/named", own_uploads=own)
    move(clinic, clinic.anna, "/a/new", "/a/named", own_uploads=True)
    assert names(clinic, clinic.anna, own_uploads=True) == [("named", True)]
    looked = clinic.ask(clinic.anna, LookUpload(handle="", upload=upload))
    assert looked.path == "/a/named"
    (moved,) = [event for event in clinic.events if isinstance(event, UploadMoved)]
    assert (moved.path, moved.target) == ("clinic:/a/new", "clinic:/a/named")


def test_it_goes_along_with_the_file_of_its_name(clinic):
    clinic.file("clinic:/a", "both")
    begin(clinic, "/a/both")
    move(clinic, clinic.anna, "/a/both", "/a/moved", own_uploads=True)
    assert names(clinic, clinic.anna, own_uploads=True) == [("moved", True)]
    assert names(clinic, clinic.carl, own_uploads=False) == [("moved", False)]


def test_it_takes_no_name_that_is_not_to_give_way(clinic):
    clinic.file("clinic:/a", "there")
    clinic.folder("clinic:/a/deep")
    begin(clinic, "/a/new")
    for target, replace, error in (
        ("/a/there", False, AlreadyExists),
        ("/a/deep", False, AlreadyExists),
        ("/a/deep", True, IsAFolder),
    ):
        with pytest.raises(error):
            move(clinic, clinic.anna, "/a/new", target, own_uploads=True, replace=replace)
    move(clinic, clinic.anna, "/a/new", "/a/there", own_uploads=True, replace=True)
    assert names(clinic, clinic.anna, own_uploads=False) == [("deep", False), ("there", False)]


def test_it_is_removed_like_a_file_by_its_own_user_alone(clinic):
    begin(clinic, "/a/new")
    for caller, own in ((clinic.anna, False), (clinic.carl, True)):
        with pytest.raises(Missing):
            clinic.ask(caller, RemoveFile(handle="", path="/a/new", own_uploads=own))
    clinic.ask(clinic.anna, RemoveFile(handle="", path="/a/new", own_uploads=True))
    assert clinic.kinds()[-1] == "upload_removed"
    assert names(clinic, clinic.anna, own_uploads=True) == []


def test_who_may_not_delete_removes_their_own_upload_and_not_the_file(clinic):
    clinic.file("clinic:/a", "f")
    clinic.grant("clinic:/a", "anna@clinic", "list,write")
    clinic.anna = clinic.session("anna@clinic")
    begin(clinic, "/a/new")
    clinic.ask(clinic.anna, RemoveFile(handle="", path="/a/new", own_uploads=True))
    with pytest.raises(NotAllowed):
        clinic.ask(clinic.anna, RemoveFile(handle="", path="/a/f", own_uploads=True))


def test_a_folder_that_is_being_uploaded_to_is_not_empty(clinic):
    clinic.folder("clinic:/a/x")
    begin(clinic, "/a/x/new")
    with pytest.raises(NotEmpty):
        clinic.ask(clinic.anna, RemoveFolder(handle="", path="/a/x"))
    clinic.ask(clinic.anna, RemoveFile(handle="", path="/a/x/new", own_uploads=True))
    clinic.ask(clinic.anna, RemoveFolder(handle="", path="/a/x"))
