"""What is installed beside the program makes the accounts that the program asks for."""

import shlex
from pathlib import Path

PACKAGING = Path(__file__).parents[2] / "packaging"
SYSUSERS = PACKAGING / "sysusers.d" / "sealane.conf"
ROOMS = ("keeper", "doors", "inspector", "jobs")


def test_every_account_has_a_line_that_systemd_takes():
    """A line with a colon in its description is dropped by systemd-sysusers, with a word on its output."""
    lines = [shlex.split(line) for line in SYSUSERS.read_text().splitlines() if line and not line.startswith("#")]
    assert [line[1] for line in lines if line[0] == "u"] == [f"sealane-{room}" for room in ROOMS]
    for kind, name, number, *rest in lines:
        assert (kind, number) in {("g", "-"), ("u", "-")}, name
        if kind == "u":
            assert rest == [f"Sealane {name.removeprefix('sealane-')}", "/", "/usr/sbin/nologin"]
            assert not set(rest[0]) & set(":,\n"), "no field of /etc/passwd may hold these"
