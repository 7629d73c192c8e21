"""Settings that an administrator changes while the node serves: a closed list, in bounds, at once and on record."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealane import configuration
from sealane.configuration import CHANGEABLE, in_force
from sealane.domain import node_settings
from sealane.errors import Conflict, Invalid, Missing, NotAllowed
from sealane.keeper.core import Request
from sealane.operations.accounts import AddFolder, AddOrganization, AddUser
from sealane.operations.administering import Administer
from sealane.operations.audit import ReadLedger
from sealane.operations.browser import NewSetupLink, SetUp, SignInAtPage
from sealane.operations.envelope import Asker
from sealane.operations.exposures import LookReading, SetReading
from sealane.operations.failures import ProofWanted
from sealane.operations.settings import ListSettings, SetSetting
from sealane.settings import Settings
from sealane.vault.age.hybrid import HybridIdentity
from tests.keeper_in_process import SETTINGS, KeeperInProcess, hashing_quickly

HERE, PASSWORD = "192.0.2.7", "correct horse battery"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A node with an administrator who runs it, and one who does not."""
    with hashing_quickly():
        keeper = KeeperInProcess(tmp_path_factory.mktemp("settings"), SETTINGS)
        link = keeper.admin(NewSetupLink()).secret
        keeper.root = keeper.door().ask_now(SetUp(link, "clinic", "root", "", PASSWORD, HERE)).handle
        keeper.admin(AddOrganization("insurer"))
        keeper.admin(AddUser("ines@insurer", role="admin", password=PASSWORD))
        keeper.ines = keeper.door().ask_now(SignInAtPage("ines@insurer", PASSWORD, HERE)).signed.handle
        yield keeper
        keeper.close()


def change(home, name, value, handle=None):
    return home.door().ask_now(Administer(handle or home.root, SetSetting(name, value)))


def listed(home, handle=None):
    told = home.door().ask_now(Administer(handle or home.root, ListSettings())).told
    return {row.values[0]: dict(zip(row.columns, row.values, strict=True)) for row in told.rows}


def test_a_change_counts_at_once_and_through_a_restart_and_is_on_record(home):
    change(home, "proof_seconds", 1200)
    assert home.keeper.settings.proof_seconds == 1200
    assert listed(home)["proof_seconds"]["changed"]
    home.restart()
    assert home.keeper.settings.proof_seconds == 1200
    change(home, "proof_seconds", None)
    assert home.keeper.settings.proof_seconds == SETTINGS.proof_seconds
    bodies = [json.loads(entry.body) for entry in home.admin(ReadLedger(kind="setting_changed")).entries]
    assert [(one["setting"], one["before"], one.get("after")) for one in bodies] == [
        ("proof_seconds", 900, 1200),
        ("proof_seconds", 1200, None),
    ]
    assert all(one["door"] == "web" for one in bodies)


def test_two_changes_in_one_transaction_both_count(home):
    def both(work):
        node_settings.set_setting(work, SetSetting("sign_in_failures_max", 5))
        node_settings.set_setting(work, SetSetting("sign_in_lock_seconds", 120))

    home.keeper.perform_one(Request(both, Asker.ADMIN, "test"))
    settings = home.keeper.settings
    assert (settings.sign_in_failures_max, settings.sign_in_lock_seconds) == (5, 120)


def test_what_fails_changes_nothing(home):
    before = home.keeper.settings
    for name, value, failure in (
        ("smtp_password", 1, Missing),
        ("workers", 4, Missing),
        ("proof_seconds", 59, Invalid),
        ("proof_seconds", 3601, Invalid),
        ("version_keep_seconds", 86400, Invalid),
        ("share_seconds", 91 * 86400, Invalid),
        ("share_seconds_max", 13 * 86400, Invalid),
    ):
        with pytest.raises(failure):
            change(home, name, value)
    assert home.keeper.settings == before


def test_only_who_runs_the_node_changes_settings_and_only_after_a_proof(home):
    with pytest.raises(NotAllowed):
        change(home, "proof_seconds", 600, home.ines)
    with pytest.raises(NotAllowed):
        listed(home, home.ines)
    settings = home.keeper.settings
    home.keeper.settings = dataclasses.replace(settings, proof_seconds=0)
    try:
        with pytest.raises(ProofWanted):
            change(home, "proof_seconds", 600)
        assert listed(home)
    finally:
        home.keeper.settings = settings


def test_when_a_folder_shows_files_is_an_administrators_to_say_and_who_gets_lists_of_people_is_not(home):
    home.admin(AddFolder("clinic:/in"))
    ask = home.door().ask_now
    ask(Administer(home.root, SetReading("clinic:/in", publish="after-reading", unread_after_seconds=60)))
    (row,) = ask(Administer(home.root, LookReading("clinic:/in"))).told.rows
    assert row.values == (True, True, "after-reading", 60)
    key = str(HybridIdentity.new().recipient())
    for said in ({"owner_recipient": key}, {"owner": "somebody"}, {"reading": False}):
        with pytest.raises(NotAllowed):
            ask(Administer(home.root, SetReading("clinic:/in", **said)))
    with pytest.raises(Missing):
        ask(Administer(home.ines, SetReading("clinic:/in", publish="at-once")))


def test_what_the_machine_sets_is_shown_and_not_changed(tmp_path):
    settings = configuration.load(environ={"SEALANE_PROOF_SECONDS": "900"}, ssh_rsa_host_key_bits=0)
    keeper = KeeperInProcess(tmp_path, settings)
    told = {row.values[0]: dict(zip(row.columns, row.values, strict=True)) for row in keeper.admin(ListSettings()).rows}
    assert told["proof_seconds"]["given"]
    assert not told["link_seconds"]["given"]
    with pytest.raises(Conflict):
        keeper.admin(SetSetting("proof_seconds", 600))
    keeper.close()


@given(st.dictionaries(st.sampled_from([*CHANGEABLE, "workers", "given", "nothing"]), st.integers(-10, 2**60)))
def test_whatever_is_stored_only_what_may_be_changed_and_fits_counts(stored):
    base = dataclasses.replace(Settings(), given=("link_seconds",))
    found = in_force(base, stored)
    for name in Settings.__dataclass_fields__:
        value = stored.get(name)
        one = CHANGEABLE.get(name)
        counts = one is not None and name != "link_seconds" and value is not None and one.least <= value <= one.most
        assert getattr(found, name) == (value if counts else getattr(base, name))


def test_every_bound_is_one_that_the_configuration_takes_too():
    for name, one in CHANGEABLE.items():
        assert one.least % one.unit == one.most % one.unit == 0, name
        assert one.least <= getattr(Settings(), name) < one.most + one.unit, name
        for value in (one.least, one.most):
            assert getattr(configuration.load(environ={f"SEALANE_{name.upper()}": str(value)}), name) == value
