import stat

import pytest

from sealane.client import accounts
from sealane.client.accounts import Login
from sealane.client.failures import LocalFailure, LoginMissing, ServerAddressInvalid


@pytest.fixture
def home(tmp_path):
    return {"HOME": str(tmp_path)}


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("https://files.example.org", "https://files.example.org"),
        ("https://files.example.org/", "https://files.example.org"),
        ("  https://files.example.org:8443/ ", "https://files.example.org:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
    ],
)
def test_an_address_is_a_scheme_and_a_host(given, address):
    assert accounts.checked_address(given) == address


@pytest.mark.parametrize(
    "given",
    [
        "http://files.example.org",
        "http://10.0.0.1",
        "http://127.0.0.1.example.org",
        "http://localhost.example.org",
        "ftp://files.example.org",
        "files.example.org",
        "https://",
        "https://user:secret@files.example.org",
        "https://files.example.org/somewhere",
        "https://files.example.org/?a=b",
        "https://files.example.org:99999",
        "",
    ],
)
def test_a_token_is_never_sent_in_clear_over_a_network_nor_to_something_that_is_no_server(given):
    with pytest.raises(ServerAddressInvalid):
        accounts.checked_address(given)


@pytest.mark.parametrize("token", ["", " ", "two words", "line\nbreak", "tökén", "x" * 5000, "tab\there"])
def test_what_cannot_stand_in_a_header_is_no_token(token):
    with pytest.raises(LoginMissing):
        accounts.checked_token(token)


def test_a_login_is_kept_for_its_owner_alone_and_found_again(home):
    path = accounts.keep_login(Login("https://files.example.org", "sealane_abc", "/ca.pem"), home)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert accounts.present_login(home) == Login("https://files.example.org", "sealane_abc", "/ca.pem")


def test_keeping_a_login_leaves_no_other_file_and_replaces_the_one_before(home):
    for token in ("first", "second"):
        path = accounts.keep_login(Login("https://files.example.org", token), home)
    assert accounts.present_login(home).token == "second"
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_login_that_others_can_read_is_refused(home):
    path = accounts.keep_login(Login("https://files.example.org", "sealane_abc"), home)
    path.chmod(0o644)
    with pytest.raises(LocalFailure, match="chmod 600"):
        accounts.present_login(home)


def test_the_environment_stands_before_the_kept_login(home):
    accounts.keep_login(Login("https://kept.example.org", "kept", "/kept.pem"), home)
    given = home | {"SEALANE_URL": "https://other.example.org", "SEALANE_TOKEN": "other", "SEALANE_CA": "/ca.pem"}
    assert accounts.present_login(given) == Login("https://other.example.org", "other", "/ca.pem")
    assert accounts.present_login(home | {"SEALANE_TOKEN": "newer"}).token == "newer"


def test_a_kept_token_is_not_sent_to_another_address(home):
    accounts.keep_login(Login("https://kept.example.org", "kept"), home)
    with pytest.raises(LoginMissing, match=r"kept\.example\.org"):
        accounts.present_login(home | {"SEALANE_URL": "https://evil.example.org"})


def test_nobody_signed_in_and_a_damaged_file_are_told_apart(home):
    with pytest.raises(LoginMissing):
        accounts.present_login(home)
    path = accounts.keep_login(Login("https://files.example.org", "sealane_abc"), home)
    path.write_text("{")
    with pytest.raises(LocalFailure, match="damaged"):
        accounts.present_login(home)


def test_a_token_is_in_no_repr():
    assert "sealane_abc" not in repr(Login("https://files.example.org", "sealane_abc"))


def test_folders_are_where_xdg_says(tmp_path):
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "c"), "XDG_STATE_HOME": str(tmp_path / "s"), "HOME": "/nowhere"}
    assert accounts.login_file(environ) == tmp_path / "c" / "sealane" / "servers.json"
    assert accounts.state_folder(environ) == tmp_path / "s" / "sealane"
    assert accounts.state_folder({"XDG_STATE_HOME": "relative", "HOME": "/h"}).as_posix() == "/h/.local/state/sealane"
