"""Who may come in: a browser on this machine that was given the link, which works once.

Another page in the same browser can send requests to loopback, and a name that it controls can be made to point there
(DNS rebinding): so the Host must be the one that was printed, what changes something must come from these pages
themselves and carry their secret, and the cookie goes along with no other site's requests.
"""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from starlette.responses import PlainTextResponse, RedirectResponse

from sealane.errors import NotAllowed, TooLarge

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE: Final = "sealane-desk"
ENTER: Final = "/enter/"
FORM_TOKEN: Final = "token"  # noqa: S105  the name of a field
_BODY_BYTES_MAX: Final = 64 * 1024
_FIELDS_MAX: Final = 64
_HEADERS: Final = {
    b"content-security-policy": b"default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none';"
    b" base-uri 'none'",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"referrer-policy": b"same-origin",
    b"x-content-type-options": b"nosniff",
    b"cache-control": b"no-store",
}


class Guard:
    """Stands before the pages."""

    def __init__(self, pages: ASGIApp, host: str) -> None:
        """Let in whoever asks for this host and has the link."""
        self._pages = pages
        self._host = host
        self._link: str | None = secrets.token_urlsafe(32)
        self._visitor = secrets.token_urlsafe(32)
        self.form_token = secrets.token_urlsafe(32)

    @property
    def link(self) -> str:
        """The address that lets in, once."""
        assert self._link is not None, "it is printed before anybody comes"
        return f"http://{self._host}{ENTER}{self._link}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the pages."""
        if scope["type"] != "http":
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(name, value) for name, value in message["headers"] if name not in _HEADERS]
                message["headers"] = [*own, *_HEADERS.items()]
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._pages)(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get("host", "") != self._host:
            return PlainTextResponse("This is not the address that was printed.", 421)
        path: str = scope["path"]
        if path.startswith(ENTER) and scope["method"] == "GET":
            return self._enter(path.removeprefix(ENTER))
        if not _same(_cookie(headers.get("cookie", "")), self._visitor):
            return PlainTextResponse("Open the link that 'sealane desk serve' printed. It works once.", 403)
        if scope["method"] not in {"GET", "HEAD"} and not self._is_ours(headers):
            return PlainTextResponse("This was not sent by a page of the desk.", 403)
        return None

    def _enter(self, given: str) -> Response:
        if self._link is None or not _same(given, self._link):
            return PlainTextResponse("This link was used already, or is none. Start 'sealane desk serve' again.", 403)
        self._link = None
        answer = RedirectResponse("/", 303)
        answer.set_cookie(COOKIE, self._visitor, httponly=True, samesite="strict", path="/")
        return answer

    def _is_ours(self, headers: dict[str, str]) -> bool:
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        return site in {None, "same-origin"} and origin in {None, f"http://{self._host}"}

    async def form(self, request: Request) -> dict[str, str]:
        """Return what a form of ours sent. Raises `NotAllowed`, `TooLarge`."""
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > _BODY_BYTES_MAX:
                raise TooLarge("This is more than a form of the desk sends.")
        try:
            told = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS_MAX))
        except ValueError:
            raise NotAllowed("This was not sent by a page of the desk.") from None
        if not _same(told.pop(FORM_TOKEN, ""), self.form_token):
            raise NotAllowed("This was not sent by a page of the desk.")
        return told


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(), known.encode())


def _cookie(header: str) -> str:
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return ""
