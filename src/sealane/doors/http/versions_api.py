"""The REST API of earlier versions: which are kept, having one back, and which files were removed.

An earlier version's bytes are had like the present one's: `GET /api/v1/content/{path}?version=ID` (`delivery.py`).
"""

# ruff: noqa: FAST003  # the path is a parameter of `Place`, which ruff does not follow through the alias

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import ValidationError

from sealane.doors.http.api import Asked, Place, entry_is
from sealane.doors.http.problems import MediaTypeUnsupported
from sealane.doors.http.schemas import EntryIs, RemovedIs, RemovedPage, RestoreTo, VersionIs, VersionsOf
from sealane.errors import Invalid
from sealane.operations.files import Seen
from sealane.operations.versions import ListRemoved, ListVersions, RemovedAre, RestoreVersion, VersionsAre
from sealane.paths import parse, show

_PAGE: Final = 1000
_VERSION_CHARACTERS_MAX: Final = 64
router = APIRouter(prefix="/api/v1")

Limit = Annotated[int, Query(description="Entries of one page.", ge=1)]


@router.get("/versions/{path:path}", summary="Which versions of a file are kept")
async def list_versions(
    exchange: Asked,
    place: Place,
    after: Annotated[str, Query(description="Begin after this version.", max_length=_VERSION_CHARACTERS_MAX)] = "",
    limit: Limit = _PAGE,
) -> VersionsOf:
    """List the versions of a path, also of one where nothing stands any more."""
    limit = min(limit, exchange.door.settings.page_entries_max)
    told = await exchange.ask(ListVersions(handle="", path=place, after=after, limit=limit), VersionsAre)
    return VersionsOf(
        path=place,
        versions=tuple(
            VersionIs(
                version=one.entry.version,
                present=one.replaced is None,
                size=one.entry.size,
                modified=one.entry.modified,
                made=one.made,
                sender=one.sender,
                replaced=one.replaced,
                kept_until=one.kept_until,
                sha256=None if one.entry.digest is None else one.entry.digest.hex(),
                sealed=one.entry.sealed,
                plaintext_length=one.entry.plain_size,
                damaged=one.damaged,
            )
            for one in told.versions
        ),
        after=told.after,
    )


@router.post(
    "/restore",
    summary="Let an earlier version stand at its path again",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/RestoreTo"}}},
        }
    },
)
async def restore(exchange: Asked) -> EntryIs:
    """Let an earlier version, also of a removed file, be the present one; what stands there now is kept."""
    await exchange.sign_in()
    if exchange.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise MediaTypeUnsupported
    try:
        wanted = RestoreTo.model_validate_json(await exchange.small_body())
    except ValidationError:
        raise Invalid('The body is not of the form {"path": "/…", "version": "…"}.') from None
    operation = RestoreVersion(handle="", path=show(parse(wanted.path)), version=wanted.version)
    return entry_is((await exchange.ask(operation, Seen)).entry)


@router.get("/removed/{path:path}", summary="Which files were removed from a folder and can be had back")
async def list_removed(
    exchange: Asked,
    place: Place,
    after: Annotated[str, Query(description="Begin after this name.", max_length=1024)] = "",
    limit: Limit = _PAGE,
) -> RemovedPage:
    """List the names in a folder at which nothing stands any more, and of which versions are still kept."""
    limit = min(limit, exchange.door.settings.page_entries_max)
    told = await exchange.ask(ListRemoved(handle="", path=place, after=after, limit=limit), RemovedAre)
    return RemovedPage(
        path=place,
        files=tuple(RemovedIs(name=one.name, versions=one.versions, removed=one.removed) for one in told.files),
        after=told.after,
    )
