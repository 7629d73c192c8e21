"""Uploads that are closed and not yet sealed: acknowledged, and nothing that anybody does loses or mixes them up."""

import contextlib
import dataclasses
import hashlib
import secrets
from datetime import timedelta

import pytest
import sqlalchemy as sa

from sealane.clock import Clock
from sealane.database.sealed_tables import seals
from sealane.database.statements import Statement
from sealane.domain.queries.uploads import CountRow
from sealane.doors.buffers import Buffers
from sealane.doors.incoming import Incoming
from sealane.errors import AlreadyExists, Conflict, UploadFinished
from sealane.keeper.core import Request
from sealane.operations.accounts import (
    AddFolder,
    GrantFolder,
    ListSealed,
    RevokeFolder,
    SealFolder,
    SetOrganizationQuota,
)
from sealane.operations.envelope import Asker
from sealane.operations.failures import NotSealed
from sealane.operations.files import Look, MakeFolder, Move, OpenVersion
from sealane.operations.sealing import LeaseSealings
from sealane.operations.uploads import BeginUpload, FinishUpload, NewSegment, Place, RecordSegments, SentSealed
from sealane.settings import SLOT_BYTES
from sealane.vault.age import files as age_files
from sealane.vault.age.payload import CHUNK_BYTES
from tests.doors.house import SMALL
from tests.sealed.house import FOLDER, READER, SealedHouse

pytestmark = pytest.mark.slow

LEFT_TO_SEAL = Statement("test.left_to_seal", sa.select(sa.func.count().label("count")).select_from(seals), CountRow)


def sha256(content):
    return hashlib.sha256(content).digest()


class LaterClock(Clock):
    """A clock that is so many seconds ahead."""

    def __init__(self, *, seconds):
        self._ahead = timedelta(seconds=seconds)

    def now(self):
        return super().now() + self._ahead


async def test_what_was_hashed_and_then_written_over_has_the_digest_of_what_it_is_now(house):
    """A flush ends the segment; the next begins with its tail, in the clear, which a client may still write over."""
    incoming = await house.begin("/f")
    await incoming.write(0, b"a" * 70_000)
    await incoming.flush()
    await incoming.write(70_000, b"b")
    await incoming.write(69_000, b"written over")
    content = b"a" * 69_000 + b"written over" + b"a" * 988 + b"b"
    finished = await incoming.finish()
    assert finished.digest in {None, sha256(content)}
    await house.seal()
    assert house.opened(await house.age("/f")) == content
    assert (await house.look("/f.age", handle=house.reader)).digest == sha256(content)


async def test_the_digest_so_far_is_known_after_a_flush_too(house):
    incoming = await house.begin("/f")
    content = secrets.token_bytes(70_001)
    await incoming.write(0, content[:70_000])
    await incoming.flush()
    await incoming.write(70_000, content[70_000:])
    assert await incoming.digest() == sha256(content)
    await incoming.finish()


async def test_a_closed_file_that_was_gone_on_with_has_not_the_digest_it_was_closed_with(house):
    await house.put("/f", b"begun", settles=True)
    again = await house.begin("/f", "resume")
    await again.write(5, b" and more")
    await again.suspend()
    assert (await house.look("/f", own_uploads=True)).digest != sha256(b"begun")
    await house.begin("/f")  # which leaves the one before to be sealed
    await house.seal()
    assert house.opened(await house.age("/f")) == b"begun and more"
    assert (await house.look("/f.age", handle=house.reader)).digest == sha256(b"begun and more")


async def test_a_folder_that_lost_its_recipients_keeps_no_other_from_being_sealed(house):
    keeper = house.keeper
    keeper.admin(AddFolder("clinic:/other", sealed=True, settle_seconds=0))
    keeper.admin(GrantFolder("clinic:/other", "ann@clinic", ("list", "write")))
    keeper.admin(GrantFolder("clinic:/other", "rea@clinic", ("list", "read")))
    folder, house.folder = house.folder, "/other"
    for number in range(house.settings.inspector_batch + 1):
        await house.put(f"/stuck{number}", b"nobody can be found to seal this to")
    keeper.admin(RevokeFolder("clinic:/other", "rea@clinic"))
    house.folder = folder
    await house.put("/f", b"sealed all the same")
    await house.seal()
    house.reader = house.session("rea@clinic")
    assert house.opened(await house.age("/f")) == b"sealed all the same"
    keeper.admin(GrantFolder("clinic:/other", "rea@clinic", ("list", "read")))
    keeper.keeper.clock = LaterClock(seconds=house.settings.inspector_poll_seconds)
    await house.seal()
    waiting = {row["folder"]: row["waiting"] for row in _rows(keeper.admin(ListSealed("")))}
    assert waiting["clinic:/other"] == 0


def _rows(listing):
    return [dict(zip(row.columns, row.values, strict=True)) for row in listing.rows]


async def test_one_that_cannot_be_sealed_now_does_not_stand_before_the_others(house):
    """Whatever it is that fails: who asks again is given first what it has not tried."""
    for number in range(house.settings.inspector_batch + 3):
        await house.put(f"/f{number}", b"x")
    asking = house.keeper.inspector()
    first = await asking.ask(LeaseSealings())
    second = await asking.ask(LeaseSealings())
    assert len(set(first.uploads) | set(second.uploads)) == house.settings.inspector_batch + 3


async def test_the_file_that_was_closed_last_is_the_one_that_is_shown(house):
    """Also where the one before it has longer to settle, and is somebody else's."""
    house.keeper.admin(SealFolder(f"clinic:{FOLDER}", settle_seconds=60))
    house.keeper.admin(GrantFolder(f"clinic:{FOLDER}", "rea@clinic", ("list", "read", "write")))
    await house.put("/f", b"older", settles=True)
    own, house.handle = house.handle, house.reader
    await house.put("/f", b"newer", settles=False)
    house.handle = own
    assert await house.seal() == 2
    assert house.opened(await house.age("/f")) == b"newer"


async def test_a_closed_file_takes_its_name_for_who_wants_to_be_the_only_one(house):
    house.keeper.admin(SealFolder(f"clinic:{FOLDER}", settle_seconds=60))
    first, second = await house.begin("/f"), await house.begin("/f")
    await first.write(0, b"first")
    await second.write(0, b"second")
    await first.finish(exclusive=True)
    with pytest.raises(AlreadyExists):
        await second.finish(exclusive=True)
    await second.abandon()
    await house.seal()
    assert house.opened(await house.age("/f")) == b"first"


async def test_a_closed_file_changes_what_a_later_one_expects_to_replace(house):
    await house.put("/f", b"first")
    await house.seal()
    version = (await house.look("/f")).version
    for_second, for_third = await house.begin("/f"), await house.begin("/f")
    await for_second.write(0, b"second")
    await for_third.write(0, b"third")
    await for_second.finish(expected_version=version)
    with pytest.raises(Conflict):
        await for_third.finish(expected_version=version)
    await for_third.abandon()
    await house.seal()
    assert house.opened(await house.age("/f")) == b"second"


async def test_no_folder_takes_the_name_of_a_closed_file(house):
    await house.put("/f", b"acknowledged", settles=True)
    with pytest.raises(AlreadyExists):
        await house.door.ask(MakeFolder(house.handle, f"{FOLDER}/f"))
    await house.seal()
    assert house.opened(await house.age("/f")) == b"acknowledged"


async def test_what_was_closed_takes_no_records_any_more_from_its_earlier_writer(house):
    """The inspector may be at it, under the same key."""
    house.keeper.admin(SealFolder(f"clinic:{FOLDER}", settle_seconds=60))
    incoming = await house.begin("/f")
    await incoming.write(0, b"whole")
    await incoming.flush()
    await incoming.finish(settles=True)
    segment = NewSegment(secrets.token_hex(16), 4, secrets.token_bytes(32), secrets.token_bytes(32))
    late = RecordSegments(house.handle, incoming.upload, 1, 2, (segment,), (Place(5, 4, segment.segment, 0),), b"")
    with pytest.raises(UploadFinished):
        await house.door.ask(late)


async def test_an_upload_that_is_sealed_here_does_not_end_as_one_that_its_sender_sealed(house):
    """A door that was taken over could call plaintext sealed, under a key that stays."""
    begun = age_files.begin([READER.recipient()])
    incoming = await house.begin("/f")
    await incoming.write(0, bytes(3 * CHUNK_BYTES))
    await incoming.flush()
    size = incoming.size
    header = begun.prefix[:-16]
    sent = SentSealed(header, size - len(begun.prefix) - 3 * 16)
    with pytest.raises(NotSealed):
        await house.door.ask(
            FinishUpload(house.handle, incoming.upload, 1, (), (), size=size, digest=None, sent_sealed=sent)
        )
    await incoming.finish()
    assert await house.seal() == 1


async def test_an_upload_that_waits_for_a_buffer_is_let_go_of_without_loss(house, monkeypatch):
    """Its full slot went to be sealed, and no other buffer was there when its client broke off."""
    incoming = await house.begin("/f")
    content = secrets.token_bytes(SLOT_BYTES)
    await incoming.write(0, content)
    monkeypatch.setattr(Buffers, "lend", lambda _: None)
    assert not incoming._take(SLOT_BYTES, memoryview(b"more"))
    monkeypatch.undo()
    await incoming.suspend()
    again = await house.begin("/f", "resume")
    assert again.size == SLOT_BYTES
    await again.write(SLOT_BYTES, b"more")
    await again.finish()
    await house.seal()
    assert house.opened(await house.age("/f")) == content + b"more"


async def test_a_file_that_ends_where_a_full_slot_was_sealed_is_whole(house, monkeypatch):
    incoming = await house.begin("/f")
    content = secrets.token_bytes(SLOT_BYTES)
    await incoming.write(0, content)
    monkeypatch.setattr(Buffers, "lend", lambda _: None)
    assert not incoming._take(SLOT_BYTES, memoryview(b"never"))
    monkeypatch.undo()
    await incoming.finish()
    await house.seal()
    assert house.opened(await house.age("/f")) == content


class TestAnOrdinaryFolderThatIsBeingSealed:
    """Its files are on their way as uploads of nobody's: their former senders do not meet them."""

    @pytest.fixture
    async def turned(self, house):
        house.keeper.admin(AddFolder("clinic:/old"))
        house.keeper.admin(GrantFolder("clinic:/old", "ann@clinic", ("list", "read", "write", "delete")))
        house.keeper.admin(GrantFolder("clinic:/old", "rea@clinic", ("list", "read")))
        house.folder = "/old"
        await house.put("/f", b"from before")
        house.keeper.admin(SealFolder("clinic:/old", settle_seconds=0))
        asking = house.keeper.inspector()
        assert len((await asking.ask(LeaseSealings())).uploads) == 1
        asking.break_off()
        return house

    async def test_it_is_sealed_after_its_sender_opened_and_left_it(self, turned):
        incoming = await turned.begin("/f", "resume")
        await incoming.abandon()
        await turned.seal()
        shown = (await turned.door.ask(Look(turned.reader, "/old/f.age"))).entry
        assert shown.sealed

    async def test_it_is_shown_once_and_as_the_file_it_is(self, turned):
        shown = (await turned.door.ask(Look(turned.handle, "/old/f", own_uploads=True))).entry
        assert not shown.unfinished
        assert shown.version

    async def test_a_new_version_that_comes_first_is_what_stays(self, turned):
        await turned.put("/f", b"new")
        await turned.seal()
        shown = (await turned.door.ask(Look(turned.reader, "/old/f.age"))).entry
        assert shown.plain_size == 3


async def test_what_its_sender_sealed_is_not_replaced_by_what_was_closed_before_it(house):
    """It is visible at once, and what was closed earlier settles later: that is the version before, and is kept."""
    house.keeper.admin(SealFolder(f"clinic:{FOLDER}", settle_seconds=60))
    await house.put("/f", b"closed first", settles=True)
    own = age_files.seal(b"sealed by its sender", [READER.recipient()])
    await house.put("/f.age", own)
    house.keeper.keeper.clock = LaterClock(seconds=61)
    assert await house.seal() == 1
    assert house.opened(await house.age("/f")) == b"sealed by its sender"
    request = Request(lambda work: work.tree.use(work.transaction, 1), Asker.ADMIN, "test")
    assert house.keeper.keeper.perform_one(request).kept_bytes == len(b"closed first")


async def test_what_was_overtaken_is_sealed_though_no_more_may_be_kept(tmp_path, furnished_sealed):
    """A later one of its name is sealed before it, so that it is a former version as soon as it is one."""
    tight = dataclasses.replace(
        SMALL, inspector_turn_bytes=SMALL.segment_bytes_max, inspector_batch=4, kept_versions_percent=0
    )
    async with contextlib.AsyncExitStack() as stack:
        house = SealedHouse(tmp_path, furnished_sealed, tight)
        stack.push_async_callback(house.close)
        house.keeper.admin(GrantFolder(f"clinic:{FOLDER}", "rea@clinic", ("list", "read", "write")))
        house.reader = house.session("rea@clinic")
        house.keeper.admin(SetOrganizationQuota(name="clinic", quota_bytes=24 * SMALL.segment_bytes_max))
        huge = secrets.token_bytes(8 * SMALL.segment_bytes_max + 77)
        first = await house.begin("/f")
        await first.write(CHUNK_BYTES, huge[CHUNK_BYTES:])
        await first.write(0, huge[:CHUNK_BYTES])
        await first.finish()
        assert (await house.inspector.seal_some())[0] == 1  # one turn of many
        assert not await house.is_there("/f")
        opened = await house.door.ask(BeginUpload(house.reader, FOLDER + "/f", "create", lasting=True))
        later = Incoming(opened, house.reader, lambda op: house.ask(op, house.door), house.plane)
        await later.write(0, b"told later")
        await later.finish()
        await house.seal()
        assert house.opened(await house.age("/f")) == b"told later"
        count = Request(lambda work: work.transaction.first(LEFT_TO_SEAL), Asker.ADMIN, "test")
        assert house.keeper.keeper.perform_one(count).count == 0


async def test_of_two_that_were_closed_the_later_one_is_shown_whichever_is_sealed_first(house):
    await house.put("/f", b"first")
    await house.put("/f", b"second")
    await house.seal()
    await house.put("/f", b"third")
    await house.seal()
    assert house.opened(await house.age("/f")) == b"third"


async def test_a_name_that_says_sealed_is_had_from_the_first_byte_or_never(house):
    await house.put("/f.part", b"plain", settles=True)
    with pytest.raises(NotSealed):
        await house.door.ask(Move(house.handle, f"{FOLDER}/f.part", f"{FOLDER}/f.age", own_uploads=True))
    await house.door.ask(Move(house.handle, f"{FOLDER}/f.part", f"{FOLDER}/f", own_uploads=True))
    await house.seal()
    assert house.opened(await house.age("/f")) == b"plain"


async def test_a_file_whose_name_ended_so_before_the_folder_was_sealed_has_that_name_still(house):
    house.folder = "/in"
    await house.put("/old.age", b"not age at all")
    house.keeper.admin(SealFolder("clinic:/in"))
    house.keeper.admin(GrantFolder("clinic:/in", "rea@clinic", ("list", "read")))
    house.reader = house.session("rea@clinic")
    while not await house.seal():
        pass
    seen = (await house.door.ask(Look(house.reader, "/in/old.age"))).entry
    assert (seen.name, seen.size) == ("old.age", len(b"not age at all"))
    opened = await house.door.ask(OpenVersion(house.reader, "/in/old.age.age"))
    outgoing = house.outgoing(opened, house.reader)
    whole = b"".join([bytes(piece) async for piece in outgoing.pieces(0, outgoing.size)])
    await outgoing.close()
    assert house.opened(whole) == b"not age at all"
