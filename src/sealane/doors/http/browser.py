"""Sessions of browsers: the cookie that stands for one, and what proves that a request is one of our own pages'.

The cookie holds the session's handle; the keeper knows it by its hash and is asked about it with every request, so that
any worker may answer any of them. Must stay true: the cookie alone never lets a request change anything: a browser
sends it along with whatever another site makes it send. What changes something also carries the form token, which
follows from the handle and which no other site can read.
"""

from __future__ import annotations

import hmac
import weakref
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Final, Protocol, cast

import msgspec

from sealane.errors import Refused, SessionEnded
from sealane.operations.browser import LookSession, SessionIs
from sealane.operations.signing import SignedIn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.datastructures import Headers

    from sealane.errors import SealaneError
    from sealane.operations.envelope import Answer, Operation

COOKIE: Final = "__Host-sealane"
"""A browser takes it only with `Secure`, for this host alone and all of its paths (RFC 6265bis, 4.1.3.2)."""
GUEST_COOKIE: Final = "__Host-sealane-guest"
"""That of a guest of a share: apart, so that a user may be a guest too without being signed out."""
FORM_TOKEN_HEADER: Final = "sealane-form-token"  # noqa: S105  # its name
_HANDLE_CHARACTERS_MAX: Final = 128
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN: Final = frozenset({"same-origin", "none"})
"""`Sec-Fetch-Site` of what one of our pages, or the person at the address bar, asked for (W3C Fetch Metadata)."""


class Asker(Protocol):
    """Whatever asks the keeper: `KeeperCaller`, or the keeper in the same process in tests."""

    async def ask(self, operation: Operation) -> Answer:
        """Return the answer or raise the `SealaneError` it failed with."""
        ...


class OriginRefused(Refused):
    """A browser's request that is not provably one of our own pages'."""

    code = "origin-refused"
    default = "This request did not come from a page of this server, or from one that is too old. Load it again."


def cookie_of(headers: Headers, name: str) -> str:
    """Return a cookie of the request, empty where there is none or where it is there twice."""
    found: list[str] = []
    for line in headers.getlist("cookie"):  # HTTP/2 may send them apart (RFC 9113, 8.2.3)
        for pair in line.split(";"):
            key, equals, value = pair.strip(" ").partition("=")
            if equals and key == name:
                found.append(value)
    return found[0] if len(found) == 1 else ""


def handle_of(headers: Headers) -> str:
    """Return the session handle that the request's cookie holds, empty where there is none."""
    return _handle_in(headers, COOKIE)


def guest_handle_of(headers: Headers) -> str:
    """Return the handle of a guest's session that the request has, empty where there is none."""
    return _handle_in(headers, GUEST_COOKIE)


def speaking_handle_of(headers: Headers) -> str:
    """Return for whom a request of a page's program speaks: a guest if its form token is that of a guest's page."""
    guest = guest_handle_of(headers)
    return guest if is_form_token(guest, headers.get(FORM_TOKEN_HEADER, "")) else handle_of(headers)


def _handle_in(headers: Headers, cookie: str) -> str:
    handle = cookie_of(headers, cookie)
    return handle if len(handle) <= _HANDLE_CHARACTERS_MAX and handle.isascii() else ""


def set_cookie(name: str, value: str, *, same_site: str = "Lax", seconds: int | None = None) -> str:
    """Return a `Set-Cookie` header for this host alone, unreadable for scripts; gone with the browser by default."""
    jar: SimpleCookie = SimpleCookie()
    try:
        jar[name] = value
    except CookieError:
        raise ValueError(name) from None
    morsel = jar[name]
    morsel["path"], morsel["secure"], morsel["httponly"], morsel["samesite"] = "/", True, True, same_site
    if seconds is not None:
        morsel["max-age"] = str(seconds)
    return morsel.OutputString()


def form_token(secret: str) -> str:
    """Return what a form of our own carries, beside the cookie with this secret."""
    return hmac.new(secret.encode(), b"sealane form 1", "sha256").hexdigest()


def is_form_token(secret: str, given: str) -> bool:
    """Return whether a form carried the right token."""
    return bool(secret) and hmac.compare_digest(form_token(secret).encode(), given.encode("utf-8", "replace"))


def check_origin(method: str, headers: Headers, handle: str) -> None:
    """Raise `OriginRefused` unless a request that a cookie speaks for is one of our own pages'.

    A browser that tells where a request is from is believed when that is elsewhere; what changes something has the form
    token as well.
    """
    if headers.get("sec-fetch-site", "none") not in _OWN:
        raise OriginRefused
    if method not in _SAFE and not is_form_token(handle, headers.get(FORM_TOKEN_HEADER, "")):
        raise OriginRefused


class BrowserSession:
    """A browser's session, as long as a request runs in it."""

    def __init__(self, asker: Asker, handle: str, told: SessionIs) -> None:
        """Take what the keeper has just told of it."""
        self.told = told
        self.handle = handle
        self.running: set[Callable[[SealaneError], None]] = set()
        """How to end each request that runs in it."""
        self._asker = asker
        self._ended = False

    @property
    def signed(self) -> SignedIn:
        """Who it is. Raises `SessionEnded`."""
        if self._ended:
            raise SessionEnded
        told = self.told
        return SignedIn(
            handle=self.handle, session=told.session, user=told.user, scopes=told.scopes, expires=told.expires
        )

    def end(self, error: SealaneError) -> None:
        """Let nothing more be asked in it but what is heard after the end, and end what runs."""
        self._ended = True
        for end in tuple(self.running):
            end(error)

    async def ask(self, operation: Operation) -> Answer:
        """Ask an operation in this session, whatever handle it was made with. Raises `SessionEnded`."""
        if self._ended and not operation.after_the_end:
            raise SessionEnded
        return await self._asker.ask(msgspec.structs.replace(operation, handle=self.handle))


class BrowserSessions:
    """Those sessions in which requests run at this moment, by name."""

    def __init__(self, asker: Asker) -> None:
        """There are none yet."""
        self._asker = asker
        self._by_name: weakref.WeakValueDictionary[str, BrowserSession] = weakref.WeakValueDictionary()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._by_name)

    def in_use(self) -> Iterator[str]:
        """Yield the handles of those in which a request runs at this moment."""
        return (session.handle for session in tuple(self._by_name.values()) if session.running)

    async def of(self, handle: str) -> BrowserSession:
        """Return the session of a handle, as the keeper knows it now. Raises `SessionEnded`."""
        told = cast("SessionIs", await self._asker.ask(LookSession(handle=handle)))
        session = self._by_name.get(told.session)
        if session is None:
            session = BrowserSession(self._asker, handle, told)
            self._by_name[told.session] = session
        session.told = told
        return session

    def end(self, name: str) -> None:
        """End what runs in a session that the keeper has ended."""
        session = self._by_name.pop(name, None)
        if session is not None:
            session.end(SessionEnded())
