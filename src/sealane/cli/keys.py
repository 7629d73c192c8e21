"""`sealane key`: the keys that wrap what is at rest."""

from __future__ import annotations

import click

from sealane.cli.asking import DataDirectory, on_data
from sealane.operations.accounts import RotateNodeKey, RotateOrganizationKey
from sealane.operations.envelope import Done


@click.group()
def key() -> None:
    """Manage keys at rest: file keys are wrapped by an organization's key, those by the node's key."""


@key.command("rotate")
@click.option("--org", "organization", default="", help="Rotate this organization's key instead of the node's.")
@on_data
def rotate(place: DataDirectory, organization: str) -> None:
    """Make a new key and wrap anew what the old one wrapped. No content is touched or read."""
    if organization:
        place.ask(RotateOrganizationKey(name=organization), Done)
        click.echo(f"Organization {organization} has a new key; its file keys are wrapped by it.")
    else:
        place.ask(RotateNodeKey(), Done)
        click.echo("The node has a new key; the organizations' keys are wrapped by it. Back up the keys directory.")
