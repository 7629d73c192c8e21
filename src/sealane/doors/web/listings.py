"""What of a folder stands on one page: sorted, searched, cut into pages. Pure but for asking the keeper for entries.

A folder that fits into one answer of the keeper is sorted as people expect (folders first, case aside). A larger one is
shown in the keeper's own order, page after page, without reading all of it; sorting or searching it reads as much as
`web_listing_entries_max` allows, and the page says where that was not everything. The order is remembered for the
pages after the first (orders.py), which then read only what stands on them.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from sealane import paths
from sealane.errors import Missing
from sealane.operations.files import ListFolder, Look, Page, Seen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealane.doors.web.orders import Order
    from sealane.doors.web.visits import Visit
    from sealane.operations.files import Entry

SORTS: Final = ("name", "size", "modified")
Sort = Literal["name", "size", "modified"]


@dataclass(frozen=True, slots=True)
class Asked:
    """How somebody wants to see a folder."""

    sort: Sort = "name"
    down: bool = False
    search: str = ""
    start: int = 0
    """How many entries are on pages before this one."""
    after: str = ""
    """The last name of the page before this one, in a folder that is shown in the keeper's order."""

    @property
    def is_plain(self) -> bool:
        """Whether nothing but the order of names is asked for."""
        return self.sort == "name" and not self.down and not self.search


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a folder."""

    entries: tuple[Entry, ...]
    total: int | None
    """How many there are in all; None where nobody has counted."""
    start: int = 0
    """How many entries stand on pages before this one."""
    next_start: int | None = None
    """How many stand before the next page; None where this is the last."""
    next_after: str = ""
    """Where the next page begins, in a folder that is shown in the keeper's order."""
    cut: bool = False
    """The folder is larger than what was searched or sorted."""


def sort_of(text: str) -> Sort:
    """Return by what to sort; anything unknown is by name."""
    match text:
        case "size" | "modified":
            return text
        case _:
            return "name"


def ordered(entries: Iterable[Entry], asked: Asked) -> list[Entry]:
    """Return those that the search finds, folders first, in the order asked for. Ties are by name."""
    wanted = asked.search.casefold()
    found = [entry for entry in entries if wanted in entry.name.casefold()]
    found.sort(key=lambda entry: (entry.name.casefold(), entry.name))
    if asked.sort == "size":
        found.sort(key=lambda entry: entry.size, reverse=asked.down)
    elif asked.sort == "modified":
        found.sort(key=lambda entry: entry.modified, reverse=asked.down)
    elif asked.down:
        found.reverse()
    found.sort(key=lambda entry: entry.kind != "folder")
    return found


async def listing(visit: Visit, path: str, asked: Asked) -> Listing:
    """Return one page of a folder."""
    rows, most = visit.settings.web_page_rows, visit.settings.page_entries_max
    if asked.after:
        page = await visit.ask(ListFolder(handle="", path=path, after=asked.after, limit=rows), Page)
        return _in_keepers_order(page.entries, asked.start, page.after)
    key, now = (visit.known_by, path, asked.sort, asked.down, asked.search), visit.exchange.door.clock.now()
    order = visit.wall.orders.known(key, now) if asked.start else None
    if order is not None:
        return await _in_known_order(visit, path, order, asked.start)
    page = await visit.ask(ListFolder(handle="", path=path, limit=most), Page)
    if page.after and asked.is_plain:
        return _in_keepers_order(page.entries[:rows], 0, page.entries[rows - 1].name)
    entries = list(page.entries)
    limit = visit.settings.web_listing_entries_max
    while page.after and len(entries) < limit:
        page = await visit.ask(ListFolder(handle="", path=path, after=page.after, limit=most), Page)
        entries += page.entries
    found = ordered(entries[:limit], asked)
    cut = bool(page.after) or len(entries) > limit
    if len(found) > rows:
        visit.wall.orders.remember(key, tuple(entry.name for entry in found), cut=cut, now=now)
    return _part(tuple(found[asked.start : asked.start + rows]), asked.start, rows, len(found), cut=cut)


def _part(entries: tuple[Entry, ...], start: int, rows: int, total: int, *, cut: bool) -> Listing:
    """Return a page of a folder that was sorted."""
    more = start + rows < total
    return Listing(entries, total, start=start, next_start=start + rows if more else None, cut=cut)


async def _in_known_order(visit: Visit, path: str, order: Order, start: int) -> Listing:
    """Return a page of a folder whose order is known; what is gone meanwhile is left out."""
    rows = visit.settings.web_page_rows
    inside = paths.parse(path)
    looks = (_seen(visit, paths.show((*inside, name))) for name in order.names[start : start + rows])
    entries = tuple(entry for entry in await asyncio.gather(*looks) if entry is not None)
    return _part(entries, start, rows, len(order.names), cut=order.cut)


async def _seen(visit: Visit, path: str) -> Entry | None:
    try:
        return (await visit.ask(Look(handle="", path=path), Seen)).entry
    except Missing:
        return None


def _in_keepers_order(entries: tuple[Entry, ...], start: int, after: str) -> Listing:
    """Return a page of a folder that nobody has counted; `after`: where the next one begins, if there is one."""
    return Listing(entries, None, start=start, next_start=start + len(entries) if after else None, next_after=after)
