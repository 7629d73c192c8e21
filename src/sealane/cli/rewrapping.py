"""`sealane folder rewrap`: files already in a sealed folder, wrapped to those who may read it now."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING

import click

from sealane.cli.asking import json_option
from sealane.cli.identities import at_hand, identity_option, passphrase_stdin_option
from sealane.cli.login import present_server
from sealane.cli.main import EXIT_PARTLY
from sealane.cli.showing import printable

if TYPE_CHECKING:
    from pathlib import Path

    from sealane.client.rewrapping import Rewrapped
    from sealane.client.sealed_remote import SealsTo


@click.command("rewrap")
@click.argument("path", metavar="/PATH")
@identity_option
@passphrase_stdin_option
@click.option("--dry-run", is_flag=True, help="Count, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask whether these are the right people.")
@json_option
def rewrap(
    path: str, identity_files: tuple[Path, ...], *, passphrase_stdin: bool, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Give present readers of a sealed folder the files that were there before them, and take them from former ones.

    /PATH is the folder as you see it ('sealane ls'). Headers only: no content is moved. Your key must open the files.
    What a former reader could open before, they may have kept. Stopped in between, the same command goes on.
    """
    from sealane import paths
    from sealane.client import accounts, rewrapping, sealed_remote
    from sealane.client.failures import FolderNotSealed
    from sealane.client.patience import Stop
    from sealane.client.runs import Lanes, Run
    from sealane.clock import Clock
    from sealane.settings import ClientSettings

    folder, settings = paths.parse(path), ClientSettings()
    identities = at_hand(identity_files, passphrase_stdin=passphrase_stdin)
    if not identities:
        raise click.UsageError("You have no key at hand. Name one with --identity.")
    with present_server(settings) as server:
        to = sealed_remote.seals_to(server, folder, settings)
        if to is None:
            raise FolderNotSealed(f"{paths.show(folder)} is not a sealed folder.")
        _show(to)
        if not dry_run and not yes:
            _ask_whether_right()
        lanes, ahead = Lanes(settings.parallel), Lanes(1)
        run = Run(
            server, settings, Clock(), Stop(), lambda _: None, lanes, ahead, accounts.state_folder(), lambda: identities
        )
        try:
            done = rewrapping.rewrap(run, folder, to, dry_run=dry_run, tell=_tell if sys.stderr.isatty() else _quiet)
        finally:
            run.close()
            if sys.stderr.isatty():
                click.echo(err=True)
    _conclude(done, dry_run=dry_run, as_json=as_json)


def _show(to: SealsTo) -> None:
    click.echo("Who can open these files then:", err=True)
    for name, recipient in zip(to.names, to.recipients, strict=True):
        text = str(recipient)
        click.echo(f"  {printable(name)}  {text[:24]}…{text[-8:]}", err=True)
    for name in to.without_key:
        click.echo(f"  not {printable(name)}, who has no key", err=True)


def _ask_whether_right() -> None:
    """Ask: the server says whose keys these are, and a server that was taken over may name its thief's."""
    if not sys.stdin.isatty():
        raise click.UsageError("Look at who these people are with --dry-run, and then say --yes.")
    if not click.confirm("Are these the right people and keys?", err=True):
        raise click.Abort


def _tell(done: Rewrapped) -> None:
    click.echo(f"\r{done.files} files looked at, {done.replaced} wrapped", nl=False, err=True)


def _quiet(_: Rewrapped) -> None:
    """Say nothing: there is no terminal."""


def _conclude(done: Rewrapped, *, dry_run: bool, as_json: bool) -> None:
    from sealane.cli.progress import print_json

    if as_json:
        counts = {field.name: getattr(done, field.name) for field in dataclasses.fields(done)}
        print_json({"dry_run": dry_run, **counts})
    else:
        act = "Would be wrapped" if dry_run else "Wrapped"
        click.echo(f"{act}: {done.replaced} of {done.files} files whose recipients are not the folder's.")
        for recipient, count in done.lacking.most_common():
            click.echo(f"  {count} lacked {recipient[:24]}…{recipient[-8:]}")
        for recipient, count in done.extra.most_common():
            click.echo(f"  {count} could be opened by {recipient[:24]}…{recipient[-8:]}, who is no reader any more")
        if done.unopened:
            click.echo(f"{done.unopened} are opened by no key of yours: another reader has to wrap them.")
        if done.damaged:
            click.echo(f"{done.damaged} have a header that is damaged.")
        for code, count in done.refused.items():
            click.echo(f"{count} were not taken by the server ({printable(code)}).")
    if done.unopened or done.damaged or done.refused:
        raise SystemExit(EXIT_PARTLY)
