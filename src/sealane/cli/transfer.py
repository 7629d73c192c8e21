"""`sealane put` and `sealane get`: the options, the way it is shown, and how it ends in words and exit codes."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sealane.cli.identities import at_hand, identity_option, passphrase_stdin_option
from sealane.cli.login import present_server
from sealane.cli.main import EXIT_INTERRUPTED, EXIT_PARTLY, exit_code_of
from sealane.cli.showing import printable, show_size
from sealane.cli.words import DURATION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from sealane.client.runs import Tally
    from sealane.client.transfers import Errand
    from sealane.vault.age.keys import Identity


def _shared_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one event a line, as JSON."),
        click.option(
            "--give-up",
            type=DURATION,
            help="How long to go on trying when nothing moves.  [15m]",
        ),
        click.option("--parallel", type=click.IntRange(1, 16), help="Connections that carry bytes at once.  [4]"),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("sources", metavar="FILE|DIR...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.argument("target", metavar="/REMOTE/PATH/")
@click.option("--sealed", "must_seal", is_flag=True, help="Send nothing unless the folder is a sealed one.")
@click.option(
    "--people",
    "send_people",
    is_flag=True,
    help="Of files sealed here, send along whose data is in them: counts, and a list that only the officer can open.",
)
@_shared_options
def put(sources: tuple[Path, ...], target: str, *, must_seal: bool, send_people: bool, **options: Any) -> None:
    """Send files and folders to /REMOTE/PATH/; into a sealed folder, sealed here to those who may read it.

    What breaks is taken up again, also by the same command after it was killed. At the end the SHA-256 of every file is
    compared with the server's. Links inside a folder are not followed.
    """
    from sealane.client import transfers

    if send_people:
        from sealane.cli.exposure import check_installed

        check_installed()

    def move(errand: Errand) -> Tally:
        wanted = dataclasses.replace(errand, must_seal=must_seal, send_people=send_people)
        return transfers.put(wanted, sources, target)

    _move(move, done="sent", **options)


@click.command()
@click.argument("source", metavar="/REMOTE/PATH")
@click.argument("target", metavar="[LOCAL]", required=False, type=click.Path(path_type=Path))
@identity_option
@passphrase_stdin_option
@click.option("--keep-sealed", is_flag=True, help="Open nothing: keep sealed files as NAME.age.")
@click.option("--version", metavar="ID", default="", help="This version of the file (sealane file versions /PATH).")
@_shared_options
def get(
    source: str,
    target: Path | None,
    identity_files: tuple[Path, ...],
    *,
    passphrase_stdin: bool,
    keep_sealed: bool,
    version: str,
    **options: Any,
) -> None:
    """Fetch a file or folder, into LOCAL where that is a folder (by default this one), else under that name.

    A sealed file is opened on the way where a key of yours opens it, else it is kept as NAME.age. What breaks is
    taken up again, also by the same command after it was killed. A file has its name only once it is whole and
    verified.
    """
    from sealane.client import transfers

    def identities() -> Sequence[Identity]:
        return at_hand(identity_files, passphrase_stdin=passphrase_stdin)

    def move(errand: Errand) -> Tally:
        wanted = dataclasses.replace(errand, identities=identities, keep_sealed=keep_sealed, version=version)
        return transfers.get(wanted, source, target)

    _move(move, done="fetched", **options)


def _move(
    move: Callable[[Errand], Tally],
    *,
    done: str,
    as_json: bool,
    give_up: timedelta | None,
    parallel: int | None,
) -> None:
    from sealane.cli.progress import shown_as
    from sealane.client import accounts
    from sealane.client.patience import Stop
    from sealane.client.transfers import Errand
    from sealane.clock import Clock
    from sealane.settings import ClientSettings

    settings = ClientSettings()
    if give_up is not None:
        settings = dataclasses.replace(settings, give_up_seconds=int(give_up.total_seconds()))
    if parallel is not None:
        settings = dataclasses.replace(settings, parallel=parallel)
    stop, clock = Stop(), Clock()
    with present_server(settings) as server, closing(shown_as(settings, clock, as_json=as_json)) as progress:
        errand = Errand(server, settings, clock, stop, progress.tell, accounts.state_folder())
        try:
            tally = move(errand)
        except KeyboardInterrupt:
            stop.now()
            progress.close()
            _say_interrupted(sys.argv)
            raise SystemExit(EXIT_INTERRUPTED) from None
    _conclude(tally, done=done, as_json=as_json)


def _say_interrupted(command: Sequence[str]) -> None:
    words = shlex.join([Path(command[0]).name, *command[1:]])
    click.echo(f"Stopped. Nothing that was acknowledged is lost; go on with:\n  {words}", err=True)


def _conclude(tally: Tally, *, done: str, as_json: bool) -> None:
    """Say in words what came of it, and leave with the exit code."""
    if as_json:
        summary: dict[str, object] = {
            "event": "ended",
            "files": tally.files,
            "bytes": tally.bytes,
            "verified": tally.verified,
            "unchanged": tally.unchanged,
            "sealed": tally.sealed,
            "opened": tally.opened,
            "kept_sealed": tally.kept,
            "skipped": tally.skipped,
            "failed": len(tally.failures),
        }
        from sealane.cli.progress import print_json

        print_json(summary)
    else:
        for failure in tally.failures:
            click.echo(f"error: {printable(failure.name)}: {printable(failure.sentence)} ({failure.code})", err=True)
        click.echo(in_words(tally, done=done))
    if tally.worst is not None:
        raise SystemExit(exit_code_of(tally.worst) if tally.files == 0 else max(EXIT_PARTLY, exit_code_of(tally.worst)))
    if tally.verified < tally.files:
        raise SystemExit(EXIT_PARTLY)


def in_words(tally: Tally, *, done: str) -> str:
    """Return the last line: what moved, what was verified, and what was not."""
    sentences: list[str] = []
    amount = f"{_files(tally.files)}, {show_size(tally.bytes)}"
    if tally.files and tally.verified == tally.files:
        sentences.append(f"Verified: {amount}, SHA-256 match.")
    elif tally.files:
        sentences.append(
            f"{done.capitalize()}: {amount}. Verified: {tally.verified}; the server's digest of the rest is not there"
            " yet: ask 'sealane receipt' for it."
        )
    if tally.sealed:
        sentences.append(f"Sealed on this machine: {_files(tally.sealed)}.")
    if tally.opened:
        sentences.append(f"Opened: {_files(tally.opened)}.")
    if tally.kept:
        sentences.append(
            f"Kept sealed, as NAME.age: {_files(tally.kept)}; 'sealane open' opens such a file with a key that fits."
        )
    if tally.unchanged:
        sentences.append(f"Of these, {_files(tally.unchanged)} had no need to be {done}: the same was there already.")
    if tally.skipped:
        sentences.append(f"{tally.skipped} left out, being links or no ordinary files.")
    if tally.failures:
        sentences.append(f"Not {done}: {_files(len(tally.failures))}.")
    return " ".join(sentences) or f"There was nothing to be {done}."


def _files(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"
