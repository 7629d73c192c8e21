"""`sealane keys`: the user's own keys, with which sealed files are opened; and recovery keys on paper.

Must stay true: a secret is printed only where the user asked for paper (`keys recovery new`), is never an argument,
and is never written over another file. How other commands come to the keys at hand is here too (`identity_option`,
`at_hand`).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sealane.cli.asking import json_option
from sealane.cli.showing import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealane.client.identities import Held
    from sealane.client.recovery import Split
    from sealane.vault.age.keys import Identity

_WORDS_CHARACTERS_MAX = 65_536
_SHARES_ASKED_MAX = 16

identity_option = click.option(
    "--identity",
    "identity_files",
    multiple=True,
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="A file of your keys: age's, or an SSH key.  [SEALANE_IDENTITY, or identity.txt beside the login]",
)
passphrase_stdin_option = click.option(
    "--passphrase-stdin", is_flag=True, help="Read the passphrase from the first line of standard input."
)


@click.group()
def keys() -> None:
    """Make and show the keys with which you open sealed files."""


@keys.command("new")
@click.option("--out", type=click.Path(path_type=Path), help="Where to.  [identity.txt in your configuration folder]")
@click.option("--classic", is_flag=True, help="An X25519 key, for a partner whose tools know no post-quantum keys.")
@click.option("--passphrase", is_flag=True, help="Protect the file with a passphrase, which is asked for.")
@passphrase_stdin_option
def new(out: Path | None, *, classic: bool, passphrase: bool, passphrase_stdin: bool) -> None:
    """Make a new key. Its public half is printed, alone on the last line: give that to whoever seals to you.

    The file is for you alone, in the format of age, and never overwritten. Whoever loses it, and has no recovery key,
    has lost what was sealed to it.
    """
    from sealane.client import identities
    from sealane.clock import Clock

    path = out or identities.default_file()
    if path.exists() or path.is_symlink():
        raise click.UsageError(f"{path} is there already, and a key is never overwritten. Name another with --out.")
    secret = new_passphrase(stdin=passphrase_stdin) if passphrase or passphrase_stdin else None
    identity = identities.make(classic=classic)
    identities.keep(path, identities.written(identity, Clock().now(), secret))
    click.echo(f"Your key is in {path}. Keep a copy where this machine's end is not its end.", err=True)
    click.echo(str(identity.recipient()))


@keys.command("show")
@identity_option
@passphrase_stdin_option
@json_option
def show(identity_files: tuple[Path, ...], *, passphrase_stdin: bool, as_json: bool) -> None:
    """Print the public halves of the keys at hand, one a line: what you give to whoever seals to you."""
    held = held_at_hand(identity_files, passphrase_stdin=passphrase_stdin)
    if as_json:
        rows = [{"file": str(one.path), "recipient": str(one.identity.recipient())} for one in held]
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    if not held:
        click.echo("You have no key yet. 'sealane keys new' makes one.", err=True)
    for one in held:
        click.echo(str(one.identity.recipient()))


@keys.group("recovery")
def recovery() -> None:
    """Make recovery keys on paper, and put them together again."""


@recovery.command("new")
@click.option("--words", is_flag=True, help="One sheet of 33 words.  [the default]")
@click.option("--split", metavar="K/N", help="N sheets, of which any K together have the key: 3/5.")
@click.option(
    "--classic", is_flag=True, help="An X25519 key, for folders some of whose readers have no post-quantum key."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write to files instead of printing: FILE, or FILE-1, FILE-2 and so on where the key is split.",
)
def recovery_new(split: str | None, out: Path | None, *, words: bool, classic: bool) -> None:
    """Make a recovery key: it opens what is sealed to it when people have lost their own.

    The secret is on the sheets and nowhere else; print them on a machine without a network. The recipient, printed
    alone on the last line, is for the server ('sealane folder add --recovery').

    A file is sealed to keys of one kind. The recovery keys and every reader with a key need one in common: without
    --classic the key is post-quantum, and readers who have only classic keys (age1…, SSH) keep it from being used.
    'sealane folder sealed' and 'sealane doctor' on the server say whose keys are of which kind.
    """
    from sealane.client import identities
    from sealane.client import recovery as papers
    from sealane.clock import Clock

    if words and split:
        raise click.UsageError("Choose one of --words and --split.")
    parts = papers.WHOLE if split is None else _split(split)
    paths = _sheet_files(out, parts)
    identity = identities.make(classic=classic)
    recipient, created = str(identity.recipient()), f"{Clock().now():%Y-%m-%d}"
    sheets = [
        papers.sheet(share, number=number, split=parts, recipient=recipient, created=created)
        for number, share in enumerate(papers.shares_of(identity, parts), 1)
    ]
    if not paths:
        click.echo("\n\f\n".join(sheets))
    for path, sheet in zip(paths, sheets, strict=False):
        identities.keep(path, sheet.encode())
    if paths:
        click.echo(f"Written: {', '.join(map(str, paths))}. Print them, and destroy the files.", err=True)
        click.echo(recipient)


@recovery.command("combine")
@click.argument("sheets", metavar="[FILE]...", nargs=-1, type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The identity file to write.")
@click.option("--recipient", help="The recipient on the sheet: refuse words that are of another key.")
@click.option("--classic", is_flag=True, help="The key was made with --classic; whole sheets and --recipient say so.")
def recovery_combine(sheets: tuple[Path, ...], out: Path, recipient: str | None, *, classic: bool) -> None:
    """Put a recovery key together from its sheets, and write it as an identity file.

    Words come from FILEs, from standard input, or are asked for; the first four letters of each are enough.
    The recipient that is printed last is the one on the sheets, or the key was made with --classic.
    """
    from sealane.client import identities
    from sealane.client import recovery as papers
    from sealane.clock import Clock
    from sealane.errors import Integrity

    if out.exists() or out.is_symlink():
        raise click.UsageError(f"{out} is there already, and a key is never overwritten.")
    texts: list[str] = []
    if sheets:
        texts = [_text_of(path) for path in sheets]
    elif not sys.stdin.isatty():
        texts = [sys.stdin.read(_WORDS_CHARACTERS_MAX + 1)]
    shares = [share for text in texts for share in papers.found_in(text)] if texts else _asked_shares()
    said = [recipient] if recipient is not None else texts
    identity = papers.identity_of(shares, classic=classic or any(map(papers.names_classic, said)))
    found = str(identity.recipient())
    named = {recipient.strip()} if recipient is not None else papers.recipients_in(texts)
    if named and found not in named:
        raise Integrity("These words are of another recovery key than the one that is named.")
    identities.keep(out, identities.written(identity, Clock().now(), None))
    click.echo(f"The recovery key is in {out}. Destroy that file when you are done.", err=True)
    click.echo(found)


def held_at_hand(identity_files: Sequence[Path], *, passphrase_stdin: bool) -> list[Held]:
    """Return the keys in the files named, else in those of the environment or the default one."""
    from sealane.client import identities

    ask = _asker(stdin=passphrase_stdin)
    return identities.held_in(list(identity_files) or identities.identity_files(), ask)


def at_hand(identity_files: Sequence[Path], *, passphrase_stdin: bool) -> list[Identity]:
    """Return the private keys at hand, for opening."""
    return [one.identity for one in held_at_hand(identity_files, passphrase_stdin=passphrase_stdin)]


def _asker(*, stdin: bool) -> Callable[[Path], str]:
    def ask(path: Path) -> str:
        from sealane.client.failures import PassphraseWrong

        if stdin:
            return _passphrase_line()
        if not sys.stdin.isatty():
            raise PassphraseWrong(f"{path} needs its passphrase. Give it with --passphrase-stdin.")
        return str(click.prompt(f"Passphrase of {printable(str(path))}", hide_input=True, err=True))

    return ask


def new_passphrase(*, stdin: bool) -> str:
    """Return a passphrase for a new key, asked for twice or read from standard input."""
    from sealane.settings import ClientSettings

    least = ClientSettings().passphrase_characters_min
    if stdin:
        secret = _passphrase_line()
    elif sys.stdin.isatty():
        secret = str(click.prompt("New passphrase", hide_input=True, confirmation_prompt=True, err=True))
    else:
        raise click.UsageError("Give the passphrase with --passphrase-stdin.")
    if len(secret) < least:
        raise click.UsageError(f"A passphrase of {least} characters at least: whoever has the file may try for years.")
    return secret


def _passphrase_line() -> str:
    line = sys.stdin.readline(4096).rstrip("\r\n")
    if not line:
        raise click.UsageError("No passphrase came on standard input.")
    return line


def _split(text: str) -> Split:
    from sealane.client.recovery import SHARES_MAX, Split

    needed, slash, made = text.partition("/")
    if slash and needed.isascii() and needed.isdigit() and made.isascii() and made.isdigit() and len(text) < 6:  # noqa: PLR2004  16/16
        wanted = int(needed), int(made)
        if wanted != (1, 1) and Split.is_possible(*wanted):
            return Split(*wanted)
    raise click.UsageError(f"--split is K/N such as 3/5: 2 at least, and {SHARES_MAX} sheets at most.")


def _sheet_files(out: Path | None, split: Split) -> list[Path]:
    if out is None:
        return []
    suffixes = [""] if split.made == 1 else [f"-{number}" for number in range(1, split.made + 1)]
    paths = [out.with_name(f"{out.name}{suffix}") for suffix in suffixes]
    for path in paths:
        if path.exists() or path.is_symlink():
            raise click.UsageError(f"{path} is there already, and a key is never overwritten.")
    return paths


def _text_of(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_WORDS_CHARACTERS_MAX + 1).decode("utf-8", errors="replace")


def _asked_shares() -> list[str]:
    """Ask for one share after another, each told at once when it has a mistake, until an empty line."""
    from sealane.client import recovery as papers
    from sealane.client.failures import RecoveryWordsInvalid

    shares: list[str] = []
    click.echo("Type the 33 words of a share, on one line. An empty line ends it.", err=True)
    while len(shares) < _SHARES_ASKED_MAX:
        line = str(click.prompt(f"Share {len(shares) + 1}", default="", show_default=False, err=True))
        if not line.strip():
            break
        try:
            found = papers.found_in(line)
        except RecoveryWordsInvalid as problem:
            click.echo(problem.sentence, err=True)
            continue
        if len(found) == 1 and papers.is_share(found[0]):
            shares += found
        else:
            click.echo("There is a mistake in it: its checksum does not match.", err=True)
    return shares
