"""Folders and files: the table, making, removing; downloads by the data route that scripts use too.

Not here: what is known of one file, its earlier versions, moving it (details.py).
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from sealane import paths
from sealane.doors.http import browser, delivery
from sealane.doors.http.browser import OriginRefused
from sealane.doors.http.locations import names_of
from sealane.doors.web import archives, forms, moves
from sealane.doors.web.listings import Asked, listing, sort_of
from sealane.doors.web.readers import readers_of
from sealane.errors import Invalid, NotAFolder
from sealane.operations.envelope import Done
from sealane.operations.files import Look, MakeFolder, RemovedRestorably, RemoveFolder, RemoveRestorably, Seen

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealane.doors.web.forms import Form
    from sealane.doors.web.visits import Visit


def place_of(visit: Visit) -> str:
    """Return the path that the address names, decoded once from the raw bytes and checked."""
    raw: str = visit.exchange.scope["path_params"].get("path", "")
    return paths.show(names_of(raw.encode("ascii")))


def parent_of(path: str) -> str:
    """Return the folder that something is in."""
    return paths.show(paths.parse(path)[:-1])


def crumbs_of(path: str) -> tuple[tuple[str, str], ...]:
    """Return each folder on the way to a path: its name and its own path."""
    names = paths.parse(path)
    return tuple((name, paths.show(names[:depth])) for depth, name in enumerate(names, start=1))


async def show_home(visit: Visit) -> Response:
    """Lead to the folders."""
    return visit.go("/files")


async def show_folder(visit: Visit) -> Response:
    """Show a folder as a table."""
    path = place_of(visit)
    query = visit.query()
    asked = _asked(query)
    try:
        shown = await listing(visit, path, asked)
    except NotAFolder:
        return visit.go(forms.address("/details", path))
    folder = (await visit.ask(Look(handle="", path=path), Seen)).entry
    given = {
        "readers": await readers_of(visit, path) if folder.sealed else None,
        "path": path,
        "crumbs": crumbs_of(path),
        "folder": folder,
        "listing": shown,
        "asked": asked,
        "failure": None,
        "typed": "",
        "undo": {"note": query["undo"], "name": query["name"]} if query["undo"] else None,
        "moved": moves.noted(visit),
    }
    template = "rows.html" if query["part"] == "rows" else "files.html"
    return visit.page(template, **given)


def _asked(query: Form) -> Asked:
    start = query["start"]
    if start and not (start.isascii() and start.isdigit() and len(start) < 10):  # noqa: PLR2004  # a place in a listing
        raise Invalid("The page number is not valid.")
    return Asked(
        sort=sort_of(query["sort"]),
        down=query["order"] == "down",
        search=query["q"],
        start=int(start or 0),
        after=query.exact("after"),
    )


async def download(visit: Visit) -> Response | None:
    """Send a file, if one of our own pages or the person themselves asked for it."""
    headers = visit.exchange.headers
    try:
        browser.check_origin("GET", headers, browser.handle_of(headers))
    except OriginRefused:
        return visit.go(forms.address("/details", place_of(visit)))
    if visit.exchange.method == "HEAD":
        return await delivery.head(visit.exchange)
    return await delivery.get(visit.exchange)


async def download_selection(visit: Visit) -> Response | None:
    """Send what was selected of a folder as one archive."""
    folder = place_of(visit)
    form = await visit.take_form()
    return await archives.send_selection(visit, folder, form.every("name"))


# --- changing --------------------------------------------------------------------------------------------------------


async def make_folder(visit: Visit) -> Response:
    """Make a folder inside the one that the address names."""
    inside = place_of(visit)
    form = await visit.take_form()
    name = paths.check_name(form["name"])
    await visit.ask(MakeFolder(handle="", path=paths.show((*paths.parse(inside), name))), Seen)
    return visit.go(forms.address("/files", inside, said="made"))


async def show_removal(visit: Visit) -> Response:
    """Ask whether something is to go."""
    path = place_of(visit)
    entry = (await visit.ask(Look(handle="", path=path), Seen)).entry
    return visit.page("remove.html", path=path, parent=parent_of(path), entry=entry)


async def remove(visit: Visit) -> Response:
    """Remove a file, which can be undone, or an empty folder."""
    path = place_of(visit)
    await visit.take_form()
    entry = (await visit.ask(Look(handle="", path=path), Seen)).entry
    if entry.kind == "folder":
        await visit.ask(RemoveFolder(handle="", path=path), Done)
        return visit.go(forms.address("/files", parent_of(path), said="removed"))
    removed = await visit.ask(RemoveRestorably(handle="", path=path), RemovedRestorably)
    undo = base64.urlsafe_b64encode(removed.note).decode()
    return visit.go(forms.address("/files", parent_of(path), undo=undo, name=entry.name))
