"""A folder with files that is turned into a sealed one: nothing of them is left that the server can open."""

import secrets
from typing import NamedTuple

import pytest
import sqlalchemy as sa

from sealane.database.statements import Statement
from sealane.database.tables import versions
from sealane.operations.accounts import AddFolder, GrantFolder, SealFolder
from sealane.operations.files import OpenVersion
from sealane.operations.uploads import SentSealed
from sealane.vault.age import files as age_files
from sealane.vault.age import header as age_header
from tests.sealed.house import READER
from tests.sealed.test_keys import keys_of

pytestmark = pytest.mark.slow


class FormatRow(NamedTuple):
    format: str


FORMATS = Statement("test.formats", sa.select(versions.c.format), FormatRow)


def formats(house):
    with house.keeper.keeper._database.begin() as transaction:
        return sorted(row.format for row in transaction.all(FORMATS))


@pytest.fixture
async def turned(house):
    """A folder whose one file has two versions, sealed just now: the inspector has not come to it yet."""
    house.keeper.admin(AddFolder("clinic:/old"))
    house.keeper.admin(GrantFolder("clinic:/old", "ann@clinic", ("list", "read", "write", "delete")))
    house.keeper.admin(GrantFolder("clinic:/old", "rea@clinic", ("list", "read")))
    house.folder = "/old"
    await house.put("/f", secrets.token_bytes(30_000))
    await house.put("/f", secrets.token_bytes(40_000))
    house.keeper.admin(SealFolder("clinic:/old", settle_seconds=0))
    return house


async def opened(house):
    answer = await house.door.ask(OpenVersion(house.reader, "/old/f.age"))
    outgoing = house.outgoing(answer, house.reader)
    sealed = b"".join([bytes(piece) async for piece in outgoing.pieces(0, outgoing.size)])
    await outgoing.close()
    return age_files.open_sealed(sealed, [READER])


async def test_what_was_there_is_sealed_and_its_earlier_versions_go(turned):
    await turned.seal()
    assert len(await opened(turned)) == 40_000
    assert formats(turned) == ["age-1"]
    assert not any(key.wrapped_key for key in keys_of(turned))


async def test_what_is_replaced_before_its_turn_came_is_not_left_readable(turned):
    await turned.put("/f", b"newer, and sealed first")
    await turned.seal()
    assert await opened(turned) == b"newer, and sealed first"
    assert formats(turned) == ["age-1"]
    assert not any(key.wrapped_key for key in keys_of(turned))


async def test_nor_is_what_its_sender_replaces_with_a_file_sealed_by_themselves(turned):
    own = age_files.seal(b"sealed by its sender", [READER.recipient()])
    header = own[: age_header.parse(own)[1]]
    incoming = await turned.begin("/f.age")
    await incoming.write(0, own)
    await incoming.finish(sent=SentSealed(header, 20))
    await turned.seal()
    assert await opened(turned) == b"sealed by its sender"
    assert formats(turned) == ["sent-age-1"]
