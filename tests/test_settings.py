"""Settings: rising weight, no misspelt limit, no wrong type."""

import dataclasses
from typing import get_type_hints

import pytest

from sealane import configuration, settings
from sealane.settings import SettingInvalid, Settings


def test_flags_outweigh_the_environment_which_outweighs_the_file(tmp_path):
    file = tmp_path / "sealane.toml"
    file.write_text('workers = 2\nhttp = "127.0.0.1:1"\nsftp = "127.0.0.1:2"\n')
    loaded = configuration.load(
        config=file, environ={"SEALANE_HTTP": "127.0.0.1:3", "SEALANE_SFTP": "127.0.0.1:4"}, sftp="127.0.0.1:5"
    )
    assert (loaded.workers, loaded.http, loaded.sftp) == (2, "127.0.0.1:3", "127.0.0.1:5")


def of_file(folder, text):
    file = folder / "sealane.toml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return configuration.load(config=file, environ={})


def test_a_misspelt_setting_is_refused_and_the_nearest_is_told(tmp_path):
    with pytest.raises(SettingInvalid, match=r"'worker'.*Did you mean workers"):
        of_file(tmp_path, "worker = 2\n")
    with pytest.raises(SettingInvalid, match=r"SEALANE_WORKERZ.*Did you mean SEALANE_WORKERS"):
        configuration.load(environ={"SEALANE_WORKERZ": "5"})
    with pytest.raises(SettingInvalid, match=r"SEALANE_QQQQ names no setting\.$"):
        configuration.load(environ={"SEALANE_QQQQ": "5"})


def test_variables_of_others_are_left_alone():
    of_others = {"SEALANE_TOKEN": "hush", "SEALANE_DATA": "/srv", "SEALANE_REQUIRE_PEERS": "1", "PATH": "/bin"}
    assert configuration.load(environ=of_others) == Settings()


def test_a_value_is_never_told_of_a_variable_that_is_refused():
    with pytest.raises(SettingInvalid) as refused:
        configuration.load(environ={"SEALANE_TOKENS": "hush"})
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    "text", ["workers = true", 'workers = "many"', "workers = -1", "http = 5", "workers = [", "workers = 1.5", b"\xff"]
)
def test_an_impossible_value_is_refused(tmp_path, text):
    with pytest.raises(SettingInvalid):
        of_file(tmp_path, text)


NUMBERS = [name for name, kind in get_type_hints(Settings).items() if kind is int]


def ways(folder, name, value):
    """Yield the three ways by which a setting can come, each as something to call."""
    yield lambda: of_file(folder, f"{name} = {value}\n")
    yield lambda: configuration.load(environ={f"SEALANE_{name.upper()}": str(value)})
    yield lambda: configuration.load(environ={}, **{name: value})


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_has_bounds_whichever_way_it_comes(tmp_path, name):
    for value in (-1, 2**63):
        for way in ways(tmp_path, name, value):
            with pytest.raises(SettingInvalid, match=f"'{name}' is [0-9]+ at (least|most)"):
                way()


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("workers", 1),
        ("login_grace_seconds", 1),
        ("quota_bytes", 0),
        ("segment_bytes_max", settings.SLOT_BYTES),
        ("sftp_packet_bytes_max", 34_000),
    ],
)
def test_the_least_that_works_is_taken_and_one_less_is_not(tmp_path, name, least):
    for way in ways(tmp_path, name, least):
        assert getattr(way(), name) == least
    for way in ways(tmp_path, name, least - 1):
        with pytest.raises(SettingInvalid, match=f"{least} at least"):
            way()


def test_an_rsa_key_is_none_or_a_good_one(tmp_path):
    assert of_file(tmp_path, "ssh_rsa_host_key_bits = 0").ssh_rsa_host_key_bits == 0
    assert of_file(tmp_path, "ssh_rsa_host_key_bits = 2048").ssh_rsa_host_key_bits == 2048
    with pytest.raises(SettingInvalid, match="0, or 2048 at least"):
        of_file(tmp_path, "ssh_rsa_host_key_bits = 2047")


@pytest.mark.parametrize(("name", "most"), [("sftp_express", 1), ("workers", 1024), ("idle_seconds", 3_153_600_000)])
def test_the_most_is_taken_and_one_more_is_not(tmp_path, name, most):
    assert getattr(of_file(tmp_path, f"{name} = {most}"), name) == most
    with pytest.raises(SettingInvalid, match=f"{most} at most"):
        of_file(tmp_path, f"{name} = {most + 1}")


def test_every_default_is_within_its_own_bounds():
    defaults = dataclasses.asdict(Settings())
    defaults.pop("given")
    assert configuration.load(environ={}, **defaults) == Settings()


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(SettingInvalid, match="cannot be read"):
        configuration.load(config=tmp_path / "none.toml", environ={})


def test_secrets_stay_out_of_the_printed_settings():
    assert "hush" not in repr(Settings(blob_store_secret_key="hush", blob_store_access_key="hush"))
