"""Long listings on pages, a page at a time, and searched: the keeper sends no more than that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sealane.doors.web.account import columns_of
from sealane.errors import Invalid
from sealane.operations import accounts
from sealane.operations.accounts import Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealane.doors.web.visits import Visit
    from sealane.operations.administering import Administrable

_DIGITS_MAX: Final = 9


@dataclass(frozen=True, slots=True)
class Some:
    """A page of a listing."""

    rows: Sequence[Any]
    start: int
    total: int
    size: int
    """How many rows a page has."""
    search: str

    @property
    def end(self) -> int:
        """How many rows stand up to this page's last."""
        return self.start + len(self.rows)

    @property
    def earlier(self) -> int | None:
        """Where the page before this one begins; None where this is the first."""
        return max(0, self.start - self.size) if self.start else None

    @property
    def later(self) -> int | None:
        """Where the page after this one begins; None where this is the last."""
        return self.end if self.rows and self.end < self.total else None


def part_of(visit: Visit) -> Part:
    """Return which part of a listing the address asks for."""
    query = visit.query()
    start = query["start"]
    if start and not (start.isascii() and start.isdigit() and len(start) <= _DIGITS_MAX):
        raise Invalid("The page number is not valid.")
    return Part(search=query["q"], start=int(start or 0), limit=visit.settings.web_page_rows)


async def some(visit: Visit, operation: Administrable, part: Part) -> Some:
    """Return a page of a listing; `part` is what the operation asks for."""
    told = await visit.administer(operation, accounts.RowsAre)
    return Some(columns_of(told), part.start, told.total, part.limit, part.search)
