"""DELETE of content."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from sealane.doors.http import conditions
from sealane.doors.http.problems import PreconditionFailed
from sealane.doors.http.receiving import present_version
from sealane.operations.envelope import Done
from sealane.operations.files import RemoveFile

if TYPE_CHECKING:
    from sealane.doors.http.exchange import Exchange


async def remove(exchange: Exchange) -> Response:
    """Answer DELETE. `If-Match` is looked at just before: a version that is replaced in between goes as well."""
    path = exchange.path()
    match = exchange.headers.get("if-match")
    if match is not None:
        tags = conditions.parse_tags(match)
        if not conditions.matches(tags, await present_version(exchange, path)):
            raise PreconditionFailed
    await exchange.ask(RemoveFile(handle="", path=path), Done)
    return Response(status_code=204)
