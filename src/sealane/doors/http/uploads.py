"""Resumable uploads: tus 1.0 with creation (with upload, deferred length), expiration, checksum, termination, joining.

Source: the tus resumable upload protocol 1.0.0. Its words are parsed in `tus.py`.
Must stay true: an offset is told only once it is durable; of a body with a wrong checksum nothing is kept; an upload
that stands at its full length is published, or the client is told why not.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from starlette.responses import Response

from sealane import paths
from sealane.doors.age_headers import header_of
from sealane.doors.http import conditions, digests, sealed, tus
from sealane.doors.http.bodies import ClientGone
from sealane.doors.http.exchange import exchange_of
from sealane.doors.http.problems import (
    BodyTooSlow,
    ChecksumMismatch,
    HeaderInvalid,
    MediaTypeUnsupported,
    TusVersionUnsupported,
    UploadJoined,
)
from sealane.doors.http.receiving import RunningChecksum, headers_of, incoming_for, let_go, pour
from sealane.doors.http.resource import Resource
from sealane.errors import LengthMismatch, OffsetConflict, SealaneError, TooLarge, UploadMissing
from sealane.operations.envelope import Done
from sealane.operations.uploads import (
    AbandonUpload,
    BeginUpload,
    Finished,
    JoinUploads,
    LookUpload,
    OpenPart,
    PartOpened,
    TakeUpload,
    UploadIs,
    UploadOpened,
)
from sealane.vault.content import Content

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from starlette.types import Receive, Scope, Send

    from sealane.doors.http.digests import Checksum
    from sealane.doors.http.exchange import Exchange
    from sealane.doors.incoming import Incoming
    from sealane.operations.uploads import SentSealed

BASE = "/api/v1/uploads"


class TusResource(Resource):
    """An address of the protocol: every answer says its version, and every request must."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        exchange = exchange_of(scope)
        exchange.always.append((b"tus-resumable", tus.VERSION.encode()))
        if exchange.method == "POST" and "x-http-method-override" in exchange.headers:
            exchange.method = exchange.headers["x-http-method-override"].strip().upper()
        if exchange.method != "OPTIONS" and exchange.headers.get("tus-resumable") != tus.VERSION:
            raise TusVersionUnsupported
        await super().__call__(scope, receive, send)


async def options(exchange: Exchange) -> Response:
    """Answer OPTIONS: what this server can."""
    return Response(
        status_code=204,
        headers={
            "Tus-Version": tus.VERSION,
            "Tus-Extension": tus.EXTENSIONS,
            "Tus-Max-Size": str(exchange.door.settings.file_bytes_max),
            "Tus-Checksum-Algorithm": tus.CHECKSUM_ALGORITHMS,
        },
    )


async def create(exchange: Exchange) -> Response:
    """Answer POST: a new upload, a part of a later whole, or the whole of several parts."""
    await exchange.sign_in()
    headers = exchange.headers
    limit = exchange.door.settings.upload_parts_max
    concatenation = tus.concatenation_of(headers.get("upload-concat"), BASE, parts_max=limit)
    words = headers.get("upload-metadata", "")
    metadata = tus.parse_metadata(words)
    if concatenation is not None and not concatenation.partial:
        return await _join(exchange, concatenation.parts, metadata, words)
    partial = concatenation is not None
    declared = _new_length(exchange)
    wanted = _checksum(exchange)
    if exchange.content_length != 0:
        _check_media_type(exchange)
        _check_fits(exchange, declared, 0)
    opened = await exchange.ask(
        BeginUpload(
            handle="",
            path="" if partial and "path" not in metadata else _path_of(metadata),
            mode="create",
            declared=declared,
            metadata=words,
            partial=partial,
            whole=_whole_of(metadata) if partial else None,
        ),
        UploadOpened,
    )
    try:
        stands = await _receive(exchange, opened, 0, wanted=wanted, metadata=metadata)
    except BodyTooSlow:
        exchange.stalled = True
        # The client does not know the upload's address yet: it is told, and how much was kept, and goes on from there.
        seen = await exchange.ask(LookUpload(handle="", upload=opened.upload), UploadIs)
        stands = _Stands(seen.size, None)
    except (SealaneError, ClientGone):  # whose body broke off may still read
        await _tell_where(exchange, opened.upload)
        raise
    return Response(
        status_code=201,
        headers={
            "Location": _location(exchange, opened.upload),
            **await _told(exchange, opened.upload, stands),
        },
    )


async def _tell_where(exchange: Exchange, upload: str) -> None:
    """Let the refusal of a creation's body say where the upload is and how much of it is kept, if anything is."""
    with contextlib.suppress(SealaneError):
        seen = await exchange.ask(LookUpload(handle="", upload=upload), UploadIs)
        exchange.always.append((b"location", _location(exchange, upload).encode()))
        exchange.always.append((b"upload-offset", str(seen.size).encode()))


def _location(exchange: Exchange, upload: str) -> str:
    return exchange.door.settings.public_url + f"{BASE}/{upload}"


async def head(exchange: Exchange) -> Response:
    """Answer HEAD: where the upload stands."""
    upload = await _look(exchange)
    answer: dict[str, str] = {}
    if not upload.finished and upload.size == upload.declared:
        # Every byte is here, but what should have published it was interrupted.
        answer = headers_of(await _finish(exchange, upload))
    answer["Upload-Offset"] = str(upload.size)
    if upload.declared is None and not upload.finished:
        answer["Upload-Defer-Length"] = "1"
    else:
        answer["Upload-Length"] = str(upload.size if upload.declared is None else upload.declared)
    metadata, concatenation = tus.words_of(upload.metadata)
    if metadata:
        answer["Upload-Metadata"] = metadata
    if upload.partial or upload.joined:
        answer["Upload-Concat"] = concatenation or "partial"
    answer["Upload-Expires"] = conditions.http_date(upload.expires)
    return Response(status_code=200, headers=answer)


async def patch(exchange: Exchange) -> Response:
    """Answer PATCH: more bytes, at the offset where the upload stands."""
    await exchange.sign_in()
    _check_media_type(exchange)
    offset = tus.number_of(exchange.headers, "upload-offset")
    if offset is None:
        raise HeaderInvalid("PATCH needs Upload-Offset.")
    upload = await _look(exchange)
    if upload.joined:
        raise UploadJoined
    if offset != upload.size:
        raise OffsetConflict
    length = tus.number_of(exchange.headers, "upload-length")
    declared = length if upload.declared is None else upload.declared
    wanted = _checksum(exchange)
    _check_fits(exchange, upload.size if upload.finished else declared, offset)
    if upload.finished:
        stands = _Stands(upload.size, None)
    else:
        opened = await exchange.ask(TakeUpload(handle="", upload=upload.upload, declared=length), UploadOpened)
        metadata = _metadata_of(upload)
        stands = await _receive(exchange, opened, offset, wanted=wanted, metadata=metadata)
    return Response(status_code=204, headers=await _told(exchange, upload.upload, stands))


async def delete(exchange: Exchange) -> Response:
    """Answer DELETE: the upload is thrown away. A file that it became stays."""
    await exchange.ask(AbandonUpload(handle="", upload=_upload_id(exchange)), Done)
    return Response(status_code=204)


COLLECTION = TusResource({"POST": create, "OPTIONS": options})
UPLOAD = TusResource({"HEAD": head, "PATCH": patch, "DELETE": delete, "OPTIONS": options})


# --- Bytes -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Stands:
    """How far an upload is, durably, and what it became if it is whole."""

    offset: int
    finished: Finished | None


async def _receive(
    exchange: Exchange, opened: UploadOpened, offset: int, *, wanted: Checksum | None, metadata: Mapping[str, bytes]
) -> _Stands:
    """Write the request's body at `offset`; publish the file where that makes it whole.

    What came before a body broke off or stopped is kept, unless the body has a checksum (which then was not seen to
    hold) or no declared length and turned out to be too long.
    """
    limit = exchange.door.settings.file_bytes_max if opened.declared is None else opened.declared
    incoming = await incoming_for(exchange, opened, held=wanted is not None or exchange.content_length is None)
    keep = wanted is None
    try:
        if incoming.contiguous != offset:
            raise OffsetConflict  # noqa: TRY301  # lets go of the upload as every failure here does
        checksum = None if wanted is None else RunningChecksum(wanted, exchange.door.plane)
        await pour(exchange.body(), incoming, offset, length_max=limit - offset, checksum=checksum)
        if checksum is not None and not await checksum.holds():
            raise ChecksumMismatch  # noqa: TRY301
        keep = True
        if incoming.contiguous == opened.declared:
            finished = await _published(incoming, metadata)
            return _Stands(finished.size, finished)
        durable = await incoming.flush()
    except (TooLarge, LengthMismatch):
        await let_go(incoming.suspend(keep=False))
        raise
    except BaseException:
        await let_go(incoming.suspend(keep=keep))
        raise
    await incoming.suspend()
    return _Stands(durable, None)


async def _finish(exchange: Exchange, upload: UploadIs) -> Finished:
    """Publish an upload of which every byte is here. Raises `UploadBusy` while another request is doing so."""
    opened = await exchange.ask(TakeUpload(handle="", upload=upload.upload), UploadOpened)
    incoming: Incoming = await incoming_for(exchange, opened)
    try:
        return await _published(incoming, _metadata_of(upload))
    except BaseException:
        await let_go(incoming.suspend())
        raise


async def _published(incoming: Incoming, metadata: Mapping[str, bytes]) -> Finished:
    """End an upload of which every byte is here, as its metadata says."""
    return await incoming.finish(modified=_modified_of(metadata), sent=sealed.sent_by_metadata(metadata))


def _metadata_of(upload: UploadIs) -> dict[str, bytes]:
    words, _ = tus.words_of(upload.metadata)
    return tus.parse_metadata(words)


async def _join(exchange: Exchange, parts: tuple[str, ...], metadata: Mapping[str, bytes], words: str) -> Response:
    """Join finished parts into the file that the metadata names."""
    if exchange.content_length != 0:
        raise UploadJoined
    if "upload-length" in exchange.headers or "upload-defer-length" in exchange.headers:
        raise HeaderInvalid("The whole of several parts is as long as they are: send no length.")
    sent = sealed.sent_by_metadata(metadata)
    if sent is not None:
        sent = await _with_header(exchange, parts, sent)
    finished = await exchange.ask(
        JoinUploads(
            handle="",
            path=_path_of(metadata),
            uploads=parts,
            metadata=tus.keep_words(words, exchange.headers["upload-concat"]),
            modified=_modified_of(metadata),
            sent_sealed=sent,
        ),
        Finished,
    )
    return Response(status_code=201, headers={"Location": _location(exchange, finished.upload), **headers_of(finished)})


async def _with_header(exchange: Exchange, parts: tuple[str, ...], sent: SentSealed) -> SentSealed:
    """Read the header of a file that its sender has sealed from its first part."""
    part = await exchange.ask(OpenPart(handle="", upload=parts[0]), PartOpened)
    plane = exchange.door.plane
    content = Content(plane.store, part.extents, part.segments, part.keys)

    async def read(wanted: int) -> bytes:
        begin = bytearray(min(wanted, content.size))
        await plane.run(lambda: content.read_into(0, begin))
        return bytes(begin)

    return msgspec.structs.replace(sent, header=await header_of(read))


async def _told(exchange: Exchange, upload: str, stands: _Stands) -> dict[str, str]:
    """Return the headers that say how an upload stands now and until when it is kept."""
    told = {"Upload-Offset": str(stands.offset)}
    if stands.finished is not None:
        return told | headers_of(stands.finished)
    seen = await exchange.ask(LookUpload(handle="", upload=upload), UploadIs)
    return told | {"Upload-Expires": conditions.http_date(seen.expires)}


# --- What the headers say --------------------------------------------------------------------------------------------


def _checksum(exchange: Exchange) -> Checksum | None:
    return digests.checksum_of(exchange.headers["upload-checksum"]) if "upload-checksum" in exchange.headers else None


def _upload_id(exchange: Exchange) -> str:
    upload: str = exchange.scope["path_params"]["upload"]
    if not tus.is_upload_id(upload):
        raise UploadMissing
    return upload


async def _look(exchange: Exchange) -> UploadIs:
    return await exchange.ask(LookUpload(handle="", upload=_upload_id(exchange)), UploadIs)


def _check_media_type(exchange: Exchange) -> None:
    if exchange.headers.get("content-type", "").partition(";")[0].strip().lower() != tus.MEDIA_TYPE:
        raise MediaTypeUnsupported(f"The body of an upload is {tus.MEDIA_TYPE}.")


def _check_fits(exchange: Exchange, declared: int | None, offset: int) -> None:
    """Refuse a body that is longer than what is still missing before any of it is read."""
    limit = exchange.door.settings.file_bytes_max if declared is None else declared
    if offset + (exchange.content_length or 0) > limit:
        raise TooLarge("The body is longer than what is missing of this upload.")


def _new_length(exchange: Exchange) -> int | None:
    """Return the length that a new upload declares, None where it is deferred."""
    length = tus.number_of(exchange.headers, "upload-length")
    deferred = exchange.headers.get("upload-defer-length")
    if deferred not in {None, "1"} or (length is None) == (deferred is None):
        raise HeaderInvalid("A new upload needs Upload-Length, or Upload-Defer-Length: 1, and not both.")
    return length


def _path_of(metadata: Mapping[str, bytes]) -> str:
    """Return where the file goes: `path`, followed by `filename` where `path` ends with a slash."""
    if "path" not in metadata:
        raise HeaderInvalid("Upload-Metadata needs the file's path: path BASE64.")
    text = paths.decode(metadata["path"])
    if text.endswith("/") and "filename" in metadata:
        text += paths.check_name(paths.decode(metadata["filename"]))
    path = paths.show(paths.parse(text))
    return sealed.age_path(path) if "sealed" in metadata else path


def _whole_of(metadata: Mapping[str, bytes]) -> int | None:
    """Return how long the whole of a part will be: as its creation says, of a sealed one at least its plaintext."""
    for word in ("whole-length", "plaintext-length"):
        if word in metadata:
            return tus.length_of(word, metadata[word])
    return None


def _modified_of(metadata: Mapping[str, bytes]) -> datetime | None:
    return tus.moment_of(metadata["mtime"].decode("ascii", "replace")) if "mtime" in metadata else None
