"""An address and its methods: the one ASGI shape that the data routes share."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from starlette.responses import Response

from sealane.doors.http.exchange import Exchange, exchange_of
from sealane.doors.http.problems import MethodNotAllowed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.types import Receive, Scope, Send

Handler: TypeAlias = "Callable[[Exchange], Awaitable[Response | None]]"
"""Answers a request with a response, or with None where it has sent the answer itself."""


class Resource:
    """What is at one address."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        """Answer each method by its handler; `OPTIONS` is answered here unless it has one."""
        self._handlers = dict(handlers)
        self._allow = ", ".join((*self._handlers, *(() if "OPTIONS" in self._handlers else ("OPTIONS",))))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        exchange = exchange_of(scope)
        handler = self._handlers.get(exchange.method)
        if handler is not None:
            response = await handler(exchange)
        elif exchange.method == "OPTIONS":
            response = Response(status_code=204, headers={"Allow": self._allow})
        else:
            raise MethodNotAllowed(self._allow)
        if response is not None:
            await response(scope, receive, send)
