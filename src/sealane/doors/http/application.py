"""The routes, put together: data routes first, then the REST API; what is neither goes to the pages, if there are any.

Must stay true: routing reads the raw path (the gate sees to it); no failure is answered by a framework's own words.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Match, Mount, Route, Router

from sealane import __version__
from sealane.doors.http import (
    api,
    delivery,
    exposure_api,
    health,
    ledger,
    openapi,
    receiving,
    removing,
    sealed_api,
    uploads,
    versions_api,
)
from sealane.doors.http.gate import Gate
from sealane.doors.http.problems import MethodNotAllowed, RouteMissing
from sealane.doors.http.resource import Resource
from sealane.errors import Invalid

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from sealane.doors.http.exchange import Exchange, HttpDoor
    from sealane.doors.http.metrics import Metrics


_PARTS = (api, ledger, sealed_api, exposure_api, versions_api)


class RestApi(FastAPI):
    """FastAPI without the middleware that answers failures in its own words: they go up to the gate."""

    def build_middleware_stack(self) -> ASGIApp:
        """Return the router with nothing around it but what FastAPI's own routes need."""
        return AsyncExitStackMiddleware(self.router)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or raise our own error for what the framework raises."""
        try:
            await super().__call__(scope, receive, send)
        except HTTPException as failure:
            if failure.status_code == 405:  # noqa: PLR2004  the status itself
                raise MethodNotAllowed(_allowed(scope)) from None
            raise RouteMissing from None
        except RequestValidationError as failure:
            first = failure.errors()[0]
            raise Invalid(f"The parameter {first['loc'][-1]!r} is not valid.") from None


def _allowed(scope: Scope) -> str:
    """Return every method that the address takes: several routes share one."""
    methods: set[str] = set()
    for route in (route for part in _PARTS for route in part.router.routes):
        match, _ = route.matches(scope)
        if match is not Match.NONE and isinstance(route, Route):
            methods |= route.methods or set()
    return ", ".join(sorted(methods))


class _RootFolder:
    """`/api/v1/folders` is `/api/v1/folders/`."""

    def __init__(self, rest: RestApi) -> None:
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["path"] += "/"
        await self._rest(scope, receive, send)


class _Elsewhere:
    """What no data route has: the REST API below `/api`, the pages everywhere else."""

    def __init__(self, rest: RestApi, pages: ASGIApp | None) -> None:
        self._rest = rest
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        ours = self._pages is not None and not (path + "/").startswith("/api/")
        await (self._pages if self._pages is not None and ours else self._rest)(scope, receive, send)


async def _nothing_there(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive, send
    raise RouteMissing


def build(door: HttpDoor, metrics: Metrics, pages: ASGIApp | None = None) -> Gate:
    """Return the whole application; `pages` are those for people at a browser (`doors/web`)."""
    rest = RestApi(
        title="Sealane", version=__version__, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    for part in _PARTS:
        rest.include_router(part.router)
    described = functools.cache(lambda: openapi.describe(rest))

    async def description(exchange: Exchange) -> Response:
        del exchange
        return JSONResponse(described())

    content = Resource({"GET": delivery.get, "HEAD": delivery.head, "PUT": receiving.put, "DELETE": removing.remove})
    readiness = health.Readiness()
    router = Router(
        [
            Route("/api/v1/content/{path:path}", content),
            Route(uploads.BASE, uploads.COLLECTION),
            Route(f"{uploads.BASE}/{{upload}}", uploads.UPLOAD),
            Route("/api/v1/openapi.json", Resource({"GET": description})),
            Route("/livez", Resource({"GET": health.alive, "HEAD": health.alive})),
            Route("/readyz", Resource({"GET": readiness.ready, "HEAD": readiness.ready})),
            Route("/api/v1/folders", _RootFolder(rest)),
            Mount("", _Elsewhere(rest, pages)),
        ],
        redirect_slashes=False,
        default=_nothing_there,
    )
    gate = Gate(router, door, metrics)
    metrics.watch("requests_running", "Requests under way.", lambda: len(gate))
    metrics.watch("connections", "Connections, at the last look at them.", lambda: len(gate.connections))
    metrics.watch("sessions", "Sessions that tokens opened here.", lambda: len(door.sessions))
    metrics.watch("slots_lent", "Slots of memory that transfers hold.", lambda: door.plane.slots_lent)
    return gate
