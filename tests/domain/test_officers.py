"""Who can open people lists, how folders are read, headers made anew: what is allowed and what is not."""

from hashlib import sha256

import pytest
import sqlalchemy as sa

from sealane.database.exposure_tables import people_lists
from sealane.domain import exposures, named_folders
from sealane.errors import Invalid, Missing, NotAllowed
from sealane.ids import new_segment_id
from sealane.ledger import events
from sealane.operations.accounts import AddUser
from sealane.operations.exposures import (
    CorrectLayout,
    ListOfficers,
    ListPeopleLists,
    ListReading,
    ListRecipientsOf,
    OpenPeopleList,
    ReplaceListHeader,
    SetOfficer,
    SetReading,
    ShowExposure,
)
from sealane.operations.failures import HeaderUnfit, OrganizationMissing, RecipientsDiffer
from sealane.operations.inspection import ColumnOf, Exposed, LayoutOf, SealedList
from sealane.vault.age import files as age_files
from sealane.vault.age import header as age_header
from sealane.vault.age.hybrid import HybridIdentity
from sealane.vault.age.x25519 import X25519Identity

pytestmark = pytest.mark.slow

OFFICER = X25519Identity(b"\x31" * 32)
NEXT = X25519Identity(b"\x32" * 32)
HYBRID = HybridIdentity.new()


def text(identity):
    return str(identity.recipient())


@pytest.fixture
def olga(world):
    world.admin(AddUser("olga@clinic", role="officer"))
    world.admin(SetOfficer("clinic", (text(OFFICER),)))
    return world.session("olga@clinic", scopes=("read", "write"))


def sealed(*identities, content=b"PAR1 of somebody"):
    whole = age_files.seal(content, [identity.recipient() for identity in identities])
    _, length = age_header.parse(whole)
    payload = whole[length:]
    return SealedList(
        new_segment_id(), whole[:length], len(payload), sha256(payload).digest(), tuple(map(text, identities)), payload
    )


def read_by_somebody(world, anna, made, path="/in/file"):
    """A version with a people list, without reading it."""
    version = anna.put(b"content", path).version
    exposed = Exposed("csv", "complete", 3, 2, {"ssn": 2}, (), 1, made)

    def act(work):
        folder = named_folders.find(work, "clinic:/in")
        place = exposures.Arrived(version, folder.organization_id, 1, folder.id, "clinic:/in/file", 1, work.now)
        exposures.expect(work, place, empty=False)
        exposures.record(work, version, exposed, who=events.INSPECTOR)

    world.act(act)
    return version


def officers(world):
    (row,) = world.admin(ListOfficers("clinic")).rows
    return dict(zip(row.columns, row.values, strict=True))


def test_officers_keys_are_of_one_kind_and_at_least_one(world, olga):
    with pytest.raises(RecipientsDiffer):
        world.admin(SetOfficer("clinic", (text(OFFICER),), (text(HYBRID),)))
    with pytest.raises(Invalid):
        world.admin(SetOfficer("clinic", (), (text(OFFICER),)))
    with pytest.raises(Invalid):
        world.admin(SetOfficer("clinic", tuple(text(X25519Identity.new()) for _ in range(8))))
    with pytest.raises(Invalid):
        world.admin(SetOfficer("clinic", ("age1nonsense",)))
    with pytest.raises(OrganizationMissing):
        world.admin(SetOfficer("nobody", (text(OFFICER),)))
    assert officers(world)["recipients"] == (text(OFFICER),)
    world.admin(SetOfficer("clinic", (text(HYBRID),)))
    assert officers(world)["recipients"] == (text(HYBRID),)
    assert officers(world)["ways"] == 1


def test_seven_post_quantum_officers_fit_the_ledger(world):
    keys = tuple(text(HybridIdentity.new()) for _ in range(7))
    world.admin(SetOfficer("clinic", keys))
    world.admin(SetReading("clinic:/in", owner="Blue Plan", owner_recipient=text(HYBRID)))
    told = world.session("anna@clinic").ask(ListRecipientsOf, path="/in/x")
    assert (told.recipients, told.owner) == ((*keys, text(HYBRID)), "Blue Plan")


def test_a_data_owners_key_is_of_the_officers_kind(world, olga):
    with pytest.raises(RecipientsDiffer):
        world.admin(SetReading("clinic:/in", owner_recipient=text(HYBRID)))
    world.admin(SetReading("clinic:/in", owner_recipient=text(NEXT)))
    with pytest.raises(RecipientsDiffer):
        world.admin(SetOfficer("clinic", (text(HYBRID),)))
    world.admin(SetReading("clinic:/in", owner_recipient=""))
    world.admin(SetOfficer("clinic", (text(HYBRID),)))


def test_what_is_said_of_a_folder_stays_until_something_else_is(world):
    world.admin(SetReading("clinic:/in", owner="Blue Plan"))
    world.admin(SetReading("clinic:/in", reading=False))
    (row,) = world.admin(ListReading()).rows
    assert row.values == ("clinic:/in", False, "Blue Plan", "", "at-once", 0)
    with pytest.raises(Invalid):
        world.admin(SetReading("clinic:/in", owner="line\nbreak"))
    with pytest.raises(Missing):
        world.admin(SetReading("clinic:/nowhere", reading=True))


def test_a_header_is_replaced_by_an_officer_for_the_present_officers_only(world, anna, olga):
    made = sealed(OFFICER)
    version = read_by_somebody(world, anna, made)
    world.admin(SetOfficer("clinic", (text(NEXT),)))
    (listed,) = olga.ask(ListPeopleLists).lists
    assert (listed.lacking, listed.extra, listed.digest) == ((text(NEXT),), (text(OFFICER),), made.digest)
    assert officers(world)["outdated"] == 1
    fresh = sealed(NEXT).header
    with pytest.raises(HeaderUnfit):
        olga.ask(ReplaceListHeader, version=version, header=sealed(OFFICER).header, recipients=(text(OFFICER),))
    with pytest.raises(HeaderUnfit):
        olga.ask(ReplaceListHeader, version=version, header=fresh + b"x", recipients=(text(NEXT),))
    with pytest.raises(NotAllowed):
        anna.ask(ReplaceListHeader, version=version, header=fresh, recipients=(text(NEXT),))
    reading_only = world.session("olga@clinic", scopes=("read",))
    with pytest.raises(NotAllowed):
        reading_only.ask(ReplaceListHeader, version=version, header=fresh, recipients=(text(NEXT),))
    for _ in range(2):
        olga.ask(ReplaceListHeader, version=version, header=fresh, recipients=(text(NEXT),))
    assert olga.ask(OpenPeopleList, version=version).header == fresh
    assert olga.ask(OpenPeopleList, version=version).revision == 1
    assert world.count(people_lists, people_lists.c.first_header == sa.literal(made.header)) == 1
    assert world.kinds().count("list_header_replaced") == 1


def test_a_list_under_a_name_that_is_taken_or_unsound_is_not_kept(world, anna, olga):
    made = sealed(OFFICER)
    read_by_somebody(world, anna, made)
    with pytest.raises(Invalid):
        read_by_somebody(world, anna, made, "/in/other")
    headless = SealedList(new_segment_id(), b"nothing", made.size, made.digest, made.recipients, made.inline)
    with pytest.raises(Invalid):
        read_by_somebody(world, anna, headless, "/in/second")
    short = SealedList(new_segment_id(), made.header, 3, made.digest, made.recipients, b"abc")
    with pytest.raises(Invalid):
        read_by_somebody(world, anna, short, "/in/third")


def test_pages_of_lists_go_on_where_they_ended(world, anna, olga):
    for number in range(3):
        read_by_somebody(world, anna, sealed(OFFICER), f"/in/{number}")
    first = olga.ask(ListPeopleLists, limit=2)
    second = olga.ask(ListPeopleLists, after=first.after)
    assert [len(page.lists) for page in (first, second)] == [2, 1]
    assert second.after == 0


def test_a_file_nobody_has_read_says_so(world, anna):
    anna.put(b"content")  # in this world nothing is read
    told = anna.ask(ShowExposure, path="/in/file")
    assert (told.state, told.exposed, told.listed) == ("not-read", None, False)


def test_only_a_table_that_came_can_be_corrected(world):
    layout = LayoutOf("0" * 32, (ColumnOf("ssn"),))
    with pytest.raises(Missing):
        world.admin(CorrectLayout("clinic:/in", "anna@clinic", layout))
    with pytest.raises(Invalid):
        world.admin(CorrectLayout("clinic:/in", "anna@clinic", LayoutOf("nonsense", (ColumnOf("ssn"),))))


def test_to_whom_lists_are_sealed_is_told_to_who_may_write_there(world, anna, carl, olga):
    assert anna.ask(ListRecipientsOf, path="/in/x").recipients == (text(OFFICER),)
    assert not anna.ask(ListRecipientsOf, path="/in/x").reading
    with pytest.raises(NotAllowed):
        carl.ask(ListRecipientsOf, path="/@clinic/in/x")
    with pytest.raises(NotAllowed):
        anna.ask(ListRecipientsOf)
    assert olga.ask(ListRecipientsOf).recipients == (text(OFFICER),)
