"""`sealane upload`: uploads that are not finished."""

from __future__ import annotations

import click

from sealane.cli.asking import DataDirectory, json_option, on_data, show_answer
from sealane.operations.accounts import ListUploads, RowsAre


@click.group()
def upload() -> None:
    """See uploads that are not finished."""


@upload.command("list")
@json_option
@on_data
def list_(place: DataDirectory, *, as_json: bool) -> None:
    """List unfinished uploads: whose, where to, how far, and until when they can be resumed."""
    show_answer(place.ask(ListUploads(), RowsAre), as_json=as_json, empty="No upload is unfinished.")
