"""`sealane desk incident`: what contradicts, what is owed until when, and the notices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sealane.cli.asking import json_option
from sealane.cli.desk_options import with_desk
from sealane.cli.incident_options import number_argument, rules_option, state_of
from sealane.cli.showing import printable, show_rows

if TYPE_CHECKING:
    from datetime import date

    from sealane.desk.folder import Folder
    from sealane.desk.incidents.deadlines import Duty


@click.command()
@number_argument
@json_option
@rules_option
@with_desk
def reconcile(desk: Folder, number: int, rules_file: Path | None, *, as_json: bool) -> None:
    """Hold disclosures, dates and deadlines against the figures; exits with 5 while a contradiction is open."""
    from sealane.clock import Clock
    from sealane.desk.incidents import reconciling

    told, figures, duties = state_of(desk, number, rules_file)
    found = reconciling.contradictions(told, figures, duties, Clock().now().date())
    if as_json:
        rows = [
            {"why": one.why.value, "seen": str(one.seen), "sentence": one.sentence, "figures": one.figures}
            for one in found
        ]
        click.echo(json.dumps(rows, ensure_ascii=False))
    else:
        click.echo("\n".join(f"{one.seen}  {printable(one.sentence)}" for one in found) or "Nothing contradicts.")
    if found:
        click.get_current_context().exit(5)


@click.command()
@number_argument
@click.option("--ics", type=click.Path(dir_okay=False, path_type=Path), help="Write them as iCalendar.")
@json_option
@rules_option
@with_desk
def clock(desk: Folder, number: int, ics: Path | None, rules_file: Path | None, *, as_json: bool) -> None:
    """List what is owed to whom until when. This is no legal advice."""
    from sealane.clock import Clock
    from sealane.desk.incidents import deadlines

    told, _, duties = state_of(desk, number, rules_file)
    now = Clock().now()
    if ics is not None:
        ics.write_text(deadlines.calendar(duties, told, now), encoding="utf-8", newline="")
    show_rows([_duty_row(duty, now.date()) for duty in duties], as_json=as_json, empty="Nothing is owed.")


@click.command()
@number_argument
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR")
@click.option("--party", type=click.Path(dir_okay=False, exists=True, path_type=Path), help="Who writes (TOML).")
@click.option("--owner-key", "owner_keys", multiple=True, type=(str, str), metavar="OWNER age1…")
@click.option("--url", default="", help="Where the public page will stand.")
@click.option(
    "--forms",
    "forms_file",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="Another file of authorities' forms.",
)
@click.option("--emails", "by_email", is_flag=True, help="Write e-mails too (EML), for those who agreed to them.")
@rules_option
@with_desk
def notices(
    desk: Folder,
    number: int,
    out: Path,
    party: Path | None,
    owner_keys: tuple[tuple[str, str], ...],
    url: str,
    forms_file: Path | None,
    rules_file: Path | None,
    *,
    by_email: bool,
) -> None:
    """Make all notices: letters, mail-merge tables, owners' packages, field sheets, page, report, attestation."""
    from sealane.clock import Clock
    from sealane.desk import taking
    from sealane.desk.incidents import answering, deadlines, records
    from sealane.desk.notices import making, sheets
    from sealane.desk.notices import party as parties

    taken, now = taking.load(desk), Clock().now()
    found = answering.answer(desk, taken, number, now)
    recipients: dict[str, list[str]] = {}
    for owner, key in owner_keys:
        recipients.setdefault(owner, []).append(key)
    made = making.make(
        desk,
        taken,
        records.load(desk, number),
        found.figures,
        party=parties.load(party),
        rules=deadlines.load(rules_file),
        recipients=recipients,
        url=url,
        now=now,
        forms=sheets.load(forms_file),
        by_email=by_email,
    )
    making.write(made, out)
    if by_email:
        click.echo(f"{made.emails} e-mails, to whom one may be sent who agreed to it (45 CFR 164.404(d)(1)).")
    for writer, letters in made.letters.items():
        missing = made.without_address[writer]
        click.echo(f"{printable(writer)}: {letters} letters" + f", {missing} without an address" * bool(missing))
    for owner in made.unsealed:
        click.echo(f"No package for {printable(owner)}: its key is not known (--owner-key).")
    if made.gaps:
        click.echo(f"These are drafts. Say in a file for --party: {', '.join(made.gaps)}.")


def _duty_row(duty: Duty, today: date) -> dict[str, Any]:
    state = "done" if duty.done else "missed" if duty.missed(today) else "open"
    return {
        "duty": duty.name,
        "due": str(duty.due) if duty.due else "without unreasonable delay",
        "state": state,
        "individuals": duty.count,
        "law": duty.rule.citation,
        "certainty": f"{duty.rule.certainty}, confirm with counsel" if duty.unsure else duty.rule.certainty,
    }


COMMANDS = (reconcile, clock, notices)
