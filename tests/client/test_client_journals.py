import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealane.client import journals
from sealane.client.failures import BeingMoved
from sealane.client.journals import DownloadJournal, UploadJournal
from sealane.clock import ManualClock

UPLOAD = UploadJournal(parts=[(0, 10, "/api/v1/uploads/a"), (10, 5, "")])


def test_what_is_written_is_read_again_by_the_next_holder(tmp_path):
    with journals.hold(tmp_path, UploadJournal, "server", "/a", "/b") as journal:
        assert journal.read() is None
        journal.write(UPLOAD)
    with journals.hold(tmp_path, UploadJournal, "server", "/a", "/b") as journal:
        assert journal.read() == UPLOAD
        journal.forget()
        assert journal.read() is None
    assert list(tmp_path.iterdir()) == []


def test_only_one_holds_a_journal(tmp_path):
    with journals.hold(tmp_path, UploadJournal, "same"):
        with pytest.raises(BeingMoved), journals.hold(tmp_path, UploadJournal, "same"):
            pass
        with journals.hold(tmp_path, UploadJournal, "other"), journals.hold(tmp_path, DownloadJournal, "same"):
            pass
    with journals.hold(tmp_path, UploadJournal, "same"):
        pass


def test_a_killed_holder_leaves_the_journal_free(tmp_path):
    program = (
        "import os, sys; from pathlib import Path; from sealane.client import journals;"
        "from sealane.client.journals import UploadJournal\n"
        "with journals.hold(Path(sys.argv[1]), UploadJournal, 'same') as journal:\n"
        "    journal.write(UploadJournal(parts=[(0, 10, '/api/v1/uploads/a'), (10, 5, '')]))\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], env=os.environ | {"PYTHONPATH": "src"}, check=False
    )
    assert done.returncode == -9
    with journals.hold(tmp_path, UploadJournal, "same") as journal:
        assert journal.read() == UPLOAD


@pytest.mark.parametrize("content", [b"", b"{", b'{"parts": 5}', b'{"parts": [], "more": 1}', b"\xff" * 100])
def test_a_damaged_journal_is_as_none(tmp_path, content):
    with journals.hold(tmp_path, UploadJournal, "x") as journal:
        journal.write(UPLOAD)
        (path,) = tmp_path.glob("*.json")
        path.write_bytes(content)
        assert journal.read() is None


@given(st.lists(st.text(max_size=8), min_size=1, max_size=4), st.lists(st.text(max_size=8), min_size=1, max_size=4))
def test_two_journals_share_a_name_only_when_they_are_about_the_same(one, other):
    assert (journals._name(*one) == journals._name(*other)) == (one == other)


def test_a_local_name_that_is_no_text_has_a_journal_too(tmp_path):
    with journals.hold(tmp_path, UploadJournal, os.fsdecode(b"caf\xe9")) as journal:
        journal.write(UPLOAD)


def test_journals_are_private(tmp_path):
    with journals.hold(tmp_path / "state", UploadJournal, "x") as journal:
        journal.write(UPLOAD)
        for path in (tmp_path / "state").iterdir():
            assert path.stat().st_mode & 0o077 == 0


def test_old_journals_are_cleared_and_others_are_not(tmp_path):
    now = datetime(2026, 6, 1, tzinfo=UTC)
    for name, days in (("old", 31), ("young", 29)):
        (tmp_path / f"{name}.json").write_text("{}")
        moment = (now - timedelta(days=days)).timestamp()
        os.utime(tmp_path / f"{name}.json", (moment, moment))
    journals.clear_old(tmp_path, keep_days=30, clock=ManualClock(now))
    assert [path.name for path in tmp_path.iterdir()] == ["young.json"]
    journals.clear_old(tmp_path / "missing", keep_days=30, clock=ManualClock(now))
