"""`sealane audit`: reading the ledger, proving it, saving its checkpoint, exporting it."""

from __future__ import annotations

import contextlib
import itertools
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sealane.cli.asking import DataDirectory, json_option, on_data
from sealane.cli.files import new_file
from sealane.cli.showing import printable
from sealane.cli.words import Word, parse_kind, parse_moment
from sealane.clock import Clock
from sealane.errors import Integrity, Missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from typing import BinaryIO, TextIO

    from sealane.cli.asking import Ask
    from sealane.operations.audit import LedgerEntry, ReadLedger

_PAGE_ENTRIES = 2000


def _moment(text: str) -> datetime:
    return parse_moment(text, now=Clock().now())


def _kind(text: str) -> str:
    from sealane.ledger.events.base import Kind

    return parse_kind(text, [kind.value for kind in Kind])


MOMENT = Word("time", _moment)
KIND = Word("kind", _kind)


class LedgerDamaged(Integrity):
    """The ledger is not what was written."""

    code = "ledger-damaged"


@click.group()
def audit() -> None:
    """Read, prove and export the ledger: what happened here, in order."""


@audit.command("log")
@click.option("--since", type=MOMENT, help="Only from this time on: 2026-01-31, 2026-01-31T08:00, or 24h ago.")
@click.option("--until", type=MOMENT, help="Only up to this time.")
@click.option("--user", default="", metavar="NAME@ORG", help="Only what this user did, or what was done to them.")
@click.option("--file", "path", default="", metavar="PATH", help="Only about this path: ORG:/PATH, or /PATH anywhere.")
@click.option("--folder", default="", metavar="ORG:/PATH", help="Only in this folder and below it.")
@click.option("--session", default="", metavar="ID", help="Only what was done in this session.")
@click.option("--address", default="", metavar="IP", help="Only what came from this address.")
@click.option("--door", default="", metavar="DOOR", help="Only by this way: sftp, http, admin, inspector, keeper.")
@click.option("--outcome", type=click.Choice(["done", "refused", "damaged"]), help="Only what ended so.")
@click.option("--kind", type=KIND, default="", help="Only entries of this kind, such as download_begun.")
@click.option("--after", type=click.IntRange(min=0), default=0, metavar="N", help="Only entries after number N.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most so many.")
@click.option("--follow", is_flag=True, help="Go on with what is recorded from now on, until Ctrl-C.")
@click.option("--format", "form", type=click.Choice(["plain", "json", "ocsf", "cef", "syslog"]), default="plain")
@json_option
@on_data
def log(
    place: DataDirectory,
    outcome: str | None,
    limit: int | None,
    form: str,
    *,
    follow: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Print entries, oldest first; with --json one a line. Exit code 5 where there are none because they are gone."""
    from sealane.cli.audit_log import followed
    from sealane.ledger.exports import FORMS
    from sealane.operations.audit import LedgerIs, LookLedger, ReadLedger

    question = ReadLedger(limit=_PAGE_ENTRIES, outcome=outcome or "", **asked)  # pyrefly: ignore  # click checked it
    show = FORMS.get(form, json_line if as_json or form == "json" else plain_line)
    with place.open() as ask:
        found = followed(ask, question) if follow else entries(ask, question)
        nothing = True
        for entry in itertools.islice(found, limit):
            nothing = False
            click.echo(show(entry))
        if nothing:
            with contextlib.suppress(Missing):  # nothing has happened here yet
                ask(LookLedger(), LedgerIs)


@audit.command("verify")
@click.option(
    "--checkpoint",
    "files",
    type=click.File("r"),
    multiple=True,
    help="A checkpoint that was saved earlier; proves that nothing before it was rewritten or cut off since.",
)
@click.option(
    "--witness", "vkeys", multiple=True, metavar="VKEY", help="Count this witness beside those of the settings."
)
@click.option(
    "--time-stamp-ca",
    "authority",
    type=click.File("rb"),
    help="Certificates by which time stamps are proven, in place of those of the settings.",
)
@json_option
@on_data
def verify(
    place: DataDirectory,
    files: tuple[TextIO, ...],
    vkeys: tuple[str, ...],
    authority: BinaryIO | None,
    *,
    as_json: bool,
) -> None:
    """Prove the whole ledger, and that every saved checkpoint lies on it. Exit code 5 where it is damaged."""
    from sealane.cli import audit_time_stamps, audit_verify
    from sealane.ledger import checkpoints, notes, witnesses

    saved = [checkpoints.parse_saved(file.read(checkpoints.TEXT_BYTES_MAX + 1)) for file in files]
    known = (*(one.key for one in witnesses.parse(place.settings.witnesses)), *map(notes.verifier_key, vkeys))
    trusted = audit_time_stamps.trusted(place.settings, authority)
    shown = not as_json and sys.stderr.isatty()
    with place.open() as ask:
        verdict = audit_verify.proven(ask, saved, known, database=place.database, show=shown)
        verdict, stamped = audit_time_stamps.proven(ask, verdict, trusted)
    if as_json:
        click.echo(json.dumps(audit_verify.row_of(verdict) | audit_time_stamps.row_of(stamped)))
    else:
        for sentence in (*audit_verify.in_words(verdict), *audit_time_stamps.in_words(stamped, verdict)):
            click.echo(sentence)
    if verdict.damage is not None:
        raise LedgerDamaged(verdict.damage.sentence)


@audit.command("checkpoint")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write it there instead of printing it.")
@on_data
def checkpoint(place: DataDirectory, out: Path | None) -> None:
    """Print the ledger's present size and root, signed. Keep it elsewhere, for `audit verify --checkpoint`."""
    from sealane.operations.audit import Checkpoint, CheckpointIs

    present = place.ask(Checkpoint(), CheckpointIs)
    if out is None:
        click.echo(present.note, nl=False)
        return
    with new_file(out) as file:
        file.write(present.note)
    click.echo(f"The checkpoint of {present.size} entries is in {out}.")


@audit.command("key")
@on_data
def key(place: DataDirectory) -> None:
    """Print the key that signs this ledger's checkpoints, for partners and witnesses."""
    from sealane.operations.audit import LedgerIs, LookLedger

    click.echo(place.ask(LookLedger(), LedgerIs).key)


@audit.command("export")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="A folder; made where missing."
)
@on_data
def export(place: DataDirectory, out: Path) -> None:
    """Write the ledger to DIR as C2SP tlog-tiles, with its names and every checkpoint. `sealane-verify` proves it."""
    from sealane.cli import audit_export

    with place.open() as ask:
        size = audit_export.exported(ask, out, show=sys.stderr.isatty())
    click.echo(f"{size} entries are in {out}, signed in {out / 'checkpoint'}. Prove them: sealane-verify export {out}")


def entries(ask: Ask, question: ReadLedger) -> Iterator[LedgerEntry]:
    """Yield every entry that fits, in order, page by page."""
    import msgspec

    from sealane.operations.audit import EntriesAre

    after = question.after
    while True:
        page = ask(msgspec.structs.replace(question, after=after), EntriesAre)
        yield from page.entries
        if page.after <= after:
            return
        after = page.after


def json_line(entry: LedgerEntry) -> str:
    """Return an entry as one JSON object: its body as it was proven, its names where they are kept, its hashes."""
    return json.dumps(
        {
            "seq": entry.seq,
            "body": body_of(entry),
            "names": {field: value for field, (_, value) in sorted((entry.openings or {}).items())},
            "salts": {field: salt for field, (salt, _) in sorted((entry.openings or {}).items())},
            "leaf": entry.leaf.hex(),
        },
        ensure_ascii=False,
    )


def plain_line(entry: LedgerEntry) -> str:
    """Return an entry as a line for people: number, time, kind, then names before numbers."""
    body = body_of(entry)
    names = {field: value for field, (_, value) in (entry.openings or {}).items()}
    private = body.pop("private", {})
    erased = {field: "(erased)" for field in private if field not in names} if isinstance(private, dict) else {}
    at, kind = str(body.pop("at", "")), str(body.pop("kind", ""))
    body.pop("v", None)
    words = [f"{field}={_shown(value)}" for field, value in {**names, **erased, **body}.items()]
    return " ".join([f"{entry.seq:>6}", printable(at), printable(kind), *words])


def body_of(entry: LedgerEntry) -> dict[str, object]:
    """Return an entry's body, decoded. Raises `LedgerDamaged`."""
    try:
        body = None if entry.unreadable else json.loads(entry.body)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise LedgerDamaged(f"The ledger is damaged at entry {entry.seq}. 'sealane audit verify' says how.")
    return body


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(_shown, value))
    text = printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return json.dumps(text, ensure_ascii=False) if " " in text or not text else text
