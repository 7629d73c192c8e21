"""Which folders are sealed, how, and with which recovery keys: what an administrator may say, and what not."""

import pytest

from sealane.errors import AlreadyExists, Invalid
from sealane.ledger.events import Kind
from sealane.operations.accounts import AddFolder, ListSealed, SealFolder, SetRecipient, SetRecovery
from sealane.operations.administering import ListRecovery
from sealane.operations.audit import ReadLedger
from sealane.vault.age.x25519 import X25519Identity

pytestmark = pytest.mark.slow

RECOVERY = str(X25519Identity(b"\x44" * 32).recipient())


async def test_a_folder_below_a_sealed_one_is_not_sealed_by_itself(house):
    """It would have readers and a settle time of its own, and lose them with the one above."""
    house.keeper.admin(AddFolder("clinic:/sealed/below"))
    with pytest.raises(AlreadyExists):
        house.keeper.admin(SealFolder("clinic:/sealed/below", settle_seconds=5))


async def test_an_organizations_root_is_not_sealed(house):
    with pytest.raises(Invalid):
        house.keeper.admin(SealFolder("clinic:/"))


@pytest.mark.parametrize("seconds", [-1, 7 * 86_400 + 1])
async def test_a_settle_time_is_between_nothing_and_a_week(house, seconds):
    with pytest.raises(Invalid):
        house.keeper.admin(SealFolder("clinic:/sealed", settle_seconds=seconds))


async def test_a_recovery_key_is_there_once(house):
    for _ in range(2):
        house.keeper.admin(SealFolder("clinic:/sealed", recovery=(RECOVERY,)))
    with pytest.raises(AlreadyExists):
        house.keeper.admin(SetRecovery("clinic", RECOVERY, present=True))
    assert [row.values for row in house.keeper.admin(ListRecovery("clinic")).rows] == [(RECOVERY,)]
    assert len(house.keeper.admin(ReadLedger(kind=Kind.RECOVERY_SET.value)).entries) == 1


async def test_two_keys_of_one_person_are_one_way_to_open(house):
    """Doctor warns by this: whoever loses one of their keys may well lose both."""

    def ways():
        (row,) = house.keeper.admin(ListSealed("")).rows
        return dict(zip(row.columns, row.values, strict=True))["ways"]

    house.keeper.admin(SetRecipient("rea@clinic", RECOVERY, present=True))
    assert ways() == 1
    house.keeper.admin(SetRecovery("clinic", str(X25519Identity(b"\x45" * 32).recipient()), present=True))
    assert ways() == 2
