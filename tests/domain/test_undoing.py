"""Undoing a removal: the same file is there again, counted again, for its remover alone and for a while."""

from datetime import timedelta

import pytest

from sealane.errors import AlreadyExists, Integrity, Missing, NotAllowed
from sealane.operations.files import ListFolder, Look, RemoveFile, RemoveRestorably, RestoreFile
from tests.domain.test_folders import ALL, used

pytestmark = pytest.mark.slow  # with its database; what needs neither is in make check


@pytest.fixture
def clinic(office):
    office.anna = office.user("anna@clinic")
    office.bert = office.user("bert@clinic")
    office.folder("clinic:/a", f"anna@clinic: {ALL}", f"bert@clinic: {ALL}")
    office.folder("clinic:/b", f"anna@clinic: {ALL}")
    office.file("clinic:/a", "f", size=7)
    return office


def look(clinic, path="/a/f"):
    return clinic.ask(clinic.anna, Look(handle="", path=path)).entry


def removed(clinic, path="/a/f"):
    return clinic.ask(clinic.anna, RemoveRestorably(handle="", path=path)).note


def restore(clinic, caller, note, path="/a/f"):
    return clinic.ask(caller, RestoreFile(handle="", path=path, note=note)).entry


def test_what_was_removed_is_there_again_as_it_was_and_on_record(clinic):
    before, counted = look(clinic), used(clinic, "clinic:/a")
    note = removed(clinic)
    with pytest.raises(Missing):
        look(clinic)
    assert used(clinic, "clinic:/a") == (0, 0)
    assert restore(clinic, clinic.anna, note) == before == look(clinic)
    assert used(clinic, "clinic:/a") == counted
    assert clinic.kinds()[-2:] == ["file_removed", "file_restored"]
    with pytest.raises(Missing):
        restore(clinic, clinic.anna, note)  # it counts once


def test_only_its_remover_undoes_a_removal_in_its_own_folder_within_its_time(clinic):
    note = removed(clinic)
    with pytest.raises(Missing):
        restore(clinic, clinic.bert, note)
    with pytest.raises(Missing):
        restore(clinic, clinic.anna, note, "/b/f")
    with pytest.raises(Integrity):
        restore(clinic, clinic.anna, note[:-1] + bytes([note[-1] ^ 1]))
    clinic.clock.advance(timedelta(seconds=clinic.settings.undo_seconds))
    with pytest.raises(Missing):
        restore(clinic, clinic.anna, note)
    assert clinic.ask(clinic.anna, ListFolder(handle="", path="/a")).entries == ()


def test_a_name_that_was_taken_stays_with_who_took_it_and_a_right_that_was_lost_is_lost(clinic):
    note = removed(clinic)
    clinic.file("clinic:/a", "f", size=1)
    with pytest.raises(AlreadyExists):
        restore(clinic, clinic.anna, note)
    clinic.ask(clinic.anna, RemoveFile(handle="", path="/a/f"))
    clinic.grant("clinic:/a", "anna@clinic", "list,read,write")
    with pytest.raises(NotAllowed):
        restore(clinic, clinic.session("anna@clinic"), note)
