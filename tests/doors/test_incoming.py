"""Bytes on their way in, against a real keeper and a real store: any order, any break, never lost, never half there."""

import asyncio
import hashlib
import secrets

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealane.domain import sweep
from sealane.domain.blob_sweep import BlobSweeper
from sealane.doors.incoming import Incoming
from sealane.errors import (
    LengthMismatch,
    Missing,
    NotAllowed,
    NotASegment,
    QuotaExceeded,
    SessionEnded,
    StoreFull,
    TooLarge,
    TooMany,
    Unavailable,
    UploadTakenOver,
)
from sealane.keeper.core import Request
from sealane.operations.accounts import DisableUser, ListUploads, SetFolderQuota
from sealane.operations.envelope import Asker
from sealane.operations.files import EndDownload
from sealane.operations.uploads import BeginUpload, DropSegments, FinishUpload, RecordSegments
from sealane.settings import KIB, SLOT_BYTES
from tests.doors.house import SMALL

pytestmark = pytest.mark.slow  # each test opens a whole keeper; together they take longer than make check may


SEGMENT = SMALL.segment_bytes_max
INLINE = SMALL.inline_bytes_max
EDGES = [0, 1, INLINE, INLINE + 1, SLOT_BYTES - 1, SLOT_BYTES, SLOT_BYTES + 1, SEGMENT - 1, SEGMENT, SEGMENT + 1]


@pytest.mark.parametrize("size", [*EDGES, 3 * SEGMENT + 7])
async def test_what_was_finished_is_read_back_with_its_digest(house, size):
    content = secrets.token_bytes(size)
    incoming = await house.begin("/f")
    for at in range(0, size, 100_000):
        await incoming.write(at, memoryview(content)[at : at + 100_000])
    finished = await incoming.finish()
    assert (finished.size, finished.digest) == (size, hashlib.sha256(content).digest())
    assert await house.content("/f") == content
    await house.settled()


async def test_a_small_file_takes_one_operation_and_no_blob(house):
    content = secrets.token_bytes(INLINE)
    incoming = await house.begin("/f")
    assert incoming.write_now(0, content)
    before = len(house.asked)
    await incoming.finish()
    assert [type(op) for op in house.asked[before:]] == [FinishUpload]
    assert house.blobs() == set()
    assert await house.content("/f") == content


async def test_the_block_may_be_used_again_at_once(house):
    buffer = bytearray(b"a" * 1000)
    incoming = await house.begin("/f")
    assert incoming.write_now(0, memoryview(buffer))
    buffer[:] = b"b" * 1000
    await incoming.write(1000, buffer)
    buffer[:] = b"c" * 1000
    await incoming.finish()
    assert await house.content("/f") == b"a" * 1000 + b"b" * 1000


async def test_full_segments_are_recorded_in_the_background_and_survive_the_door(house):
    content = secrets.token_bytes(4 * SEGMENT)
    incoming = await house.begin("/f")
    await incoming.write(0, content)
    await house.until(lambda: sum(isinstance(op, RecordSegments) for op in house.answered) == 4)
    house.crash()
    again = await house.begin("/f", "resume")
    assert again.size == 4 * SEGMENT
    await again.finish()
    assert await house.content("/f") == content


async def test_a_flush_acknowledges_only_what_is_durable_and_recorded(house):
    content = secrets.token_bytes(SEGMENT + 12345)
    incoming = await house.begin("/f")
    await incoming.write(0, content)
    assert await incoming.flush() == len(content)
    house.crash()
    again = await house.begin("/f", "resume")
    assert again.size == len(content)
    await again.write(again.size, b"the rest")
    await again.finish()
    assert await house.content("/f") == content + b"the rest"


async def test_a_flush_ends_before_the_first_gap(house):
    incoming = await house.begin("/f")
    await incoming.write(0, b"abc")
    await incoming.write(10, b"xyz")
    assert await incoming.flush() == 3
    await incoming.write(3, b"defghij")
    assert await incoming.flush() == 13
    finished = await incoming.finish()
    assert finished.digest is None
    assert await house.content("/f") == b"abcdefghijxyz"


async def test_a_suspended_upload_is_taken_up_where_it_stood(house):
    content = secrets.token_bytes(2 * SEGMENT + 999)
    incoming = await house.begin("/f")
    await incoming.write(0, content[:-500])
    await incoming.suspend()
    with pytest.raises(Missing):
        await house.content("/f")
    again = await house.begin("/f", "resume")
    assert again.size == len(content) - 500
    await again.write(again.size, content[-500:])
    finished = await again.finish()
    assert finished.digest is None, "it was not hashed from the start, so the inspector owes the digest"
    assert await house.content("/f") == content
    await house.settled()


async def test_what_is_not_to_be_kept_is_not_recorded(house):
    incoming = await house.begin("/f")
    await incoming.write(0, b"good")
    await incoming.suspend()
    again = await house.begin("/f", "resume", held=True)
    asked = len(house.asked)
    await again.write(4, secrets.token_bytes(4 * SEGMENT))
    await house.until(lambda: len(house.blobs()) == 4)
    for _ in range(20):
        await asyncio.sleep(0)
    assert house.asked[asked:] == []
    await again.suspend(keep=False)
    third = await house.begin("/f", "resume", held=True)
    assert third.size == 4
    await third.write(4, b" and right")
    assert await third.flush() == 14
    await third.finish()
    assert await house.content("/f") == b"good and right"
    await house.settled()


async def test_an_upload_that_the_keeper_may_know_by_now_is_abandoned_there_too(house):
    """Its first record was under way, and done, when its writer went away."""
    opened = await house.door.ask(BeginUpload(house.handle, "/in/f", "create", lasting=False))

    async def ask(operation):
        answer = await house.ask(operation)
        if isinstance(operation, RecordSegments):
            await asyncio.Event().wait()  # the answer never comes
        return answer

    incoming = Incoming(opened, house.handle, ask, house.plane)
    await incoming.write(0, b"some bytes")
    flushing = asyncio.ensure_future(incoming.flush())
    await house.until(lambda: house.answered)
    flushing.cancel()
    assert len(house.keeper.admin(ListUploads()).rows) == 1
    await incoming.abandon()
    assert house.keeper.admin(ListUploads()).rows == ()
    await house.settled()


async def test_an_abandoned_upload_leaves_nothing(house):
    incoming = await house.begin("/f")
    await incoming.write(0, secrets.token_bytes(SLOT_BYTES + 1000))
    await house.until(house.files_of_store)
    await incoming.abandon()
    await incoming.abandon()
    await house.until(lambda: not house.files_of_store())
    await house.settled()
    again = await house.begin("/f", "resume")
    assert again.size == 0
    await again.suspend()
    await house.settled()


@given(
    writes=st.lists(
        st.one_of(
            st.tuples(st.integers(0, 900 * KIB), st.integers(1, 300 * KIB), st.integers(1, 255)),
            st.tuples(st.integers(0, 900 * KIB), st.just(0), st.just(0)),
        ),
        max_size=12,
    ),
    flush_at=st.sets(st.integers(0, 12), max_size=2),
    break_at=st.integers(0, 12),
    read_at=st.sets(st.integers(0, 12), max_size=3),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_writes_and_cuts_in_any_order_give_what_a_plain_file_would(
    house, writes, flush_at, break_at, read_at
):
    model = bytearray()
    incoming = await house.begin("/f")
    for number, (offset, length, fill) in enumerate(writes):
        if number == break_at:
            await incoming.suspend()
            incoming = await house.begin("/f", "resume")
        if length:
            model.extend(bytes(max(0, offset - len(model))))
            model[offset : offset + length] = bytes([fill]) * length
            await incoming.write(offset, bytes([fill]) * length)
        else:
            del model[offset:]
            model.extend(bytes(offset - len(model)))
            await incoming.resize(offset)
        if number in flush_at:
            assert await incoming.flush() == incoming.contiguous
        if number in read_at:
            half = len(model) // 2
            assert await incoming.read(half, 50_000) == model[half : half + 50_000]
        assert incoming.size == len(model)
    finished = await incoming.finish()
    assert finished.digest in {None, hashlib.sha256(model).digest()}
    assert await house.content("/f") == model
    await house.settled()


async def test_rewriting_the_slot_at_hand_costs_nothing_and_keeps_the_digest(house):
    incoming = await house.begin("/f")
    for number in range(1000):
        await incoming.write(0, number.to_bytes(4, "big") * 1000)
    finished = await incoming.finish()
    content = (999).to_bytes(4, "big") * 1000
    assert finished.digest == hashlib.sha256(content).digest()
    assert await house.content("/f") == content
    assert house.segment_lengths() == [4000]


async def test_rewriting_a_slot_that_is_encrypted_already_goes_to_a_new_place(house):
    content = bytearray(secrets.token_bytes(SLOT_BYTES + 1000))
    incoming = await house.begin("/f")
    await incoming.write(0, content)
    for offset in (0, 500, SLOT_BYTES - 1000, SLOT_BYTES - 5):
        await incoming.write(offset, b"0123456789")
        content[offset : offset + 10] = b"0123456789"
        assert await incoming.read(offset, 10) == b"0123456789"
    await incoming.finish()
    assert await house.content("/f") == content


async def test_many_small_places_close_a_segment_before_they_are_too_many_to_tell(house):
    incoming = await house.begin("/f")
    for number in range(3 * SMALL.edits_per_record_max):
        await incoming.write(number * 2 + 1, b"x")
    await incoming.finish()
    records = [op for op in house.asked if isinstance(op, RecordSegments | FinishUpload)]
    assert max(len(op.edits) for op in records) <= SMALL.edits_per_record_max
    assert await house.content("/f") == b"\0x" * (3 * SMALL.edits_per_record_max)


async def test_a_map_of_too_many_pieces_is_refused_and_what_was_taken_stays_whole(house):
    incoming = await house.begin("/f")
    with pytest.raises(TooMany):  # noqa: PT012 - which of the writes it is does not matter
        for number in range(SMALL.extents_max):
            await incoming.write(number * 2 + 1, b"x")
    size = incoming.size
    await incoming.finish()
    assert await house.content("/f") == b"\0x" * (size // 2)


async def test_editing_the_middle_shares_the_rest_and_reads_its_base_when_allowed(house):
    content = secrets.token_bytes(2 * SEGMENT)
    await house.put("/f", content)
    blobs = house.blobs()
    incoming = await house.begin("/f", "update")
    await incoming.write(SEGMENT - 5, b"0123456789")
    assert await incoming.read(SEGMENT - 5, 10) == b"0123456789"
    with pytest.raises(NotAllowed):
        await incoming.read(0, 100)
    base = await house.open("/f")
    incoming.read_base_from(base)
    assert (
        await incoming.read(SEGMENT - 10, 20)
        == content[SEGMENT - 10 : SEGMENT - 5] + b"0123456789" + content[SEGMENT + 5 : SEGMENT + 10]
    )
    await incoming.finish()
    await base.close()
    ended = [op for op in house.asked if isinstance(op, EndDownload)]
    assert ended[-1].sent == 10
    assert ended[-1].ranges == ((SEGMENT - 10, SEGMENT - 5), (SEGMENT + 5, SEGMENT + 10))
    assert await house.content("/f") == content[: SEGMENT - 5] + b"0123456789" + content[SEGMENT + 5 :]
    assert house.blobs() == blobs, "ten bytes are kept inline; everything else is shared"


async def test_a_file_that_was_cut_and_made_longer_has_no_digest_of_what_it_was(house):
    incoming = await house.begin("/f")
    await incoming.write(0, b"0123456789")
    await incoming.resize(5)
    await incoming.resize(10)
    assert (await incoming.finish()).digest is None
    assert await house.content("/f") == b"01234" + bytes(5)


async def test_bytes_of_another_file_are_shared_without_being_copied(house):
    content = secrets.token_bytes(SEGMENT)
    await house.put("/source", content)
    blobs = house.blobs()
    source = await house.open("/source")
    incoming = await house.begin("/copy")
    await incoming.write(0, b"head")
    await incoming.copy_from(source, 10, 100_000, 4)
    await incoming.write(incoming.size, b"tail")
    await incoming.finish()
    await source.close()
    assert await house.content("/copy") == b"head" + content[10:100_010] + b"tail"
    assert house.blobs() == blobs


async def test_the_digest_so_far_is_told_without_closing_a_segment(house):
    content = secrets.token_bytes(SLOT_BYTES + 100)
    incoming = await house.begin("/f")
    assert await incoming.digest() == hashlib.sha256(b"").digest()
    await incoming.write(0, content)
    assert await incoming.digest() == hashlib.sha256(content).digest()
    await incoming.write(len(content), b"more")
    assert (await incoming.finish()).digest == hashlib.sha256(content + b"more").digest()


# --- limits ----------------------------------------------------------------------------------------------------------


async def test_the_quota_refuses_the_block_that_would_pass_it_and_takes_the_one_that_fills_it(house):
    house.keeper.admin(SetFolderQuota("clinic:/in", quota_bytes=1000))
    incoming = await house.begin("/f")
    await incoming.write(0, bytes(999))
    with pytest.raises(QuotaExceeded):
        incoming.write_now(999, b"12")
    with pytest.raises(QuotaExceeded):
        await incoming.resize(1001)
    assert incoming.size == 999
    await incoming.write(999, b"1")
    assert (await incoming.finish()).size == 1000


async def test_what_was_stored_and_refused_is_rid_of_once_it_is_let_go_of(house):
    house.keeper.admin(SetFolderQuota("clinic:/in", quota_bytes=SEGMENT + SEGMENT // 2))
    one, other = await house.begin("/f"), await house.begin("/g")
    await one.write(0, bytes(SEGMENT))
    await one.flush()
    kept = house.blobs()
    assert len(kept) == 1
    await other.write(0, bytes(SEGMENT))
    with pytest.raises(QuotaExceeded):
        await other.flush()
    assert len(house.blobs()) == 2
    with pytest.raises(QuotaExceeded):
        await other.suspend()

    def run(act):
        return house.keeper.keeper.perform_one(Request(act, Asker.ADMIN, "test"))

    BlobSweeper(house.store, house.settings, house.keeper.clock).delete_dead(run)
    assert house.blobs() == kept
    await one.finish()
    assert await house.content("/f") == bytes(SEGMENT)


async def test_segments_that_are_recorded_are_not_dropped_whoever_says_so(house):
    incoming = await house.begin("/f")
    await incoming.write(0, bytes(SEGMENT))
    await incoming.flush()
    (name,) = house.blobs()
    await house.ask(DropSegments(house.handle, (name,)))
    for wrong in (("../../etc",), ("x" * 32,), (name.upper() + "g",)):
        with pytest.raises(NotASegment):
            await house.ask(DropSegments(house.handle, wrong))
    with pytest.raises(TooMany):
        await house.ask(DropSegments(house.handle, (name,) * (house.settings.segments_per_record_max + 1)))
    assert house.keeper.keeper.perform_one(Request(sweep.dead_blobs, Asker.ADMIN, "test")) == []
    await incoming.finish()
    assert await house.content("/f") == bytes(SEGMENT)


async def test_more_than_was_declared_is_refused(house):
    incoming = await house.begin("/f", declared=10)
    with pytest.raises(LengthMismatch):
        await incoming.write(5, b"123456")
    await incoming.write(0, b"0123456789")
    await incoming.finish()


async def test_an_offset_that_no_file_has_is_refused(house):
    incoming = await house.begin("/f")
    for offset in (-1, SMALL.file_bytes_max, 2**63):
        with pytest.raises(TooLarge):
            await incoming.write(offset, b"x")
    await incoming.suspend()


async def test_memory_stays_bounded_and_write_now_says_no_while_the_store_is_slow(house):
    house.store.hold()
    incoming = await house.begin("/f")
    taken = 0
    block = bytes(SLOT_BYTES // 2)
    while incoming.write_now(taken, block):
        taken += len(block)
    assert SLOT_BYTES <= taken <= SMALL.upload_slots_max * SLOT_BYTES
    assert house.plane.slots_lent <= SMALL.upload_slots_max
    waiting = asyncio.ensure_future(incoming.write(taken, block * 6))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not waiting.done()
    house.store.release()
    await waiting
    finished = await incoming.finish()
    assert finished.size == taken + len(block) * 6
    await house.settled()


async def test_no_further_segment_begins_while_too_many_are_not_recorded(house):
    house.hold_records()
    incoming = await house.begin("/f")
    writing = asyncio.ensure_future(incoming.write(0, bytes(10 * SEGMENT)))
    done, _ = await asyncio.wait({writing}, timeout=0.3)
    assert not done
    assert incoming.size <= (SMALL.upload_segments_ahead_max + 1) * SEGMENT
    house.release_records()
    await writing
    await incoming.finish()


async def test_many_uploads_share_few_buffers_and_none_starves(house):
    incomings = [await house.begin(f"/f{number}") for number in range(SMALL.door_slots_max + 10)]
    contents = [secrets.token_bytes(3 * SLOT_BYTES + number) for number in range(len(incomings))]

    async def send(incoming, content):
        for at in range(0, len(content), 60_000):
            await incoming.write(at, content[at : at + 60_000])
            await asyncio.sleep(0)
        await incoming.finish()

    await asyncio.gather(*map(send, incomings, contents))
    for number, content in enumerate(contents):
        assert await house.content(f"/f{number}") == content
    await house.settled()


# --- failures --------------------------------------------------------------------------------------------------------


async def test_a_revoked_user_cannot_go_on_with_a_running_upload(house):
    incoming = await house.begin("/f")
    await incoming.write(0, bytes(SEGMENT))
    house.keeper.admin(DisableUser("ann@clinic"))
    with pytest.raises(SessionEnded):  # noqa: PT012 - as soon as the next record is answered
        for number in range(1, 100):
            await incoming.write(number * SEGMENT, bytes(SEGMENT))
    with pytest.raises(SessionEnded):
        await incoming.finish()
    with pytest.raises(SessionEnded):
        await incoming.suspend()
    await house.settled()


async def test_a_stopped_upload_raises_its_reason_to_whoever_waits(house):
    house.hold_records()
    incoming = await house.begin("/f")
    writing = asyncio.ensure_future(incoming.write(0, bytes(10 * SEGMENT)))
    await asyncio.wait({writing}, timeout=0.2)
    incoming.stop(SessionEnded())
    with pytest.raises(SessionEnded):
        await writing
    house.release_records()
    with pytest.raises(SessionEnded):
        await incoming.suspend()
    await house.settled()


async def test_an_upload_that_was_taken_over_writes_no_more(house):
    incoming = await house.begin("/f")
    await incoming.write(0, bytes(100))
    await incoming.flush()
    other = house.another_door()
    house.crash()
    again = await house.begin("/f", "resume", door=other)
    await incoming.write(100, bytes(100))
    with pytest.raises(UploadTakenOver):
        await incoming.flush()
    with pytest.raises(UploadTakenOver):
        await incoming.suspend()
    assert again.size == 100
    await again.finish()
    assert await house.content("/f") == bytes(100)


async def test_a_full_store_ends_this_upload_clearly_and_hurts_no_other(house):
    first, second = await house.begin("/first"), await house.begin("/second")
    await second.write(0, b"small and inline")
    house.store.full = True
    with pytest.raises(StoreFull):  # noqa: PT012 - one of the two
        await first.write(0, bytes(8 * SEGMENT))
        await first.flush()
    await second.finish()
    with pytest.raises(StoreFull):
        await first.suspend()
    assert await house.content("/second") == b"small and inline"
    await house.until(lambda: not house.files_of_store())  # full until then: a thread that is late may still write
    house.store.full = False
    again = await house.begin("/first", "resume")
    await again.write(0, bytes(SEGMENT))
    await again.finish()
    await house.settled()


async def test_a_finish_that_fails_loses_nothing_and_can_be_resumed(house):
    content = secrets.token_bytes(SLOT_BYTES + 5)
    incoming = await house.begin("/f")
    await incoming.write(0, content)
    house.fail_next(FinishUpload, Unavailable())
    with pytest.raises(Unavailable):
        await incoming.finish()
    await incoming.suspend()
    again = await house.begin("/f", "resume")
    assert again.size == len(content)
    await again.finish()
    assert await house.content("/f") == content
    await house.settled()


async def test_a_finish_that_fails_may_be_tried_again(house):
    incoming = await house.begin("/f")
    await incoming.write(0, b"abc")
    house.fail_next(FinishUpload, Unavailable())
    with pytest.raises(Unavailable):
        await incoming.finish()
    finished = await incoming.finish()
    assert finished.digest == hashlib.sha256(b"abc").digest()
    assert await house.content("/f") == b"abc"


async def test_a_record_that_cannot_be_made_is_told_at_the_next_ask(house):
    incoming = await house.begin("/f")
    await incoming.write(0, b"abc")
    house.fail_next(RecordSegments, Unavailable())
    with pytest.raises(Unavailable):
        await incoming.flush()
    with pytest.raises(Unavailable):
        incoming.write_now(3, b"d")
    with pytest.raises(Unavailable):
        await incoming.suspend()


async def test_no_plaintext_reaches_the_store_or_the_catalogue(house, tmp_path):
    mark = b"a very particular sentence, " * 20_000
    incoming = await house.begin("/f")
    await incoming.write(0, mark)
    await incoming.finish()
    await house.put("/small", mark[:1000])
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 3
    for path in files:
        assert mark[:28] not in path.read_bytes(), path.name
