"""Errors cross a socket by their code and stay themselves."""

import importlib
import json
import pkgutil
import subprocess
import sys

import pytest

import sealane
from sealane import errors
from sealane.doors.http.problems import status_of

HERE_ONLY = {"app", "cli", "client", "desk", "doors", "drill", "inspector", "jobs", "system_accounts"}
"""Rooms that ask the keeper: their own errors are raised on their side of the socket and never cross it."""


def test_every_error_comes_back_as_itself():
    for code in errors.SealaneError.by_code:
        again = errors.raised_again(code, "What happened.")
        if errors.SealaneError.by_code[code].__init__ is errors.SealaneError.__init__:
            assert type(again).code == code
        assert again.sentence == "What happened."
        assert type(again)().sentence.endswith((".", "?"))


def test_an_unknown_code_is_still_an_error_of_ours():
    assert type(errors.raised_again("from-the-future", "It is new.")) is errors.SealaneError


def test_a_code_is_never_used_twice():
    with pytest.raises(TypeError, match="missing"):

        class Again(errors.SealaneError):
            code = "missing"


def all_errors():
    """Return every class of error in the tree, whatever module it stands in."""
    for module in pkgutil.walk_packages(sealane.__path__, "sealane."):
        if not module.name.endswith("__main__") and ".migrations" not in module.name:
            importlib.import_module(module.name)
    waiting, found = [errors.SealaneError], set()
    while waiting:
        children = set(waiting.pop().__subclasses__()) - found
        found |= children
        waiting += children
    return {error for error in found if error.__module__.startswith("sealane.")}


def crossing():
    """Return the errors that a keeper may answer with; one with a constructor of its own is never sent."""
    for error in all_errors():
        if error.__module__.split(".")[1] not in HERE_ONLY and error.__init__ is errors.SealaneError.__init__:
            yield error


def test_every_error_of_the_keepers_rooms_survives_where_only_operations_and_doors_are_imported():
    expected = {error.code: error.kind.value for error in crossing()}
    program = (
        "import json, sys\n"
        "import sealane.operations.caller\n"
        "import sealane.doors.http.problems, sealane.doors.plane, sealane.doors.sftp.status\n"
        "from sealane.errors import raised_again\n"
        "assert not [name for name in sys.modules if name.startswith(('sealane.domain', 'sealane.keeper'))]\n"
        "again = [raised_again(code, 'It failed.') for code in json.load(sys.stdin)]\n"
        "print(json.dumps([[error.code, error.kind.value] for error in again]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(list(expected)), capture_output=True, text=True, check=True
    )
    assert {"move-into-itself", "name-invalid", "key-file-invalid", "lease-held"} <= set(expected)
    assert dict(json.loads(done.stdout)) == expected


@pytest.mark.parametrize(
    ("code", "status"),
    [("move-into-itself", 409), ("name-invalid", 400), ("user-missing", 404), ("exchange-known", 403)],
)
def test_what_the_keeper_answered_has_its_own_status(code, status):
    assert status_of(errors.raised_again(code, "It failed.")) == status
