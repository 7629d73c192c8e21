"""`sealane exposure show|forecast` at a server, `set|folders|rescan|queue|layout` on its data directory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sealane.cli.asking import DataDirectory, json_option, on_data, show_answer
from sealane.cli.identities import at_hand, identity_option, passphrase_stdin_option
from sealane.cli.login import present_server
from sealane.cli.showing import printable, show_moment
from sealane.operations.accounts import RowsAre
from sealane.operations.envelope import Done
from sealane.operations.exposures import (
    CorrectLayout,
    ForecastAll,
    ForecastIs,
    ListLayouts,
    ListReading,
    LookQueue,
    QueueIs,
    Rescan,
    RescanIs,
    SetReading,
)
from sealane.operations.inspection import ColumnOf, LayoutOf

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealane.client.people_lists import FileExposure
    from sealane.client.server import Server
    from sealane.vault.age.keys import Identity

_STATES = {
    "waiting": "It waits to be read.",
    "not-read": "Nobody has read whose data is in it (sealane exposure set, sealane exposure rescan).",
}


@click.command()
@click.argument("path", metavar="/PATH")
@identity_option
@passphrase_stdin_option
@click.option(
    "--people",
    type=click.Path(dir_okay=False, path_type=Path),
    help="As an officer: write the individuals, opened with your key, one JSON object a line.",
)
@json_option
def show(
    path: str, identity_files: tuple[Path, ...], *, passphrase_stdin: bool, people: Path | None, as_json: bool
) -> None:
    """Say how many individuals are in the file at /PATH, and what of it could not be read.

    The file written by --people holds their data in clear: it is new, and for its owner alone.
    """
    from sealane import paths
    from sealane.client import people_lists

    parsed = paths.parse(path)
    with present_server() as server:
        told = people_lists.show(server, parsed)
        if people is not None:
            identities = at_hand(identity_files, passphrase_stdin=passphrase_stdin)
            if not identities:
                raise click.UsageError("You have no key at hand. Name one with --identity.")
            _write_people(server, told.version, identities, people)
    if as_json:
        click.echo(json.dumps(_told(told), ensure_ascii=False))
    else:
        _show(told)


def _write_people(server: Server, version: str, identities: Sequence[Identity], out: Path) -> None:
    from sealane.cli.exposure import check_installed, write_lines
    from sealane.client import people_lists
    from sealane.exposure.people.lists import read_list

    check_installed()
    write_lines(out, read_list(people_lists.opened(server, version, identities)))


def _told(told: FileExposure) -> dict[str, object]:
    counts = told.exposure
    return {
        "file": told.path,
        "version": told.version,
        "state": told.state,
        "sealed": told.sealed,
        "listed": told.listed,
        "format": counts.format if counts else None,
        "coverage": counts.coverage if counts else None,
        "unreadable": [{"part": one.part, "why": one.why} for one in counts.unreadable] if counts else [],
        "records": counts.records if counts else None,
        "people": counts.people if counts else None,
        "classes": counts.classes if counts else {},
    }


def _show(told: FileExposure) -> None:
    counts = told.exposure
    if counts is None:
        click.echo(f"{printable(told.path)}: {_STATES[told.state]}")
        return
    click.echo(f"{printable(told.path)}: {counts.format}, {counts.records} records, {counts.people} people")
    click.echo("".join(_lines(counts.classes)), nl=False)
    click.echo(f"Coverage: {counts.coverage}")
    for one in counts.unreadable:
        click.echo(f"  not read: {printable(one.part)} ({printable(one.why)})")
    click.echo("The list of them is sealed to the officer." if told.listed else "There is no list of them.")


def _lines(classes: dict[str, int]) -> Iterator[str]:
    for name, number in sorted(classes.items(), key=lambda each: (-each[1], each[0])):
        yield f"  {number:>12} {printable(name)}\n"


@click.command()
@click.argument("folder", metavar="[/FOLDER]", default="")
@click.option("--user", default="", metavar="NAME@ORG", help="All that this user may read.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="As the server's operator: the whole server, by its data directory.",
)
@json_option
def forecast(folder: str, user: str, *, data: Path | None, as_json: bool) -> None:
    """Say what a theft would reach today: of /FOLDER, of a user, of your organization; with --data of the server.

    Individuals are counted once a file, so it is how many at most; what is sealed apart cannot be opened by a thief.
    """
    if data is not None and (folder or user):
        raise click.UsageError("With --data it is the whole server; name no folder and no user.")
    piles = _of_server(data) if data is not None else _of_organization(folder, user)
    if as_json:
        click.echo(json.dumps(piles, ensure_ascii=False))
        return
    for title, pile in zip(("Could be read", "Sealed", "Earlier versions, kept"), piles.values(), strict=True):
        click.echo(f"{title}: {pile['files']} files, {pile['people_at_most']} people at most")
        click.echo("".join(_lines(pile["classes"])), nl=False)  # type: ignore[arg-type]  # pyrefly: ignore
        unread = {name: count for name, count in pile["coverage"].items() if name != "complete"}  # type: ignore[union-attr]  # pyrefly: ignore
        for name, count in sorted(unread.items()):
            click.echo(f"  {count} files: {name}")


def _of_organization(folder: str, user: str) -> dict[str, dict[str, object]]:
    import msgspec

    from sealane.client import people_lists

    with present_server() as server:
        return msgspec.to_builtins(people_lists.forecast(server, folder=folder, user=user))


def _of_server(data: Path) -> dict[str, dict[str, object]]:
    from sealane import configuration

    told = DataDirectory(data, configuration.load()).ask(ForecastAll(), ForecastIs)
    return {
        name: {
            "files": reach.files,
            "people_at_most": reach.people,
            "classes": reach.classes,
            "coverage": reach.coverage,
        }
        for name, reach in (("open", told.open), ("sealed", told.sealed), ("kept", told.kept))
    }


# --- The operator's --------------------------------------------------------------------------------------------------


@click.command("set")
@click.argument("folder", metavar="ORG:/PATH")
@click.option("--on/--off", "reading", default=None, help="Whether whose data is in what arrives is read at all.")
@click.option("--owner", default=None, help="Whose people's data it is, where files do not tell. Empty: nobody's.")
@click.option(
    "--owner-recipient", default=None, metavar="age1...", help="Seal its people lists to this key of theirs, too."
)
@click.option(
    "--publish",
    type=click.Choice(["at-once", "after-reading"]),
    help="When others see an ordinary file: at its end, or once whose data is in it was read.",
)
@click.option(
    "--unread-after",
    type=click.IntRange(min=0),
    metavar="SECONDS",
    help="With after-reading: show a file unread when reading it takes longer. 0, as nothing said: never.",
)
@on_data
def set_(place: DataDirectory, folder: str, unread_after: int | None, **said: Any) -> None:
    """Say how a folder is read with all below it. What is not named stays."""
    if unread_after is None and all(value is None for value in said.values()):
        raise click.UsageError("Name --on, --off, --owner, --owner-recipient, --publish or --unread-after.")
    place.ask(SetReading(folder=folder, unread_after_seconds=unread_after, **said), Done)
    click.echo(f"What arrives in {folder} from now on is read so. For what is there: sealane exposure rescan {folder}")


@click.command()
@json_option
@on_data
def folders(place: DataDirectory, *, as_json: bool) -> None:
    """List the folders of which it was said how they are read."""
    show_answer(place.ask(ListReading(), RowsAre), as_json=as_json, empty="Nothing was said: every folder is read.")


@click.command()
@click.argument("folder", metavar="[ORG:/PATH]", default="")
@click.option("--all", "everything", is_flag=True, help="Also what the present readers have read already.")
@on_data
def rescan(place: DataDirectory, folder: str, *, everything: bool) -> None:
    """Have stored files read that nobody has, that older readers have, or of which there is no list for the officer.

    The running server reads them one after another. Sealed files cannot be read any more.
    """
    queued, after = 0, ""
    with place.open() as ask:
        while True:
            told = ask(Rescan(folder=folder, everything=everything, after=after), RescanIs)
            queued += told.queued
            after = told.after
            if not after:
                break
    click.echo(f"{queued} files are to be read.")


@click.command()
@json_option
@on_data
def queue(place: DataDirectory, *, as_json: bool) -> None:
    """Say how much waits to be read, and since when."""
    told = place.ask(LookQueue(), QueueIs)
    oldest = told.oldest.isoformat().replace("+00:00", "Z") if told.oldest else None
    if as_json:
        held_since = told.held_since.isoformat().replace("+00:00", "Z") if told.held_since else None
        held = {"held_files": told.held_files, "held_bytes": told.held_bytes, "held_since": held_since}
        click.echo(json.dumps({"waiting": told.waiting, "oldest": oldest, "settled": told.settled, **held}))
        return
    since = f", the oldest since {show_moment(told.oldest)}" if told.oldest else ""
    to_seal = told.settled - told.held_files
    click.echo(f"{told.waiting} files wait for the inspector{since}; {max(0, to_seal)} uploads wait to be sealed.")
    if told.held_since:
        click.echo(
            f"{told.held_files} files ({told.held_bytes} bytes) are not visible before they are read, the oldest since"
            f" {show_moment(told.held_since)}."
        )


@click.group("layout")
def layout_() -> None:
    """Manage what is known of tables: what their columns hold, by sender, folder and header."""


@layout_.command("list")
@click.argument("folder", metavar="ORG:/PATH")
@json_option
@on_data
def layout_list(place: DataDirectory, folder: str, *, as_json: bool) -> None:
    """List the layouts of a folder's tables, with every revision; the newest holds."""
    show_answer(place.ask(ListLayouts(folder=folder), RowsAre), as_json=as_json, empty="No table has come there yet.")


@layout_.command("correct")
@click.argument("folder", metavar="ORG:/PATH")
@click.argument("user", metavar="NAME@ORG")
@click.argument("fingerprint")
@click.argument("columns", nargs=-1, required=True, metavar="SLOT...")
@on_data
def layout_correct(place: DataDirectory, folder: str, user: str, fingerprint: str, columns: tuple[str, ...]) -> None:
    """Say what every column of a table holds, in order: given family ssn other spouse.given …

    It holds for what comes from now on; for what is there: sealane exposure rescan --all.
    """
    from sealane.exposure.tables.slots import Slot

    told = []
    for column in columns:
        role, _, slot = column.rpartition(".")
        if slot not in set(Slot):
            raise click.UsageError(f"There is no slot {slot!r}. One of: {', '.join(Slot)}")
        told.append(ColumnOf(slot, role))
    place.ask(CorrectLayout(folder=folder, user=user, layout=LayoutOf(fingerprint, tuple(told))), Done)
    click.echo("The layout is corrected.")


COMMANDS = (show, forecast, set_, folders, rescan, queue, layout_)
