"""`sealane`: the table of its commands, and the one place where a failure becomes a line on stderr and an exit code.

A command's module is imported when the command runs, not before; help is printed from the table.
"""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple, NoReturn

import click

from sealane.cli.showing import printable
from sealane.errors import Kind, SealaneError

EXIT_FAILED = 1
EXIT_REFUSED = 3
EXIT_PARTLY = 4
EXIT_INTEGRITY = 5
EXIT_INTERRUPTED = 130
"""128 + SIGINT, as shells say it."""
USAGE = "usage"
"""The code of wrong usage, whatever is wrong with it."""

_EXIT_CODES = {Kind.REFUSED: EXIT_REFUSED, Kind.INTEGRITY: EXIT_INTEGRITY}


def exit_code_of(error: SealaneError) -> int:
    """Return the exit code of an expected failure."""
    return _EXIT_CODES.get(error.kind, EXIT_FAILED)


class Place(NamedTuple):
    """Where a command lives and what help says of it, so that help imports nothing."""

    module: str
    attribute: str
    help: str


class Commands(click.Group):
    """A group whose commands are imported when they are run; it turns expected failures into exit codes."""

    def __init__(self, *, places: dict[str, Place], **attributes: Any) -> None:
        """Take the table of commands."""
        super().__init__(**attributes)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the table's order."""
        del ctx
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        del ctx
        place = self._places.get(cmd_name)
        if place is None:
            return None
        found = getattr(importlib.import_module(f"sealane.cli.{place.module}"), place.attribute)
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table, in two parts, without importing any command."""
        del ctx
        for title, wanted in (
            ("On a server's data directory", _SERVER),
            ("On a server, as its user", _USER),
            ("On this machine", _HERE),
        ):
            with formatter.section(title):
                formatter.write_dl([(name, place.help) for name, place in wanted.items()])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read what stands before the command's name."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as problem:
            _say_usage(problem, ctx)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an expected failure ends it with its own exit code, wrong usage with that of wrong usage."""
        try:
            return super().invoke(ctx)
        except click.UsageError as problem:
            _say_usage(problem, ctx)
        except SealaneError as error:
            _say(error.sentence, error.code)
            ctx.exit(exit_code_of(error))


def _say(sentence: str, code: str) -> None:
    click.echo(f"error: {printable(sentence)} ({code})", err=True)


def _say_usage(problem: click.UsageError, ctx: click.Context) -> NoReturn:
    """Say what is wrong with how a command was written, and where help is, in the shape of every other error."""
    if isinstance(problem, click.exceptions.NoArgsIsHelpError):
        raise problem  # its message is the help
    command = (problem.ctx or ctx).command_path
    sentence = " ".join(problem.format_message().split()).rstrip(".")
    _say(f"{sentence}. See: {command} --help", USAGE)
    ctx.exit(problem.exit_code)


_SERVER = {
    "serve": Place("serve", "serve", "Start the server."),
    "org": Place("organizations", "org", "Organizations: add, list, quota."),
    "user": Place("users", "user", "Users: add, list, disable, enable, passwd, role, key."),
    "group": Place("groups", "group", "Groups: add, list, join, leave."),
    "token": Place("tokens", "token", "API tokens: add, list, revoke."),
    "folder": Place("folders", "folder", "Folders and who may what: add, list, grant, revoke, quota; rewrap."),
    "officer": Place("officer", "officer", "Who can open people lists: set, list; rewrap."),
    "session": Place("sessions", "session", "Sessions that are open now: list, end."),
    "upload": Place("uploads", "upload", "Uploads that are not finished: list."),
    "key": Place("keys", "key", "Keys at rest: rotate."),
    "audit": Place("audit", "audit", "The ledger: log, verify, checkpoint, key, export."),
    "witness": Place("witness", "witness", "Watch other servers' ledgers: key, serve."),
    "sweep": Place("sweep", "sweep", "Clear what is past its time, now."),
    "doctor": Place("doctor", "doctor", "Look for what is wrong with this server."),
}

_USER = {
    "login": Place("login", "login", "Keep a server's address and your token for the commands below."),
    "put": Place("transfer", "put", "Send files and folders."),
    "get": Place("transfer", "get", "Fetch a file or folder."),
    "open": Place("opening", "open_", "Open a sealed file."),
    "keys": Place("identities", "keys", "Your keys: new, show; recovery keys: new, combine."),
    "ls": Place("remote", "ls", "List a folder."),
    "file": Place("versions", "file", "Versions of a file: versions, restore, removed."),
    "rm": Place("remote", "rm", "Remove a file, or an empty folder."),
    "mkdir": Place("remote", "mkdir", "Make a folder."),
    "receipt": Place("remote", "receipt", "Who sent and who fetched exactly these bytes."),
}

_HERE = {
    "desk": Place("desk", "desk", "The privacy officer's desk: init, sync, incident, check-page, wipe."),
    "drill": Place("drill", "drill", "A break-in played on throw-away data, and answered: breach."),
    "exposure": Place(
        "exposure", "exposure", "Whose data is in files: scan, show, forecast; set, rescan, queue, layout."
    ),
}


def _show_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:  # noqa: FBT001  click's own signature
    if wanted:
        from sealane import __version__

        click.echo(f"sealane {__version__}")
        context.exit()


cli = Commands(
    name="sealane",
    places=_SERVER | _USER | _HERE,
    help="Managed file transfer that can say exactly what left and whose data was in it.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_show_version,
            help="Print the version.",
        )
    ],
)


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    cli.main(prog_name="sealane")
