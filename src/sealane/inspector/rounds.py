"""The inspector's rounds: seal what has settled, read what owes a digest or whose data it is, answer; wait for more.

Must stay true: every step may be cut off anywhere and repeated; an arrival that cannot be read because the store is
away is left to a later round, and only bytes that fail their tags are reported as damage.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from sealane.clock import Clock
from sealane.errors import Integrity, Missing, SealaneError, UploadTakenOver
from sealane.exposure.model import Why
from sealane.inspector.readers import Outcome, Readers, failed
from sealane.inspector.reading import digest_of
from sealane.inspector.sealing import seal
from sealane.inspector.turns import Hashes, RunningHash, Stopped, Turn, TurnOver
from sealane.operations.contents import content_of
from sealane.operations.inspection import (
    ArrivalOpened,
    ArrivalsAre,
    ArrivalsWaiting,
    LeaseArrivals,
    OpenArrival,
    PutOff,
    RecordDigest,
    RecordExposure,
    ReportDamage,
)
from sealane.operations.sealing import (
    FinishReading,
    FinishSealing,
    LeaseSealings,
    OpenSealing,
    RecordSealing,
    ReportSealingDamage,
    SealingOpened,
    SealingsAre,
)
from sealane.settings import MIB
from sealane.vault.content import Content

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from sealane.inspector.sealing import Sealed
    from sealane.operations.contents import AnyContent
    from sealane.operations.envelope import Answer, Operation
    from sealane.operations.inspection import Exposed, Reading
    from sealane.settings import Settings
    from sealane.vault.blobs import BlobStore

log = logging.getLogger(__name__)
_READ_KEPT_MAX = 256
_AT_ONCE_BYTES_MAX = 32 * MIB
"""Up to this size a digest that is owed comes with the reading; of a larger arrival it comes first, since a client may
wait for it, and a further turn reads whose data it is."""
_AFTER_FAILURE_SECONDS = 2.0
"""How soon a round that was cut short (the keeper was away) is tried again."""

AnswerT = TypeVar("AnswerT")


class Ask(Protocol):
    """Asks the keeper; raises the `SealaneError` of its answer."""

    async def __call__(self, operation: Operation, /) -> Answer:
        """Ask."""
        ...


class Rounds:
    """Inspects until it is told to stop. One arrival at a time: the keeper gives no more keys at once.

    Several processes do so beside each other, each by a connection of its own. One of them takes only what is `small`,
    and puts off what proves to take long, so that a huge arrival never delays a small one.

    A huge one in turns, each of which is opened anew and on record; between them its keys are not here. Whose data is
    in it is read in one turn, since that cannot be put down and taken up again.
    """

    def __init__(
        self, ask: Ask, store: BlobStore, settings: Settings, clock: Clock | None = None, *, small: bool = False
    ) -> None:
        """Nothing is asked yet."""
        self._ask = ask
        self._small = small
        self._clock = clock or Clock()
        self._readers = Readers(settings, store)
        self._read_before: dict[tuple[str, int], Outcome] = {}
        """What was read of uploads whose sealing takes further turns."""
        self._store = store
        self._settings = settings
        self._hashes = Hashes()
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

    def close(self) -> None:
        """End the process that reads. Nothing is under way any more."""
        self._readers.close()

    async def run(self) -> None:
        """Do what is owed, then wait for a notice, for the next upload that settles, or for the poll, until stopped."""
        while not self._stopping:
            self._waiting.clear()
            wait: float = self._settings.inspector_poll_seconds
            try:
                sealed, settles = await self.seal_some()
                done = sealed + await self.one_round()
                if settles is not None:
                    wait = min(wait, settles)
            except SealaneError as failure:
                log.warning("a round was cut short and is tried again: %s", failure.code)
                done = 0
                wait = min(wait, _AFTER_FAILURE_SECONDS)
            if done == 0 and not self._stopping:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._waiting.wait(), wait)

    async def seal_some(self) -> tuple[int, float | None]:
        """Lease uploads that have settled and seal them; return how many, and when the next one will have settled.

        Those are counted that are sealed, and those that had a turn.
        """
        leased = _expect(await self._ask(LeaseSealings(self._settings.inspector_batch, self._small)), SealingsAre)
        sealed = 0
        for upload in leased.uploads:
            if self._stopping:
                break
            sealed += await self._seal(upload)
        return sealed, leased.wait_seconds

    async def _seal(self, upload: str) -> bool:
        """Seal one upload and answer; return whether it was answered, or had its turn."""
        loop = asyncio.get_running_loop()
        try:
            opened = _expect(await self._ask(OpenSealing(upload=upload)), SealingOpened)
            read = await asyncio.to_thread(self._read_upload, opened)
            if read is not None:
                opened = msgspec.structs.replace(opened, digest=opened.digest or read.digest)
            if not opened.age_key:
                await self._publish(opened, None if read is None else read.exposed)
                return True

            def record(piece: Sealed) -> None:
                asked = self._ask(RecordSealing(upload, opened.generation, piece.segments, piece.edits))
                asyncio.run_coroutine_threadsafe(_done(asked), loop).result()

            hashed = self._hashes.of(upload, opened.generation)
            last, digest = await asyncio.to_thread(
                seal, opened, self._store, self._settings, record, hashed, self._turn()
            )
            exposed = None if read is None else read.exposed
            await self._ask(FinishSealing(upload, opened.generation, last.segments, last.edits, digest, exposed))
            self._hashes.drop(upload, opened.generation)
            self._read_before.pop((upload, opened.generation), None)
        except Integrity as damage:
            log.error("upload %s cannot be read back", upload)  # noqa: TRY400  # its place is said to the keeper
            await self._ask(ReportSealingDamage(upload=upload, sentence=damage.sentence))
        except TurnOver:
            return await self._left(upload)  # the next round goes on with it, after what has not had a turn
        except (Missing, UploadTakenOver):
            return False  # its sender went on with it, or the lease ran out
        except Stopped:
            return False
        except SealaneError as failure:
            log.warning("upload %s is left to be sealed later: %s", upload, failure.code)
            return False
        return True

    async def _publish(self, opened: SealingOpened, exposed: Exposed | None) -> None:
        """Answer an upload that is not to be sealed: it was read, and others may see it now."""
        digest = opened.digest
        name = (opened.upload, opened.generation)
        if digest is None:
            hashed = self._hashes.of(*name)
            content = Content(self._store, opened.extents, opened.segments, opened.keys)
            await asyncio.to_thread(hashed.read_on, content, opened.size, self._turn())
            digest = hashed.digest()
        await self._ask(FinishReading(*name, digest, exposed))
        self._hashes.drop(*name)
        self._read_before.pop(name, None)

    async def _left(self, arrival: str) -> bool:
        """Leave an arrival that takes longer than its turn: for our next round, or to who takes all."""
        if self._small:
            with contextlib.suppress(SealaneError):  # it was given to somebody else meanwhile, or is tried again
                await self._ask(PutOff(arrival))
        return True

    def _turn(self) -> Turn:
        return Turn(self._settings.inspector_turn_bytes, lambda: self._stopping)

    async def one_round(self) -> int:
        """Lease a batch and inspect it; return how many arrivals were answered, or had their turn."""
        leased = _expect(await self._ask(LeaseArrivals(self._settings.inspector_batch, self._small)), ArrivalsAre)
        answered = 0
        for version in leased.versions:
            if self._stopping:
                break
            answered += await self._inspect(version)
        return answered

    async def _inspect(self, version: str) -> bool:
        """Read one arrival back and answer; return whether it was answered, or had its turn."""
        try:
            arrival = _expect(await self._ask(OpenArrival(version=version)), ArrivalOpened)
            if arrival.reading is not None and (not arrival.owes_digest or arrival.size <= _AT_ONCE_BYTES_MAX):
                await self._read_arrival(arrival, arrival.reading)
            else:
                hashed = self._hashes.of(version)
                digest = await asyncio.to_thread(digest_of, arrival, self._store, hashed, self._turn())
                await self._ask(RecordDigest(version=version, digest=digest))
            self._hashes.drop(version)
        except Integrity as damage:
            log.error("version %s cannot be read back", version)  # noqa: TRY400  # its place is said to the keeper
            await self._ask(ReportDamage(version=version, sentence=damage.sentence))
        except TurnOver:
            return await self._left(version)
        except Missing:
            return False  # removed meanwhile, or the lease ran out
        except Stopped:
            return False
        except SealaneError as failure:
            log.warning("version %s is left for a later round: %s", version, failure.code)
            return False
        return True

    async def _read_arrival(self, arrival: ArrivalOpened, reading: Reading) -> None:
        """Read whose data is in an arrival, and its digest with it where it is owed, and answer."""
        content = content_of(arrival, self._store)
        read = await asyncio.to_thread(self._read, content, reading, hashed=arrival.owes_digest)
        if read.digest is not None:
            await self._ask(RecordDigest(version=arrival.version, digest=read.digest))
        await self._ask(RecordExposure(version=arrival.version, exposed=read.exposed))

    def _read_upload(self, opened: SealingOpened) -> Outcome | None:
        """Read whose data is in an upload that is to be sealed, unless an earlier turn has. In a thread."""
        if opened.reading is None:
            return None
        name = (opened.upload, opened.generation)
        if name not in self._read_before:
            if len(self._read_before) >= _READ_KEPT_MAX:
                self._read_before.clear()
            content = Content(self._store, opened.extents, opened.segments, opened.keys)
            self._read_before[name] = self._read(content, opened.reading, hashed=opened.digest is None)
        return self._read_before[name]

    def _read(self, content: AnyContent, reading: Reading, *, hashed: bool) -> Outcome:
        """Read whose data is in a content, and its digest where that is wanted. In a thread."""
        if not self._readers.installed():
            running = RunningHash()
            if hashed:
                running.read_on(content, content.size, Turn(content.size + 1, lambda: self._stopping))
            return Outcome(failed(reading.name, Why.SWITCHED_OFF), running.digest() if hashed else None)
        today = self._clock.now().date()
        turn = self._settings.inspector_small_seconds_max if self._small else None
        return self._readers.read(
            content, reading, today, hashed=hashed, stopped=lambda: self._stopping, turn_seconds=turn
        )


async def _done(asked: Awaitable[Answer]) -> None:
    await asked


def _expect(answer: Answer, kind: type[AnswerT]) -> AnswerT:
    assert isinstance(answer, kind), "the keeper answers an operation with its own answer"
    return answer
