"""`sealane serve`: start the server."""

from __future__ import annotations

from pathlib import Path

import click

from sealane import configuration
from sealane.cli.asking import config_option, data_option

_file_type = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command()
@click.option("--http", metavar="HOST:PORT", help="Where HTTP listens; in clear only on loopback.  [127.0.0.1:8080]")
@click.option("--sftp", metavar="HOST:PORT", help="Where SFTP listens.  [127.0.0.1:2022]")
@click.option("--tls-cert", type=_file_type, help="Certificate chain (PEM).")
@click.option("--tls-key", type=_file_type, help="Its private key (PEM).")
@click.option("--workers", type=click.IntRange(min=1), help="SFTP workers and HTTP workers, each.")
@data_option
@config_option
def serve(
    http: str | None,
    sftp: str | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    workers: int | None,
    data: Path,
    config: Path | None,
) -> None:
    """Start the server on a data directory, which is made if it is not there."""
    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key go together.")
    settings = configuration.load(
        config=config,
        http=http,
        sftp=sftp,
        tls_cert=None if tls_cert is None else str(tls_cert.absolute()),
        tls_key=None if tls_key is None else str(tls_key.absolute()),
        workers=workers,
    )
    from sealane import app

    raise SystemExit(app.serve(settings, data))
