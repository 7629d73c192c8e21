"""What the administrators' pages share: which organization is meant, asking, and showing a form again that failed.

Each form becomes one operation; the keeper decides whether this person may ask it. Must stay true: which organization
is administered comes from the session, or is chosen by somebody who runs the node, and is checked by the keeper.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.doors.http.problems import status_of
from sealane.doors.web.account import columns_of
from sealane.errors import Invalid, SealaneError, SessionEnded
from sealane.operations import accounts
from sealane.operations.envelope import Done
from sealane.operations.failures import ProofWanted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.responses import Response

    from sealane.doors.web.visits import Visit
    from sealane.operations.administering import Administrable

MEGABYTE = 1_000_000
_DIGITS_MAX = 12


def organization_of(visit: Visit) -> str:
    """Return which organization is administered: one's own, or another that somebody who runs the node has chosen."""
    wanted = visit.query()["organization"]
    return wanted if wanted and visit.signed.administers == "node" else visit.signed.organization


async def rows(visit: Visit, operation: Administrable) -> list[dict[str, object]]:
    """Return a listing."""
    return columns_of(await visit.administer(operation, accounts.RowsAre))


async def organizations_of(visit: Visit) -> list[str]:
    """Return which organizations there are to choose from, for who runs the node."""
    if visit.signed.administers != "node":
        return []
    return [str(row["name"]) for row in await rows(visit, accounts.ListOrganizations())]


async def done(visit: Visit, operation: Administrable) -> None:
    """Do what has no more to tell than that it is done."""
    await visit.administer(operation, Done)


async def or_again(
    show: Callable[[Visit, SealaneError | None, int], Awaitable[Response]], visit: Visit, doing: Awaitable[Response]
) -> Response:
    """Do it; where it fails for what was typed, show the page again with the reason."""
    try:
        return await doing
    except (SessionEnded, ProofWanted):
        raise
    except SealaneError as failure:
        return await show(visit, failure, status_of(failure))


def number_of(text: str, unit: int = 1) -> int:
    """Return a limit that was typed, times its unit; empty is 0, none."""
    if text and not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise Invalid("A limit is a number, or empty for none.")
    return int(text or 0) * unit
