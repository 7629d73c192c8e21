"""A request's body, taken piece by piece: never faster than it is used, never longer than it may be, never for ever.

Must stay true: not more than one piece of the body is held; a body that ends early, late or never is an error that
says which, and what came before it has already been handed on.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sealane.doors.http.problems import BodyTooSlow
from sealane.errors import LengthMismatch, TooLarge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Receive

    from sealane.clock import Clock
    from sealane.settings import Settings


class ClientGone(Exception):  # an event of the connection, answered to nobody
    """The client's connection broke before its request was whole. There is nobody to answer."""


class Body:
    """The body of one request."""

    def __init__(self, receive: Receive, settings: Settings, clock: Clock, *, declared: int | None) -> None:
        """Take a body; `declared` is its `Content-Length`, without one its end is where its last chunk is."""
        self._receive = receive
        self._settings = settings
        self._clock = clock
        self.declared = declared
        self.received = 0

    async def pieces(self, length_max: int) -> AsyncIterator[memoryview]:
        """Yield the body as it comes, in pieces that are valid until the next one is asked for.

        Raises `TooLarge` once more than `length_max` bytes came (those up to it have been yielded), `LengthMismatch`
        where the end differs from the declared length, `BodyTooSlow` when it stops or trickles, `ClientGone`.
        """
        idle, rate = self._settings.body_idle_seconds, self._settings.body_rate_bytes_per_second_min
        waited, came = 0.0, 0
        more = True
        while more:
            asked = self._clock.monotonic()
            try:
                async with asyncio.timeout(idle):
                    message = await self._receive()
            except TimeoutError:
                raise BodyTooSlow from None
            if message["type"] == "http.disconnect":
                raise ClientGone
            piece: bytes = message.get("body", b"")
            more = message.get("more_body", False)
            # Only the time that the client kept us waiting counts, not what our own disk or keeper took.
            waited += self._clock.monotonic() - asked
            came += len(piece)
            if waited >= idle:
                if came < rate * waited:
                    raise BodyTooSlow
                waited, came = 0.0, 0
            room = length_max - self.received
            self.received += len(piece)
            if piece:
                yield memoryview(piece)[:room]
            if len(piece) > room:
                raise TooLarge("The body is longer than this upload may be.")
        if self.declared is not None and self.received != self.declared:
            raise LengthMismatch
