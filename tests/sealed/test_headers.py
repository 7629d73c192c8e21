"""Headers made anew when readers come or go: who may, what is refused, what is kept and written down."""

import secrets
from typing import NamedTuple

import pytest
import sqlalchemy as sa

from sealane.database.sealed_tables import former_headers as former
from sealane.database.statements import Statement
from sealane.domain import headers
from sealane.errors import Invalid, Missing, NotAllowed, TooMany
from sealane.ledger.events import Kind
from sealane.operations.accounts import (
    AddFolder,
    AddOrganization,
    AddToken,
    AddUser,
    GrantFolder,
    RevokeFolder,
    SetRecipient,
    Sweep,
)
from sealane.operations.audit import ReadLedger
from sealane.operations.files import Look, OpenVersion
from sealane.operations.sealing import ListHeaders, NewHeader, ReadHeader, ReplaceHeaders
from sealane.operations.signing import SignInWithToken
from sealane.operations.versions import ListVersions, LookVersion, RestoreVersion
from sealane.vault.age import files as age_files
from sealane.vault.age import header as age_header
from sealane.vault.age import keys as age_keys
from sealane.vault.age.failures import NoIdentityMatches
from sealane.vault.age.x25519 import X25519Identity
from tests.sealed.house import FOLDER, READER
from tests.sealed.test_closed_uploads import LaterClock

pytestmark = pytest.mark.slow

NEW = X25519Identity.new()
READER_TEXT, NEW_TEXT = str(READER.recipient()), str(NEW.recipient())


def add_new_reader(house):
    house.keeper.admin(AddUser("new@clinic"))
    house.keeper.admin(SetRecipient("new@clinic", NEW_TEXT, present=True))
    house.keeper.admin(GrantFolder(f"clinic:{FOLDER}", "new@clinic", ("list", "read")))


async def listed(house, handle=None, **asked):
    return await house.door.ask(ListHeaders(handle or house.reader, FOLDER, **asked))


async def replace(house, *new, handle=None):
    return await house.door.ask(ReplaceHeaders(handle or house.reader, tuple(new)))


def wrapped(file, *texts, identity=READER):
    """What a recipient's client makes of a header."""
    file_key = age_keys.find_file_key(age_header.parse(file.header)[0], [identity])
    recipients = [age_keys.recipient(text) for text in texts]
    return NewHeader(
        file.version, age_header.make([one.wrap(file_key) for one in recipients], file_key).written(), texts
    )


@pytest.fixture
async def sealed(house):
    await house.put("/f", b"for whom")
    await house.seal()
    return house


async def test_what_is_sealed_to_its_present_readers_is_not_listed(sealed):
    assert (await listed(sealed)).files == ()


async def test_a_new_reader_is_lacking_and_opens_it_after_the_header_was_made_anew(sealed):
    add_new_reader(sealed)
    file = (await listed(sealed)).files[0]
    assert (file.path, file.recipients, file.lacking, file.extra) == (
        f"{FOLDER}/f", (READER_TEXT,), (NEW_TEXT,), ()
    )  # fmt: skip
    before = await sealed.age("/f")
    with pytest.raises(NoIdentityMatches):
        age_files.open_sealed(before, [NEW])
    assert (await replace(sealed, wrapped(file, READER_TEXT, NEW_TEXT))).replaced == 1
    after = await sealed.age("/f")
    assert age_files.open_sealed(after, [NEW]) == sealed.opened(after) == b"for whom"
    assert after[-40:] == before[-40:]
    assert (await listed(sealed)).files == ()


@pytest.mark.parametrize(("shown_as", "seen"), [("", f"/@clinic{FOLDER}"), ("/theirs", "/theirs")])
async def test_paths_are_those_by_which_the_caller_comes_there(sealed, shown_as, seen):
    keeper = sealed.keeper
    keeper.admin(AddFolder(f"clinic:{FOLDER}/below"))
    keeper.admin(AddOrganization("lab"))
    keeper.admin(AddUser("pat@lab"))
    keeper.admin(SetRecipient("pat@lab", NEW_TEXT, present=True))
    keeper.admin(GrantFolder(f"clinic:{FOLDER}", "pat@lab", ("list", "read"), shown_as=shown_as))
    pat = sealed.session("pat@lab")
    keeper.admin(SetRecipient("pat@lab", NEW_TEXT, present=False))
    await sealed.put("/below/g", b"deep")
    await sealed.seal()
    keeper.admin(SetRecipient("pat@lab", NEW_TEXT, present=True))
    files = (await sealed.door.ask(ListHeaders(pat, seen))).files
    assert {file.path for file in files} == {f"{seen}/f", f"{seen}/below/g"}
    for file in files:
        assert (await sealed.door.ask(ReadHeader(pat, file.version))).files[0].path == file.path
        assert (await sealed.door.ask(Look(pat, file.path))).entry.version == file.version
    own = (await sealed.door.ask(ListHeaders(sealed.reader, FOLDER))).files
    assert {file.path for file in own} == {f"{FOLDER}/f", f"{FOLDER}/below/g"}


async def test_a_removed_reader_is_told_as_extra(sealed):
    add_new_reader(sealed)
    await replace(sealed, wrapped((await listed(sealed)).files[0], READER_TEXT, NEW_TEXT))
    sealed.keeper.admin(RevokeFolder(f"clinic:{FOLDER}", "new@clinic"))
    file = (await listed(sealed)).files[0]
    assert (file.lacking, file.extra) == ((), (NEW_TEXT,))
    await replace(sealed, wrapped(file, READER_TEXT))
    assert (await listed(sealed)).files == ()
    with pytest.raises(NoIdentityMatches):
        age_files.open_sealed(await sealed.age("/f"), [NEW])


async def test_who_was_removed_meanwhile_is_not_let_in_again_by_whoever_is_slow(sealed):
    """Two clients wrap at once, and one of them has looked at the recipients before somebody was removed."""
    add_new_reader(sealed)
    file = (await listed(sealed)).files[0]
    slow = wrapped(file, READER_TEXT, NEW_TEXT)
    sealed.keeper.admin(RevokeFolder(f"clinic:{FOLDER}", "new@clinic"))
    told = await replace(sealed, slow)
    assert told.refused == ((file.version, "recipients-changed"),)
    with pytest.raises(NoIdentityMatches):
        age_files.open_sealed(await sealed.age("/f"), [NEW])
    assert (await listed(sealed)).files == ()


async def test_a_header_that_leaves_out_a_reader_is_refused(sealed):
    add_new_reader(sealed)
    file = (await listed(sealed)).files[0]
    told = await replace(sealed, wrapped(file, NEW_TEXT))
    assert told.refused == ((file.version, "recipients-changed"),)
    assert sealed.opened(await sealed.age("/f")) == b"for whom"


async def test_who_may_not_read_neither_lists_nor_reads_nor_replaces(sealed):
    add_new_reader(sealed)
    file = (await listed(sealed)).files[0]
    writer = sealed.handle
    with pytest.raises(NotAllowed):
        await listed(sealed, handle=writer)
    with pytest.raises(Missing):
        await sealed.door.ask(ReadHeader(writer, file.version))
    with pytest.raises(Missing):
        await sealed.door.ask(ReadHeader(sealed.reader, "no-such-version"))
    new = wrapped(file, READER_TEXT, NEW_TEXT)
    assert (await replace(sealed, new, handle=writer)).refused == ((file.version, Missing.code),)
    assert (await sealed.door.ask(ReadHeader(sealed.reader, file.version))).files[0].header == file.header


async def test_what_is_below_and_not_theirs_to_read_is_left_out(sealed):
    """The folder below has a reader of its own, who does not read above."""
    sealed.keeper.admin(AddFolder(f"clinic:{FOLDER}/below"))
    sealed.keeper.admin(AddUser("below@clinic"))
    sealed.keeper.admin(SetRecipient("below@clinic", NEW_TEXT, present=True))
    sealed.keeper.admin(GrantFolder(f"clinic:{FOLDER}/below", "below@clinic", ("list", "read")))
    await sealed.put("/below/g", b"deep")
    await sealed.seal()
    sealed.keeper.admin(SetRecipient("below@clinic", NEW_TEXT, present=False))
    sealed.keeper.admin(SetRecipient("rea@clinic", str(X25519Identity.new().recipient()), present=True))
    below = sealed.session("below@clinic")
    answer = await sealed.door.ask(ListHeaders(below, f"{FOLDER}/below"))
    assert [file.path.rpartition("/")[2] for file in answer.files] == ["g"]
    assert {file.path.rpartition("/")[2] for file in (await listed(sealed)).files} == {"f", "g"}


def _unfit(file):
    good = wrapped(file, READER_TEXT, NEW_TEXT)
    return {
        "nothing": good.header[:0],
        "cut": good.header[:-1],
        "longer": good.header + b"x",
        "another version": good.header.replace(b"/v1", b"/v2"),
        "fewer stanzas than it names": wrapped(file, READER_TEXT).header,
        "noise": secrets.token_bytes(200),
    }


async def test_a_header_that_cannot_be_one_is_refused_and_takes_no_other_with_it(sealed):
    await sealed.put("/g", b"another")
    await sealed.seal()
    add_new_reader(sealed)
    one, other = (await listed(sealed)).files
    for why, header in _unfit(one).items():
        told = await replace(sealed, NewHeader(one.version, header, (READER_TEXT, NEW_TEXT)))
        assert told.refused == ((one.version, "header-unfit"),), why
    told = await replace(
        sealed,
        NewHeader(one.version, b"noise", (READER_TEXT,)),
        wrapped(other, READER_TEXT, NEW_TEXT),
    )
    assert (told.replaced, [version for version, _ in told.refused]) == (1, [one.version])


@pytest.mark.parametrize("texts", [(READER_TEXT, READER_TEXT), (READER_TEXT, "age1nobody"), (READER_TEXT, "")])
async def test_names_that_are_no_keys_or_stand_there_twice_are_refused(sealed, texts):
    add_new_reader(sealed)
    file = (await listed(sealed)).files[0]
    good = wrapped(file, READER_TEXT, NEW_TEXT)
    assert (await replace(sealed, NewHeader(good.version, good.header, texts))).replaced == 0


async def test_too_many_at_once_are_refused(sealed):
    add_new_reader(sealed)
    new = wrapped((await listed(sealed)).files[0], READER_TEXT, NEW_TEXT)
    with pytest.raises(TooMany):
        await replace(sealed, *[new] * 501)


async def test_the_first_header_and_the_newest_are_kept_and_no_more(sealed, monkeypatch):
    """Whoever spoils a header again and again fills no disk, and spoils nothing for good."""
    limit = 4
    monkeypatch.setattr(headers, "FORMER_HEADERS_MAX", limit)
    add_new_reader(sealed)
    file = (await listed(sealed)).files[0]
    written = [file.header]
    for _ in range(limit + 3):
        new = wrapped(file, READER_TEXT, NEW_TEXT)
        assert (await replace(sealed, new)).replaced == 1
        written.append(new.header)
    assert former_headers(sealed) == [written[0], *written[-limit:-1]]


async def test_what_lets_in_who_was_left_out_is_kept_for_its_time_only(sealed):
    """Who steals the database later, and has the key of a former reader, finds no header that it opens."""
    add_new_reader(sealed)
    await replace(sealed, wrapped((await listed(sealed)).files[0], READER_TEXT, NEW_TEXT))
    sealed.keeper.admin(RevokeFolder(f"clinic:{FOLDER}", "new@clinic"))
    await replace(sealed, wrapped((await listed(sealed)).files[0], READER_TEXT))
    sealed.keeper.admin(Sweep())
    assert len(former_headers(sealed)) == 2, "whoever spoils one has spoilt nothing yet"
    sealed.keeper.keeper.clock = LaterClock(seconds=sealed.settings.former_header_keep_seconds)
    sealed.keeper.admin(Sweep())
    assert former_headers(sealed) == []
    sealed.reader = sealed.session("rea@clinic")
    assert sealed.opened(await sealed.age("/f")) == b"for whom"


async def test_what_lets_in_nobody_more_is_kept(sealed):
    add_new_reader(sealed)
    await replace(sealed, wrapped((await listed(sealed)).files[0], READER_TEXT, NEW_TEXT))
    sealed.keeper.keeper.clock = LaterClock(seconds=sealed.settings.former_header_keep_seconds)
    sealed.keeper.admin(Sweep())
    assert len(former_headers(sealed)) == 1


class HeaderRow(NamedTuple):
    header: bytes


FORMER = Statement("test.former", sa.select(former.c.header).order_by(former.c.id), HeaderRow)


def former_headers(house):
    with house.keeper.keeper._database.begin() as transaction:
        return [row.header for row in transaction.all(FORMER)]


async def test_the_same_header_again_changes_nothing(sealed):
    add_new_reader(sealed)
    new = wrapped((await listed(sealed)).files[0], READER_TEXT, NEW_TEXT)
    assert (await replace(sealed, new)).replaced == 1
    assert (await replace(sealed, new)).replaced == 1
    assert len(former_headers(sealed)) == 1


async def test_what_was_replaced_meanwhile_has_another_revision(sealed):
    add_new_reader(sealed)
    assert (await sealed.look("/f.age", handle=sealed.reader)).revision == 0
    await replace(sealed, wrapped((await listed(sealed)).files[0], READER_TEXT, NEW_TEXT))
    assert (await sealed.look("/f.age", handle=sealed.reader)).revision == 1
    opened = await sealed.door.ask(OpenVersion(sealed.reader, f"{FOLDER}/f.age"))
    assert opened.sealed.revision == 1


@pytest.mark.parametrize("at_most", [3, 1])
async def test_pages_follow_each_other_and_name_each_file_once(house, at_most, monkeypatch):
    """A page ends by the number of its files, or by their bytes."""
    if at_most == 1:
        monkeypatch.setattr("sealane.domain.headers._ANSWER_BYTES_MAX", 1)
    for number in range(7):
        await house.put(f"/f{number}", b"x")
    await house.seal()
    add_new_reader(house)
    found, after = [], ""
    while True:
        page = await listed(house, after=after, limit=3)
        assert len(page.files) <= at_most
        found += [file.path.rpartition("/")[2] for file in page.files]
        if not page.after:
            break
        after = page.after
    assert sorted(found) == [f"f{number}" for number in range(7)]
    with pytest.raises(Invalid):
        await listed(house, after="not a place")


async def test_who_replaced_it_is_on_record(sealed):
    add_new_reader(sealed)
    file = (await listed(sealed)).files[0]
    await replace(sealed, wrapped(file, READER_TEXT, NEW_TEXT))
    entries = sealed.keeper.admin(ReadLedger(user="rea@clinic")).entries
    replaced = [entry.body for entry in entries if Kind.HEADER_REPLACED.value.encode() in entry.body]
    assert any(file.version.encode() in body for body in replaced)


async def test_a_token_that_may_only_read_makes_no_header_anew(house):
    token = house.keeper.admin(AddToken("rea@clinic", ("read",), None)).token
    handle = house.door.ask_now(SignInWithToken(token, "127.0.0.1", "https")).handle
    with pytest.raises(NotAllowed):
        await house.door.ask(ReplaceHeaders(handle, ()))


# --- Earlier versions ------------------------------------------------------------------------------------------------


async def test_an_earlier_sealed_version_comes_as_its_age_file_and_is_had_back_as_it_was(house):
    made = []
    for content in (b"the first", b"the second"):
        await house.put("/f", content)
        await house.seal()
        made.append((await house.look("/f", handle=house.reader)).version)
    one, two = made
    listed = await house.door.ask(ListVersions(house.handle, f"{FOLDER}/f"))
    assert [(each.entry.version, each.entry.plain_size, each.entry.sealed) for each in listed.versions] == [
        (two, 10, True),
        (one, 9, True),
    ]
    path = f"{FOLDER}/f.age"
    outgoing = house.outgoing(await house.door.ask(OpenVersion(house.reader, path, one)), house.reader)
    got = b"".join([bytes(piece) async for piece in outgoing.pieces(0, outgoing.size)])
    await outgoing.close()
    assert house.opened(got) == b"the first"
    looked = (await house.door.ask(LookVersion(house.reader, path, one))).entry
    assert (looked.size, looked.age_size) == (len(got), len(got))
    await house.door.ask(RestoreVersion(house.handle, f"{FOLDER}/f", one))
    assert await house.age("/f") == got
