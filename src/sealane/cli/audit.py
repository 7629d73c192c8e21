"""`sealane audit`: reading the ledger, proving it, saving its checkpoint, exporting it."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sealane.cli.asking import DataDirectory, json_option, on_data
from sealane.cli.showing import printable
from sealane.cli.words import Word, parse_kind, parse_moment
from sealane.clock import Clock
from sealane.errors import AlreadyExists, Integrity, Missing, SealaneError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from typing import TextIO

    from sealane.cli.asking import Ask
    from sealane.ledger.checkpoints import Checkpoint
    from sealane.ledger.verifier import Verdict
    from sealane.operations.audit import LedgerEntry, ReadLedger

_PAGE_ENTRIES = 2000
_CHECKPOINT_BYTES_MAX = 4096
_NO_END = 2**63 - 1


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


class NotWritten(Unavailable):
    """A file could not be written."""

    code = "not-written"


@click.group()
def audit() -> None:
    """Read, prove and export the ledger: what happened here, in order."""


@audit.command("log")
@click.option("--since", type=MOMENT, help="Only from this time on: 2026-01-31, 2026-01-31T08:00, or 24h ago.")
@click.option("--user", default="", metavar="NAME@ORG", help="Only what this user did, or what was done to them.")
@click.option("--file", "path", default="", metavar="PATH", help="Only about this path: ORG:/PATH, or /PATH anywhere.")
@click.option("--kind", type=KIND, default="", help="Only entries of this kind, such as download_begun.")
@json_option
@on_data
def log(place: DataDirectory, since: datetime | None, user: str, path: str, kind: str, *, as_json: bool) -> None:
    """Print entries, oldest first; with --json one a line."""
    from sealane.operations.audit import ReadLedger

    question = ReadLedger(limit=_PAGE_ENTRIES, since=since, user=user, path=path, kind=kind)
    with place.open() as ask:
        for entry in entries(ask, question):
            click.echo(json_line(entry) if as_json else plain_line(entry))


@audit.command("verify")
@click.option(
    "--checkpoint",
    "files",
    type=click.File("r"),
    multiple=True,
    help="A checkpoint that was saved earlier; proves that nothing before it was rewritten or cut off since.",
)
@json_option
@on_data
def verify(place: DataDirectory, files: tuple[TextIO, ...], *, as_json: bool) -> None:
    """Prove the whole ledger, and that every saved checkpoint lies on it. Exit code 5 where it is damaged."""
    from sealane.ledger import checkpoints

    saved = [checkpoints.parse(file.read(_CHECKPOINT_BYTES_MAX + 1)) for file in files]
    with place.open() as ask:
        verdict = proven(ask, saved, show=not as_json and sys.stderr.isatty())
    if as_json:
        click.echo(json.dumps(_verdict_row(verdict)))
    else:
        for sentence in in_words(verdict):
            click.echo(sentence)
    if verdict.damage is not None:
        raise LedgerDamaged(verdict.damage.sentence)


@audit.command("checkpoint")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write it there instead of printing it.")
@on_data
def checkpoint(place: DataDirectory, out: Path | None) -> None:
    """Print the ledger's present size and head. Keep it elsewhere, for `audit verify --checkpoint`."""
    from sealane.ledger import checkpoints
    from sealane.operations.audit import Checkpoint, CheckpointIs

    present = place.ask(Checkpoint(), CheckpointIs)
    text = checkpoints.Checkpoint(present.origin, present.size, present.head).text()
    if out is None:
        click.echo(text, nl=False)
        return
    with _new_file(out) as file:
        file.write(text)
    click.echo(f"The checkpoint of {present.size} entries is in {out}.")


@audit.command("export")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="A folder; made where missing."
)
@on_data
def export(place: DataDirectory, out: Path) -> None:
    """Write every entry as a JSON line to DIR/ledger.jsonl, with the checkpoint of exactly these."""
    from sealane.ledger import checkpoints
    from sealane.operations.audit import Checkpoint, CheckpointIs, ReadLedger

    _make_folder(out)
    with place.open() as ask, _new_file(out / "ledger.jsonl") as file:
        present = ask(Checkpoint(), CheckpointIs)
        for entry in entries(ask, ReadLedger(limit=_PAGE_ENTRIES)):
            if entry.seq > present.size:
                break
            file.write(json_line(entry) + "\n")
    with _new_file(out / "checkpoint") as file:
        file.write(checkpoints.Checkpoint(present.origin, present.size, present.head).text())
    click.echo(f"{present.size} entries are in {out / 'ledger.jsonl'}, their checkpoint beside them.")


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


def proven(ask: Ask, saved: list[Checkpoint], *, show: bool) -> Verdict:
    """Return the verdict on the ledger as it is now; `show` tells on stderr how far it is."""
    from sealane.ledger.verifier import Verifier
    from sealane.operations.audit import Checkpoint, CheckpointIs, ReadLedger

    unproven: SealaneError | None = None
    try:
        present = ask(Checkpoint(), CheckpointIs)
    except (Integrity, Missing) as problem:  # its end is damaged or gone; the first bad place may be before
        unproven, present = problem, CheckpointIs(size=_NO_END, head=b"", origin="")
    told = functools.partial(_show_progress, present.size) if show and unproven is None else None
    verifier = Verifier(origin=present.origin, checkpoints=saved, progress=told)
    for entry in entries(ask, ReadLedger(limit=_PAGE_ENTRIES)):
        if entry.seq > present.size or not verifier.feed([entry]):
            break
    verdict = verifier.verdict()
    if unproven is not None and verdict.whole:
        raise LedgerDamaged(unproven.sentence) if isinstance(unproven, Integrity) else unproven
    return verdict


def in_words(verdict: Verdict) -> list[str]:
    """Say what is proven, and what is not."""
    if verdict.damage is not None:
        return [f"Proven up to entry {verdict.size}, and no further."]
    said = [
        f"The ledger is whole: {verdict.size} entries, each follows from the one before, none is missing or altered."
    ]
    if verdict.checkpoints:
        largest = max(checkpoint.size for checkpoint in verdict.checkpoints)
        count = len(verdict.checkpoints)
        said.append(
            f"{count} saved {'checkpoint lies' if count == 1 else 'checkpoints lie'} on it: entries 1 to {largest} are"
            " those that were there then."
        )
    else:
        said.append(
            "No saved checkpoint was given, so a rewriting from some entry to the end would not show. Save one"
            " elsewhere: sealane audit checkpoint --out FILE."
        )
    said.append(f"Names kept beside the entries: {verdict.opened} fit what was recorded, {verdict.erased} are erased.")
    if verdict.clock_set_back is not None:
        said.append(f"The clock was set back before entry {verdict.clock_set_back}.")
    return said


def json_line(entry: LedgerEntry) -> str:
    """Return an entry as one JSON object: its body as it was proven, its names where they are kept, its hashes."""
    return json.dumps(
        {
            "seq": entry.seq,
            "body": _body_of(entry),
            "names": {field: value for field, (_, value) in sorted((entry.openings or {}).items())},
            "salts": {field: salt for field, (salt, _) in sorted((entry.openings or {}).items())},
            "leaf": entry.leaf.hex(),
            "chain": entry.chain.hex(),
        },
        ensure_ascii=False,
    )


def plain_line(entry: LedgerEntry) -> str:
    """Return an entry as a line for people: number, time, kind, then names before numbers."""
    body = _body_of(entry)
    names = {field: value for field, (_, value) in (entry.openings or {}).items()}
    private = body.pop("private", {})
    erased = {field: "(erased)" for field in private if field not in names} if isinstance(private, dict) else {}
    at, kind = str(body.pop("at", "")), str(body.pop("kind", ""))
    body.pop("v", None)
    words = [f"{field}={_shown(value)}" for field, value in {**names, **erased, **body}.items()]
    return " ".join([f"{entry.seq:>6}", printable(at), printable(kind), *words])


def _body_of(entry: LedgerEntry) -> dict[str, object]:
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


def _verdict_row(verdict: Verdict) -> dict[str, object]:
    damage = verdict.damage
    return {
        "whole": damage is None,
        "size": verdict.size,
        "head": verdict.head.hex(),
        "checkpoints": [checkpoint.size for checkpoint in verdict.checkpoints],
        "opened": verdict.opened,
        "erased": verdict.erased,
        "clock_set_back": verdict.clock_set_back,
        "damage": None if damage is None else {"seq": damage.seq, "why": damage.why.value},
    }


def _show_progress(size: int, done: int) -> None:
    click.echo(f"\r{done} of {size} entries proven", err=True, nl=False)


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise NotWritten(f"The folder {path} cannot be made: {problem.strerror}.") from None


@contextlib.contextmanager
def _new_file(path: Path) -> Iterator[TextIO]:
    """Give a file that was not there before, readable by its owner alone, durable at the end."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise AlreadyExists(f"{path} is there already; nothing was overwritten.") from None
    except OSError as problem:
        raise NotWritten(f"{path} cannot be written: {problem.strerror}.") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException as problem:
        path.unlink(missing_ok=True)
        if isinstance(problem, OSError):
            raise NotWritten(f"{path} cannot be written: {problem.strerror}.") from None
        raise
