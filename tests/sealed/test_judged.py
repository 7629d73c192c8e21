"""What an inspector or a door says is judged: it ends, alters and gives up only what it has, and what is whole."""

import dataclasses
import hashlib

import msgspec
import pytest

from sealane.errors import Invalid, Missing, NotASegment
from sealane.ids import new_segment_id
from sealane.ledger.events import Kind
from sealane.operations.audit import ReadLedger
from sealane.operations.failures import NotSealed
from sealane.operations.sealing import (
    FinishSealing,
    LeaseSealings,
    OpenSealing,
    RecordSealing,
    ReportSealingDamage,
)
from sealane.operations.uploads import FinishUpload, NewSegment, SentSealed
from sealane.vault.age import files as age_files
from sealane.vault.age import header as age_header
from sealane.vault.segments import stored_length
from tests.doors.house import SMALL
from tests.sealed.house import READER, SealedHouse

pytestmark = pytest.mark.slow

CONTENT = b"what its sender was told is kept " * 3000  # a chunk in its place, and one more that is to be sealed


async def opened(house):
    """An inspector and the upload that it has open."""
    await house.put("/f", CONTENT)
    inspector = house.keeper.inspector()
    (upload,) = (await inspector.ask(LeaseSealings())).uploads
    return inspector, await inspector.ask(OpenSealing(upload))


async def is_sealed_by_the_next(house, inspector):
    inspector.break_off()
    await house.seal()
    assert house.opened(await house.age("/f")) == CONTENT


async def test_an_end_without_the_last_chunk_is_none(house):
    """Its keys would be destroyed, and the file could be opened by nobody."""
    inspector, sealing = await opened(house)
    with pytest.raises(NotASegment):
        await inspector.ask(FinishSealing(sealing.upload, sealing.generation, (), (), sealing.digest))
    assert not await house.is_there("/f")
    await is_sealed_by_the_next(house, inspector)


async def test_what_another_inspector_has_is_not_opened(house):
    await house.put("/f", CONTENT)
    inspector, other = house.keeper.inspector(), house.keeper.inspector()
    (upload,) = (await inspector.ask(LeaseSealings())).uploads
    with pytest.raises(Missing):
        await other.ask(OpenSealing(upload))
    assert (await inspector.ask(OpenSealing(upload))).upload == upload
    await is_sealed_by_the_next(house, inspector)


async def test_what_was_leased_too_long_ago_is_not_opened(tmp_path, furnished_sealed):
    house = SealedHouse(tmp_path, furnished_sealed, dataclasses.replace(SMALL, inspector_lease_seconds=0))
    await house.put("/f", CONTENT)
    inspector = house.keeper.inspector()
    (upload,) = (await inspector.ask(LeaseSealings())).uploads
    with pytest.raises(Missing):
        await inspector.ask(OpenSealing(upload))
    await house.close()


async def test_slots_are_not_taken_for_chunks(house):
    inspector, sealing = await opened(house)
    sealed = bytes(stored_length(5, chunks=False))
    slots = NewSegment(new_segment_id(), 5, hashlib.sha256(b"").digest(), sealed)
    with pytest.raises(NotASegment):
        await inspector.ask(RecordSealing(sealing.upload, sealing.generation, (slots,), ()))
    await is_sealed_by_the_next(house, inspector)


@pytest.mark.parametrize("digest", [b"", bytes(31), bytes(33)])
async def test_a_digest_of_another_length_is_none(house, digest):
    inspector, sealing = await opened(house)
    with pytest.raises(Invalid):
        await inspector.ask(FinishSealing(sealing.upload, sealing.generation, (), (), digest))
    await is_sealed_by_the_next(house, inspector)


async def test_the_digest_that_its_sender_was_told_stays(house):
    await house.put("/f", CONTENT)

    def lying(asking):
        async def ask(operation):
            if isinstance(operation, FinishSealing):
                operation = msgspec.structs.replace(operation, digest=bytes(32))
            return await asking.ask(operation)

        return ask

    assert (await house.another_inspector(ask=lying).seal_some())[0] == 1
    assert (await house.look("/f", handle=house.reader)).digest == hashlib.sha256(CONTENT).digest()


async def test_damage_is_not_reported_of_what_another_has(house):
    await house.put("/f", CONTENT)
    inspector, other = house.keeper.inspector(), house.keeper.inspector()
    (upload,) = (await inspector.ask(LeaseSealings())).uploads
    await other.ask(ReportSealingDamage(upload, "It is damaged."))
    assert house.keeper.admin(ReadLedger(kind=Kind.DAMAGE_FOUND.value)).entries == ()
    await is_sealed_by_the_next(house, inspector)


@pytest.mark.parametrize("more", [b"x", b"\n"])
async def test_a_header_that_a_door_tells_longer_than_it_is_is_none(house, more):
    """What follows it would be left out of what the file's readers are given."""
    age = age_files.seal(b"sealed by its sender", [READER.recipient()])
    header = age[: age_header.parse(age)[1]]
    incoming = await house.begin("/f.age")
    await incoming.write(0, memoryview(age))
    await incoming.flush()
    sent = SentSealed(header + more, len(b"sealed by its sender"))
    with pytest.raises(NotSealed):
        await house.door.ask(
            FinishUpload(house.handle, incoming.upload, 1, (), (), size=len(age), digest=None, sent_sealed=sent)
        )


async def test_nothing_is_kept_as_sealed_in_an_ordinary_folder(house):
    age = age_files.seal(b"sealed by its sender", [READER.recipient()])
    house.folder = "/in"
    incoming = await house.begin("/f.age")
    await incoming.write(0, memoryview(age))
    await incoming.flush()
    sent = SentSealed(age[: age_header.parse(age)[1]], len(b"sealed by its sender"))
    with pytest.raises(NotSealed):
        await house.door.ask(
            FinishUpload(house.handle, incoming.upload, 1, (), (), size=len(age), digest=None, sent_sealed=sent)
        )
