"""The REST API beside the data routes: folders, moving, receipts, who am I. FastAPI describes it as it runs.

Lives here: one small function a request, which asks one operation and translates its answer. Not here: content and
uploads (`receiving.py`, `delivery.py`, `uploads.py`), whose description is in `openapi.py`.
"""

# ruff: noqa: FAST003  # the path is a parameter of `_path`, which ruff does not follow through the alias

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import ValidationError

from sealane.doors.http.exchange import Exchange, exchange_of
from sealane.doors.http.problems import MediaTypeUnsupported
from sealane.doors.http.schemas import EntryIs, Listing, Me, MoveTo, ReceiptFor, TransferIs
from sealane.errors import Invalid
from sealane.operations.envelope import Done
from sealane.operations.files import (
    Entry,
    ListFolder,
    MakeFolder,
    Move,
    Page,
    Receipt,
    ReceiptIs,
    RemoveFolder,
    Seen,
)
from sealane.paths import parse, show

router = APIRouter(prefix="/api/v1")


def _exchange(request: Request) -> Exchange:
    return exchange_of(request.scope)


def _path(
    request: Request, path: Annotated[str, Path(description="The path as you see it, each name percent-encoded once.")]
) -> str:
    """Return the path as the raw request has it; FastAPI's own parameter is only its description."""
    del path
    return exchange_of(request.scope).path()


Asked = Annotated[Exchange, Depends(_exchange)]
Place = Annotated[str, Depends(_path)]


def entry_is(entry: Entry) -> EntryIs:
    """Return how the API shows an entry."""
    return EntryIs(
        name=entry.name,
        kind=entry.kind,
        size=entry.size,
        modified=entry.modified,
        rights=entry.rights,
        version=entry.version,
        sha256=None if entry.digest is None else entry.digest.hex(),
        sealed=entry.sealed and entry.kind == "file",
        plaintext_length=entry.plain_size,
    )


@router.get("/me", summary="Who am I?")
async def me(exchange: Asked) -> Me:
    """Say whom the token speaks for."""
    signed = (await exchange.sign_in()).signed
    return Me(user=signed.user, scopes=signed.scopes, session=signed.session, expires=signed.expires)


@router.get("/folders/{path:path}", summary="List a folder")
async def list_folder(
    exchange: Asked,
    place: Place,
    after: Annotated[str, Query(description="Begin after this name.", max_length=1024)] = "",
    limit: Annotated[int, Query(description="Entries of one page.", ge=1)] = 1000,
) -> Listing:
    """List a folder, page by page, in an order that does not change."""
    limit = min(limit, exchange.door.settings.page_entries_max)
    page = await exchange.ask(ListFolder(handle="", path=place, after=after, limit=limit), Page)
    return Listing(path=place, entries=tuple(map(entry_is, page.entries)), after=page.after)


@router.post("/folders/{path:path}", summary="Make a folder", status_code=201)
async def make_folder(exchange: Asked, place: Place) -> EntryIs:
    """Make one folder inside an existing one."""
    seen = await exchange.ask(MakeFolder(handle="", path=place), Seen)
    return entry_is(seen.entry)


@router.delete("/folders/{path:path}", summary="Remove an empty folder", status_code=204)
async def remove_folder(exchange: Asked, place: Place) -> None:
    """Remove an empty folder."""
    await exchange.ask(RemoveFolder(handle="", path=place), Done)


@router.post(
    "/move",
    summary="Move or rename a file or folder",
    status_code=204,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/MoveTo"}}},
        }
    },
)
async def move(exchange: Asked) -> None:
    """Move a file or folder in one step."""
    await exchange.sign_in()
    if exchange.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise MediaTypeUnsupported
    try:
        wanted = MoveTo.model_validate_json(await exchange.small_body())
    except ValidationError:
        raise Invalid('The body is not of the form {"source": "/…", "target": "/…", "replace": false}.') from None
    await exchange.ask(
        Move(handle="", source=show(parse(wanted.source)), target=show(parse(wanted.target)), replace=wanted.replace),
        Done,
    )


@router.get("/receipts/{path:path}", summary="Who sent and fetched a file")
async def receipt(
    exchange: Asked,
    place: Place,
    version: Annotated[
        str, Query(description="Of this version, which may have stood there before.", max_length=64)
    ] = "",
) -> ReceiptFor:
    """Say who sent and who fetched exactly the bytes that are at this path now."""
    told = await exchange.ask(Receipt(handle="", path=place, version=version, with_payload=True), ReceiptIs)
    return ReceiptFor(
        path=told.path,
        version=told.version,
        size=told.size,
        sha256=None if told.digest is None else told.digest.hex(),
        payload_sha256=None if told.payload_digest is None else told.payload_digest.hex(),
        transfers=tuple(
            TransferIs(
                kind=transfer.kind,
                at=transfer.at,
                user=transfer.user,
                door=transfer.door,
                bytes=transfer.size,
                entry=transfer.entry,
                leaf=transfer.leaf.hex(),
                ended=transfer.ended,
            )
            for transfer in told.transfers
        ),
    )
