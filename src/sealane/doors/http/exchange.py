"""One request and its answer: what is known of it, who is behind it, how it is ended.

Must stay true: handlers see the client's address only as the connection has it; headers that speak of other hosts or
addresses (`Host`, `Forwarded`, `X-Forwarded-…`) are never read.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from starlette.datastructures import Headers

from sealane import paths
from sealane.configuration import as_told
from sealane.doors.http import browser
from sealane.doors.http.bodies import Body
from sealane.doors.http.locations import names_of
from sealane.doors.http.problems import TokenMissing
from sealane.doors.keeping_alive import KeepingAlive
from sealane.operations.envelope import Answer, Operation, SettingsInForce

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from sealane.clock import Clock
    from sealane.doors.http.browser import Asker, BrowserSession
    from sealane.doors.http.sessions import Session, Sessions
    from sealane.doors.plane import Plane
    from sealane.errors import SealaneError
    from sealane.settings import Settings

AnswerT = TypeVar("AnswerT", bound=Answer)
SCOPE_KEY = "sealane.exchange"


@dataclass(slots=True)
class HttpDoor:
    """What the door's handlers are given. No database, no keys but those of the transfers that run."""

    settings: Settings
    """Those in force: what is changed at a page is told by the keeper."""
    clock: Clock
    asker: Asker
    plane: Plane
    sessions: Sessions
    keeping_alive: KeepingAlive = field(init=False)
    """Of browsers and guests; the session of a token is followed by the next while something runs (sessions.py)."""

    def __post_init__(self) -> None:
        """Keep alive whatever session of a browser something runs in."""
        in_use = self.sessions.of_browsers.in_use
        self.keeping_alive = KeepingAlive(self.asker.ask, in_use, lambda: self.settings.session_idle_seconds)

    def noticed(self, notice: Answer) -> None:
        """Take a notice of the keeper: settings that were changed count for what begins from now on."""
        if isinstance(notice, SettingsInForce):
            self.settings = self.plane.settings = as_told(self.settings, notice.values)
            self.keeping_alive.soon()


class Exchange:
    """A request under way. Made by the gate, found by the handlers in the scope."""

    def __init__(self, door: HttpDoor, scope: Scope, receive: Receive, send: Send) -> None:
        """Wrap one request; the running task is the one that answers it."""
        self.door = door
        self.scope = scope
        self.headers = Headers(scope=scope)
        self.method: str = scope["method"]
        self.address: str = scope["client"][0] if scope.get("client") else ""
        self.answered = False
        """The status line is out; from here on only breaking the connection can tell of a failure."""
        self.status = 0
        self.body_ended = False
        self.stalled = False
        """The client stopped sending: nothing more is waited for."""
        self.ended_by: SealaneError | None = None
        self.came = 0
        self.went = 0
        self.always: list[tuple[bytes, bytes]] = []
        """Headers that the answer carries whatever it is."""
        self._receive = receive
        self._send = send
        self._session: Session | BrowserSession | None = None
        self._began = door.clock.monotonic()
        task = asyncio.current_task()
        assert task is not None
        self._task = task

    # --- the connection ---------------------------------------------------------------------------------------------

    async def receive(self) -> Message:
        """Return the next piece of the body, or the news that the client is gone."""
        message = await self._receive()
        if message["type"] == "http.request":
            self.came += len(message.get("body", b""))
            self.body_ended = not message.get("more_body", False)
        else:
            self.body_ended = True
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.start":
            self.answered = True
            self.status = message["status"]
        else:
            self.went += len(message.get("body", b""))
        await self._send(message)

    def end(self, error: SealaneError) -> None:
        """End this request from outside of it: answered with the error, or broken off where the answer has begun."""
        if self.ended_by is None:
            self.ended_by = error
            self._task.cancel()

    def forgive(self) -> None:
        """Go on after `end`, to answer with its error."""
        self._task.uncancel()

    def leave(self) -> None:
        """Let nothing end this request any more: it is over.

        The connection is let go of here and not by the garbage collector: granian closes one whose body was not read
        only when its last reference is gone.
        """
        if self._session is not None:
            self._session.running.discard(self.end)
        del self.scope[SCOPE_KEY], self._receive, self._send

    def seconds(self) -> float:
        """How long ago the request began."""
        return self.door.clock.monotonic() - self._began

    # --- the request ------------------------------------------------------------------------------------------------

    @property
    def content_length(self) -> int | None:
        """The declared length of the body, None where it is not told (chunked, or HTTP/2)."""
        declared = self.headers.get("content-length")
        if declared is not None:
            return int(declared) if declared.isascii() and declared.isdigit() else None
        return None if "transfer-encoding" in self.headers or self.scope["http_version"].startswith("2") else 0

    def body(self) -> Body:
        """Return the body, unread."""
        return Body(self.receive, self.door.settings, self.door.clock, declared=self.content_length)

    async def small_body(self, bytes_max: int | None = None) -> bytes:
        """Return the whole body of a request that carries a few words, at most `json_body_bytes_max` of them."""
        whole = bytearray()
        async for piece in self.body().pieces(bytes_max or self.door.settings.json_body_bytes_max):
            whole += piece
        return bytes(whole)

    def path(self, parameter: str = "path") -> str:
        """Return the path that the request names, decoded once from the raw bytes and checked."""
        raw: str = self.scope["path_params"][parameter]
        return paths.show(names_of(raw.encode("ascii")))

    # --- the session ------------------------------------------------------------------------------------------------

    @property
    def is_signed_in(self) -> bool:
        """Whether the request's token or cookie stands for a session."""
        return self._session is not None

    async def sign_in(self) -> Session | BrowserSession:
        """Return the session that the bearer token opens, or that a browser's cookie stands for.

        A cookie comes with whatever request a browser makes, so it counts only where the request is provably one of
        our own pages' (`browser.check_origin`). Raises `TokenMissing`, `NotSignedIn`, `Locked`, `SessionEnded`.
        """
        if self._session is not None:
            return self._session
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        if not scheme:
            handle = browser.speaking_handle_of(self.headers)
            if not handle:
                raise TokenMissing
            browser.check_origin(self.method, self.headers, handle)
            return await self.enter(handle)
        if scheme.lower() != "bearer":
            raise TokenMissing("Only API tokens are taken here: Authorization: Bearer TOKEN.")
        session = await self.door.sessions.of(token.strip(" "), self.address)
        self.door.sessions.check_known(session)
        session.running.add(self.end)
        self._session = session
        return session

    async def enter(self, handle: str) -> BrowserSession:
        """Let this request speak for a browser's session. Whoever calls this has checked where the request is from."""
        session = await self.door.sessions.of_browsers.of(handle)
        session.running.add(self.end)
        self._session = session
        return session

    async def ask(self, operation: Operation, answer: type[AnswerT]) -> AnswerT:
        """Ask the keeper in this request's session; `operation.handle` is filled in here."""
        session = await self.sign_in()
        told = await session.ask(operation)
        if not isinstance(told, answer):
            raise TypeError(type(told).__name__)
        return told


def exchange_of(scope: Scope) -> Exchange:
    """Return the exchange that the gate made for this request."""
    exchange: Exchange = scope[SCOPE_KEY]
    return exchange
