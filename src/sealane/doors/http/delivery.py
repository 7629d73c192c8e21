"""Content on its way to a client: GET and HEAD, whole, in one range or in several.

Must stay true: nothing is sent before the keeper has recorded that this session receives it; what is told at the end
is what was sent; a client that is gone or does not read is not sent to.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from datetime import datetime  # a field of a NamedTuple is read when it is made
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, quote

from starlette.responses import Response

from sealane.doors.http import conditions, digests, ranges
from sealane.doors.http.bodies import ClientGone
from sealane.doors.http.problems import PreconditionFailed
from sealane.doors.http.receiving import let_go
from sealane.doors.http.sealed import AGE_SUFFIX
from sealane.doors.outgoing import Outgoing
from sealane.errors import Invalid, IsAFolder, Missing
from sealane.operations.files import Look, OpenVersion, Seen, VersionOpened
from sealane.operations.versions import LookVersion

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sealane.doors.http.exchange import Exchange
    from sealane.doors.http.ranges import Layout, Span

MEDIA_TYPE = "application/octet-stream"
AGE_MEDIA_TYPE = "application/age"
_VERSION = re.compile("[a-z0-9]{1,64}")
_PARAMETERS_MAX = 8
_CONDITIONS = ("range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since")


class Shown(NamedTuple):
    """What the headers of an answer say of a file."""

    name: str
    version: str
    size: int
    modified: datetime
    digest: bytes | None
    """SHA-256 of the plaintext."""
    plain_size: int | None = None
    """Of a sealed file, whose age bytes are what is delivered; None for any other."""
    payload_digest: bytes | None = None
    tag: str = ""
    """What the entity tag says."""


async def head(exchange: Exchange) -> Response:
    """Answer HEAD: what is known of the file. Nothing is delivered, so nothing is recorded as delivered."""
    path = exchange.path()
    shown = await _look(exchange, path, _version_of(exchange))
    if _judged(exchange, shown) == "not-modified":
        return _not_modified(shown)
    return Response(status_code=200, headers=_headers(shown) | {"Content-Length": str(shown.size)})


async def get(exchange: Exchange) -> Response | None:
    """Answer GET; None where the content was sent."""
    path = exchange.path()
    spans: tuple[Span, ...] | None = None
    pinned, judged = _version_of(exchange), ""
    if any(name in exchange.headers for name in _CONDITIONS):
        shown = await _look(exchange, path, pinned)
        if _judged(exchange, shown) == "not-modified":
            return _not_modified(shown)
        if "range" in exchange.headers and conditions.range_holds(exchange.headers, shown.tag):
            limit = exchange.door.settings.ranges_max
            spans = ranges.parse(exchange.headers["range"], shown.size, ranges_max=limit)
        pinned, judged = shown.version, shown.tag
    opened = await exchange.ask(OpenVersion(handle="", path=path, version=pinned, as_age=True), VersionOpened)
    tag = conditions.tag_of(opened.version, opened.sealed.revision if opened.sealed else 0)
    shown = Shown(_name(path), opened.version, opened.size, opened.modified, opened.digest, tag=tag)
    if opened.sealed is not None:
        shown = _as_age(shown, opened.size, opened.sealed.plain_size, opened.sealed.payload_digest)
    session = await exchange.sign_in()
    outgoing = Outgoing(opened, "", session.ask, exchange.door.plane)  # the session fills in its handle
    try:
        if judged not in {"", tag}:
            raise PreconditionFailed  # its header was replaced between the look and the delivery
        await _deliver(exchange, outgoing, shown, spans)
        return None
    finally:
        await let_go(outgoing.close())


def _version_of(exchange: Exchange) -> str:
    """Return which version the address names (`?version=`), empty for the one that stands there. Raises `Missing`."""
    query: bytes = exchange.scope["query_string"]
    if not query:
        return ""
    try:
        named = parse_qs(query.decode("ascii"), keep_blank_values=True, max_num_fields=_PARAMETERS_MAX)
    except ValueError:
        raise Invalid("What follows the question mark in the address is not valid.") from None
    version, *more = named.get("version", [""])
    if more or ("version" in named and not _VERSION.fullmatch(version)):
        raise Missing
    return version


async def _look(exchange: Exchange, path: str, version: str) -> Shown:
    operation = LookVersion(handle="", path=path, version=version) if version else Look(handle="", path=path)
    seen = await exchange.ask(operation, Seen)
    if seen.entry.kind == "folder":
        raise IsAFolder
    entry = seen.entry
    tag = conditions.tag_of(entry.version, entry.revision)
    shown = Shown(_name(path), entry.version, entry.size, entry.modified, entry.digest, tag=tag)
    if entry.age_size is None or entry.plain_size is None:
        return shown
    return _as_age(shown, entry.age_size, entry.plain_size, entry.payload_digest)


def _as_age(shown: Shown, size: int, plain_size: int, payload_digest: bytes | None) -> Shown:
    name = shown.name if shown.name.endswith(AGE_SUFFIX) else shown.name + AGE_SUFFIX
    return shown._replace(name=name, size=size, plain_size=plain_size, payload_digest=payload_digest)


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _judged(exchange: Exchange, shown: Shown) -> str:
    verdict = conditions.judge_read(exchange.headers, shown.tag, shown.modified)
    if verdict == "failed":
        raise PreconditionFailed
    return verdict


def _not_modified(shown: Shown) -> Response:
    headers = {"ETag": conditions.etag(shown.tag), "Last-Modified": conditions.http_date(shown.modified)}
    return Response(status_code=304, headers=headers)


def _headers(shown: Shown) -> dict[str, str]:
    headers = {
        "Content-Type": _media_type(shown),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(shown.name, safe='')}",
        "ETag": conditions.etag(shown.tag),
        "Last-Modified": conditions.http_date(shown.modified),
        "Accept-Ranges": "bytes",
    }
    if shown.plain_size is not None:
        headers["Sealane-Version"] = shown.version
        headers["Sealane-Plaintext-Length"] = str(shown.plain_size)
        if shown.digest is not None:
            headers["Sealane-Plaintext-Digest"] = digests.show(shown.digest)
        if shown.payload_digest is not None:
            headers["Sealane-Payload-Digest"] = digests.show(shown.payload_digest)
    elif shown.digest is not None:
        headers["Repr-Digest"] = digests.show(shown.digest)
    return headers


def _media_type(shown: Shown) -> str:
    return MEDIA_TYPE if shown.plain_size is None else AGE_MEDIA_TYPE


async def _deliver(exchange: Exchange, outgoing: Outgoing, shown: Shown, spans: tuple[Span, ...] | None) -> None:
    """Send the head and the body; stop when the client is gone or has not read for `idle_seconds`."""
    headers = _headers(shown)
    if spans is None:
        status, layout = 200, ranges.single(ranges.Span(0, shown.size))
    elif len(spans) == 1:
        status, layout = 206, ranges.single(spans[0])
        headers["Content-Range"] = ranges.content_range(spans[0], shown.size)
    else:
        boundary = secrets.token_hex(16)
        status, layout = 206, ranges.multipart(spans, shown.size, _media_type(shown), boundary)
        headers["Content-Type"] = f"multipart/byteranges; boundary={boundary}"
    headers["Content-Length"] = str(layout.length)
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    async with while_connected(exchange):
        await exchange.send({"type": "http.response.start", "status": status, "headers": raw})
        await _send_layout(exchange, outgoing, layout)
        await exchange.send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_layout(exchange: Exchange, outgoing: Outgoing, layout: Layout) -> None:
    for piece in layout.pieces:
        if isinstance(piece, bytes):
            await send_block(exchange, piece)
            continue
        async for block in outgoing.pieces(piece.start, piece.end):
            await send_block(exchange, block)


async def send_block(exchange: Exchange, block: bytes | bytearray) -> None:
    """Send some of a body. Raises `ClientGone` where the client has not read for `idle_seconds`."""
    try:
        async with asyncio.timeout(exchange.door.settings.idle_seconds):
            await exchange.send({"type": "http.response.body", "body": block, "more_body": True})
    except TimeoutError:
        raise ClientGone from None


@contextlib.asynccontextmanager
async def while_connected(exchange: Exchange) -> AsyncIterator[None]:
    """Raise `ClientGone` as soon as the client's connection is broken.

    The server swallows what is sent into a broken connection, so the news has to be waited for.
    """
    gone = asyncio.timeout(None)

    async def watch() -> None:
        while (await exchange.receive())["type"] != "http.disconnect":
            pass
        gone.reschedule(0)

    watching = asyncio.get_running_loop().create_task(watch())
    try:
        async with gone:
            yield
    except TimeoutError:
        raise ClientGone from None
    finally:
        watching.cancel()
