"""The inspector's rounds: lease what owes something, read each arrival back, answer; wait until something new is owed.

Must stay true: every step may be cut off anywhere and repeated; an arrival that cannot be read because the store is
away is left to a later round, and only bytes that fail their tags are reported as damage.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Protocol, TypeVar

from sealane.errors import Integrity, Missing, SealaneError
from sealane.inspector.reading import Stopped, digest_of
from sealane.operations.inspection import (
    ArrivalOpened,
    ArrivalsAre,
    ArrivalsWaiting,
    LeaseArrivals,
    OpenArrival,
    RecordDigest,
    ReportDamage,
)

if TYPE_CHECKING:
    from sealane.operations.envelope import Answer, Operation
    from sealane.settings import Settings
    from sealane.vault.blobs import BlobStore

log = logging.getLogger(__name__)

AnswerT = TypeVar("AnswerT")


class Ask(Protocol):
    """Asks the keeper; raises the `SealaneError` of its answer."""

    async def __call__(self, operation: Operation, /) -> Answer:
        """Ask."""
        ...


class Rounds:
    """Inspects until it is told to stop. One arrival at a time: the keeper gives no more keys at once."""

    def __init__(self, ask: Ask, store: BlobStore, settings: Settings) -> None:
        """Nothing is asked yet."""
        self._ask = ask
        self._store = store
        self._settings = settings
        self._waiting = asyncio.Event()
        self._stopping = False

    def noticed(self, notice: Answer) -> None:
        """Take what the keeper pushes: something is owed."""
        if isinstance(notice, ArrivalsWaiting):
            self._waiting.set()

    def stop(self) -> None:
        """End soon; what is being read is left for later."""
        self._stopping = True
        self._waiting.set()

    async def run(self) -> None:
        """Inspect what is owed, then wait for a notice or for `inspector_poll_seconds`, until stopped."""
        while not self._stopping:
            self._waiting.clear()
            try:
                inspected = await self.one_round()
            except SealaneError as failure:
                log.warning("a round was cut short and is tried again: %s", failure.code)
                inspected = 0
            if inspected == 0 and not self._stopping:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._waiting.wait(), self._settings.inspector_poll_seconds)

    async def one_round(self) -> int:
        """Lease a batch and inspect it; return how many arrivals were answered."""
        leased = _expect(await self._ask(LeaseArrivals(limit=self._settings.inspector_batch)), ArrivalsAre)
        answered = 0
        for version in leased.versions:
            if self._stopping:
                break
            answered += await self._inspect(version)
        return answered

    async def _inspect(self, version: str) -> bool:
        """Read one arrival back and answer; return whether it was answered."""
        try:
            arrival = _expect(await self._ask(OpenArrival(version=version)), ArrivalOpened)
            digest = await asyncio.to_thread(digest_of, arrival, self._store, stopped=lambda: self._stopping)
            await self._ask(RecordDigest(version=version, digest=digest))
        except Integrity as damage:
            log.error("version %s cannot be read back", version)  # noqa: TRY400  # its place is said to the keeper
            await self._ask(ReportDamage(version=version, sentence=damage.sentence))
        except Missing:
            return False  # removed meanwhile, or the lease ran out
        except Stopped:
            return False
        except SealaneError as failure:
            log.warning("version %s is left for a later round: %s", version, failure.code)
            return False
        return True


def _expect(answer: Answer, kind: type[AnswerT]) -> AnswerT:
    assert isinstance(answer, kind), "the keeper answers an operation with its own answer"
    return answer
