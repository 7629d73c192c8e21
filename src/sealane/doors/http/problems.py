"""Failures as RFC 9457 problem documents, and the one table from our errors to HTTP status codes.

Lives here: the errors that only HTTP has, and their translation. Not here: the failures themselves (`errors.py`).
Must stay true: an unexpected exception tells the client a reference and nothing else.
"""

from __future__ import annotations

import json
import secrets
from http import HTTPStatus

from starlette.responses import Response

from sealane.errors import Conflict, Exhausted, Invalid, Kind, OutcomeUnknown, Refused, SealaneError, Unsupported

MEDIA_TYPE = "application/problem+json"
CHECKSUM_MISMATCH = 460
"""tus 1.0, checksum extension: a status code of its own."""


class HeaderInvalid(Invalid):
    """A header is malformed, or is there twice where it may be there once."""

    code = "header-invalid"
    default = "A header of the request is not valid."


class RangeUnsatisfiable(Invalid):
    """None of the ranges asked for is in the file, or there are too many (RFC 9110, 14.2)."""

    code = "range-unsatisfiable"
    default = "The ranges asked for are not in this file, or there are too many of them."

    def __init__(self, size: int) -> None:
        """Tell the client the size, so that it can ask better (RFC 9110, 15.5.17)."""
        super().__init__()
        self.headers = {"Content-Range": f"bytes */{size}"}


class BodyBroken(Invalid):
    """The body broke off, or its chunks are malformed (RFC 9112, 7.1)."""

    code = "body-broken"
    default = "The body broke off or is malformed, and was not taken. A resumable upload can be resumed."


class BodyTooSlow(Invalid):
    """The body stopped or trickled."""

    code = "body-too-slow"
    default = "The body came too slowly and was ended. A resumable upload can be resumed."


class ChecksumMismatch(Invalid):
    """tus: the body does not have the checksum that its header says."""

    code = "checksum-mismatch"
    default = "The checksum of this part differs from the one declared; nothing of it was kept. Send it again."


class ContentCoded(Unsupported):
    """A request body with a `Content-Encoding`: nothing here decompresses what a stranger sent."""

    code = "content-coded"
    default = "Send the body as it is, without Content-Encoding."


class MediaTypeUnsupported(Unsupported):
    """The body's media type is not the one that this request takes."""

    code = "media-type-unsupported"
    default = "This request does not take a body of this media type."


class MethodNotAllowed(Unsupported):
    """The route exists, the method does not."""

    code = "method-not-allowed"
    default = "This address does not take this method."

    def __init__(self, allow: str) -> None:
        """`allow` lists the methods that it does take."""
        super().__init__()
        self.headers = {"Allow": allow}


class TusVersionUnsupported(Unsupported):
    """tus 1.0: `Tus-Resumable` is missing or names another version."""

    code = "tus-version-unsupported"
    default = "This server speaks tus 1.0.0; say so in Tus-Resumable."

    def __init__(self) -> None:
        """Tell the client which version is spoken."""
        super().__init__()
        self.headers = {"Tus-Version": "1.0.0"}


class UploadJoined(Conflict):
    """tus: a joined upload takes no bytes (concatenation extension)."""

    code = "upload-joined"
    default = "This upload was joined from parts and takes no bytes of its own."


class PreconditionFailed(Conflict):
    """`If-Match` or `If-None-Match` does not hold (RFC 9110, 13)."""

    code = "precondition-failed"
    default = "The file is not in the state that the request's condition asks for."


class HeadersTooLarge(Exhausted):
    """The request's headers are larger than the limit."""

    code = "headers-too-large"
    default = "The headers of the request are too large."


class RouteMissing(Invalid):
    """No route of the API has this address. Not `Missing`: that speaks of files and folders."""

    code = "route-missing"
    default = "There is nothing at this address. /api/v1/openapi.json describes what there is."


class TokenMissing(Refused):
    """No `Authorization: Bearer` header."""

    code = "token-missing"
    default = "Send an API token: Authorization: Bearer TOKEN."


_BY_KIND: dict[Kind, int] = {
    Kind.REFUSED: HTTPStatus.FORBIDDEN,
    Kind.MISSING: HTTPStatus.NOT_FOUND,
    Kind.INVALID: HTTPStatus.BAD_REQUEST,
    Kind.CONFLICT: HTTPStatus.CONFLICT,
    Kind.EXHAUSTED: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Kind.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Kind.INTEGRITY: HTTPStatus.INTERNAL_SERVER_ERROR,
    Kind.UNSUPPORTED: HTTPStatus.NOT_IMPLEMENTED,
}
_BY_CODE: dict[str, int] = {
    "not-signed-in": HTTPStatus.UNAUTHORIZED,
    "session-ended": HTTPStatus.UNAUTHORIZED,
    "token-missing": HTTPStatus.UNAUTHORIZED,
    "locked": HTTPStatus.TOO_MANY_REQUESTS,
    "too-many": HTTPStatus.TOO_MANY_REQUESTS,
    "release-limit": HTTPStatus.TOO_MANY_REQUESTS,
    "route-missing": HTTPStatus.NOT_FOUND,
    "range-unsatisfiable": HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    "body-too-slow": HTTPStatus.REQUEST_TIMEOUT,
    "checksum-mismatch": CHECKSUM_MISMATCH,
    "content-coded": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "media-type-unsupported": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "method-not-allowed": HTTPStatus.METHOD_NOT_ALLOWED,
    "tus-version-unsupported": HTTPStatus.PRECONDITION_FAILED,
    "precondition-failed": HTTPStatus.PRECONDITION_FAILED,
    "headers-too-large": HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "upload-busy": HTTPStatus.LOCKED,
    "upload-joined": HTTPStatus.FORBIDDEN,
    "store-full": HTTPStatus.INSUFFICIENT_STORAGE,
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
}
_TITLES: dict[Kind, str] = {
    Kind.REFUSED: "Refused",
    Kind.MISSING: "Not there",
    Kind.INVALID: "Not valid",
    Kind.CONFLICT: "Conflict",
    Kind.EXHAUSTED: "Limit reached",
    Kind.UNAVAILABLE: "Not now",
    Kind.INTEGRITY: "Damaged",
    Kind.UNSUPPORTED: "Not supported",
}
_LATER = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.LOCKED})
RETRY_SECONDS = 5
"""`Retry-After` of what may work a little later."""


def status_of(error: SealaneError) -> int:
    """Return the status code for an error: by its code where that says more than its kind."""
    return int(_BY_CODE.get(error.code, _BY_KIND[error.kind]))


def problem(error: SealaneError, *, reference: str = "", retry_seconds: int = RETRY_SECONDS) -> Response:
    """Return the problem document of an expected failure.

    `reference` finds it in the log; `retry_seconds` is told where the same request may succeed later.
    """
    status = status_of(error)
    members: dict[str, str | int] = {
        "title": _TITLES[error.kind],
        "status": status,
        "code": error.code,
        "detail": error.sentence,
    }
    if reference:
        members["reference"] = reference
    told: dict[str, str] = {"Cache-Control": "no-store"}
    if isinstance(error, RangeUnsatisfiable | MethodNotAllowed | TusVersionUnsupported):
        told |= error.headers
    if status == HTTPStatus.UNAUTHORIZED:
        told["WWW-Authenticate"] = 'Bearer realm="sealane"'
    elif status in _LATER and not isinstance(error, OutcomeUnknown):  # that one is to be looked at first
        told["Retry-After"] = str(retry_seconds)
    return Response(json.dumps(members), status, told, MEDIA_TYPE)


def new_reference() -> str:
    """Return a name under which a person finds the one line of the log."""
    return secrets.token_hex(8)
