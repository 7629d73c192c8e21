"""`sealane file`: which versions of a file are kept, having one back, and which files were removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sealane.cli.asking import json_option
from sealane.cli.login import present_server
from sealane.cli.showing import printable, show_moment, show_rows, show_size, show_table

if TYPE_CHECKING:
    from sealane.cli.showing import Cell
    from sealane.client.listings import RemoteVersion


@click.group()
def file() -> None:
    """See which versions of a file are kept, and have one back."""


@file.command()
@click.argument("path", metavar="/PATH")
@json_option
def versions(path: str, *, as_json: bool) -> None:
    """List the versions of /PATH, also of a file that was removed; 'sealane get --version ID' fetches one."""
    from sealane import paths
    from sealane.client import listings
    from sealane.settings import ClientSettings

    parsed = paths.parse(path)
    with present_server() as server:
        found = list(listings.versions(server, parsed, ClientSettings()))
    if as_json:
        show_rows([_row(one) for one in found], as_json=True, empty="")
        return
    show_table(
        ["version", "size", "sent", "by", "until"],
        [
            [
                printable(one.version),
                show_size(one.size),
                show_moment(one.made),
                printable(one.sender),
                _state(one),
            ]
            for one in found
        ],
    )


def _state(one: RemoteVersion) -> str:
    """Say how long a version stood there, and how long it can be had back."""
    if one.damaged:
        return "damaged"
    if one.replaced is None or one.kept_until is None:
        return "present"
    return f"{show_moment(one.replaced)}, kept until {show_moment(one.kept_until)}"


def _row(one: RemoteVersion) -> dict[str, Cell]:
    return {
        "version": one.version,
        "present": one.present,
        "size": one.size,
        "modified": one.modified,
        "made": one.made,
        "sender": one.sender,
        "replaced": one.replaced,
        "kept_until": one.kept_until,
        "sha256": one.sha256,
        "sealed": one.sealed,
        "damaged": one.damaged,
    }


@file.command()
@click.argument("path", metavar="/PATH")
@click.option("--version", metavar="ID", required=True, help="Which one (sealane file versions /PATH).")
@json_option
def restore(path: str, version: str, *, as_json: bool) -> None:
    """Let an earlier version stand at /PATH again, also of a file that was removed. What stands there now is kept."""
    from sealane import paths
    from sealane.client import remote

    parsed = paths.parse(path)
    with present_server() as server:
        entry = remote.restore(server, parsed, version)
    if as_json:
        row: dict[str, Cell] = {"path": paths.show(parsed), "version": entry.version, "size": entry.size}
        show_rows([row], as_json=True, empty="")
        return
    click.echo(f"Restored {printable(paths.show(parsed))}: {entry.size} bytes, version {entry.version}.")


@file.command()
@click.argument("path", metavar="/FOLDER")
@json_option
def removed(path: str, *, as_json: bool) -> None:
    """List the files that were removed from a folder and can be had back."""
    from sealane import paths
    from sealane.client import listings
    from sealane.settings import ClientSettings

    with present_server() as server:
        found = list(listings.removed(server, paths.parse(path), ClientSettings()))
    rows: list[dict[str, Cell]] = [
        {"removed": one.removed, "versions": one.versions, "name": one.name} for one in found
    ]
    show_rows(rows, as_json=as_json, empty="Nothing that was removed here is kept.")
