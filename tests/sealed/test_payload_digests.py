"""The digest of a sealed file's payload: worked out when somebody asks, and once."""

import dataclasses
import hashlib
import json

import pytest

from sealane.errors import Missing
from sealane.ledger.events import Kind
from sealane.operations.accounts import AddUser
from sealane.operations.audit import ReadLedger
from sealane.operations.uploads import SentSealed
from sealane.vault.age import files as age_files
from sealane.vault.age import header as age_header
from sealane.vault.age.payload import NONCE_BYTES
from tests.doors.house import SMALL
from tests.sealed.house import READER, SealedHouse

pytestmark = pytest.mark.slow

AT_ONCE = dataclasses.replace(SMALL, payload_digest_at_once=1)


def payload_digest(age):
    return hashlib.sha256(age[age_header.parse(age)[1] :]).digest()


def recorded(house):
    """Of which versions it was put on record, and how often."""
    entries = house.keeper.admin(ReadLedger(kind=Kind.PAYLOAD_DIGEST_RECORDED.value)).entries
    return [json.loads(entry.body)["version_id"] for entry in entries]


async def test_what_nobody_asks_for_is_not_worked_out(house):
    await house.put("/f", b"sealed here")
    await house.seal()
    age = await house.age("/f")
    assert (await house.receipt("/f", with_payload=False)).payload_digest is None
    await house.seal()
    assert recorded(house) == []
    assert (await house.look("/f.age", handle=house.reader)).payload_digest is None
    assert await house.payload_digest("/f") == payload_digest(age)
    assert (await house.look("/f.age", handle=house.reader)).payload_digest == payload_digest(age)


async def test_asked_for_by_many_it_is_worked_out_once(house):
    await house.put("/f", b"sealed here")
    await house.seal()
    for handle in (house.reader, house.handle, house.reader):
        assert (await house.receipt("/f", handle=handle)).payload_digest is None
    await house.seal()
    assert (await house.receipt("/f", handle=house.handle)).payload_digest is not None
    await house.seal()
    assert len(recorded(house)) == 1


async def test_who_may_not_see_the_file_has_nothing_worked_out(house):
    await house.put("/f", b"sealed here")
    await house.seal()
    house.keeper.admin(AddUser("stranger@clinic"))
    with pytest.raises(Missing):
        await house.receipt("/f", handle=house.session("stranger@clinic"))
    await house.seal()
    assert recorded(house) == []


async def test_of_a_version_that_was_overwritten_it_can_still_be_asked(house):
    ages, versions = [], []
    for content in (b"the first", b"the second"):
        await house.put("/f", content)
        await house.seal()
        ages.append(await house.age("/f"))
        versions.append((await house.look("/f.age", handle=house.reader)).version)
    assert (await house.receipt("/f", version=versions[0], handle=house.handle)).payload_digest is None
    await house.seal()
    first = await house.receipt("/f", version=versions[0], handle=house.handle)
    assert first.payload_digest == payload_digest(ages[0])
    assert recorded(house) == [versions[0]]


async def test_what_was_asked_for_before_it_was_overwritten_can_be_asked_for_again(house):
    await house.put("/f", b"the first")
    await house.seal()
    age, version = await house.age("/f"), (await house.look("/f.age", handle=house.reader)).version
    await house.receipt("/f")
    await house.put("/f", b"the second")
    await house.inspector.seal_some()
    await house.receipt("/f", version=version, handle=house.handle)
    await house.seal()
    assert (await house.receipt("/f", version=version, handle=house.handle)).payload_digest == payload_digest(age)


async def test_of_what_its_sender_has_sealed_it_is_there_without_asking(house):
    """It is the only digest that tells the sender what arrived."""
    age = age_files.seal(b"sealed before", [READER.recipient()])
    header = age[: age_header.parse(age)[1]]
    incoming = await house.begin("/f.age")
    await incoming.write(0, memoryview(age))
    await incoming.finish(sent=SentSealed(header, len(b"sealed before")))
    await house.seal()
    assert (await house.look("/f.age", handle=house.reader)).payload_digest == hashlib.sha256(
        age[len(header) :]
    ).digest()
    assert len(age) > len(header) + NONCE_BYTES


async def test_a_node_may_have_it_worked_out_at_once(tmp_path, furnished_sealed):
    house = SealedHouse(tmp_path, furnished_sealed, AT_ONCE)
    await house.put("/f", b"sealed here")
    await house.seal()
    shown = await house.look("/f.age", handle=house.reader)
    assert shown.payload_digest == payload_digest(await house.age("/f"))
    await house.close()
