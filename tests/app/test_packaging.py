"""What is installed beside the program makes the accounts that the program asks for."""

import shlex
import subprocess
from pathlib import Path

import pytest

from tests.peers import need

PACKAGING = Path(__file__).parents[2] / "packaging"
SYSUSERS = PACKAGING / "sysusers.d" / "sealane.conf"
ROOMS = ("keeper", "doors", "inspector", "jobs")


def test_every_account_has_a_line_that_systemd_takes():
    lines = [shlex.split(line) for line in SYSUSERS.read_text().splitlines() if line and not line.startswith("#")]
    assert [line[1] for line in lines if line[0] == "u"] == [f"sealane-{room}" for room in ROOMS]
    for kind, name, number, *rest in lines:
        assert (kind, number) in {("g", "-"), ("u", "-")}, name
        if kind == "u":
            assert rest == [f"Sealane {name.removeprefix('sealane-')}", "/", "/usr/sbin/nologin"]
            assert not set(rest[0]) & set(":,\n"), "no field of /etc/passwd may hold these"


@pytest.mark.slow
def test_systemd_would_make_every_account():
    """A line that it drops is only a word on its output; it changes nothing here."""
    words = [need("systemd-sysusers"), "--dry-run", str(SYSUSERS)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "not a valid" not in done.stdout + done.stderr
