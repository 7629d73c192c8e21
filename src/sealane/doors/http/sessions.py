"""Sessions that bearer tokens opened, each shared by the requests that come with the same token from the same address.

A token is shown to the keeper once and then known here by its SHA-256, until the session that it opened ends; while
requests run, the next session is opened shortly before. Must stay true: a session that the keeper ended answers nothing
more and what runs in it stops at once; a refused token is never remembered, neither as good nor as bad.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import OrderedDict
from typing import TYPE_CHECKING, cast

import msgspec

from sealane.doors.http.browser import BrowserSessions
from sealane.errors import NotSignedIn, SealaneError, SessionEnded, TooMany
from sealane.operations.envelope import Answer, SessionsEnded
from sealane.operations.signing import SignedIn, SignInWithToken

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from sealane.clock import Clock
    from sealane.doors.http.browser import Asker
    from sealane.operations.envelope import Operation
    from sealane.settings import Settings

log = logging.getLogger(__name__)

_RENEWED_BEFORE_SECONDS = 30.0
"""How long before its end a session in use is followed by the next (a third of its life, if that is less)."""
_TOLD_MAX = 10_000
_TOKEN_CHARACTERS_MAX = 512


def key_of(token: str, address: str) -> tuple[bytes, str]:
    """Return what a session is found by."""
    return hashlib.sha256(token.encode()).digest(), address


class Session:
    """One token's session, and the requests that run in it."""

    def __init__(self, asker: Asker, token: str, address: str) -> None:
        """Hold the token while the session lives: the next one is opened with it."""
        self.key = key_of(token, address)
        self._asker = asker
        self.running: set[Callable[[SealaneError], None]] = set()
        """How to end each request that runs in it."""
        self._token = token
        self._address = address
        self._signed: SignedIn | None = None
        self._ended = False

    @property
    def signed(self) -> SignedIn:
        """Who it is. Raises `SessionEnded`."""
        if self._signed is None or self._ended:
            raise SessionEnded
        return self._signed

    async def sign_in(self) -> None:
        """Open the session, or the next one. Raises `NotSignedIn` or `Locked`."""
        follows = self._signed.handle if self._signed is not None else ""
        wanted = SignInWithToken(token=self._token, address=self._address, door="http", follows=follows)
        answer = await self._asker.ask(wanted)
        self._signed = cast("SignedIn", answer)
        self._ended = False

    def end(self, error: SealaneError) -> None:
        """Let nothing more be asked in it but what is heard after the end, and end what runs."""
        self._ended = True
        for end in tuple(self.running):
            end(error)

    async def ask(self, operation: Operation) -> Answer:
        """Ask an operation in this session as it stands now, whatever handle the operation was made with.

        Raises `SessionEnded`; what only completes the record is asked after the end as well.
        """
        speaks = self._signed if operation.after_the_end else self.signed
        if speaks is None:
            raise SessionEnded
        return await self._asker.ask(msgspec.structs.replace(operation, handle=speaks.handle))


class Sessions:
    """All sessions of this process."""

    def __init__(self, asker: Asker, settings: Settings, clock: Clock) -> None:
        """Open none yet."""
        self._asker = asker
        self._settings = settings
        self._clock = clock
        self._open: OrderedDict[tuple[bytes, str], Session] = OrderedDict()
        self._by_name: dict[str, Session] = {}
        self._opening: dict[tuple[bytes, str], asyncio.Task[Session]] = {}
        self._timers: dict[tuple[bytes, str], asyncio.TimerHandle] = {}
        self._told: OrderedDict[str, None] = OrderedDict()
        """Sessions lately told as ended: a notice may come before who asked for the session goes on."""
        self.of_browsers = BrowserSessions(asker)

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    async def of(self, token: str, address: str) -> Session:
        """Return the session of a token at an address, opened now if need be. Raises `NotSignedIn` or `Locked`."""
        if not token or len(token) > _TOKEN_CHARACTERS_MAX or not token.isascii():
            raise NotSignedIn
        key = key_of(token, address)
        session = self._open.get(key)
        if session is not None and session.signed.expires > self._clock.now():
            self._open.move_to_end(key)
            return session
        opening = self._opening.get(key)
        if opening is None:
            opening = self._begin_opening(key, self._sign_in(Session(self._asker, token, address)))
        return await asyncio.shield(opening)

    def noticed(self, notice: Answer) -> None:
        """Take a notice of the keeper: what runs in ended sessions ends now."""
        if isinstance(notice, SessionsEnded):
            for name in notice.sessions:
                self.of_browsers.end(name)
                self._told[name] = None
                session = self._by_name.get(name)
                if session is not None:
                    self.forget(session)
                    session.end(SessionEnded())
            while len(self._told) > _TOLD_MAX:
                self._told.popitem(last=False)

    def forget(self, session: Session) -> None:
        """Answer nothing more from this session; its token is asked for anew."""
        if self._open.get(session.key) is session:
            del self._open[session.key]
            self._timers.pop(session.key).cancel()
        self._by_name.pop(session.signed.session, None)

    def check_known(self, session: Session) -> None:
        """Raise `SessionEnded` for a session that no notice of the keeper would find any more.

        It may have had no time left when it was opened, and been forgotten before a request ran in it.
        """
        if self._by_name.get(session.signed.session) is not session:
            raise SessionEnded

    async def _sign_in(self, session: Session) -> Session:
        await session.sign_in()
        if session.signed.session in self._told:
            raise SessionEnded
        stale = self._open.get(session.key)
        if stale is not None:
            self.forget(stale)
        self._make_room()
        self._open[session.key] = session
        self._keep(session)
        return session

    def _make_room(self) -> None:
        """Forget the session that was used longest ago and runs nothing, where there are as many as may be."""
        if len(self._open) < self._settings.token_sessions_max:
            return
        idle = next((session for session in self._open.values() if not session.running), None)
        if idle is None:
            raise TooMany
        self.forget(idle)

    def _keep(self, session: Session) -> None:
        """Know the session by its name, and look again shortly before its end."""
        self._by_name[session.signed.session] = session
        left = max((session.signed.expires - self._clock.now()).total_seconds(), 0.0)
        loop = asyncio.get_running_loop()
        self._timers[session.key] = loop.call_later(
            left - min(_RENEWED_BEFORE_SECONDS, left / 3),
            lambda: self._renew_or_forget(session),
        )

    def _renew_or_forget(self, session: Session) -> None:
        if not session.running:
            self.forget(session)
            return
        self._begin_opening(session.key, self._renew(session))

    def _begin_opening(self, key: tuple[bytes, str], opening: Coroutine[None, None, Session]) -> asyncio.Task[Session]:
        """Open a session in a task of its own: whoever asked for it first may go away before it is open."""

        def opened(task: asyncio.Task[Session]) -> None:
            if self._opening.get(key) is task:
                del self._opening[key]
            if not task.cancelled():
                task.exception()  # whoever waits for it is told; nobody may be waiting

        task = asyncio.get_running_loop().create_task(opening)
        self._opening[key] = task
        task.add_done_callback(opened)
        return task

    async def _renew(self, session: Session) -> Session:
        before = session.signed.session
        self.forget(session)
        self._by_name[before] = session  # a notice about it must still find what runs in it
        try:
            return await self._sign_in(session)
        except SealaneError as error:
            log.info("a session could not be followed by the next: %s", error.code)
            session.end(error)
            raise
        finally:
            self._by_name.pop(before, None)
