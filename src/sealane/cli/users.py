"""`sealane user`: people and services that sign in, their roles, passwords and SSH keys."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, get_args

import click

from sealane.cli.asking import DataDirectory, json_option, on_data, read_password, show_answer
from sealane.operations.accounts import (
    AddSshKey,
    AddUser,
    DisableUser,
    EnableUser,
    ListRecipients,
    ListSshKeys,
    ListUsers,
    RemoveSshKey,
    Role,
    RowsAre,
    SetPassword,
    SetRecipient,
    SetRole,
)
from sealane.operations.envelope import Done

if TYPE_CHECKING:
    from typing import BinaryIO

_KEY_FILE_BYTES_MAX = 64 * 1024
_password_option = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
_role_type = click.Choice(get_args(Role))


@click.group()
def user() -> None:
    """Manage users: people and services that sign in, named NAME@ORG."""


@user.command("add")
@click.argument("name", metavar="NAME@ORG")
@click.option("--role", type=_role_type, default="member", show_default=True)
@click.option("--email", default="", help="Where messages for them go.")
@_password_option
@click.option("--ssh-key", "key_files", type=click.File("rb"), multiple=True, help="A public key file (.pub).")
@click.option("--recipient", "recipients", multiple=True, help="An age recipient (age1…) of theirs, kept for sealing.")
@on_data
def add(
    place: DataDirectory,
    name: str,
    role: Role,
    email: str,
    key_files: tuple[BinaryIO, ...],
    recipients: tuple[str, ...],
    *,
    password_stdin: bool,
) -> None:
    """Make a user. Without a password or key they can be given a token only."""
    keys = tuple(line for file in key_files for line in public_key_lines(file))
    password = read_password() if password_stdin else None
    place.ask(AddUser(user=name, role=role, email=email, password=password, ssh_keys=keys, recipients=recipients), Done)
    click.echo(f"User {name} is there, as {role}.")


@user.command("list")
@click.option("--org", "organization", default="", help="Only of this organization.")
@json_option
@on_data
def list_(place: DataDirectory, organization: str, *, as_json: bool) -> None:
    """List users."""
    show_answer(
        place.ask(ListUsers(organization=organization), RowsAre), as_json=as_json, empty="There are no users yet."
    )


@user.command("disable")
@click.argument("name", metavar="NAME@ORG")
@on_data
def disable(place: DataDirectory, name: str) -> None:
    """Disable a user: no more sign-in, and what they are doing ends within two seconds."""
    place.ask(DisableUser(user=name), Done)
    click.echo(f"User {name} is disabled; their sessions have ended.")


@user.command("enable")
@click.argument("name", metavar="NAME@ORG")
@on_data
def enable(place: DataDirectory, name: str) -> None:
    """Let a disabled user sign in again."""
    place.ask(EnableUser(user=name), Done)
    click.echo(f"User {name} may sign in again.")


@user.command("passwd")
@click.argument("name", metavar="NAME@ORG")
@_password_option
@on_data
def passwd(place: DataDirectory, name: str, *, password_stdin: bool) -> None:
    """Set a user's password; their sessions end. On a terminal it is asked for."""
    if not password_stdin and not sys.stdin.isatty():
        raise click.UsageError("Give the password with --password-stdin.")
    password = (
        read_password() if password_stdin else click.prompt("New password", hide_input=True, confirmation_prompt=True)
    )
    place.ask(SetPassword(user=name, password=password), Done)
    click.echo(f"The password of {name} is set; their sessions have ended.")


@user.command("role")
@click.argument("name", metavar="NAME@ORG")
@click.argument("role", type=_role_type)
@on_data
def role_(place: DataDirectory, name: str, role: Role) -> None:
    """Change a user's role. No role by itself lets anyone read files."""
    place.ask(SetRole(user=name, role=role), Done)
    click.echo(f"User {name} is now {role}.")


@user.group("key")
def key() -> None:
    """Manage SSH public keys of a user."""


@key.command("add")
@click.argument("name", metavar="NAME@ORG")
@click.argument("file", type=click.File("rb"))
@on_data
def key_add(place: DataDirectory, name: str, file: BinaryIO) -> None:
    """Add the public keys that stand in FILE (- is standard input)."""
    lines = public_key_lines(file)
    with place.open() as ask:
        for line in lines:
            ask(AddSshKey(user=name, line=line), Done)
    click.echo(f"{len(lines)} {'key' if len(lines) == 1 else 'keys'} added for {name}.")


@key.command("list")
@click.argument("name", metavar="NAME@ORG")
@json_option
@on_data
def key_list(place: DataDirectory, name: str, *, as_json: bool) -> None:
    """List a user's keys by fingerprint."""
    show_answer(place.ask(ListSshKeys(user=name), RowsAre), as_json=as_json, empty=f"{name} has no SSH keys.")


@key.command("remove")
@click.argument("name", metavar="NAME@ORG")
@click.argument("fingerprint", metavar="SHA256:…")
@on_data
def key_remove(place: DataDirectory, name: str, fingerprint: str) -> None:
    """Remove a key by its fingerprint; sessions that it opened end."""
    place.ask(RemoveSshKey(user=name, fingerprint=fingerprint), Done)
    click.echo(f"The key is removed; sessions that {name} opened with it have ended.")


def public_key_lines(file: BinaryIO) -> tuple[str, ...]:
    """Return the key lines of an `authorized_keys` or `.pub` file. A private key is refused unread by anyone else."""
    content = file.read(_KEY_FILE_BYTES_MAX + 1)
    if len(content) > _KEY_FILE_BYTES_MAX:
        raise click.BadParameter(f"{file.name} is too large for a file of public keys.")
    if b"PRIVATE KEY" in content:
        raise click.BadParameter(f"{file.name} holds a private key, which stays with its owner. Give the .pub file.")
    text = content.decode("utf-8", "replace")
    lines = tuple(line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    if not lines:
        raise click.BadParameter(f"{file.name} holds no public key.")
    return lines


@user.group("recipient")
def recipient() -> None:
    """Manage the public keys (age1…) that files in sealed folders are sealed to for a user."""


@recipient.command("add")
@click.argument("name", metavar="NAME@ORG")
@click.argument("key", metavar="age1...")
@on_data
def add_recipient(place: DataDirectory, name: str, key: str) -> None:
    """Add a public key. What arrives from now on is sealed to it too; for what is there see: sealane folder rewrap."""
    place.ask(SetRecipient(user=name, recipient=key, present=True), Done)
    click.echo(f"{name} has this key. What arrives from now on is sealed to it too.")


@recipient.command("remove")
@click.argument("name", metavar="NAME@ORG")
@click.argument("key", metavar="age1...")
@on_data
def remove_recipient(place: DataDirectory, name: str, key: str) -> None:
    """Take a public key away. What it could open before, its owner may have kept."""
    place.ask(SetRecipient(user=name, recipient=key, present=False), Done)
    click.echo(f"{name} has this key no more. Files that are there still name it: sealane folder rewrap.")


@recipient.command("list")
@click.argument("name", metavar="NAME@ORG")
@json_option
@on_data
def list_recipients(place: DataDirectory, name: str, *, as_json: bool) -> None:
    """List a user's public keys."""
    show_answer(place.ask(ListRecipients(user=name), RowsAre), as_json=as_json, empty="The user has no key yet.")
