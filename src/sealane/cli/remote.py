"""`sealane ls|rm|mkdir|receipt`: what is at the server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sealane.cli.asking import json_option
from sealane.cli.login import present_server
from sealane.cli.showing import Cell, printable, show_moment, show_rows, show_size, show_table

if TYPE_CHECKING:
    from sealane.client.remote import RemoteEntry


@click.command()
@click.argument("path", metavar="[/PATH]", default="/")
@json_option
def ls(path: str, *, as_json: bool) -> None:
    """List a folder, or one file."""
    from sealane import paths
    from sealane.client import listings, remote
    from sealane.errors import NotAFolder
    from sealane.settings import ClientSettings

    parsed = paths.parse(path)
    with present_server() as server:
        try:
            entries = list(listings.entries(server, parsed, ClientSettings()))
        except NotAFolder:
            entries = [remote.entry_of(remote.look(server, parsed))]
    if as_json:
        show_rows([_row(entry) for entry in entries], as_json=True, empty="")
    elif not entries:
        click.echo("The folder is empty.")
    else:
        show_table(
            ["size", "modified", "name"],
            [
                [
                    "-" if entry.kind == "folder" else show_size(entry.size),
                    show_moment(entry.modified),
                    printable(entry.name) + ("/" if entry.kind == "folder" else ""),
                ]
                for entry in entries
            ],
        )


def _row(entry: RemoteEntry) -> dict[str, Cell]:
    return {
        "name": entry.name,
        "kind": entry.kind,
        "size": entry.size,
        "modified": entry.modified.isoformat().replace("+00:00", "Z"),
        "version": entry.version,
        "sha256": entry.sha256,
        "rights": tuple(entry.rights),
    }


@click.command()
@click.argument("path", metavar="/PATH")
def rm(path: str) -> None:
    """Remove a file, or an empty folder. Versions are kept on the server for as long as its settings say."""
    from sealane import paths
    from sealane.client import remote

    parsed = paths.parse(path)
    with present_server() as server:
        remote.remove(server, parsed)
    click.echo(f"Removed {paths.show(parsed)}.")


@click.command()
@click.argument("path", metavar="/PATH")
def mkdir(path: str) -> None:
    """Make a folder inside an existing one."""
    from sealane import paths
    from sealane.client import remote

    parsed = paths.parse(path)
    with present_server() as server:
        remote.make_folder(server, parsed)
    click.echo(f"Made {paths.show(parsed)}.")


@click.command()
@click.argument("path", metavar="/PATH")
@click.option(
    "--proofs",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the proof of each entry there, for sealane-verify.",
)
@json_option
def receipt(path: str, folder: Path | None, *, as_json: bool) -> None:
    """Say who sent and who fetched exactly the bytes that are at /PATH now; with --proofs, prove it to anybody."""
    import msgspec

    from sealane import paths
    from sealane.cli.files import make_folder, new_file
    from sealane.client import listings, remote
    from sealane.settings import ClientSettings

    with present_server() as server:
        found = remote.receipt(server, paths.parse(path))
        if folder is not None:
            make_folder(folder)
            for proof in listings.proofs(server, paths.parse(path), ClientSettings()):
                with new_file(folder / f"entry-{proof.entry}.tlog-proof") as file:
                    file.write(proof.proof)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(found), ensure_ascii=False))
        return
    click.echo(f"{printable(found.path)}: {found.size} bytes, version {found.version}")
    click.echo(f"SHA-256 {found.sha256 or 'not computed yet'}")
    for transfer in found.transfers:
        act = "sent" if transfer.kind == "upload" else "fetched"
        size = f"{transfer.bytes} bytes" if transfer.ended else "still running (no end on record)"
        click.echo(
            f"{show_moment(transfer.at)}  {act} by {printable(transfer.user)} over {transfer.door},"
            f" {size}, ledger entry {transfer.entry}"
        )
