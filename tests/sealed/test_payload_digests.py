"""The digest of a sealed file's payload: worked out when somebody asks, and once."""

import dataclasses
import hashlib
import json
from typing import NamedTuple

import pytest
import sqlalchemy as sa

from sealane.database.statements import Statement
from sealane.database.tables import versions
from sealane.errors import Missing
from sealane.ledger.events import Kind
from sealane.operations.accounts import AddUser
from sealane.operations.audit import ReadLedger
from sealane.operations.files import OpenVersion
from sealane.operations.inspection import ArrivalsWaiting
from sealane.operations.uploads import SentSealed
from sealane.operations.versions import RestoreVersion
from sealane.vault.age import files as age_files
from sealane.vault.age import header as age_header
from sealane.vault.age.payload import NONCE_BYTES
from tests.doors.house import SMALL
from tests.sealed.house import FOLDER, READER, SealedHouse

pytestmark = pytest.mark.slow

AT_ONCE = dataclasses.replace(SMALL, payload_digest_at_once=1)


class Owing(NamedTuple):
    id: str
    owes: str


OWED = Statement(
    "test.owed",
    sa.select(versions.c.id, versions.c.owes).where(versions.c.owes.is_not(None)).order_by(versions.c.owes),
    Owing,
)
EVERY_DAMAGED = Statement("test.every_damaged", sa.update(versions).values(damaged=sa.bindparam("now")))


def owed(house):
    with house.keeper.keeper._database.begin() as transaction:
        return transaction.all(OWED)


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
    told = []
    house.keeper.inspector().on_notice(told.append)
    for handle in (house.reader, house.handle, house.reader):
        assert (await house.receipt("/f", handle=handle)).payload_digest is None
    assert [type(notice) for notice in told] == [ArrivalsWaiting], "whoever waits for work is told"
    await house.seal()
    assert (await house.receipt("/f", handle=house.handle)).payload_digest is not None
    await house.seal()
    assert len(recorded(house)) == 1


async def test_of_what_is_damaged_it_is_not_worked_out(house):
    await house.put("/f", b"sealed here")
    await house.seal()
    with house.keeper.keeper._database.begin() as transaction:
        transaction.run(EVERY_DAMAGED, now=house.keeper.clock.now())
    await house.receipt("/f")
    assert owed(house) == []


async def test_who_may_not_see_the_file_has_nothing_worked_out(house):
    await house.put("/f", b"sealed here")
    await house.seal()
    house.keeper.admin(AddUser("stranger@clinic"))
    with pytest.raises(Missing):
        await house.receipt("/f", handle=house.session("stranger@clinic"))
    await house.seal()
    assert recorded(house) == []


async def test_of_a_version_that_was_overwritten_it_can_still_be_asked(house):
    ages, names = [], []
    for content in (b"the first", b"the second"):
        await house.put("/f", content)
        await house.seal()
        ages.append(await house.age("/f"))
        names.append((await house.look("/f.age", handle=house.reader)).version)
    assert (await house.receipt("/f", version=names[0], handle=house.handle)).payload_digest is None
    await house.receipt("/f")
    assert owed(house) == [(names[1], "digest"), (names[0], "z digest")], "what stands comes first"
    await house.seal()
    first = await house.receipt("/f", version=names[0], handle=house.handle)
    assert first.payload_digest == payload_digest(ages[0])
    assert recorded(house) == names[::-1]


async def test_opening_or_restoring_an_earlier_version_asks_for_nothing(house):
    names = []
    for content in (b"the first", b"the second"):
        await house.put("/f", content)
        await house.seal()
        names.append((await house.look("/f.age", handle=house.reader)).version)
    await house.door.ask(OpenVersion(house.reader, f"{FOLDER}/f.age", names[0]))
    assert owed(house) == []
    await house.door.ask(RestoreVersion(house.handle, f"{FOLDER}/f", names[0]))
    assert owed(house) == []


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
    told = SentSealed(header, len(b"sealed before"), hashlib.sha256(b"sealed before").digest())
    await incoming.finish(sent=told)
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
