"""What is not what was written: it is said once, is not sealed, and holds up no other."""

import pytest
import sqlalchemy as sa

from sealane.database.statements import Statement
from sealane.database.tables import files, upload_keys, versions
from sealane.ledger.events import Kind
from sealane.operations.accounts import AddFolder, GrantFolder, ListSealed, SealFolder
from sealane.operations.audit import ReadLedger
from sealane.operations.files import Look

pytestmark = pytest.mark.slow


_b = sa.select(files.c.version_id).where(files.c.name == "b").scalar_subquery()
FILE_B = Statement("test.file_b", sa.update(versions).where(versions.c.id == _b).values(authenticator=bytes(32)))
EVERY_KEY = Statement("test.every_key", sa.update(upload_keys).values(wrapped_key=bytes(61)))


def alter(house, statement):
    with house.keeper.keeper._database.begin() as transaction:
        transaction.run(statement)


@pytest.fixture
async def old(house):
    """An ordinary folder with three files, the keeper's own row of one of which was altered; it is sealed then."""
    keeper = house.keeper
    keeper.admin(AddFolder("clinic:/old"))
    keeper.admin(GrantFolder("clinic:/old", "ann@clinic", ("list", "read", "write", "delete")))
    keeper.admin(GrantFolder("clinic:/old", "rea@clinic", ("list", "read")))
    sealed, house.folder = house.folder, "/old"
    for name in ("a", "b", "c"):
        await house.put(f"/{name}", name.encode() * 10_000)
    house.folder = sealed
    alter(house, FILE_B)
    keeper.admin(SealFolder("clinic:/old", settle_seconds=0))
    return house


async def test_a_file_from_before_its_folder_was_sealed_holds_up_no_other(old):
    await old.put("/f", b"in another folder")
    await old.seal()
    assert old.opened(await old.age("/f")) == b"in another folder"
    for name, sealed in {"a": True, "b": False, "c": True}.items():
        path = f"/old/{name}.age" if sealed else f"/old/{name}"
        assert (await old.door.ask(Look(old.reader, path))).entry.sealed is sealed
    rows = [dict(zip(row.columns, row.values, strict=True)) for row in old.keeper.admin(ListSealed("")).rows]
    assert {row["folder"]: row["not_sealed"] for row in rows}["clinic:/old"] == 1


async def test_it_is_on_record_once(old):
    await old.seal()
    await old.seal()
    assert len(old.keeper.admin(ReadLedger(kind=Kind.DAMAGE_FOUND.value)).entries) == 1


async def test_an_upload_whose_key_was_altered_is_told_once_and_not_tried_for_ever(house):
    """Its keys cannot be given to any inspector: nothing of it was begun when that is reported."""
    await house.put("/lost", b"x" * 100_000)
    alter(house, EVERY_KEY)
    await house.put("/f", b"another")
    await house.inspector.seal_some()
    assert await house.inspector.seal_some() == (0, None)
    assert len(house.keeper.admin(ReadLedger(kind=Kind.DAMAGE_FOUND.value)).entries) == 1
    assert house.opened(await house.age("/f")) == b"another"
    assert not await house.is_there("/lost")
