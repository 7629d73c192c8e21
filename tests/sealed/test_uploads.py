"""Uploads into a sealed folder: sealed as they come, opened by their reader alone, whatever happens on the way."""

import hashlib
import secrets

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealane.domain import sweep
from sealane.errors import NotASegment, UploadFinished, UploadTakenOver
from sealane.keeper.core import Request
from sealane.operations.accounts import SealFolder
from sealane.operations.audit import ReadLedger
from sealane.operations.envelope import Asker
from sealane.operations.failures import SealedContent, SealedName
from sealane.operations.files import OpenVersion
from sealane.operations.sealing import FinishSealing, LeaseSealings, OpenSealing, RecordSealing, ReportSealingDamage
from sealane.operations.uploads import FinishUpload, NewSegment, Place, RecordSegments
from sealane.settings import SLOT_BYTES
from sealane.vault.age.payload import CHUNK_BYTES
from tests.doors.house import SMALL
from tests.sealed.house import FOLDER

pytestmark = pytest.mark.slow  # each test opens a whole keeper; together they take longer than make check may

SEGMENT = SMALL.segment_bytes_max
SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, SLOT_BYTES, SLOT_BYTES + 1, SEGMENT, SEGMENT + 1]


@pytest.mark.parametrize("size", [*SIZES, 2 * SEGMENT + CHUNK_BYTES, 3 * SEGMENT + 7])
@pytest.mark.parametrize("lasting", [True, False])
async def test_a_file_is_sealed_and_opens_with_its_readers_key(house, size, lasting):
    content = secrets.token_bytes(size)
    incoming = await house.begin("/f", lasting=lasting)
    for at in range(0, size, 100_000):
        await incoming.write(at, memoryview(content)[at : at + 100_000])
    finished = await incoming.finish()
    assert (finished.visible, finished.size) == (False, size)
    assert finished.digest == hashlib.sha256(content).digest()
    assert not await house.is_there("/f")
    assert await house.seal() == 1
    sealed = await house.age("/f")
    assert house.opened(sealed) == content
    shown = await house.look("/f.age", handle=house.reader)
    assert (shown.size, shown.plain_size, shown.digest) == (len(sealed), size, hashlib.sha256(content).digest())
    header = sealed.index(b"\n--- ") + 5
    assert await house.payload_digest("/f") == hashlib.sha256(sealed[sealed.index(b"\n", header) + 1 :]).digest()
    await house.settled()


async def test_what_comes_in_order_is_sealed_as_it_comes_and_only_the_last_chunk_afterwards(house):
    content = secrets.token_bytes(2 * SEGMENT + 3 * CHUNK_BYTES + 5)
    await house.put("/f", content)
    before = house.blobs()
    await house.seal()
    new = [op for op in house.asked if isinstance(op, (RecordSegments, FinishUpload))]
    chunks = [one for op in new for one in op.segments if one.first_chunk is not None]
    assert sum(one.length for one in chunks) == 2 * SEGMENT + 3 * CHUNK_BYTES
    assert house.blobs() <= before  # the tail was small enough to be kept in the catalogue
    assert house.opened(await house.age("/f")) == content


async def test_chunks_that_are_written_over_go_and_their_numbers_are_not_used_again(house):
    content = secrets.token_bytes(2 * SEGMENT)
    incoming = await house.begin("/f")
    for at in range(0, len(content), SEGMENT):
        await incoming.write(at, memoryview(content)[at : at + SEGMENT])
    await incoming.flush()
    records = [op for op in house.asked if isinstance(op, RecordSegments)]
    chunks = {one.segment for op in records for one in op.segments if one.first_chunk is not None}
    assert chunks
    for at in range(0, len(content), SEGMENT):
        await incoming.write(at, content[::-1][at : at + SEGMENT])
    await incoming.flush()
    dead = house.keeper.keeper.perform_one(Request(sweep.dead_blobs, Asker.ADMIN, "test"))
    assert chunks <= set(dead)
    last = [op for op in house.asked if isinstance(op, RecordSegments)][-1]
    free = 10 * len(content) // CHUNK_BYTES
    used, other = NewSegment("0" * 32, CHUNK_BYTES, bytes(32), None, 0), "1" * 32
    short = NewSegment("0" * 32, CHUNK_BYTES - 1, bytes(32), None, free)
    twice = [NewSegment(name, CHUNK_BYTES, bytes(32), None, free) for name in (used.segment, other)]
    for refused in ((used,), (short,), tuple(twice)):
        placed = (Place(0, refused[0].length, refused[0].segment, 0),)
        with pytest.raises(NotASegment):
            await house.door.ask(
                RecordSegments(last.handle, last.upload, last.generation, last.number + 1, refused, placed)
            )
    await incoming.finish()
    await house.seal()
    assert house.opened(await house.age("/f")) == content[::-1]


async def test_damage_of_what_its_sender_writes_over_meanwhile_is_none(house):
    await house.put("/f", secrets.token_bytes(SLOT_BYTES))
    told = []

    def meanwhile(asking):
        async def ask(operation):
            if isinstance(operation, FinishSealing):
                again = await house.begin("/f", "resume")
                told.append(await asking.ask(ReportSealingDamage(operation.upload, "It was gone.")))
                await again.write(0, bytes(SLOT_BYTES))
                await again.finish()
            return await asking.ask(operation)

        return ask

    assert (await house.another_inspector(ask=meanwhile).seal_some())[0] == 0
    assert told
    await house.seal()
    assert house.opened(await house.age("/f")) == bytes(SLOT_BYTES)
    assert not any(b"damage_found" in entry.body for entry in house.keeper.admin(ReadLedger(limit=1000)).entries)


async def test_a_client_that_jumps_about_is_staged_and_sealed_in_the_end(house):
    content = secrets.token_bytes(SEGMENT + 12_345)
    incoming = await house.begin("/f")
    await incoming.write(0, content[:100_000])
    await incoming.write(300_000, content[300_000:])
    await incoming.write(100_000, content[100_000:300_000])
    assert (await incoming.finish()).digest is None
    await house.seal()
    assert house.opened(await house.age("/f")) == content
    assert (await house.look("/f.age", handle=house.reader)).digest == hashlib.sha256(content).digest()


async def test_a_rewrite_of_what_was_sealed_takes_another_key(house):
    """The chunk's number was used: under the same key it must not be used for other bytes."""
    content = bytearray(secrets.token_bytes(SEGMENT + 2 * SLOT_BYTES))
    incoming = await house.begin("/f")
    await incoming.write(0, content)
    await incoming.flush()
    content[70_000:70_010] = b"0123456789"
    await incoming.write(70_000, content[70_000:70_010])
    await incoming.finish()
    written = [one for op in house.asked for one in getattr(op, "segments", ()) if one.first_chunk is not None]
    await house.seal()
    sealed = await house.age("/f")
    assert house.opened(sealed) == content
    opened = await house.door.ask(OpenVersion(house.reader, f"{FOLDER}/f.age"))
    assert written  # under the first key, and none of it is in the file
    assert not {one.segment for one in written} & {one.segment for one in opened.segments}


async def test_an_upload_that_was_let_go_goes_on_under_the_same_key(house):
    content = secrets.token_bytes(3 * SEGMENT + 999)
    stop = SEGMENT + CHUNK_BYTES + 77
    first = await house.begin("/f")
    await first.write(0, content[:stop])
    await first.suspend()
    again = await house.begin("/f", "resume")
    assert again.size == stop
    await again.write(stop, content[stop:])
    await again.finish()
    await house.seal()
    assert house.opened(await house.age("/f")) == content
    named = [one for op in house.answered for one in getattr(op, "segments", ()) if one.first_chunk is not None]
    assert len({one.first_chunk for one in named}) == len(named)  # no chunk was sealed twice


@pytest.mark.parametrize("at", [SLOT_BYTES, SEGMENT, SEGMENT + CHUNK_BYTES + 1, 2 * SEGMENT])
async def test_after_a_crash_of_the_door_what_follows_has_another_key(house, at):
    """Chunks may have been sealed that no record tells of, and the source may have changed since."""
    content = secrets.token_bytes(3 * SEGMENT + 999)
    first = await house.begin("/f")
    await first.write(0, content[:at])
    await first.flush()
    await first.write(at, secrets.token_bytes(len(content) - at))
    house.crash()
    again = await house.begin("/f", "resume")
    assert again.size >= at
    await again.write(at, content[at:])
    keys = {one.key_id for op in (first, again) for one in [op._opened.age]}
    assert len(keys) == 2
    await again.finish()
    await house.seal()
    assert house.opened(await house.age("/f")) == content
    with pytest.raises((UploadFinished, UploadTakenOver)):
        await first.finish()


@given(data=st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_a_client_does_the_file_is_what_it_wrote(house, data):
    """Writes anywhere, cuts, flushes, breaks with and without a word, restarts of the keeper."""
    name = f"/{secrets.token_hex(8)}"
    content = bytearray()
    incoming = await house.begin(name)
    for _ in range(data.draw(st.integers(1, 6))):
        act = data.draw(st.sampled_from(["append", "append", "write", "cut", "flush", "let go", "crash", "restart"]))
        if act in {"append", "write"}:
            at = len(content) if act == "append" else data.draw(st.integers(0, len(content)))
            block = secrets.token_bytes(data.draw(st.sampled_from([1, 5_000, CHUNK_BYTES, SLOT_BYTES, SEGMENT])))
            await incoming.write(at, block)
            content[at : at + len(block)] = block
        elif act == "cut":
            size = data.draw(st.integers(0, len(content)))
            await incoming.resize(size)
            del content[size:]
        else:
            await incoming.flush()
            if act == "let go":
                await incoming.suspend()
            elif act == "crash":
                house.crash()
            elif act == "restart":
                house.keeper.restart()
            if act != "flush":
                incoming = await house.begin(name, "resume")
                assert incoming.size == len(content)
    await incoming.finish()
    await house.seal()
    assert house.opened(await house.age(name)) == content


async def test_two_uploads_of_one_name_are_both_kept_the_later_one_shown(house):
    one, other = await house.begin("/f"), await house.begin("/f")
    await one.write(0, b"one")
    await other.write(0, b"other")
    await one.finish()
    await other.finish()
    assert await house.seal() == 2
    assert house.opened(await house.age("/f")) == b"other"


async def test_a_closed_file_is_not_lost_to_one_that_begins_after_it(house):
    await house.put("/f", b"whole", settles=True)
    incoming = await house.begin("/f")
    await incoming.write(0, b"never finished")
    await incoming.suspend()
    await house.seal()
    assert house.opened(await house.age("/f")) == b"whole"


async def test_until_it_has_settled_a_file_is_its_senders_to_go_on_with(house):
    house.keeper.admin(SealFolder(f"clinic:{FOLDER}", settle_seconds=60))
    await house.put("/f", b"begun", settles=True)
    assert await house.seal() == 0
    shown = await house.look("/f")
    assert (shown.size, shown.digest) == (5, hashlib.sha256(b"begun").digest())
    again = await house.begin("/f", "resume")
    await again.write(5, b" and done")
    await again.finish(settles=False)
    assert await house.seal() == 1
    assert house.opened(await house.age("/f")) == b"begun and done"


async def test_the_inspector_is_too_late_when_the_sender_goes_on(house):
    """And seals nothing under the key that the sender goes on with: it had the other one, and may use it still."""
    content = secrets.token_bytes(SLOT_BYTES)
    first = await house.begin("/f")
    await first.write(0, content)
    await first.finish()

    def too_late(asking):
        async def ask(operation):
            if isinstance(operation, FinishSealing):
                again = await house.begin("/f", "resume")
                before, after = first._opened.age, again._opened.age
                assert after.key_id != before.key_id
                assert after.key != before.key
                assert after.next_chunk == SLOT_BYTES // CHUNK_BYTES
                await again.write(len(content), b"more")
                await again.finish()
            return await asking.ask(operation)

        return ask

    assert (await house.another_inspector(ask=too_late).seal_some())[0] == 0
    await house.seal()
    assert house.opened(await house.age("/f")) == content + b"more"


async def test_an_inspector_that_is_too_late_ends_nothing_that_another_has_begun(house):
    """Of the same length, so that nothing but the generation says that it is another content."""
    await house.put("/f", b"what came first")
    late = []

    def too_late(asking):
        async def ask(operation):
            if isinstance(operation, FinishSealing):
                again = await house.begin("/f", "resume")
                await again.write(0, b"what came later")
                await again.finish()
                other = house.keeper.inspector()
                leased = await other.ask(LeaseSealings())
                await other.ask(OpenSealing(leased.uploads[0]))
                try:
                    return await asking.ask(operation)
                except UploadTakenOver as refused:
                    late.append(refused)
                    raise
                finally:
                    other.break_off()
            return await asking.ask(operation)

        return ask

    assert (await house.another_inspector(ask=too_late).seal_some())[0] == 0
    assert len(late) == 1
    await house.seal()
    assert house.opened(await house.age("/f")) == b"what came later"


@pytest.mark.parametrize("dies_at", [RecordSealing, FinishSealing])
async def test_an_inspector_that_dies_leaves_everything_to_the_next(house, dies_at):
    content = secrets.token_bytes(2 * SEGMENT + 5)
    incoming = await house.begin("/f")
    await incoming.write(CHUNK_BYTES, content[CHUNK_BYTES:])
    await incoming.write(0, content[:CHUNK_BYTES])
    await incoming.finish()

    class Killed(BaseException):
        pass

    def dies(asking):
        async def ask(operation):
            if isinstance(operation, dies_at):
                asking.break_off()
                raise Killed
            return await asking.ask(operation)

        return ask

    with pytest.raises(Killed):
        await house.another_inspector(ask=dies).seal_some()
    house.keeper.restart()
    house.handle, house.reader = house._sign_in(house.door), house.session("rea@clinic")
    assert await house.seal() == 1
    assert house.opened(await house.age("/f")) == content


async def test_nothing_that_the_server_keeps_opens_a_sealed_file(house):
    content = secrets.token_bytes(SEGMENT + 5)
    await house.put("/f", content)
    await house.seal()
    opened = await house.door.ask(OpenVersion(house.reader, f"{FOLDER}/f.age"))
    assert opened.keys == {}
    database = (house._home / "data").rglob("*.db*")
    kept = b"".join(path.read_bytes() for path in [*database, *house.files_of_store()])
    assert content[:64] not in kept


async def test_a_sealed_file_is_called_by_its_age_name_to_be_read_and_by_its_own_to_be_written(house):
    await house.put("/f.csv", b"a,b\n")
    await house.seal()
    assert await house.names() == ["f.csv"]
    assert await house.names(handle=house.reader) == ["f.csv.age"]
    with pytest.raises(SealedName) as refused:
        await house.door.ask(OpenVersion(house.reader, f"{FOLDER}/f.csv"))
    assert "f.csv.age" in refused.value.sentence
    with pytest.raises(SealedContent):
        await house.begin("/f.csv", "update")
    assert (await house.look("/f.csv")).size == 4


async def test_a_damaged_upload_is_told_and_not_sealed(house):
    incoming = await house.begin("/f")
    await incoming.write(0, secrets.token_bytes(SEGMENT))
    await incoming.write(0, b"changed")
    await incoming.finish()
    for path in house.files_of_store():
        stored = bytearray(path.read_bytes())
        stored[100] ^= 1
        path.chmod(0o600)
        path.write_bytes(stored)
    await house.seal()
    assert not await house.is_there("/f")
    assert await house.seal() == 0
