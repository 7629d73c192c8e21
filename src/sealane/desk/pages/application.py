"""Where the pages are, and serving them: on loopback, to whoever has the link."""

from __future__ import annotations

import asyncio
import ipaddress
import signal
from typing import TYPE_CHECKING, Final

from granian.constants import Interfaces
from granian.server.embed import Server
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sealane.desk.notices.markup import tag
from sealane.desk.pages import incidents, layout, search
from sealane.desk.pages.guard import Guard
from sealane.desk.pages.layout import Shown
from sealane.errors import Invalid, Kind, SealaneError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

    from sealane.desk.pages.office import Office

    Shows = Callable[[Office, int, Mapping[str, str]], Shown]
    Keeps = Callable[[Office, int, Mapping[str, str]], None]

_STATUS: Final = {Kind.MISSING: 404, Kind.REFUSED: 403}


class NotLoopback(Invalid):
    """The pages are for this machine alone."""

    code = "desk-not-loopback"
    default = "The desk's pages are for this machine alone: name 127.0.0.1, ::1 or localhost with a port."


def checked_host(text: str) -> tuple[str, int]:
    """Return address and port of `HOST:PORT` on loopback. Raises `NotLoopback`."""
    host, _, port = text.rpartition(":")
    host = "127.0.0.1" if host == "localhost" else host.removeprefix("[").removesuffix("]")
    try:
        if ipaddress.ip_address(host).is_loopback and 0 < int(port) < 65536:  # noqa: PLR2004  ports
            return host, int(port)
    except ValueError:
        pass
    raise NotLoopback


class Pages:
    """The ASGI application of an open desk."""

    def __init__(self, office: Office, host: str, port: int) -> None:
        """Answer to this address only."""
        self._office = office
        shown = f"[{host}]" if ":" in host else host
        self.guard = Guard(Starlette(routes=self._routes()), f"{shown}:{port}")

    def _routes(self) -> list[Route]:
        token = self._token
        at = "/incidents/{number:int}"
        shows: dict[str, Shows] = {
            "/": lambda office, _number, _query: incidents.show_all(office, token()),
            "/search": lambda office, _number, _query: search.show(office, token()),
            at: lambda office, number, _query: incidents.show(office, number),
            f"{at}/scope": lambda office, number, _query: incidents.show_scope(office, number, token()),
            f"{at}/files": lambda office, number, query: incidents.show_files(office, number, incidents.page_of(query)),
            f"{at}/people": incidents.show_people,
            f"{at}/told": lambda office, number, _query: incidents.show_told(office, number, token()),
            f"{at}/duties": lambda office, number, _query: incidents.show_duties(office, number, token()),
        }
        keeps: dict[str, Keeps] = {f"{at}/told": incidents.keep_told, f"{at}/duties": incidents.keep_duty}
        return [
            Route(layout.STYLE_ADDRESS, self._style),
            Route("/incidents", self._open, methods=["POST"]),
            Route("/search", self._search, methods=["POST"]),
            Route(f"{at}/scope", self._scope, methods=["POST"]),
            *(Route(address, self._keeping(keep), methods=["POST"]) for address, keep in keeps.items()),
            *(Route(address, self._showing(show)) for address, show in shows.items()),
        ]

    def _token(self) -> str:
        return self.guard.form_token

    async def _style(self, _request: Request) -> Response:
        return Response(layout.SHEET, media_type="text/css")

    async def _answer(self, make: Callable[[], Response]) -> Response:
        """Make an answer in a thread, one at a time; an expected failure becomes a page that says it."""

        def made() -> Response:
            with self._office.lock:
                return make()

        try:
            return await run_in_threadpool(made)
        except SealaneError as failure:
            return _failed(failure)

    def _showing(self, show: Shows) -> Callable[[Request], object]:
        async def shown(request: Request) -> Response:
            number, query = request.path_params.get("number", 0), dict(request.query_params)
            return await self._answer(lambda: _page(show(self._office, number, query)))

        return shown

    def _keeping(self, keep: Keeps) -> Callable[[Request], object]:
        async def kept(request: Request) -> Response:
            number, told = request.path_params["number"], await self._form(request)
            if isinstance(told, Response):
                return told

            def make() -> Response:
                keep(self._office, number, told)
                return RedirectResponse(request.url.path, 303)

            return await self._answer(make)

        return kept

    async def _form(self, request: Request) -> dict[str, str] | Response:
        try:
            return await self.guard.form(request)
        except SealaneError as failure:
            return _failed(failure)

    async def _open(self, request: Request) -> Response:
        told = await self._form(request)
        if isinstance(told, Response):
            return told
        return await self._answer(
            lambda: RedirectResponse(f"/incidents/{incidents.open_(self._office, told)}/scope", 303)
        )

    async def _search(self, request: Request) -> Response:
        told = await self._form(request)
        if isinstance(told, Response):
            return told
        return await self._answer(lambda: _page(search.show(self._office, self._token(), told)))

    async def _scope(self, request: Request) -> Response:
        number, told = request.path_params["number"], await self._form(request)
        if isinstance(told, Response):
            return told

        def make() -> Response:
            if told.get("does") != "keep":
                preview = incidents.scope_of(told)
                return _page(incidents.show_scope(self._office, number, self._token(), preview))
            incidents.keep_scope(self._office, number, told)
            return RedirectResponse(request.url.path, 303)

        return await self._answer(make)


def _page(shown: Shown) -> Response:
    return Response(layout.page(shown), shown.status, media_type="text/html")


def _failed(failure: SealaneError) -> Response:
    status = _STATUS.get(failure.kind, 400)
    return _page(Shown("This cannot be done", (tag("p", failure.sentence, role="alert"),), status=status))


async def serve(pages: Pages, host: str, port: int) -> None:
    """Serve until the process is asked to stop (Ctrl-C, SIGTERM)."""
    server = Server(pages.guard, address=host, port=port, interface=Interfaces.ASGI, log_enabled=False)
    loop = asyncio.get_running_loop()
    for asked in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(asked, server.stop)
    await server.serve()
