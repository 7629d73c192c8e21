"""Who is told that something may have changed: of their folders, once, and of everything where it is not known."""

import pytest

from sealane.domain.watches import _FILES, _UPLOADS, NOTHING_CHANGES, Ended, Watched, Watches
from sealane.ledger import events

IN, OTHER = 5, 6


@pytest.fixture
def watches():
    return Watches(3)


def finished(folder):
    return events.UploadFinished(who=events.INSPECTOR, owner_organization_id=1, upload_id="u", size=1, folder_id=folder)


def begun(folder):
    return events.UploadBegun(
        who=events.INSPECTOR, owner_organization_id=1, upload_id="u", mode="create", key_id=1, folder_id=folder
    )


def test_a_file_that_comes_ends_what_was_told_of_its_folder_alone(watches):
    watch = watches.watch("doors-1", IN, Watched.ENTRIES)
    watches.watch("doors-1", OTHER, Watched.ENTRIES)
    watches.watch("doors-1", IN, Watched.UPLOADS)
    assert watches.end([finished(IN)], ()) == [Ended("doors-1", watch)]
    assert watches.end([finished(IN)], ()) == []


def test_an_upload_that_is_kept_ends_also_those_begun_ahead(watches):
    numbers = [watches.watch(line, IN, what) for line in ("doors-1", "doors-2") for what in Watched]
    assert sorted(one.number for one in watches.end([begun(IN)], ())) == numbers


def test_whatever_is_not_known_to_change_nothing_ends_all(watches):
    watches.watch("doors-1", IN, Watched.ENTRIES)
    moved = events.FolderMoved(
        who=events.INSPECTOR, owner_organization_id=1, folder_id=OTHER, path="c:/a", target="c:/b"
    )
    assert watches.end([moved], ()) is None
    assert watches.end_all() == 1
    assert watches.end_all() == 0


def test_a_part_is_shown_nowhere(watches):
    watches.watch("doors-1", IN, Watched.ENTRIES)
    assert watches.end([finished(None)], ()) == []


def test_a_download_ends_nothing(watches):
    watches.watch("doors-1", IN, Watched.ENTRIES)
    fetched = events.DownloadBegun(
        who=events.INSPECTOR,
        owner_organization_id=1,
        download_id=1,
        version_id="v",
        file_id=1,
        folder_id=IN,
        path="c:/in/a",
        size=1,
        key_ids=(),
    )
    assert watches.end([fetched], ()) == []


def test_a_move_is_told_at_both_ends(watches):
    ends = {watches.watch("doors-1", folder, Watched.ENTRIES) for folder in (IN, OTHER)}
    moved = events.FileMoved(
        who=events.INSPECTOR,
        owner_organization_id=1,
        file_id=1,
        version_id="v",
        folder_id=IN,
        target_folder_id=OTHER,
        path="c:/a",
        target="c:/b",
    )
    assert {one.number for one in watches.end([moved], ())} == ends


def test_a_folder_is_watched_once_and_a_connection_watches_no_more_than_it_may(watches):
    first = watches.watch("doors-1", 1, Watched.ENTRIES)
    assert watches.watch("doors-1", 1, Watched.ENTRIES) == first
    assert all(watches.watch("doors-1", folder, Watched.ENTRIES) for folder in (2, 3))
    assert watches.watch("doors-1", 4, Watched.ENTRIES) == 0
    assert watches.watch("doors-2", 4, Watched.ENTRIES) > 0
    watches.end((), [2])
    assert watches.watch("doors-1", 4, Watched.ENTRIES) > 0


def test_a_connection_that_is_gone_is_told_nothing(watches):
    watches.watch("doors-1", IN, Watched.ENTRIES)
    other = watches.watch("doors-2", IN, Watched.ENTRIES)
    watches.close("doors-1")
    watches.close("doors-1")
    assert watches.end((), [IN]) == [Ended("doors-2", other)]


def test_no_kind_of_event_is_said_to_do_two_things():
    assert not NOTHING_CHANGES & _FILES
    assert not NOTHING_CHANGES & _UPLOADS
    assert not _FILES & _UPLOADS
