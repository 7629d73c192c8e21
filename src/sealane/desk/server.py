"""A Sealane server as a source: people lists and ledger entries by its API, with an officer's token.

The server gives out the organization's own entries and the node's, and the leaves of all; so that the ledger only grew
is proven, and that an entry of the organization's was held back is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from sealane.client.failures import AnswerInvalid
from sealane.client.server import API
from sealane.desk.failures import ListMissing
from sealane.desk.sources import LIST_BYTES_MAX, ListedFile, PartUnread
from sealane.errors import TooLarge
from sealane.ledger.tree import HASH_BYTES, TILE_WIDTH
from sealane.operations.audit import LedgerEntry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealane.client.server import Server

_ENTRIES_A_PAGE: Final = 500
_LISTS_A_PAGE: Final = 100
_PAGES_MAX: Final = 1_000_000
_KEY_HEADER: Final = "Sealane-Ledger-Key"


class _Entry(msgspec.Struct, frozen=True):
    seq: int
    body: str
    leaf: str
    openings: dict[str, tuple[str, str]]


class _Entries(msgspec.Struct, frozen=True):
    entries: tuple[_Entry, ...]
    after: int


class _Exposure(msgspec.Struct, frozen=True):
    coverage: str
    unreadable: tuple[PartUnread, ...]
    records: int
    people: int


class _List(msgspec.Struct, frozen=True):
    version: str
    digest: str
    exposure: _Exposure


class _Lists(msgspec.Struct, frozen=True):
    lists: tuple[_List, ...]
    after: int


_Page = TypeVar("_Page")


class Remote:
    """A server. Open and close its connections elsewhere."""

    def __init__(self, server: Server) -> None:
        """Take from this server."""
        self._server = server
        self._checkpoint: tuple[str, str] | None = None

    def entries(self, after: int) -> Iterator[LedgerEntry]:
        """Yield the entries that the officer may see. Raises `AnswerInvalid` and what the server refuses with."""
        for _ in range(_PAGES_MAX):
            page = self._page("audit/entries", after, _ENTRIES_A_PAGE, _Entries)
            for told in page.entries:
                try:
                    yield LedgerEntry(told.seq, told.body.encode(), bytes.fromhex(told.leaf), told.openings)
                except ValueError:
                    raise AnswerInvalid from None
            if page.after <= after:
                return
            after = page.after

    def leaves(self, after: int, size: int) -> Iterator[bytes]:
        """Yield the leaves of the tree, a tile at a time."""
        for number in range(after // TILE_WIDTH, -(-size // TILE_WIDTH)):
            width = min(TILE_WIDTH, size - number * TILE_WIDTH)
            part = f".p/{width}" if width < TILE_WIDTH else ""
            body = self._server.ask("GET", f"{API}/audit/tile/0/{tile_name(number)}{part}").body
            if len(body) != width * HASH_BYTES:
                raise AnswerInvalid
            for place in range(max(0, after - number * TILE_WIDTH), width):
                yield body[place * HASH_BYTES : (place + 1) * HASH_BYTES]

    def checkpoint(self) -> str:
        """Return the newest checkpoint."""
        return self._newest()[0]

    def key(self) -> str:
        """Return the ledger's key as the server tells it: the first time it is believed, then held to it."""
        return self._newest()[1]

    def lists(self) -> Iterator[ListedFile]:
        """Yield the organization's people lists in the order in which they were made."""
        after = 0
        for _ in range(_PAGES_MAX):
            page = self._page("exposure/lists", after, _LISTS_A_PAGE, _Lists)
            for told in page.lists:
                one = told.exposure
                try:
                    # Checked as every line of a source is.
                    yield msgspec.convert(
                        {
                            "version_id": told.version, "coverage": one.coverage, "unreadable": one.unreadable,
                            "records": one.records, "people": one.people, "digest": told.digest,
                        },
                        ListedFile,
                    )  # fmt: skip
                except msgspec.ValidationError:
                    raise AnswerInvalid from None
            if page.after <= after:
                return
            after = page.after

    def sealed_list(self, version_id: str) -> bytes:
        """Return a people list; that it goes out is on record at the server before it does."""
        content = bytearray()
        with self._server.stream("GET", f"{API}/exposure/lists/{quote(version_id, safe='')}") as response:
            try:
                for piece in response.iter_raw():
                    content += piece
                    if len(content) > LIST_BYTES_MAX:
                        raise TooLarge("A people list is larger than the desk takes.")
            except httpx.TransportError as problem:  # its answer had begun: damaged there, or the line was cut
                raise ListMissing("A people list was given out in part.") from problem
        return bytes(content)

    def _newest(self) -> tuple[str, str]:
        if self._checkpoint is None:
            reply = self._server.ask("GET", f"{API}/audit/checkpoint")
            self._checkpoint = reply.body.decode("utf-8", errors="replace"), reply.headers.get(_KEY_HEADER, "")
        return self._checkpoint

    def _page(self, what: str, after: int, limit: int, kind: type[_Page]) -> _Page:
        params = {"after": str(after), "limit": str(limit)}
        try:
            return msgspec.json.decode(self._server.ask("GET", f"{API}/{what}", params=params).body, type=kind)
        except msgspec.MsgspecError:
            raise AnswerInvalid from None


def tile_name(number: int) -> str:
    """Return a tile's number as C2SP tlog-tiles writes it: groups of three digits, all but the last after an x."""
    groups = [f"{number % 1000:03d}"]
    while number >= 1000:  # noqa: PLR2004  three digits
        number //= 1000
        groups.insert(0, f"x{number % 1000:03d}")
    return "/".join(groups)
