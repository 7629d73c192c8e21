"""Settings: rising weight, no misspelt limit, no wrong type."""

import pytest

from sealane import settings
from sealane.settings import SettingInvalid, Settings


def test_flags_outweigh_the_environment_which_outweighs_the_file(tmp_path):
    file = tmp_path / "sealane.toml"
    file.write_text('workers = 2\nhttp = "127.0.0.1:1"\nsftp = "127.0.0.1:2"\n')
    loaded = settings.load(
        config=file, environ={"SEALANE_HTTP": "127.0.0.1:3", "SEALANE_SFTP": "127.0.0.1:4"}, sftp="127.0.0.1:5"
    )
    assert (loaded.workers, loaded.http, loaded.sftp) == (2, "127.0.0.1:3", "127.0.0.1:5")


def test_a_misspelt_setting_is_refused(tmp_path):
    file = tmp_path / "sealane.toml"
    file.write_text("worker = 2\n")
    with pytest.raises(SettingInvalid, match="worker"):
        settings.load(config=file, environ={})


@pytest.mark.parametrize("text", ["workers = true", 'workers = "many"', "workers = -1", "http = 5", "workers = ["])
def test_an_impossible_value_is_refused(tmp_path, text):
    file = tmp_path / "sealane.toml"
    file.write_text(text + "\n")
    with pytest.raises(SettingInvalid):
        settings.load(config=file, environ={})


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(SettingInvalid, match="cannot be read"):
        settings.load(config=tmp_path / "none.toml", environ={})


def test_secrets_stay_out_of_the_printed_settings():
    assert "hush" not in repr(Settings(blob_store_secret_key="hush", blob_store_access_key="hush"))
