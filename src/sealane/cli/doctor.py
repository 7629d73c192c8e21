"""`sealane doctor`: looks for what is wrong with a server, and says what to do. Changes nothing but one canary blob.

Each check is a function that yields findings; one that fails to look says so as a finding and the others go on.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from sealane.cli.asking import DataDirectory, json_option, on_data
from sealane.cli.main import EXIT_FAILED
from sealane.cli.showing import printable
from sealane.errors import SealaneError

if TYPE_CHECKING:
    from sealane.cli.checks import Finding

_SIGNS = {"ok": "ok     ", "warning": "warning", "bad": "BAD    "}


@click.command()
@json_option
@on_data
def doctor(place: DataDirectory, *, as_json: bool) -> None:
    """Look for what is wrong with this server. Exit code 1 where something is bad; warnings are for you to judge."""
    findings = found(place)
    if as_json:
        click.echo(json.dumps([finding._asdict() for finding in findings], ensure_ascii=False))
    else:
        for finding in findings:
            click.echo(f"{_SIGNS[finding.state]}  {finding.check}: {printable(finding.sentence)}")
    if any(finding.state == "bad" for finding in findings):
        raise SystemExit(EXIT_FAILED)


def found(place: DataDirectory) -> list[Finding]:
    """Return what every check found, in a fixed order."""
    from sealane.cli import checks

    findings: list[Finding] = []
    for check in checks.OF_THE_MACHINE:
        findings += checks.looked(check, place)
    try:
        with place.open() as ask:
            for ask_check in checks.OF_THE_KEEPER:
                findings += checks.looked(ask_check, ask)
    except SealaneError as error:
        findings.append(checks.Finding("keeper", "bad", f"{error.sentence} ({error.code})"))
    return findings
