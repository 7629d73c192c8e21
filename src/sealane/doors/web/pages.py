"""A page at an address: who may come in, and how a failure is told to a person.

Must stay true: whoever must sign in first is led back to where they wanted to go, and only there; a failure is told in
a page with its stable code, whatever it was; what was sent to a session that is over changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from sealane.doors.http.exchange import exchange_of
from sealane.doors.http.problems import RETRY_SECONDS, MethodNotAllowed, status_of
from sealane.doors.web import forms
from sealane.doors.web.visits import Visit
from sealane.errors import Missing, SealaneError, SessionEnded
from sealane.operations.failures import LinkOver, ProofWanted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from sealane.doors.web.visits import Wall

Shows: TypeAlias = "Callable[[Visit], Awaitable[Response | None]]"
"""Answers a visit with a page, or with None where it has sent the answer itself (a download)."""

Guests = Literal["everything", "anybody", "guests", "signed in", "administrators"]
"""`everything`: also what has no person behind it (styles and programs), so nobody is looked up.
`guests`: of a share."""

_LATER = frozenset({429, 503})


class Page:
    """What is at one address."""

    def __init__(self, shows: Mapping[str, Shows], *, wall: Wall, guests: Guests = "signed in") -> None:
        """Answer each method by its function; HEAD as GET."""
        self._shows = dict(shows)
        if "GET" in self._shows:
            self._shows.setdefault("HEAD", self._shows["GET"])
        self._wall = wall
        self._guests = guests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        visit = Visit(exchange_of(scope), self._wall)
        try:
            response = await self._answer(visit)
        except SealaneError as failure:
            if visit.exchange.answered:
                raise
            response = await told(visit, failure.with_traceback(None))
        if response is not None:
            await response(scope, receive, send)

    async def _answer(self, visit: Visit) -> Response | None:
        show = self._shows.get(visit.exchange.method)
        if show is None:
            raise MethodNotAllowed(", ".join(self._shows))
        if self._guests == "everything":
            return await show(visit)
        if self._guests == "guests":
            try:
                await visit.recognise_guest()
                return await show(visit)
            except SessionEnded:
                visit.forget_guest()
                raise LinkOver("Your visit has ended. Open the link that was sent to you again.") from None
        await visit.recognise()
        if self._guests != "anybody" and visit.session is None:
            raise SessionEnded
        if self._guests == "administrators" and not visit.signed.administers:
            raise Missing("There is no such page.")
        return await show(visit)


async def told(visit: Visit, failure: SealaneError) -> Response:
    """Return the page that tells of a failure, or lead to where it can be mended."""
    back = visit.address if visit.exchange.method in {"GET", "HEAD"} else visit.exchange.scope["path"]
    if isinstance(failure, SessionEnded):
        visit.forget()
        return visit.go(forms.address("/sign-in", next=back if back != "/" else ""))
    if isinstance(failure, ProofWanted):
        return visit.go(forms.address("/prove", next=back))
    status = status_of(failure)
    response = visit.page("error.html", status, failure=failure, http_status=status)
    if isinstance(failure, MethodNotAllowed):
        response.headers.update(failure.headers)
    if status in _LATER:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response
