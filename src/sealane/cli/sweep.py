"""`sealane sweep`: clear what is past its time, now; the server also does it by itself."""

from __future__ import annotations

import click

from sealane.cli.asking import DataDirectory, on_data
from sealane.operations.accounts import Sweep, SweptIs


@click.command()
@on_data
def sweep(place: DataDirectory) -> None:
    """Clear interrupted uploads and old versions that are past their time, and blobs that nothing needs."""
    swept = place.ask(Sweep(), SweptIs)
    click.echo(f"Cleared: uploads {swept.uploads}, versions {swept.versions}, blobs {swept.blobs}.")
