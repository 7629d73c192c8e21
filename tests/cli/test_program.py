"""The program as a whole: help, exit codes, what is imported when."""

import importlib
import json
import os
import pkgutil
import subprocess
import sys

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import sealane
from sealane import errors
from sealane.cli import showing
from sealane.cli.main import cli, exit_code_of
from tests.running_server import ROOT

HEAVY = {"sqlalchemy", "httpx", "rich", "asyncio", "asyncssh", "cryptography", "granian", "alembic", "fastapi", "ssl"}


def test_help_imports_nothing_heavy():
    program = (
        "import sys; from sealane.cli.main import cli\n"
        "try: cli.main(['--help'], prog_name='sealane')\n"
        "except SystemExit: pass\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not loaded & HEAVY
    assert not [name for name in loaded if name.startswith("sealane.") and not name.startswith("sealane.cli")][3:]


def walk(command, path=()):
    yield path, command
    if hasattr(command, "list_commands"):
        for name in command.list_commands(None):
            yield from walk(command.get_command(None, name), (*path, name))


@pytest.mark.parametrize("path", [path for path, _ in walk(cli)], ids=" ".join)
def test_every_command_has_help(path):
    done = CliRunner().invoke(cli, [*path, "--help"])
    assert done.exit_code == 0
    assert "Usage:" in done.output


USER_SIDE = {"login", "put", "get", "open", "keys", "ls", "file", "rm", "mkdir", "receipt"}
USERS_OWN = {("folder", "rewrap"), ("officer", "rewrap")}
"""Of a group of the server's side, done by its users: it needs their key."""
ELSEWHERE = {"exposure", "witness", "desk", "drill"}
"""What needs no data directory of ours: it runs on another machine, on a local file, or on one of its own."""


def of_the_servers_side():
    for path, command in walk(cli):
        elsewhere = path and (path[0] in USER_SIDE | ELSEWHERE or path in USERS_OWN)
        if path and not elsewhere and not hasattr(command, "commands"):
            yield path, command


@pytest.mark.parametrize(("path", "command"), list(of_the_servers_side()))
def test_every_command_of_the_servers_side_takes_a_data_directory_and_every_listing_json(path, command):
    options = {option for parameter in command.params for option in parameter.opts}
    assert "--data" in options
    if path[-1] in {"list", "log", "doctor", "verify"}:
        assert "--json" in options
    for parameter in command.params:
        assert not {"--password", "--token", "--secret"} & set(parameter.opts), "a secret is no argument"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.NotSignedIn(), 3),
        (errors.NotAllowed(), 3),
        (errors.SessionEnded(), 3),
        (errors.Integrity(), 5),
        (errors.Missing(), 1),
        (errors.Invalid(), 1),
        (errors.QuotaExceeded(), 1),
        (errors.Unavailable(), 1),
    ],
)
def test_exit_codes_say_what_kind_of_failure_it_was(error, code):
    assert exit_code_of(error) == code


def test_wrong_usage_is_told_apart():
    for words in (
        ["nothing"],
        ["org"],
        ["org", "add"],
        ["token", "add", "a@b", "--expires", "soon"],
    ):
        assert CliRunner().invoke(cli, words).exit_code == 2


def test_a_failure_is_one_line_with_its_code_on_stderr(tmp_path):
    done = CliRunner().invoke(cli, ["org", "list", "--data", str(tmp_path / "none")])
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: There is no data directory")
    assert done.stderr.endswith("(data-directory-missing)\n")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--nope"], "error: No such option '--nope'. See: sealane --help (usage)"),
        (["nope"], "error: No such command 'nope'. See: sealane --help (usage)"),
        (["org", "add"], "error: Missing argument 'NAME'. See: sealane org add --help (usage)"),
        (
            ["org", "quota", "a", "--data", "."],
            "error: Name --quota or --quota-files. See: sealane org quota --help (usage)",
        ),
    ],
)
def test_wrong_usage_is_one_line_with_its_code_too(words, said):
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr == f"{said}\n"


def test_a_choice_that_there_is_not_is_said_in_one_line_with_those_there_are():
    done = CliRunner().invoke(cli, ["user", "role", "anna@clinic", "king\x1b"])
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert "\x1b" not in done.stderr
    assert "auditor" in done.stderr


@pytest.mark.parametrize("words", [[], ["org"], ["user", "key"]])
def test_a_group_without_a_command_shows_its_help(words):
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2
    assert done.stderr.startswith("Usage: ")


def test_the_version_is_printed():
    assert CliRunner().invoke(cli, ["--version"]).output == f"sealane {sealane.__version__}\n"


def test_all_rooms_can_be_imported_together_with_no_error_code_taken_twice():
    for module in pkgutil.walk_packages(sealane.__path__, "sealane."):
        if not module.name.endswith("__main__") and "migrations" not in module.name:
            importlib.import_module(module.name)
    assert errors.SealaneError.by_code["login-missing"]


@given(st.text())
def test_nothing_that_is_printed_steers_a_terminal(text):
    shown = showing.printable(text)
    assert shown.isprintable()
    assert "\x1b" not in shown
    assert showing.printable(shown) == shown


def test_a_table_is_aligned_and_json_is_one_array(capsys):
    rows = [{"name": "a", "size": 5, "gone": None}, {"name": "long name", "size": 1234, "gone": True}]
    showing.show_rows(rows, as_json=False, empty="none")
    assert capsys.readouterr().out == ("NAME       SIZE  GONE\na          5     -\nlong name  1234  yes\n")
    showing.show_rows(rows, as_json=True, empty="none")
    assert json.loads(capsys.readouterr().out) == rows
    showing.show_rows([], as_json=False, empty="none")
    assert capsys.readouterr().out == "none\n"


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (4.1 * 1024**3, "4.1 GiB"), (5000 * 1024**4, "5000.0 TiB")],
)
def test_sizes_are_in_their_largest_unit(size, shown):
    assert showing.show_size(size) == shown
