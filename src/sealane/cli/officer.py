"""`sealane officer`: who can open people lists (at the server); lists wrapped anew (on the officer's side)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from sealane.cli.asking import DataDirectory, json_option, on_data, show_answer
from sealane.cli.identities import at_hand, identity_option, passphrase_stdin_option
from sealane.cli.login import present_server
from sealane.operations.accounts import RowsAre
from sealane.operations.envelope import Done
from sealane.operations.exposures import ListOfficers, SetOfficer

if TYPE_CHECKING:
    from pathlib import Path


@click.group()
def officer() -> None:
    """Manage privacy officers: they, and nobody here, can open the lists of whose data is in files."""


@officer.command("set")
@click.option("--org", "organization", required=True, help="The organization whose files they are.")
@click.option(
    "--recipient", "recipients", multiple=True, required=True, metavar="age1...", help="An officer's public key."
)
@click.option("--recovery", "recovery", multiple=True, metavar="age1...", help="A recovery key, kept off the server.")
@on_data
def set_(place: DataDirectory, organization: str, recipients: tuple[str, ...], recovery: tuple[str, ...]) -> None:
    """Say who can open people lists from now on, instead of what was said before.

    Lists that are there keep their recipients until an officer runs: sealane officer rewrap.
    """
    place.ask(SetOfficer(organization=organization, recipients=recipients, recovery=recovery), Done)
    count = len({*recipients, *recovery})
    click.echo(f"People lists of {organization} are sealed to {count} {'key' if count == 1 else 'keys'} from now on.")
    if count == 1:
        click.echo("If it is lost, nobody can open them. Make a recovery key: sealane keys recovery new", err=True)


@officer.command("list")
@click.option("--org", "organization", default="", help="Only of this organization.")
@json_option
@on_data
def list_(place: DataDirectory, organization: str, *, as_json: bool) -> None:
    """List who can open people lists, how many there are, and how many name other keys."""
    show_answer(
        place.ask(ListOfficers(organization=organization), RowsAre),
        as_json=as_json,
        empty="There are no organizations yet.",
    )


@officer.command("rewrap")
@identity_option
@passphrase_stdin_option
@click.option("--dry-run", is_flag=True, help="Count, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask whether these are the right keys.")
@json_option
def rewrap(
    identity_files: tuple[Path, ...], *, passphrase_stdin: bool, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Give the present officers' keys the people lists that were made before, on your side, with a key that opens them.

    Signed in as an officer (sealane login). Headers only; stopped in between, the same command goes on.
    """
    from sealane.cli.main import EXIT_PARTLY
    from sealane.cli.progress import print_json
    from sealane.client import people_lists
    from sealane.settings import ClientSettings

    identities = at_hand(identity_files, passphrase_stdin=passphrase_stdin)
    if not identities:
        raise click.UsageError("You have no key at hand. Name one with --identity.")
    settings = ClientSettings()
    with present_server(settings) as server:
        for text in people_lists.recipients(server):
            click.echo(f"  {text[:24]}…{text[-8:]}", err=True)
        if not dry_run and not yes:
            _ask_whether_right()
        done = people_lists.rewrap(server, identities, settings, dry_run=dry_run)
    if as_json:
        print_json({"dry_run": dry_run, "lists": done.lists, "replaced": done.replaced, "unopened": done.unopened})
    else:
        act = "Would be wrapped" if dry_run else "Wrapped"
        click.echo(f"{act}: {done.replaced} of {done.lists} people lists whose recipients are not the present ones.")
        if done.unopened:
            click.echo(f"{done.unopened} are opened by no key of yours.")
    if done.unopened:
        raise SystemExit(EXIT_PARTLY)


def _ask_whether_right() -> None:
    """Ask: a server that was taken over may name its thief's key."""
    if not sys.stdin.isatty():
        raise click.UsageError("Look at whose keys these are with --dry-run, and then say --yes.")
    if not click.confirm("Can only these keys open the lists, and are they the right ones?", err=True):
        raise click.Abort
