"""Whose data is in files, as a server tells it; people lists for an officer: fetched, opened, wrapped anew.

Must stay true: a header that is sent back has the list's own key and was authenticated before; what the server says is
checked for its shape; a list is opened in memory only as it is handed on.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from sealane.client import opening
from sealane.client.answers import Paged, decoded, pages
from sealane.client.failures import AnswerInvalid
from sealane.client.rewrapping import wrap_again
from sealane.client.server import API, target_of
from sealane.vault.age import keys
from sealane.vault.age.failures import (
    HeaderForged,
    HeaderInvalid,
    KeyInvalid,
    NoIdentityMatches,
    VersionUnsupported,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealane import paths
    from sealane.client.server import Server
    from sealane.settings import ClientSettings
    from sealane.vault.age.keys import Identity

_LISTS = f"{API}/exposure/lists"
_PAGE = 100


class PartUnread(msgspec.Struct, frozen=True):
    """A part of a file that could not be read."""

    part: str
    why: str


class Counts(msgspec.Struct, frozen=True):
    """Whose data is in a version, in counts."""

    format: str
    coverage: str
    unreadable: tuple[PartUnread, ...]
    records: int
    people: int
    classes: dict[str, int]


class FileExposure(msgspec.Struct, frozen=True):
    """What is known of whose data is in a file."""

    path: str
    version: str
    state: str
    sealed: bool
    listed: bool
    exposure: Counts | None = None


class Reach(msgspec.Struct, frozen=True):
    """A pile of files, and how many individuals are in them at most."""

    files: int
    people_at_most: int
    classes: dict[str, int]
    coverage: dict[str, int]


class Forecast(msgspec.Struct, frozen=True):
    """What a theft would reach today."""

    open: Reach
    sealed: Reach
    kept: Reach


class PeopleList(msgspec.Struct, frozen=True):
    """A people list of the officer's organization."""

    number: int
    version: str
    path: str
    size: int
    digest: str
    header: bytes
    recipients: tuple[str, ...]
    lacking: tuple[str, ...]
    extra: tuple[str, ...]
    exposure: Counts


class _Lists(Paged, frozen=True, kw_only=True):
    lists: tuple[PeopleList, ...]

    @property
    def count(self) -> int:
        return len(self.lists)


class ListSeals(msgspec.Struct, frozen=True):
    """To whom people lists are sealed."""

    recipients: tuple[str, ...]
    reading: bool = True
    """Whether whose data it is is wanted there at all."""
    owner: str = ""
    """Whose people they are, where a file does not tell."""


@dataclass(slots=True)
class Rewrapped:
    """What came of wrapping lists anew."""

    lists: int = 0
    replaced: int = 0
    unopened: int = 0


def show(server: Server, path: paths.Path) -> FileExposure:
    """Return what is known of a file."""
    return decoded(server.ask("GET", target_of("exposure/files", path)).body, FileExposure)


def forecast(server: Server, *, folder: str, user: str) -> Forecast:
    """Return what a theft of a folder, of a user's reach or of the organization would reach."""
    params = {name: value for name, value in (("folder", folder), ("user", user)) if value}
    return decoded(server.ask("GET", f"{API}/exposure/forecast", params=params).body, Forecast)


def recipients(server: Server) -> tuple[str, ...]:
    """Return to whom people lists are sealed now."""
    return decoded(server.ask("GET", f"{API}/exposure/recipients").body, ListSeals).recipients


def recipients_at(server: Server, path: paths.Path) -> ListSeals:
    """Return to whom the list of a file at this path is sealed, and whether it is wanted at all."""
    return decoded(server.ask("GET", target_of("exposure/recipients", path)).body, ListSeals)


def lists(server: Server, settings: ClientSettings) -> Iterator[PeopleList]:
    """Yield every people list of the organization."""
    for page in pages(server, _LISTS, {"limit": str(_PAGE)}, _Lists, rows_max=settings.listing_entries_max):
        yield from page.lists


def opened(server: Server, version: str, identities: Sequence[Identity]) -> io.BytesIO:
    """Return a people list's Parquet file, in memory, proved whole."""
    whole = io.BytesIO()
    with server.stream("GET", f"{_LISTS}/{quote(version, safe='')}") as response:
        opening.open_to_stream(opening.Pieces(response.iter_raw()), identities, whole.write)
    whole.seek(0)
    return whole


def rewrap(server: Server, identities: Sequence[Identity], settings: ClientSettings, *, dry_run: bool) -> Rewrapped:
    """Wrap every list anew that names other keys than the present ones. In a dry run nothing is sent."""
    done = Rewrapped()
    for one in lists(server, settings):
        if not one.lacking and not one.extra:
            continue
        done.lists += 1
        wanted = (*(text for text in one.recipients if text not in one.extra), *one.lacking)
        try:
            to = [keys.recipient(text) for text in wanted]
            header = wrap_again(one.header, identities, to)
        except (NoIdentityMatches, HeaderInvalid, HeaderForged, VersionUnsupported):
            done.unopened += 1
            continue
        except KeyInvalid:
            raise AnswerInvalid from None
        if not dry_run:
            body = {"header": base64.b64encode(header).decode("ascii"), "recipients": wanted}
            server.ask(
                "PUT",
                f"{_LISTS}/{quote(one.version, safe='')}/header",
                headers={"Content-Type": "application/json"},
                content=msgspec.json.encode(body),
            )
        done.replaced += 1
    return done
