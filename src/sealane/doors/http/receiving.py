"""A body on its way into an upload, and the whole-file PUT.

Must stay true: what a request says of the whole (length, digest, condition) is checked before the file is published;
a request that fails publishes nothing and its upload is let go of.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from typing import TYPE_CHECKING

from starlette.responses import Response

from sealane.doors.http import conditions, digests, sealed
from sealane.doors.http.problems import HeaderInvalid, PreconditionFailed
from sealane.doors.incoming import Incoming
from sealane.errors import AlreadyExists, Conflict, DigestMismatch, Missing, SealaneError
from sealane.operations.files import Look, Seen
from sealane.operations.uploads import BeginUpload, UploadOpened

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from sealane.doors.http.bodies import Body
    from sealane.doors.http.digests import Checksum
    from sealane.doors.http.exchange import Exchange
    from sealane.doors.plane import Plane
    from sealane.operations.uploads import Finished

log = logging.getLogger(__name__)

_CHECKSUM_LAG_BYTES_MAX = 4 * 1024 * 1024
"""How far the checksum of a body may be behind what was taken of it."""


class RunningChecksum:
    """The checksum of one body as it comes, computed in the data threads."""

    def __init__(self, wanted: Checksum, plane: Plane) -> None:
        """Expect this checksum."""
        self._wanted = wanted
        self._hash = hashlib.new(wanted.algorithm, usedforsecurity=False)
        self._lane = plane.lane()
        self._behind = 0

    async def add(self, piece: memoryview) -> None:
        """Take a piece; it must not change until it has been hashed. Waits when too much is still to be hashed."""
        self._behind += len(piece)

        def hashed(_: BaseException | None) -> None:
            self._behind -= len(piece)

        self._lane.add(lambda: self._hash.update(piece), hashed)
        if self._behind > _CHECKSUM_LAG_BYTES_MAX:
            await self._lane.run(lambda: None)

    async def holds(self) -> bool:
        """Say whether the body is the one that was declared."""
        await self._lane.run(lambda: None)
        return self._hash.digest() == self._wanted.digest


async def pour(
    body: Body, incoming: Incoming, offset: int, *, length_max: int, checksum: RunningChecksum | None = None
) -> None:
    """Write a body into an upload from `offset` on, as fast as both sides go."""
    async for piece in body.pieces(length_max):
        if not incoming.write_now(offset, piece):
            await incoming.write(offset, piece)
        if checksum is not None:
            await checksum.add(piece)
        offset += len(piece)


async def let_go(ending: Coroutine[None, None, None]) -> None:
    """Suspend or abandon an upload after a failure, whatever else happens to the request meanwhile."""
    with contextlib.suppress(SealaneError):
        await asyncio.shield(ending)


async def incoming_for(exchange: Exchange, opened: UploadOpened, *, held: bool = False) -> Incoming:
    """Return the upload that the keeper has opened, to be written in this request's session."""
    session = await exchange.sign_in()
    return Incoming(opened, "", session.ask, exchange.door.plane, held=held)  # the session fills in its handle


async def put(exchange: Exchange) -> Response:
    """Answer PUT: the body is the file."""
    path = exchange.path()
    sent = sealed.sent_by_headers(exchange)
    if sent is not None:
        path = sealed.age_path(path)
    if "content-range" in exchange.headers:
        raise HeaderInvalid("PUT takes whole files only (RFC 9110, 14.5). Resumable uploads go to /api/v1/uploads.")
    wanted = _declared_digest(exchange)
    modified = conditions.parse_date(exchange.headers.get("last-modified", ""))
    exclusive, expected_version = await _expectations(exchange, path)
    conditional = exclusive or bool(expected_version)
    length = exchange.content_length
    try:
        opened = await exchange.ask(
            BeginUpload(handle="", path=path, mode="create", exclusive=exclusive, declared=length, lasting=False),
            UploadOpened,
        )
        incoming = await incoming_for(exchange, opened)
        try:
            await pour(exchange.body(), incoming, 0, length_max=exchange.door.settings.file_bytes_max)
            if wanted is not None and await incoming.digest() != wanted:
                raise DigestMismatch  # noqa: TRY301  # ends as every failure of this upload does
            finished = await incoming.finish(
                modified=modified, exclusive=exclusive, expected_version=expected_version, sent=sent
            )
        except BaseException:
            await let_go(incoming.abandon())
            raise
    except Conflict as error:
        if conditional and type(error) in {Conflict, AlreadyExists}:
            raise PreconditionFailed from None
        raise
    return Response(status_code=201, headers=headers_of(finished))


def headers_of(finished: Finished) -> dict[str, str]:
    """Return what an answer says of a version that has just been made."""
    headers: dict[str, str] = {}
    if finished.version:
        headers = {"ETag": conditions.etag(finished.version), "Sealane-Version": finished.version}
    if finished.digest is not None:
        headers["Repr-Digest"] = digests.show(finished.digest)
    return headers


def _declared_digest(exchange: Exchange) -> bytes | None:
    """Return the SHA-256 that the request declares: of a whole file, content and representation are the same."""
    found = {
        digest
        for name in ("repr-digest", "content-digest")
        if (digest := digests.sha256_of(exchange.headers[name]) if name in exchange.headers else None) is not None
    }
    if len(found) > 1:
        raise HeaderInvalid("Repr-Digest and Content-Digest contradict each other.")
    return found.pop() if found else None


async def _expectations(exchange: Exchange, path: str) -> tuple[bool, str]:
    """Return what the file must be like when it is published: not there at all, or at one version.

    Raises `PreconditionFailed` where the condition does not hold even now.
    """
    match, none_match = exchange.headers.get("if-match"), exchange.headers.get("if-none-match")
    if match is None and none_match is None:
        return False, ""
    version = await present_version(exchange, path)
    if match is not None and not conditions.matches(conditions.parse_tags(match), version):
        raise PreconditionFailed
    if none_match is not None and not conditions.none_match(conditions.parse_tags(none_match), version):
        raise PreconditionFailed
    return not version, version


async def present_version(exchange: Exchange, path: str) -> str:
    """Return the version of the file that is there now, "" where there is none."""
    try:
        seen = await exchange.ask(Look(handle="", path=path), Seen)
    except Missing:
        return ""
    return seen.entry.version
