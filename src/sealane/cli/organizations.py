"""`sealane org`: organizations, isolated from each other, each with its own key and quota."""

from __future__ import annotations

import click

from sealane.cli.asking import DataDirectory, json_option, on_data, on_data_made, show_answer
from sealane.cli.words import SIZE
from sealane.operations.accounts import (
    AddOrganization,
    ListOrganizations,
    RowsAre,
    SetOrganizationQuota,
    SetRecovery,
)
from sealane.operations.envelope import Done

quota_bytes_option = click.option("--quota", "quota_bytes", type=SIZE, help="Bytes it may hold: 500GiB; 0 is no quota.")
quota_files_option = click.option("--quota-files", type=click.IntRange(min=0), help="Files it may hold; 0 is no quota.")


@click.group()
def org() -> None:
    """Manage organizations: isolated customer spaces."""


@org.command("add")
@click.argument("name")
@quota_bytes_option
@quota_files_option
@on_data_made
def add(place: DataDirectory, name: str, quota_bytes: int | None, quota_files: int | None) -> None:
    """Make an organization, with a key of its own. The first one makes the data directory too."""
    place.ask(AddOrganization(name=name, quota_bytes=quota_bytes, quota_files=quota_files), Done)
    click.echo(f"Organization {name} is there.")


@org.command("list")
@json_option
@on_data
def list_(place: DataDirectory, *, as_json: bool) -> None:
    """List organizations, their quotas and what they hold."""
    show_answer(place.ask(ListOrganizations(), RowsAre), as_json=as_json, empty="There are no organizations yet.")


@org.command("quota")
@click.argument("name")
@quota_bytes_option
@quota_files_option
@on_data
def quota(place: DataDirectory, name: str, quota_bytes: int | None, quota_files: int | None) -> None:
    """Set an organization's quota. What is not named stays; 0 takes a quota away."""
    if quota_bytes is None and quota_files is None:
        raise click.UsageError("Name --quota or --quota-files.")
    place.ask(SetOrganizationQuota(name=name, quota_bytes=quota_bytes, quota_files=quota_files), Done)
    click.echo(f"The quota of {name} is set.")


@org.group("recovery")
def recovery() -> None:
    """Manage the public halves of an organization's off-line recovery keys."""


@recovery.command("add")
@click.argument("name")
@click.argument("key", metavar="age1...")
@on_data
def add_recovery(place: DataDirectory, name: str, key: str) -> None:
    """Add a recovery key: every file of a sealed folder of the organization is sealed to it from now on."""
    place.ask(SetRecovery(organization=name, recipient=key, present=True), Done)
    click.echo(f"{name} has this recovery key.")


@recovery.command("remove")
@click.argument("name")
@click.argument("key", metavar="age1...")
@on_data
def remove_recovery(place: DataDirectory, name: str, key: str) -> None:
    """Take a recovery key away. Files that are there still name it."""
    place.ask(SetRecovery(organization=name, recipient=key, present=False), Done)
    click.echo(f"{name} has this recovery key no more. Files that are there still name it: sealane folder rewrap.")
