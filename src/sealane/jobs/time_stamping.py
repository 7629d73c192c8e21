"""Asking an authority (RFC 3161) to stamp the ledger's newest checkpoint with its time.

The keeper says when one is due. What comes back is proven here, by the operator's certificates and the question's own
nonce, before the keeper is given it. Must stay true: an authority that is away, slow or hostile holds up nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import httpx

from sealane.clock import Clock
from sealane.errors import Invalid, Missing, SealaneError, Unavailable
from sealane.jobs import authorities, posting
from sealane.ledger import time_stamps
from sealane.operations.audit import RecordTimeStamp, ToTimeStampAre, WhatToTimeStamp

if TYPE_CHECKING:
    from sealane.operations.envelope import Answer, Operation
    from sealane.settings import Settings

log = logging.getLogger(__name__)

_LOOK_SECONDS_MAX = 60
"""How often the keeper is asked whether one is due, at least: also the pause after a failure."""
_CLOCKS_APART_SECONDS = 300
"""By more than this no clock of a healthy server is wrong."""


class AuthorityRefused(Unavailable):
    """The time-stamping authority answered otherwise than with a time stamp."""

    code = "time-stamp-refused"


class Ask(Protocol):
    """Asks the keeper; raises the `SealaneError` of its answer."""

    async def __call__(self, operation: Operation, /) -> Answer:
        """Ask."""
        ...


class TimeStamping:
    """Goes to the authority of the settings, again and again."""

    def __init__(
        self,
        ask: Ask,
        settings: Settings,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Nothing is asked yet. Raises `Invalid` for settings that name no authority, or no certificates of one."""
        authorities.check(settings)
        self._ask = ask
        self._settings = settings
        self._transport = transport
        self._clock = clock or Clock()
        try:
            with Path(settings.time_stamps_ca).open("rb") as file:
                self._trusted = time_stamps.certificates(file.read(time_stamps.CERTIFICATES_BYTES_MAX + 1))
        except OSError as problem:
            raise Invalid(f"The file 'time_stamps_ca' cannot be read: {problem.strerror}.") from None

    async def run(self, stop: asyncio.Event) -> None:
        """Have stamped what is due until `stop`."""
        every = min(self._settings.time_stamp_seconds, _LOOK_SECONDS_MAX)
        async with posting.client(self._settings.witness_wait_seconds, self._transport) as line:
            while not stop.is_set():
                await self._told(line)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), every)

    async def _told(self, line: httpx.AsyncClient) -> None:
        try:
            await self.stamp(line)
        except Missing:
            log.debug("no time stamp is due")
        except (SealaneError, httpx.HTTPError, httpx.InvalidURL) as problem:
            sentence = problem.sentence if isinstance(problem, SealaneError) else type(problem).__name__
            log.warning("the ledger got no time stamp: %s", sentence)

    async def stamp(self, line: httpx.AsyncClient) -> None:
        """Have the newest checkpoint stamped and kept. Raises `Missing` where none is due, and what went wrong."""
        due = await self._ask(WhatToTimeStamp())
        assert isinstance(due, ToTimeStampAre)
        query = time_stamps.query(due.text)
        answer = await posting.posted(
            line,
            self._settings.time_stamps,
            query.body,
            kind=time_stamps.QUERY_TYPE,
            seconds=self._settings.witness_wait_seconds,
            refused=AuthorityRefused,
        )
        kind = answer.headers["content-type"].partition(";")[0].strip().lower()
        if (answer.status_code, kind) != (HTTPStatus.OK, time_stamps.REPLY_TYPE):
            raise AuthorityRefused(f"The authority answered {answer.status_code}, without a time stamp.")
        at = time_stamps.proven(due.text, answer.content, self._trusted, nonce=query.nonce)
        apart = (at - self._clock.now()).total_seconds()
        if abs(apart) > _CLOCKS_APART_SECONDS:
            log.error("the clock of this machine is %d seconds off that of the time-stamping authority", -apart)
        await self._ask(RecordTimeStamp(size=due.size, response=answer.content))
