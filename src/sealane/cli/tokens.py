"""`sealane token`: API tokens, shown once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from sealane.cli.asking import DataDirectory, json_option, on_data, show_answer
from sealane.cli.showing import show_moment
from sealane.cli.words import Word, parse_duration
from sealane.clock import Clock
from sealane.operations.accounts import AddToken, ListTokens, RevokeToken, RowsAre, TokenIs
from sealane.operations.envelope import Done

if TYPE_CHECKING:
    from datetime import datetime, timedelta

Scope = Literal["read", "write", "admin"]


def parse_expiry(text: str) -> timedelta | None:
    """Return how long a token lasts; `never` is None. Raises ValueError."""
    return None if text == "never" else parse_duration(text)


@click.group()
def token() -> None:
    """Manage API tokens, for HTTPS and the client."""


@token.command("add")
@click.argument("name", metavar="NAME@ORG")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(["read", "write", "admin"]),
    multiple=True,
    default=("read", "write"),
    show_default=True,
    help="What it may be used for, within its user's rights.",
)
@click.option(
    "--expires",
    type=Word("duration", parse_expiry),
    default="90d",
    show_default=True,
    help="How long it lasts: 30d, 12h, or never.",
)
@on_data
def add(place: DataDirectory, name: str, scopes: tuple[Scope, ...], expires: timedelta | None) -> None:
    """Make a token. It is printed once, alone on the last line; only its hash is kept."""
    until: datetime | None = None if expires is None else Clock().now() + expires
    answer = place.ask(AddToken(user=name, scopes=tuple(dict.fromkeys(scopes)), expires=until), TokenIs)
    lasts = "until it is revoked" if until is None else f"until {show_moment(until)}"
    click.echo(
        f"Token {answer.name} of {name} for {' and '.join(dict.fromkeys(scopes))}, {lasts}. It is shown only now:"
    )
    click.echo(answer.token)


@token.command("list")
@click.argument("name", metavar="NAME@ORG")
@json_option
@on_data
def list_(place: DataDirectory, name: str, *, as_json: bool) -> None:
    """List a user's tokens, without their secrets."""
    show_answer(place.ask(ListTokens(user=name), RowsAre), as_json=as_json, empty=f"{name} has no tokens.")


@token.command("revoke")
@click.argument("name", metavar="NAME@ORG")
@click.argument("token_name", metavar="TOKEN-NAME")
@on_data
def revoke(place: DataDirectory, name: str, token_name: str) -> None:
    """Revoke a token by its name (see token list); sessions that it opened end."""
    place.ask(RevokeToken(user=name, name=token_name), Done)
    click.echo(f"Token {token_name} is revoked; its sessions have ended.")
