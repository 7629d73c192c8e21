"""`sealane open`: an age file, opened on this machine. No server is asked."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from sealane.cli.identities import at_hand, identity_option, passphrase_stdin_option
from sealane.cli.showing import printable, show_size

_SEALED_NAME = ".age"
_PRINTED = " It may be cut short: use nothing of what was printed."


@click.command("open")
@click.argument("source", metavar="FILE.age", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@identity_option
@passphrase_stdin_option
@click.option("--out", metavar="FILE", help="Where to; - is standard output.  [FILE without .age, beside it]")
def open_(source: str, identity_files: tuple[Path, ...], out: str | None, *, passphrase_stdin: bool) -> None:
    """Open a sealed file with your key.

    A file has its name only once it opened to its last chunk; nothing is overwritten. To standard output each chunk
    goes once it is authenticated, but only exit code 0 says that it was all: with 5, what came must not be used as
    whole; with 3, no key of yours opens it.
    """
    from sealane.client import opening
    from sealane.client.failures import LocalFailure
    from sealane.errors import Integrity

    if source == "-" and (out is None or passphrase_stdin):
        raise click.UsageError("Of standard input say where it goes with --out, and give the passphrase otherwise.")
    target = _target(source) if out is None else Path(out)
    identities = at_hand(identity_files, passphrase_stdin=passphrase_stdin)
    if not identities:
        raise click.UsageError("You have no key at hand. Name one with --identity; 'sealane keys new' makes one.")
    try:
        with click.open_file(source, "rb") as file:
            if out != "-":
                opened = opening.open_to_file(file, identities, target)
                click.echo(
                    f"Opened whole: {printable(str(target))}, {show_size(opened.size)}, SHA-256 {opened.sha256}."
                )
                return
            opening.open_to_stream(file, identities, _write_out)
            sys.stdout.buffer.flush()
    except Integrity as error:
        raise type(error)(f"{error.sentence}{_PRINTED if out == '-' else ''}") from None
    except OSError as problem:
        raise LocalFailure(f"{source} cannot be read: {problem.strerror}.") from None


def _target(source: str) -> Path:
    path = Path(source)
    if not path.name.endswith(_SEALED_NAME) or not path.name.removesuffix(_SEALED_NAME).strip("."):
        raise click.UsageError(f"{path.name} does not end in {_SEALED_NAME}. Say where it goes with --out.")
    return path.with_name(path.name.removesuffix(_SEALED_NAME))


def _write_out(plain: memoryview) -> None:
    sys.stdout.buffer.write(plain)
