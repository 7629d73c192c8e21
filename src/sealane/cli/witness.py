"""`sealane witness`: watches other servers' ledgers from a machine of its own."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def witness() -> None:
    """Cosign the checkpoints of ledgers that only grow, on a machine that their operator does not rule."""


_folder = click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("sealane-witness"),
    show_default="./sealane-witness",
    help="Where its key and what it saw are kept.",
)
_name = click.option("--name", default="", metavar="NAME", help="Its name, given once: witness.example.org/w1.")


@witness.command("key")
@_folder
@_name
def key(folder: Path, name: str) -> None:
    """Print the key by which its cosignatures are verified; the first time it is made."""
    from sealane.clock import Clock
    from sealane.jobs.witness import Witness

    click.echo(Witness.open(folder, [], Clock(), name=name).key.text())


@witness.command("serve")
@_folder
@_name
@click.option("--log", "vkeys", multiple=True, required=True, metavar="VKEY", help="A ledger's key: sealane audit key.")
@click.option("--http", default="127.0.0.1:8090", show_default=True, metavar="HOST:PORT", help="Where it listens.")
@click.option("--tls-cert", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Certificate, PEM.")
@click.option("--tls-key", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Its key, PEM.")
def serve(
    folder: Path, name: str, vkeys: tuple[str, ...], http: str, tls_cert: Path | None, tls_key: Path | None
) -> None:
    """Serve until Ctrl-C (C2SP tlog-witness). Without a certificate on loopback only."""
    from sealane.clock import Clock
    from sealane.jobs import witness_server
    from sealane.jobs.witness import Witness, logs_of
    from sealane.process import log_to_stderr

    log_to_stderr()
    opened = Witness.open(folder, logs_of(vkeys), Clock(), name=name)
    click.echo(f"The witness {opened.key.text()} serves at {http}")
    witness_server.serve(opened, http, tls_cert, tls_key)
