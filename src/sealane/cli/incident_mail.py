"""`sealane desk incident`: e-mails to individuals by the officer's own mail server, and those that come back."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sealane.cli.desk_options import with_desk
from sealane.cli.incident_options import number_argument
from sealane.cli.showing import printable

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sealane.desk.folder import Folder
    from sealane.desk.incidents.records import Incident
    from sealane.desk.notices.letters import Occasion
    from sealane.desk.notices.mailings import Mailing
    from sealane.desk.notices.sending import Letter
    from sealane.desk.taking import Taken

_file = click.Path(dir_okay=False, exists=True, path_type=Path)
_A_MINUTE = 60
_PASSWORD_CHARACTERS_MAX = 4096
_AGREED_BYTES_MAX = 64 << 20


@click.command()
@number_argument
@click.option(
    "--by", "writer", required=True, metavar="PARTY", help="The notifying party that writes, as in 'notices'."
)
@click.option("--party", "party_file", type=_file, required=True, help="Who writes (TOML), without gaps.")
@click.option("--agreed", type=_file, required=True, help="E-mail addresses of those who agreed to it, one a line.")
@click.option("--relay", "server", required=True, metavar="HOST:PORT", help="Your own mail server.")
@click.option("--security", type=click.Choice(["starttls", "tls", "none"]), default="starttls", show_default=True)
@click.option("--user", default="", help="Your name at the mail server.")
@click.option("--password-stdin", is_flag=True, help="Read the password for it from standard input.")
@click.option("--ca", type=_file, help="Certificates to believe instead of the system's.")
@click.option("--rate", type=click.IntRange(1, 6000), default=_A_MINUTE, show_default=True, help="Messages a minute.")
@click.option("--doubtful-too", is_flag=True, help="Also those of which nobody answered whether they were taken.")
@with_desk
def send(
    desk: Folder,
    number: int,
    writer: str,
    party_file: Path,
    agreed: Path,
    server: str,
    security: str,
    user: str,
    ca: Path | None,
    rate: int,
    *,
    password_stdin: bool,
    doubtful_too: bool,
) -> None:
    """Send a party's e-mails, to individuals who agreed to be told by e-mail (45 CFR 164.404(d)(1)), each once.

    What was sent is on record, and the same command goes on where it ended.
    """
    from sealane.clock import Clock
    from sealane.desk import taking
    from sealane.desk.incidents import records
    from sealane.desk.notices import mailings, sending
    from sealane.desk.notices import party as parties
    from sealane.desk.notices.letters import Occasion
    from sealane.jobs.relay import Relay

    clock = Clock()
    host, port = _host_and_port(server)
    password = sys.stdin.readline(_PASSWORD_CHARACTERS_MAX).rstrip("\r\n") if password_stdin else ""
    relay = Relay(host, port, security, user, password, str(ca or ""))
    relay.check()
    incident = records.load(desk, number)
    told = parties.load(party_file)
    occasion = Occasion(told, writer, incident.occurred.date(), incident.discovered.date(), clock.now().date())
    sending.check(occasion)
    mailing = mailings.load(desk, number)
    letters = _letters(taking.load(desk), incident, occasion, mailing)
    due = sending.waiting(letters, mailing, _agreed(agreed), doubtful_too=doubtful_too)
    click.echo(f"{len(due)} of {len(letters)} e-mails are to be sent.")
    try:
        counts = sending.send(desk, number, due, relay, _Pace(clock.now), a_minute=rate)
    finally:
        sending.tell(desk, number, writer, clock.now())
    click.echo(", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "Nothing was sent.")


@click.command()
@number_argument
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="FILE|DIR...")
@with_desk
def bounces(desk: Folder, number: int, paths: tuple[Path, ...]) -> None:
    """Read mail that came back (delivery status notifications), and keep which e-mails did not arrive."""
    from sealane.clock import Clock
    from sealane.desk.failures import BounceInvalid
    from sealane.desk.notices import bounces as reading
    from sealane.desk.notices import mailings, sending

    now = Clock().now()
    tokens: list[str] = []
    others = 0
    for path in reading.files_in(paths):
        try:
            token = reading.read(path)
        except BounceInvalid as problem:
            click.echo(f"{printable(path.name)}: {problem.sentence}", err=True)
            others += 1
            continue
        if token is not None:
            tokens.append(token)
    new = reading.keep(desk, number, tokens, now)
    for party in sorted({one.party for one in mailings.load(desk, number).messages.values()}):
        sending.tell(desk, number, party, now)
    click.echo(f"{new} e-mails did not arrive that were not known to; {others} files are no notifications.")


COMMANDS = (send, bounces)


class _Pace:
    """Real time."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.wait = time.sleep


def _letters(taken: Taken, incident: Incident, occasion: Occasion, mailing: Mailing) -> list[Letter]:
    from sealane.desk.failures import IncidentInvalid
    from sealane.desk.notices.addressees import PROCESSOR, by_party, of_incident
    from sealane.desk.notices.sending import letters_to

    if taken.map is None:
        raise IncidentInvalid("Nothing was synced yet: the desk knows of no files.")
    told = dict(by_party(taken.facts, taken.map, of_incident(incident, taken.history), incident.discovered.date()))
    if occasion.writer not in told:
        raise IncidentInvalid(f"{occasion.writer} writes to nobody. Who does: {', '.join(told) or 'nobody'}.")
    named = replace(occasion, writer=occasion.party.name) if occasion.writer == PROCESSOR else occasion
    return letters_to(taken.facts, taken.map, told[occasion.writer], named, occasion.writer, mailing)


def _agreed(path: Path) -> frozenset[str]:
    with path.open("rb") as file:
        content = file.read(_AGREED_BYTES_MAX)
    return frozenset(line.strip().lower() for line in content.decode("utf-8", errors="replace").splitlines())


def _host_and_port(text: str) -> tuple[str, int]:
    from sealane.jobs.collecting import host_and_port

    return host_and_port(text, "relay")
