"""`sealane desk`: the privacy officer's desk: its folder, syncing, a page's check. `incidents.py` has the rest."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sealane.cli.asking import json_option
from sealane.cli.desk_options import IDENTITY, check_libraries, with_desk
from sealane.cli.identities import held_at_hand, new_passphrase, passphrase_stdin_option
from sealane.cli.incidents import incident
from sealane.cli.main import EXIT_PARTLY
from sealane.cli.showing import printable

if TYPE_CHECKING:
    from sealane.desk.folder import Folder
    from sealane.desk.taking import Synced, Taken

_TOKEN_CHARACTERS_MAX = 4096
_PAGE_BYTES_MAX = 16 << 20
_REFUSED_SHOWN = 20
"""Refused lists that a sync names one by one."""


@click.group()
def desk() -> None:
    """Whose data was taken, and what each of them is told. For the privacy officer, on the officer's machine."""


desk.add_command(incident)


@desk.command()
@click.argument("place", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--identity",
    "identity_file",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="A key that is there already.  [one is made]",
)
@click.option("--recovery", "recoveries", multiple=True, metavar="age1…", help="A further key that opens the desk.")
@passphrase_stdin_option
def init(place: Path, identity_file: Path | None, recoveries: tuple[str, ...], *, passphrase_stdin: bool) -> None:
    """Make the officer's key and the desk's folder in DIR. The public key is printed, alone on the last line.

    Give that line to `sealane officer set`. Whoever loses the key, and has no recovery key, has lost every people list.
    """
    check_libraries()
    from sealane.client import identities
    from sealane.clock import Clock
    from sealane.desk import folder

    if identity_file is not None:
        held = held_at_hand([identity_file], passphrase_stdin=passphrase_stdin)
        recipient = str(held[0].identity.recipient())
        folder.make(place, [recipient, *recoveries])
    else:
        identity = identities.make(classic=False)
        secret = new_passphrase(stdin=passphrase_stdin)
        recipient = str(identity.recipient())
        folder.make(place, [recipient, *recoveries])
        identities.keep(place / IDENTITY, identities.written(identity, Clock().now(), secret))
    click.echo(f"The desk is in {place}.", err=True)
    click.echo(recipient)


@desk.command()
@click.option("--server", "url", metavar="URL", help="The server's address.")
@click.option("--token-stdin", is_flag=True, help="Read the officer's token from standard input.")
@click.option(
    "--from",
    "directory",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Take from a directory instead (docs/desk.md).",
)
@with_desk
def sync(opened: Folder, url: str | None, directory: Path | None, *, token_stdin: bool) -> None:
    """Fetch new people lists and ledger entries, prove the ledger, link people.

    With --passphrase-stdin too, the passphrase is the first line of standard input and the token the second.
    """
    from sealane.desk import taking
    from sealane.desk.sources import Directory

    if (url is None) == (directory is None):
        raise click.UsageError("Name a server with --server, or a directory with --from.")
    if directory is not None:
        _show(taking.sync(opened, Directory(directory)))
        return
    assert url is not None, "one of the two is named"
    _show(_sync_from(opened, url, token_stdin=token_stdin))


def _sync_from(opened: Folder, url: str, *, token_stdin: bool) -> Synced:
    import os

    from sealane.cli.login import server_of
    from sealane.client import accounts
    from sealane.desk import taking
    from sealane.desk.server import Remote
    from sealane.settings import ClientSettings

    if token_stdin:
        token = sys.stdin.readline(_TOKEN_CHARACTERS_MAX)
    elif sys.stdin.isatty():
        token = click.prompt("Token", hide_input=True)
    else:
        raise click.UsageError("Give the token with --token-stdin.")
    login = accounts.Login(
        accounts.checked_address(url), accounts.checked_token(token), os.environ.get("SEALANE_CA", "")
    )
    with server_of(login, ClientSettings()) as server:
        return taking.sync(opened, Remote(server))


def _show(synced: Synced) -> None:
    from sealane.clock import Clock
    from sealane.desk import clocks

    told = synced.taken
    click.echo(f"{synced.entries} ledger entries: the ledger only grew. {synced.lists} new people lists,")
    click.echo(f"{synced.individuals} individuals in them.")
    if told.map is not None:
        strict, loose = (len(set(roots.tolist())) for roots in (told.map.strict, told.map.loose))
        click.echo(f"{len(told.facts.aliases)} tellings are {strict} people ({loose} under the looser policy).")
        for name, count in told.map.about.quarantined.items():
            click.echo(f"  not used to tell people apart: {count} values of {name} that too many share")
    if synced.waiting:
        click.echo(f"  {synced.waiting} lists wait for the ledger's next checkpoint; sync again in a minute")
    _show_refused(told)
    if clocks.is_ahead(told.history.last_at, Clock().now()):
        click.echo("  the ledger's last entry is of a time that has not come here yet: look at both clocks")
    if words := clocks.in_words(told.history.clock_set_back):
        click.echo(f"  {words}")
    if told.refused.lists:
        raise SystemExit(EXIT_PARTLY)


def _show_refused(told: Taken) -> None:
    """Say which files' lists could not be taken, and why: their people are in no figure."""
    refused = told.refused.lists
    if refused:
        click.echo(f"  {len(refused)} people lists were refused: whoever is in these files only is in no figure")
    for version, one in list(refused.items())[:_REFUSED_SHOWN]:
        stored = told.history.versions.get(version)
        click.echo(f"    {printable(stored.path) if stored else ''} (version {version}): {one.why}")
    if len(refused) > _REFUSED_SHOWN:
        click.echo(f"    and {len(refused) - _REFUSED_SHOWN} more")


@desk.command()
@click.confirmation_option(prompt="Remove all that was synced? Incidents stay.")
@with_desk
def wipe(opened: Folder) -> None:
    """Remove people, facts and ledger entries from this machine. A sync brings them back; incidents stay."""
    opened.wipe()
    click.echo("What was synced is gone from this machine.")


@desk.command()
@click.option("--http", default="127.0.0.1:8090", show_default=True, metavar="HOST:PORT", help="Where, on loopback.")
@click.option(
    "--rules", "rules_file", type=click.Path(dir_okay=False, exists=True, path_type=Path), help="Other legal rules."
)
@with_desk
def serve(opened: Folder, http: str, rules_file: Path | None) -> None:
    """Show the same as pages, to the browser on this machine that opens the link printed here. It works once."""
    import asyncio

    from sealane.desk.incidents import deadlines
    from sealane.desk.pages import application
    from sealane.desk.pages.office import Office

    host, port = application.checked_host(http)
    pages = application.Pages(Office.opened(opened, deadlines.load(rules_file)), host, port)
    click.echo("Open this link; it works once. Ctrl-C ends it.")
    click.echo(pages.guard.link)
    asyncio.run(application.serve(pages, host, port))


@desk.command("check-page")
@click.argument("url", metavar="URL")
@json_option
def check_page(url: str, *, as_json: bool) -> None:
    """Look whether a public notice can be found by search engines and read by everybody."""
    import json

    from sealane.desk.failures import PageHidden
    from sealane.desk.notices import fetching
    from sealane.desk.notices.page import problems

    found = problems(fetching.fetched(url))
    if as_json:
        click.echo(json.dumps({"url": url, "problems": found}))
    else:
        click.echo("\n".join(found) or "Search engines may index it, and it is read without scripts.")
    if found:
        raise PageHidden
