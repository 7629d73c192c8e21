"""`sealane login`: keep a server's address and a token for the user's commands; and how those commands use them."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import click

from sealane.settings import ClientSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealane.client import accounts
    from sealane.client.server import Server

_TOKEN_CHARACTERS_MAX = 4096


@click.command()
@click.argument("url", metavar="URL")
@click.option("--token-stdin", is_flag=True, help="Read the token from standard input.")
@click.option(
    "--ca",
    "certificate",
    type=click.Path(exists=True, dir_okay=False, resolve_path=True),
    envvar="SEALANE_CA",
    help="A certificate file to trust for this server (or SEALANE_CA).",
)
def login(url: str, certificate: str | None, *, token_stdin: bool) -> None:
    """Sign in at the server at URL (https://HOST[:PORT]) with a token, and remember it on this machine.

    The token is asked for on a terminal, or read with --token-stdin; it is kept in your configuration folder, readable
    by you alone.
    """
    from sealane.client import accounts, remote

    address = accounts.checked_address(url)
    if token_stdin:
        token = sys.stdin.readline(_TOKEN_CHARACTERS_MAX)
    elif sys.stdin.isatty():
        token = click.prompt("Token", hide_input=True)
    else:
        raise click.UsageError("Give the token with --token-stdin.")
    signed_in = accounts.Login(address, accounts.checked_token(token), certificate or "")
    with server_of(signed_in, ClientSettings()) as server:
        user = remote.signed_in_user(server)
    path = accounts.keep_login(signed_in)
    click.echo(f"Signed in at {address} as {user}. Kept in {path}.")


@contextlib.contextmanager
def present_server(settings: ClientSettings = ClientSettings()) -> Iterator[Server]:  # noqa: B008  frozen
    """Give the server that the user is signed in at."""
    from sealane.client import accounts

    with server_of(accounts.present_login(), settings) as server:
        yield server


@contextlib.contextmanager
def server_of(signed_in: accounts.Login, settings: ClientSettings) -> Iterator[Server]:
    """Give the server of a login, and close it."""
    from sealane.client.server import Server

    with contextlib.closing(Server(signed_in, settings)) as server:
        yield server
