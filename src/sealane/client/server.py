"""Requests to one server: the login, TLS, problem documents turned back into errors, answers of bounded size.

What lives here: one HTTP request and its answer, decoded. Not here: trying again (`patience.py`), moving files.
Must stay true: the token goes to the login's own server only; redirects are not followed; nothing that the server says
is trusted to be small, or to be a name.
"""

from __future__ import annotations

import base64
import contextlib
import re
import ssl
import typing
from datetime import UTC, datetime, timedelta
from email.utils import formatdate, parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit

import httpx
import msgspec

import sealane.operations.failures  # noqa: F401  # so that what the keeper alone raises has its code here too
from sealane import __version__, paths
from sealane.client.failures import AnswerInvalid, CertificateRefused, ChangedThere, LocalFailure, Unreachable
from sealane.errors import (
    Conflict,
    DigestMismatch,
    Invalid,
    Missing,
    NotAllowed,
    NotSignedIn,
    SealaneError,
    StoreFull,
    TooLarge,
    TooMany,
    Unavailable,
    UploadBusy,
    UploadMissing,
    raised_again,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sealane.client.accounts import Login
    from sealane.settings import ClientSettings

API = "/api/v1"
UPLOADS = f"{API}/uploads"
SEALED = "Sealane-Sealed"
PLAINTEXT_LENGTH = "Sealane-Plaintext-Length"
PLAINTEXT_DIGEST = "Sealane-Plaintext-Digest"
SEALED_TO = "Sealane-Sealed-To"
PAYLOAD_DIGEST = "Sealane-Payload-Digest"
AGE_TYPE = "application/age"

_ETAG = re.compile(r'"[\x21\x23-\x7e]{1,200}"')
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PRECONDITION_FAILED = 412
_BY_STATUS: dict[int, type[SealaneError]] = {
    400: Invalid,
    401: NotSignedIn,
    403: NotAllowed,
    404: Missing,
    408: Unavailable,
    409: Conflict,
    410: UploadMissing,
    _PRECONDITION_FAILED: ChangedThere,
    413: TooLarge,
    415: Invalid,
    416: Invalid,
    423: UploadBusy,
    429: TooMany,
    431: Invalid,
    460: DigestMismatch,
    500: Unavailable,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
    507: StoreFull,
}


class Reply(msgspec.Struct, frozen=True):
    """An answer that succeeded, read to its end."""

    status: int
    headers: httpx.Headers
    body: bytes


class _Problem(msgspec.Struct):
    """RFC 9457, with our code."""

    code: str = ""
    detail: str = ""
    title: str = ""


class Server:
    """One server, as one user. Safe to use from many threads."""

    def __init__(self, login: Login, settings: ClientSettings) -> None:
        """Open nothing yet. Raises `LocalFailure` when the certificate file cannot be used."""
        self.url = login.url
        self._settings = settings
        connections = 3 * settings.parallel + 2  # of lanes, of what is asked ahead, of files
        self._http = httpx.Client(
            base_url=login.url,
            headers={
                "Authorization": f"Bearer {login.token}",
                "Accept-Encoding": "identity",
                "User-Agent": f"sealane/{__version__}",
            },
            verify=_trust(login),
            timeout=httpx.Timeout(settings.silence_seconds, connect=settings.connect_seconds, pool=None),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            follow_redirects=False,
        )

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def ask(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: bytes | Iterator[bytes | bytearray] | None = None,
    ) -> Reply:
        """Send one request and return its answer, or raise the `SealaneError` that it failed with."""
        with self.stream(method, target, headers=headers, params=params, content=content) as response:
            return Reply(response.status_code, response.headers, self._read(response))

    @contextlib.contextmanager
    def stream(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: bytes | Iterator[bytes | bytearray] | None = None,
    ) -> Iterator[httpx.Response]:
        """Send one request and give its answer with the body unread, once it is known to have succeeded."""
        try:
            # httpx says bytes, and takes whatever a socket takes.
            body = typing.cast("bytes | Iterator[bytes] | None", content)
            with self._http.stream(method, target, headers=headers, params=params, content=body) as response:
                if not response.is_success:
                    raise _failure(response.status_code, self._read(response))
                yield response
        except httpx.TransportError as problem:
            raise _broken(problem) from problem
        except httpx.HTTPError as problem:
            raise AnswerInvalid from problem

    def own_target(self, location: str) -> str:
        """Return the path of an upload's address, or raise `AnswerInvalid` where that is not on this server."""
        whole = urlsplit(urljoin(f"{self.url}{UPLOADS}", location))
        here = urlsplit(self.url)
        if (whole.scheme, whole.netloc) != (here.scheme, here.netloc) or not whole.path.startswith(f"{UPLOADS}/"):
            raise AnswerInvalid
        return whole.path

    def _read(self, response: httpx.Response) -> bytes:
        """Return the body, at most `answer_bytes_max` of it."""
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > self._settings.answer_bytes_max:
                raise AnswerInvalid
        return bytes(body)


def target_of(kind: str, path: paths.Path) -> str:
    """Return the request target of a remote path (`content`, `folders`, `receipts`, …), each name encoded once."""
    return "/".join((f"{API}/{kind}", *(quote(name, safe="") for name in path)))


def show_digest(digest: bytes) -> str:
    """Return a SHA-256 as a digest field writes it (RFC 9530)."""
    return f"sha-256=:{base64.b64encode(digest).decode()}:"


def digest_of(headers: httpx.Headers, field: str = "Repr-Digest") -> bytes | None:
    """Return the SHA-256 of a digest field (RFC 9530), None where there is none."""
    for member in headers.get(field, "").split(","):
        name, _, value = member.strip().partition("=")
        if name == "sha-256" and value.startswith(":") and value.endswith(":") and len(value) > 1:
            with contextlib.suppress(ValueError):
                digest = base64.b64decode(value[1:-1], validate=True)
                if len(digest) == 32:  # noqa: PLR2004  SHA-256
                    return digest
    return None


def version_of(headers: httpx.Headers) -> str:
    """Return the version that an `ETag` (or `Sealane-Version`) names, or raise `AnswerInvalid`."""
    version = headers.get("sealane-version") or headers.get("etag", "").removeprefix('"').removesuffix('"')
    if not version or not version.isalnum():
        raise AnswerInvalid
    return version


def etag_of(headers: httpx.Headers) -> str:
    """Return the strong `ETag` as `If-Match` takes it (RFC 9110, 8.8.3), or raise `AnswerInvalid`."""
    etag = headers.get("etag", "")
    if not _ETAG.fullmatch(etag):
        raise AnswerInvalid
    return etag


def modified_text(modified_ns: int) -> str:
    """Return a file's time as the server takes it: RFC 3339, UTC, microseconds."""
    moment = _EPOCH + timedelta(microseconds=modified_ns // 1000)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def modified_header(modified_ns: int) -> dict[str, str]:
    """Return the header of a PUT that says what time the file shall show; HTTP knows whole seconds."""
    return {"Last-Modified": formatdate(modified_ns // 10**9, usegmt=True)}


def modified_of(headers: httpx.Headers) -> datetime | None:
    """Return the time that the server shows for a file, None where it shows none."""
    try:
        return parsedate_to_datetime(headers.get("last-modified", "")).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _trust(login: Login) -> ssl.SSLContext:
    if login.url.startswith("http:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # loopback in clear: no TLS, and a context that trusts nobody
    try:
        context = ssl.create_default_context(cafile=login.certificate or None)
    except (OSError, ssl.SSLError):
        raise LocalFailure(f"{login.certificate} cannot be read as a file of certificates.") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _failure(status: int, body: bytes) -> SealaneError:
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except msgspec.MsgspecError:
        problem = _Problem()
    if status != _PRECONDITION_FAILED and problem.code in SealaneError.by_code:
        return raised_again(problem.code, problem.detail or problem.title)
    # A code of the door's own, which nobody here acts on, or none at all: the status says what to do.
    known = _BY_STATUS.get(status)
    if known is None:
        return AnswerInvalid()
    return known(None if status == _PRECONDITION_FAILED else problem.detail or None)


def _broken(problem: httpx.TransportError) -> SealaneError:
    """Return the failure of a connection; a certificate that is not trusted stays so however often it is tried."""
    cause: BaseException | None = problem
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            why = cause.verify_message.rstrip(".")
            return CertificateRefused(
                f"The server's certificate is not accepted: {why}. For a private one, name its file in SEALANE_CA."
            )
        cause = cause.__cause__ or cause.__context__
    return Unreachable()
