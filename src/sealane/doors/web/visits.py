"""One visit of a page: who it is, in which language, what they sent, and what they are shown.

Must stay true: a page that changes something does so only for a form of our own (`take_form`), and a page that another
site opens in a frame, an image or a script is not shown at all.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import RedirectResponse

from sealane.doors.http import browser
from sealane.doors.http.browser import OriginRefused
from sealane.doors.web import forms, words
from sealane.errors import NotAllowed, SessionEnded
from sealane.operations.administering import Administer, Administered

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealane.doors.http.exchange import AnswerT, Exchange
    from sealane.doors.web.assets import Assets
    from sealane.doors.web.forms import Form
    from sealane.doors.web.orders import Orders
    from sealane.doors.web.rendering import Rendering
    from sealane.operations.administering import Administrable
    from sealane.operations.browser import SessionIs
    from sealane.operations.envelope import Operation
    from sealane.operations.signing import SignedIn
    from sealane.settings import Settings

BEFORE_COOKIE: Final = "__Host-sealane-before"
"""A random secret for the forms of somebody who has not signed in: nobody else can make them sign in as another."""
LANGUAGE_COOKIE: Final = "__Host-sealane-language"
_YEAR_SECONDS: Final = 365 * 86400
_BEFORE_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Wall:
    """What all visits share."""

    assets: Assets
    rendering: Rendering
    orders: Orders


class Visit:
    """A request for a page."""

    def __init__(self, exchange: Exchange, wall: Wall) -> None:
        """Nobody is known yet."""
        self.exchange = exchange
        self.session: SessionIs | None = None
        self.guest: SessionIs | None = None
        """Who it is on the pages of guests; nobody is both on one page."""
        self.wall = wall
        self.language = words.chosen(
            exchange.headers.get("accept-language", ""), browser.cookie_of(exchange.headers, LANGUAGE_COOKIE)
        )
        self._cookies: list[str] = []
        self._secret = ""
        """What this visit's form token follows from."""

    # --- who --------------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """The node's settings."""
        return self.exchange.door.settings

    @property
    def signed(self) -> SessionIs:
        """Whose session it is. Raises `SessionEnded` where nobody has signed in."""
        if self.session is None:
            raise SessionEnded
        return self.session

    @property
    def known_by(self) -> str:
        """The name of the session, of a user or of a guest, in which this page is asked for."""
        told = self.guest or self.session
        return "" if told is None else told.session

    async def recognise(self) -> None:
        """Find out who it is by the cookie, if it has any. Raises `OriginRefused` for what no person asked to see."""
        self._check_asked_by_a_person()
        handle = browser.handle_of(self.exchange.headers)
        if not handle:
            return
        try:
            told = (await self.exchange.enter(handle)).told
        except SessionEnded:
            self.forget()
            return
        if told.role == "guest":
            raise OriginRefused  # a guest's session in a user's place: no page of ours puts it there
        self.session = told
        self._secret = handle

    async def recognise_guest(self) -> None:
        """Find out which guest it is by their own cookie. Raises `SessionEnded`, `OriginRefused`."""
        self._check_asked_by_a_person()
        handle = browser.guest_handle_of(self.exchange.headers)
        if not handle:
            raise SessionEnded
        self.guest = (await self.exchange.enter(handle)).told
        self._secret = handle

    def remember_guest(self, signed: SignedIn) -> None:
        """Give the browser the guest's session, beside what it may have of a user."""
        self._cookies.append(browser.set_cookie(browser.GUEST_COOKIE, signed.handle))
        self._cookies.append(browser.set_cookie(BEFORE_COOKIE, "", seconds=0, same_site="Strict"))

    def forget_guest(self) -> None:
        """Take the guest's session back from the browser."""
        self.guest = None
        self._cookies.append(browser.set_cookie(browser.GUEST_COOKIE, "", seconds=0))

    def _check_asked_by_a_person(self) -> None:
        """Let another site lead somebody here, and do nothing else with a page (W3C Fetch Metadata)."""
        headers = self.exchange.headers
        if headers.get("sec-fetch-site", "none") in {"none", "same-origin"}:
            return
        led = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        if self.exchange.method not in {"GET", "HEAD"} or not led:
            raise OriginRefused

    def remember(self, signed: SignedIn) -> None:
        """Give the browser the session that was opened."""
        self._cookies.append(browser.set_cookie(browser.COOKIE, signed.handle))
        self._cookies.append(browser.set_cookie(BEFORE_COOKIE, "", seconds=0, same_site="Strict"))

    def forget(self) -> None:
        """Take the session back from the browser."""
        self.session = None
        self._cookies.append(browser.set_cookie(browser.COOKIE, "", seconds=0))

    def speak(self, language: str) -> None:
        """Have the browser remember a language."""
        if language in words.LANGUAGES:
            self._cookies.append(browser.set_cookie(LANGUAGE_COOKIE, language, seconds=_YEAR_SECONDS))

    # --- what they sent ---------------------------------------------------------------------------------------------

    async def take_form(self) -> Form:
        """Return the form that was sent. Raises `OriginRefused` unless it is one of ours."""
        form = forms.parse(await self.exchange.small_body(), self.exchange.headers.get("content-type", ""))
        known = self.session is not None or self.guest is not None
        secret = self._secret if known else self._before()
        if not browser.is_form_token(secret, form["token"]):
            raise OriginRefused
        return form

    def mark(self, text: str) -> str:
        """Return what goes along with a text in an address of ours: nobody else can make it for this session."""
        return browser.form_token(f"{self._secret} {text}")

    def query(self) -> Form:
        """Return what stands after the question mark."""
        return forms.parse_query(self.exchange.scope["query_string"])

    @property
    def address(self) -> str:
        """The address that was asked for, to come back to."""
        query = self.exchange.scope["query_string"].decode("latin-1")
        return self.exchange.scope["path"] + (f"?{query}" if query else "")

    @property
    def before(self) -> str:
        """A secret of this browser, from before anybody signs in."""
        return self._before()

    def _before(self) -> str:
        return browser.cookie_of(self.exchange.headers, BEFORE_COOKIE)

    # --- asking the keeper ------------------------------------------------------------------------------------------

    async def ask(self, operation: Operation, answer: type[AnswerT]) -> AnswerT:
        """Ask in this visit's session."""
        return await self.exchange.ask(operation, answer)

    async def ask_as_stranger(self, operation: Operation, answer: type[AnswerT]) -> AnswerT:
        """Ask what needs no session."""
        told = await self.exchange.door.asker.ask(operation)
        if not isinstance(told, answer):
            raise TypeError(type(told).__name__)
        return told

    async def administer(self, operation: Administrable, answer: type[AnswerT]) -> AnswerT:
        """Ask an administrator's operation in this visit's session."""
        if not self.signed.administers:
            raise NotAllowed("Only an administrator may do this.")
        told = (await self.ask(Administer(handle="", operation=operation), Administered)).told
        if not isinstance(told, answer):
            raise TypeError(type(told).__name__)
        return told

    # --- what they are shown ----------------------------------------------------------------------------------------

    def page(self, template: str, status: int = 200, **given: Any) -> Response:
        """Return a page."""
        if self.guest is not None:
            pass
        elif self.session is None and not self._before():
            self._secret = secrets.token_urlsafe(_BEFORE_BYTES)
            self._cookies.append(browser.set_cookie(BEFORE_COOKIE, self._secret, same_site="Strict"))
        elif self.session is None:
            self._secret = self._before()
        common = {
            "session": self.session,
            "guest": self.guest,
            "token": browser.form_token(self._secret),
            "proved": self._is_proved(),
            "here": self.address,
            "path_here": self.exchange.scope["path"],
            "said": self.query()["said"],
            "passkeys_on": bool(self.settings.public_url),
            "is_part": self.exchange.headers.get("hx-request") == "true",
        }
        response = self.wall.rendering.page(template, self.language, status, **(common | given))
        return self._dressed(response)

    def go(self, address: str) -> Response:
        """Send the browser on, after a form."""
        return self._dressed(RedirectResponse(address, status_code=303))

    def _is_proved(self) -> bool:
        until = None if self.session is None else self.session.proved_until
        return until is not None and until > self.exchange.door.clock.now()

    def _dressed(self, response: Response) -> Response:
        for cookie in self._cookies:
            response.headers.append("set-cookie", cookie)
        return response
