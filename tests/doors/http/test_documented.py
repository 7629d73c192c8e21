"""The table of failures in docs/http.md says what the door answers."""

import re
from pathlib import Path

import pytest

from sealane.doors.http import problems
from sealane.errors import SealaneError

PAGE = Path(__file__).parents[3] / "docs" / "http.md"
ROW = re.compile(r"^\| ([0-9][0-9, ]*)[^|]*\| (.+) \|$", re.MULTILINE)
ELSEWHERE = {
    "blob-exists",  # of the blob store, never told
    "copy-not-shared",  # SFTP's copy-data
    "exchange-known",  # SSH
    "exhausted",  # kinds, of which what is told has a code of its own
    "key-file-invalid",  # the node's own key
    "layout-invalid",  # of exposure, on a local file
    "lease-held",  # between keepers
    "operation-refused",  # a door's own fault
    "people-list-invalid",  # of exposure, on a local file
    "refused",
    "segment-invalid",  # a door's own fault
}


def documented() -> dict[str, set[int]]:
    """The statuses that the page gives for each code."""
    found: dict[str, set[int]] = {}
    for statuses, words in ROW.findall(PAGE.read_text()):
        for code in re.findall(r"`([a-z]+(?:-[a-z]+)*)`", words):
            found.setdefault(code, set()).update(int(status) for status in statuses.split(","))
    return found


def test_a_documented_code_is_answered_with_its_status():
    told = {code: statuses for code, statuses in documented().items() if code in SealaneError.by_code}
    assert len(told) > 40
    for code, statuses in told.items():
        error = SealaneError.by_code[code]
        assert problems.status_of(error.__new__(error)) in statuses, code


@pytest.mark.parametrize("module", ["sealane.errors", "sealane.doors.http.problems"])
def test_every_code_that_a_client_may_meet_is_documented(module):
    codes = {code for code, error in SealaneError.by_code.items() if error.__module__ == module}
    assert codes - ELSEWHERE <= documented().keys()
