"""`sealane group`: groups of users of one organization, to whom rights can be granted."""

from __future__ import annotations

import click

from sealane.cli.asking import DataDirectory, json_option, on_data, show_answer
from sealane.operations.accounts import AddGroup, ListGroups, RowsAre, SetMembership
from sealane.operations.envelope import Done


@click.group()
def group() -> None:
    """Manage groups of users of one organization, named NAME@ORG."""


@group.command("add")
@click.argument("name", metavar="NAME@ORG")
@on_data
def add(place: DataDirectory, name: str) -> None:
    """Make a group."""
    place.ask(AddGroup(group=name), Done)
    click.echo(f"Group {name} is there.")


@group.command("list")
@click.option("--org", "organization", default="", help="Only of this organization.")
@json_option
@on_data
def list_(place: DataDirectory, organization: str, *, as_json: bool) -> None:
    """List groups and their members."""
    show_answer(
        place.ask(ListGroups(organization=organization), RowsAre), as_json=as_json, empty="There are no groups yet."
    )


@group.command("join")
@click.argument("name", metavar="GROUP@ORG")
@click.argument("user", metavar="NAME@ORG")
@on_data
def join(place: DataDirectory, name: str, user: str) -> None:
    """Put a user into a group of their organization."""
    place.ask(SetMembership(group=name, user=user, member=True), Done)
    click.echo(f"{user} is in {name}.")


@group.command("leave")
@click.argument("name", metavar="GROUP@ORG")
@click.argument("user", metavar="NAME@ORG")
@on_data
def leave(place: DataDirectory, name: str, user: str) -> None:
    """Take a user out of a group; what they did by its rights ends."""
    place.ask(SetMembership(group=name, user=user, member=False), Done)
    click.echo(f"{user} is not in {name} any more.")
