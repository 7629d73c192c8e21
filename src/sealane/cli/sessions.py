"""`sealane session`: sessions that are open now."""

from __future__ import annotations

import click

from sealane.cli.asking import DataDirectory, json_option, on_data, show_answer
from sealane.operations.accounts import EndSession, ListSessions, RowsAre
from sealane.operations.envelope import Done


@click.group()
def session() -> None:
    """See and end sessions that are open now."""


@session.command("list")
@click.option("--user", default="", metavar="NAME@ORG", help="Only of this user.")
@json_option
@on_data
def list_(place: DataDirectory, user: str, *, as_json: bool) -> None:
    """List open sessions: who, by which door, from where, since when."""
    show_answer(place.ask(ListSessions(user=user), RowsAre), as_json=as_json, empty="No session is open.")


@session.command("end")
@click.argument("name", metavar="SESSION")
@on_data
def end(place: DataDirectory, name: str) -> None:
    """End a session by its name (see session list); what it is doing ends within two seconds."""
    place.ask(EndSession(session=name), Done)
    click.echo(f"Session {name} has ended.")
