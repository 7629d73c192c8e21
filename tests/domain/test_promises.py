"""Promises that an earlier answer made outlive whatever comes between."""

import pytest

from sealane.domain.table import SESSION_ACTS
from sealane.operations import accounts
from sealane.operations.files import EndDownload, OpenVersion, Receipt
from sealane.operations.uploads import LookUpload, SuspendUpload, TakeUpload

pytestmark = pytest.mark.slow  # together they take longer than make check may


def test_an_upload_that_its_client_knows_by_id_outlives_another_of_the_same_name(anna):
    known = anna.begin(metadata="path L2luL2ZpbGU=")
    known.write(0, b"x" * 60)
    known.record()
    known.suspend()
    anna.put(b"written over it", "/in/file")
    stands = anna.ask(LookUpload, upload=known.opened.upload)
    assert (stands.size, stands.finished) == (60, False)


def test_an_upload_that_only_its_path_names_gives_way_to_the_next_of_that_name(anna, world):
    nameless = anna.begin()
    nameless.write(0, b"x" * 60)
    nameless.record()
    nameless.suspend()
    anna.put(b"written over it", "/in/file")
    assert "upload_removed" in world.kinds()


def test_what_a_disabled_user_was_given_is_still_put_on_record(anna, world):
    anna.put(b"y" * 100, "/in/file")
    opened = anna.ask(OpenVersion, path="/in/file")
    world.admin(accounts.DisableUser(user="anna@clinic"))
    anna.ask(EndDownload, download=opened.download, sent=70, ranges=((0, 70),), whole=False)
    assert world.kinds()[-1] == "download_ended"


def test_an_upload_that_nobody_can_go_on_with_is_thrown_away_though_its_session_has_ended(anna, world):
    writing = anna.begin()
    writing.write(0, b"x" * 60)
    writing.record()
    world.admin(accounts.DisableUser(user="anna@clinic"))
    anna.ask(SuspendUpload, upload=writing.upload, generation=writing.generation, keep=False)
    assert world.kinds()[-1] == "upload_removed"


def test_who_has_lost_an_upload_to_another_cannot_throw_it_away(anna):
    writing = anna.begin()
    writing.write(0, b"x" * 60)
    writing.record()
    writing.suspend()
    anna.ask(TakeUpload, upload=writing.upload)
    anna.ask(SuspendUpload, upload=writing.upload, generation=writing.generation, keep=False)
    assert anna.ask(LookUpload, upload=writing.upload).size == 60


def test_nothing_but_the_end_of_a_transfer_is_heard_after_a_session_has_ended():
    heard = {operation.__name__ for operation in SESSION_ACTS if operation.after_the_end}
    assert heard == {"DropSegments", "EndDownload", "SuspendUpload"}


def test_a_receipt_tells_another_organization_of_the_upload_and_its_own_fetches_only(anna, carl, world):
    anna.put(b"z" * 10, "/in/file")
    anna.read("/in/file")
    carl.read("/@clinic/in/file")
    owner = anna.ask(Receipt, path="/in/file").transfers
    partner = carl.ask(Receipt, path="/@clinic/in/file").transfers
    assert [(line.kind, line.user) for line in owner] == [
        ("upload", "anna@clinic"),
        ("download", "anna@clinic"),
        ("download", "carl@insurer"),
    ]
    assert [(line.kind, line.user) for line in partner] == [("upload", "anna@clinic"), ("download", "carl@insurer")]
