"""The REST API of clients that seal and re-wrap: to whom a folder's files are sealed, and headers made anew."""

# ruff: noqa: FAST003  # the path is a parameter of `Place`, which ruff does not follow through the alias

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path, Query
from pydantic import ValidationError

from sealane.doors.http.api import Asked, Place  # noqa: TC001  # FastAPI reads the annotations
from sealane.doors.http.problems import MediaTypeUnsupported
from sealane.doors.http.schemas import (
    HeaderOf,
    HeadersPage,
    NewHeaderIs,
    NewHeadersAre,
    RecipientIs,
    RecipientsOf,
    RefusedHeader,
    ReplacedHeaders,
)
from sealane.errors import Invalid
from sealane.operations.sealing import (
    HeadersAre,
    HeadersReplaced,
    ListHeaders,
    NewHeader,
    ReadHeader,
    Recipients,
    RecipientsAre,
    ReplaceHeaders,
    SealedFile,
)
from sealane.paths import parse, show

if TYPE_CHECKING:
    from sealane.doors.http.exchange import Exchange

_BODY_BYTES_MAX = 4 * 1024 * 1024
router = APIRouter(prefix="/api/v1")


@router.get("/recipients/{path:path}", summary="To whom a sealed folder's files are sealed")
async def recipients(exchange: Asked, place: Place) -> RecipientsOf:
    """Say to whom a file at this path is to be sealed, and which readers have no key."""
    told = await exchange.ask(Recipients(handle="", path=place), RecipientsAre)
    return RecipientsOf(
        sealed=told.sealed,
        recipients=tuple(
            RecipientIs(recipient=one.recipient, user=one.user or None, recovery=one.recovery)
            for one in told.recipients
        ),
        without_key=told.without_key,
    )


@router.get("/headers", summary="Sealed files whose header is not that of the present readers")
async def list_headers(
    exchange: Asked,
    folder: Annotated[str, Query(description="The folder; those below it count too.", max_length=4096)],
    after: Annotated[str, Query(description="Where the last page ended.", max_length=32)] = "",
    limit: Annotated[int, Query(description="Files of one page.", ge=1)] = 500,
) -> HeadersPage:
    """List files that are to be re-wrapped, with their headers."""
    told = await exchange.ask(ListHeaders(handle="", path=show(parse(folder)), after=after, limit=limit), HeadersAre)
    return HeadersPage(files=tuple(map(_header, told.files)), after=told.after)


@router.get("/headers/{version}", summary="The header of a sealed file")
async def read_header(
    exchange: Asked, version: Annotated[str, Path(description="The file's version.", max_length=64)]
) -> HeaderOf:
    """Return the header of a file that you may read."""
    told = await exchange.ask(ReadHeader(handle="", version=version), HeadersAre)
    return _header(told.files[0])


@router.post(
    "/headers",
    summary="Replace headers",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewHeadersAre"}}},
        }
    },
)
async def replace_headers(exchange: Asked) -> ReplacedHeaders:
    """Replace the headers of files that you may read: what you have opened and sealed to the present readers."""
    try:
        wanted = NewHeadersAre.model_validate_json(await _json_body(exchange))
    except ValidationError:
        raise Invalid('The body is not of the form {"headers": [{"version", "header", "recipients"}]}.') from None
    return await _replace(exchange, wanted.headers)


@router.put(
    "/headers/{version}",
    summary="Replace one header",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewHeaderIs"}}},
        }
    },
)
async def replace_header(
    exchange: Asked, version: Annotated[str, Path(description="The file's version.", max_length=64)]
) -> ReplacedHeaders:
    """Replace the header of one file that you may read."""
    try:
        wanted = NewHeaderIs.model_validate_json(await _json_body(exchange))
    except ValidationError:
        raise Invalid('The body is not of the form {"version", "header", "recipients"}.') from None
    if wanted.version != version:
        raise Invalid("The body names another version than the address.")
    return await _replace(exchange, (wanted,))


async def _replace(exchange: Exchange, wanted: tuple[NewHeaderIs, ...]) -> ReplacedHeaders:
    try:
        headers = tuple(
            NewHeader(one.version, base64.b64decode(one.header.encode("ascii"), validate=True), one.recipients)
            for one in wanted
        )
    except (binascii.Error, UnicodeEncodeError):
        raise Invalid("A header is not valid base64.") from None
    told = await exchange.ask(ReplaceHeaders(handle="", headers=headers), HeadersReplaced)
    return ReplacedHeaders(
        replaced=told.replaced,
        refused=tuple(RefusedHeader(version=version, code=code) for version, code in told.refused),
    )


async def _json_body(exchange: Exchange) -> bytes:
    await exchange.sign_in()
    if exchange.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise MediaTypeUnsupported
    return await exchange.small_body(_BODY_BYTES_MAX)


def _header(file: SealedFile) -> HeaderOf:
    return HeaderOf(
        version=file.version,
        path=file.path,
        header=base64.b64encode(file.header).decode("ascii"),
        recipients=file.recipients,
        lacking=file.lacking,
        extra=file.extra,
    )
