"""`sealane folder`: folders of organizations, who may what there, and their quotas."""

from __future__ import annotations

import time
from typing import Final, Literal

import click

from sealane.cli.asking import DataDirectory, json_option, on_data, show_answer
from sealane.cli.organizations import quota_bytes_option, quota_files_option
from sealane.cli.rewrapping import rewrap
from sealane.cli.words import RIGHTS, SECONDS
from sealane.operations.accounts import (
    AddFolder,
    GrantFolder,
    ListFolders,
    ListSealed,
    RevokeFolder,
    RowsAre,
    SealFolder,
    SetFolderQuota,
)
from sealane.operations.envelope import Done

_LOOK_SECONDS: Final = 1.0
Right = Literal["list", "read", "write", "delete", "admin"]

_folder_argument = click.argument("folder", metavar="ORG:/PATH")
_recovery_option = click.option(
    "--recovery",
    multiple=True,
    metavar="age1...",
    help="A recovery key of the organization, to which all is sealed too.",
)
_settle_option = click.option(
    "--settle",
    "settle_seconds",
    type=SECONDS,
    default=None,
    metavar="60s",
    help="How long a file that came by SFTP stays open to its sender before it is sealed.",
)
_grantee_argument = click.argument("grantee", metavar="NAME@ORG|group:NAME@ORG")


@click.group()
def folder() -> None:
    """Manage folders, named ORG:/PATH, and who may what there."""


folder.add_command(rewrap)


@folder.command("add")
@_folder_argument
@click.option("--sealed", is_flag=True, help="What arrives is sealed to its readers' keys; the server cannot open it.")
@_recovery_option
@_settle_option
@click.option("--plain-names", is_flag=True, help="Readers of a sealed folder see NAME too, and not NAME.age.")
@quota_bytes_option
@quota_files_option
@on_data
def add(
    place: DataDirectory,
    folder: str,
    recovery: tuple[str, ...],
    settle_seconds: int | None,
    quota_bytes: int | None,
    quota_files: int | None,
    *,
    sealed: bool,
    plain_names: bool,
) -> None:
    """Make a folder, and those above it that are missing."""
    place.ask(
        AddFolder(
            folder=folder,
            sealed=sealed,
            recovery=recovery,
            settle_seconds=settle_seconds,
            plain_names=plain_names,
            quota_bytes=quota_bytes,
            quota_files=quota_files,
        ),
        Done,
    )
    kind = "Sealed folder" if sealed else "Folder"
    click.echo(f"{kind} {folder} is there. Nobody has rights on it until they are granted.")


@folder.command("seal")
@_folder_argument
@_recovery_option
@_settle_option
@click.option("--plain-names/--age-names", default=None, help="What readers see: NAME, or NAME.age (so by default).")
@click.option("--wait", is_flag=True, help="Wait until every file that is there is sealed, and say how many are left.")
@on_data
def seal(
    place: DataDirectory,
    folder: str,
    recovery: tuple[str, ...],
    settle_seconds: int | None,
    *,
    plain_names: bool | None,
    wait: bool,
) -> None:
    """Seal a folder with all below it, for good, or change how it is sealed.

    What arrives from now on is sealed at once; files that are there follow one after another while the server runs.
    """
    place.ask(
        SealFolder(folder=folder, recovery=recovery, settle_seconds=settle_seconds, plain_names=plain_names), Done
    )
    click.echo(f"{folder} is sealed. Files that were there follow: sealane folder sealed")
    left = -1
    while wait and left:
        now = _left(place, folder)
        if now != left:
            click.echo(f"{now} files are not sealed yet.")
        left = now
        if left:
            time.sleep(_LOOK_SECONDS)


def _left(place: DataDirectory, folder: str) -> int:
    """Return how many files of a sealed folder are still to be sealed."""
    listed = place.ask(ListSealed(organization=folder.partition(":")[0]), RowsAre)
    found = (dict(zip(row.columns, row.values, strict=True)) for row in listed.rows)
    return sum(int(str(row["not_sealed"])) for row in found if row["folder"] == folder)


@folder.command("sealed")
@click.option("--org", "organization", default="", help="Only of this organization.")
@json_option
@on_data
def sealed_(place: DataDirectory, organization: str, *, as_json: bool) -> None:
    """List sealed folders: how many can open them, which readers have no key, what is still to be sealed."""
    show_answer(
        place.ask(ListSealed(organization=organization), RowsAre), as_json=as_json, empty="No folder is sealed."
    )


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
