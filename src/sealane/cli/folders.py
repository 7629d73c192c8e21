"""`sealane folder`: folders of organizations, who may what there, and their quotas."""

from __future__ import annotations

from typing import Literal

import click

from sealane.cli.asking import DataDirectory, json_option, on_data, show_answer
from sealane.cli.organizations import quota_bytes_option, quota_files_option
from sealane.cli.rewrapping import rewrap
from sealane.cli.words import RIGHTS
from sealane.operations.accounts import AddFolder, GrantFolder, ListFolders, RevokeFolder, RowsAre, SetFolderQuota
from sealane.operations.envelope import Done

Right = Literal["list", "read", "write", "delete", "admin"]

_folder_argument = click.argument("folder", metavar="ORG:/PATH")
_grantee_argument = click.argument("grantee", metavar="NAME@ORG|group:NAME@ORG")


@click.group()
def folder() -> None:
    """Manage folders, named ORG:/PATH, and who may what there."""


folder.add_command(rewrap)


@folder.command("add")
@_folder_argument
@quota_bytes_option
@quota_files_option
@on_data
def add(place: DataDirectory, folder: str, quota_bytes: int | None, quota_files: int | None) -> None:
    """Make a folder, and those above it that are missing."""
    place.ask(AddFolder(folder=folder, quota_bytes=quota_bytes, quota_files=quota_files), Done)
    click.echo(f"Folder {folder} is there. Nobody has rights on it until they are granted.")


@folder.command("list")
@click.option("--org", "organization", default="", help="Only of this organization.")
@json_option
@on_data
def list_(place: DataDirectory, organization: str, *, as_json: bool) -> None:
    """List folders, with who has which rights."""
    show_answer(
        place.ask(ListFolders(organization=organization), RowsAre), as_json=as_json, empty="There are no folders yet."
    )


@folder.command("grant")
@_folder_argument
@_grantee_argument
@click.option("--rights", type=RIGHTS, required=True, help="Of list, read, write, delete, admin: list,read")
@click.option("--as", "shown_as", default="", metavar="/NAME", help="The name under which they see it at their root.")
@on_data
def grant(place: DataDirectory, folder: str, grantee: str, rights: tuple[Right, ...], shown_as: str) -> None:
    """Give rights on a folder and all below it. Replaces what was granted to them there before."""
    name = shown_as.removeprefix("/").removesuffix("/")
    place.ask(GrantFolder(folder=folder, grantee=grantee, rights=rights, shown_as=name), Done)
    seen = f", who see it as /{name}" if name else ""
    click.echo(f"{', '.join(rights)} on {folder} granted to {grantee}{seen}.")


@folder.command("revoke")
@_folder_argument
@_grantee_argument
@on_data
def revoke(place: DataDirectory, folder: str, grantee: str) -> None:
    """Take a grant back; what runs by it ends."""
    place.ask(RevokeFolder(folder=folder, grantee=grantee), Done)
    click.echo(f"The grant on {folder} to {grantee} is taken back.")


@folder.command("quota")
@_folder_argument
@quota_bytes_option
@quota_files_option
@on_data
def quota(place: DataDirectory, folder: str, quota_bytes: int | None, quota_files: int | None) -> None:
    """Set the quota of a folder and all below it. What is not named stays; 0 takes a quota away."""
    if quota_bytes is None and quota_files is None:
        raise click.UsageError("Name --quota or --quota-files.")
    place.ask(SetFolderQuota(folder=folder, quota_bytes=quota_bytes, quota_files=quota_files), Done)
    click.echo(f"The quota of {folder} is set.")
