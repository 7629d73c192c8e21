"""The node, opened: one transaction for many operations, each within its own savepoint.

What lives here: turning an operation into a call of the domain with a verified `Caller`, group commit, the record of
refusals. Not here: sockets and threads (`server.py`, `writer.py`), what takes several transactions (`flows.py`), what
is decided (domain). Must stay true:
- an operation's rows and its ledger events are one transaction; nothing is answered before that is durable;
- one act that fails, expectedly or not, takes nothing with it of the others in its batch;
- only one thread at a time performs.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sealane import configuration, paths
from sealane.clock import Clock
from sealane.database.drivers import DiskFailed
from sealane.domain import node_settings, sessions
from sealane.domain.holds import Holds
from sealane.domain.releases import Releases
from sealane.domain.tree import Tree
from sealane.domain.views import Views
from sealane.domain.watches import Watches
from sealane.domain.work import Caller, Work
from sealane.errors import (
    InternalFailure,
    NotAllowed,
    OperationRefused,
    OutcomeUnknown,
    SealaneError,
    StoreFull,
    Unavailable,
    raised_again,
)
from sealane.keeper import acts, flows, node
from sealane.keeper.batch import Batch, Request
from sealane.keeper.refusals import Refusals
from sealane.keeper.reserve import Reserve
from sealane.ledger.events import RequestRefused, Who
from sealane.ledger.writer import LedgerWriter
from sealane.operations.accounts import AdminOperation
from sealane.operations.administering import Administer
from sealane.operations.envelope import Answer, Asker, Failed, Operation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from sealane.database.engine import Transaction
    from sealane.settings import Settings

log = logging.getLogger(__name__)
_FORGET_SECONDS = 20.0
"""How long a key that was destroyed may still stand in the database's log, and a little more."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """Who speaks by a handle, as it was looked up, and until when that may be believed."""

    caller: Caller
    until: datetime


class Keeper:
    """A node's database, keys and ledger, held by this process alone until `close`."""

    def __init__(self, opened: node.Node, settings: Settings, clock: Clock, data_dir: Path) -> None:
        """Use `open`."""
        watched = None if settings.database else data_dir
        self._reserve = Reserve(watched, settings.ledger_reserve_bytes, clock)
        self._started_with = settings
        self.settings = settings
        """Those in force: what was changed while the node served counts (`domain/node_settings.py`)."""
        self.clock = clock
        self.host_keys = opened.host_keys
        self._database = opened.database
        self._keys = opened.keys
        self._ledger = LedgerWriter()
        self._signer = opened.signer
        self._holds = Holds()
        self._views = Views()
        self._releases = Releases()
        self._tree = Tree(settings.folders_kept_max)
        self._watches = Watches(settings.watches_per_connection_max)
        self._changes = 0
        """How often views and tree had changed when a transaction was committed last."""
        self._callers: dict[str, _Kept] = {}
        self._keys_destroyed = True
        """A key may have been destroyed since the database was last made to forget what was deleted, also by a keeper
        before this one that was killed."""
        self._forgot = -_FORGET_SECONDS
        self._outcome_unknown = False
        """A commit was neither done nor undone, as far as we know, and nobody has looked since."""
        self._refusals = Refusals(per_minute_max=settings.refusals_recorded_per_minute_max)
        self._forget_keys()
        with self._database.begin() as transaction:
            self.settings = self._settings_in_force(transaction)

    def _settings_in_force(self, transaction: Transaction) -> Settings:
        return configuration.in_force(self._started_with, node_settings.changed(transaction))

    @classmethod
    def open(cls, data_dir: Path, settings: Settings, clock: Clock | None = None) -> Keeper:
        """Open the node in `data_dir`, making what is not there. Raises `LeaseHeld` when another keeper has it."""
        return cls(node.opened(data_dir, settings), settings, clock or Clock(), data_dir)

    def close(self) -> None:
        """Sign what is recorded, destroy the key that did, let the node go."""
        if self._signer.holds_key:
            try:
                with self._database.begin() as transaction:
                    self._signer.end(transaction, self._ledger, self.clock.now())
            except (SealaneError, RuntimeError) as failure:
                log.error("the ledger could not be signed at the end: %s", failure)  # noqa: TRY400  # expected
        self._database.close()

    # --- performing -------------------------------------------------------------------------------------------------

    def perform(self, operation: Operation, *, asker: Asker, connection: str) -> Answer:
        """Do one operation, all its steps, and return its answer or raise its failure."""
        steps = flows.flow_of(operation, self.host_keys) if asker in operation.askers else None
        if steps is None:
            answer = self.perform_one(Request(operation, asker, connection))
        else:
            answer = flows.walked(steps, lambda act: self.perform_one(Request(act, asker, connection)))
        if isinstance(answer, Failed):
            raise raised_again(answer.failure_code, answer.sentence)
        return answer

    def perform_one(self, request: Request) -> Any:
        """Do one thing in a transaction of its own; return what it returns or raise what it failed with."""
        (outcome,) = self.perform_batch([request]).outcomes
        if isinstance(outcome, SealaneError):
            raise outcome
        return outcome

    def perform_batch(self, requests: Sequence[Request]) -> Batch:
        """Do all of these in one transaction, in order, and make it durable.

        When the transaction as a whole fails, nothing of it is done. Then each is tried in a transaction of its own, so
        that one which does not fit, or cannot be read, takes no other with it; unless the database is away: then all
        fail with that. One that went away during the commit leaves the outcome unknown, and all are told so.
        """
        batch = self._performed(requests)
        if self._outcome_unknown:
            batch.add(self._looked_again())
        if self._keys_destroyed and self.clock.monotonic() - self._forgot >= _FORGET_SECONDS:
            self._forget_keys()
        return batch

    def _forget_keys(self) -> None:
        """See to it that the database's log too has keys no more that were destroyed; the next batch tries again."""
        self._forgot = self.clock.monotonic()
        try:
            self._keys_destroyed = not self._database.forget_deleted()
        except SealaneError as failure:
            log.warning("the database's log could not be cleared: %s", failure.code)

    def _performed(self, requests: Sequence[Request]) -> Batch:
        try:
            return self._committed(requests)
        except SealaneError as failure:
            away = isinstance(failure, Unavailable) and not isinstance(failure, StoreFull | DiskFailed)
            self._outcome_unknown |= isinstance(failure, OutcomeUnknown)
            log.error("a batch of %d was not committed: %s", len(requests), failure.code)  # noqa: TRY400  # expected
            if away or len(requests) == 1:
                told = self._watches.end_all() if isinstance(failure, OutcomeUnknown) else 0  # it may be done
                return Batch(outcomes=[failure] * len(requests), watches_up_to=told)
        except Exception as problem:  # noqa: BLE001  # a programming error must not end the keeper
            failure = unexpected("a batch", problem)
            if len(requests) == 1:
                return Batch(outcomes=[failure])
        alone = Batch()
        for request in requests:
            alone.add(self._performed([request]))
        return alone

    def _looked_again(self) -> Batch:
        """Return the notices of a commit of which nobody knew whether it was done: what it ended must end."""

        def look(work: Work) -> object:
            work.settings_changed = True
            return sessions.ended_lately(work)

        before = self.settings
        (ended,) = self._performed([Request(look, Asker.ADMIN, "keeper")]).outcomes
        if isinstance(ended, SealaneError):
            return Batch()
        self._outcome_unknown = False
        return Batch(ended=list(ended), arrivals=True, settings_changed=self.settings != before)

    def connection_closed(self, connection: str) -> None:
        """Let go of what a connection held. Called between batches, after all that was asked on it."""
        self._holds.close(connection)
        self._watches.close(connection)

    def _committed(self, requests: Sequence[Request]) -> Batch:
        batch = Batch()
        now = self.clock.now()
        try:
            with self._database.begin() as transaction:
                for request in requests:
                    batch.outcomes.append(self._outcome(transaction, now, request, batch))
                if batch.events:
                    self._ledger.append(transaction, batch.events)
                self._signer.sign(transaction, self._ledger, now, wanted=batch.checkpoint)
                settings = self.settings
                if batch.settings_changed:
                    settings = self._settings_in_force(transaction)
                    sessions.cut_short(transaction, settings, now)
        except BaseException as problem:
            self._holds.rolled_back()
            self._ledger.forget()
            self._signer.rolled_back(unknown=isinstance(problem, OutcomeUnknown))
            self._views.drop()
            self._tree.drop()
            self._callers.clear()
            raise
        self._holds.committed()
        self._signer.committed()
        self.settings = settings
        if batch.settings_changed:
            self._callers.clear()  # those looked up in this very batch were, by the settings before
        self._end_watches(batch)
        return batch

    def _end_watches(self, batch: Batch) -> None:
        """End what a batch that is durable may have changed."""
        changes = self._views.changes + self._tree.changes
        ended = self._watches.end((event for _, event in batch.events), batch.touched)
        if ended is None or changes != self._changes:
            batch.watches_up_to = self._watches.end_all()
        batch.watches = ended or []
        self._changes = changes

    def _outcome(self, transaction: Transaction, now: datetime, request: Request, batch: Batch) -> Any:
        """Do one act within its savepoint and gather what it recorded; return its answer or what it failed with."""
        work = Work(
            transaction=transaction,
            now=now,
            settings=self.settings,
            keys=self._keys,
            holds=self._holds,
            connection=request.connection,
            views=self._views,
            tree=self._tree,
            releases=self._releases,
            ledger_key=self._signer.public,
            watches=self._watches,
        )
        mark = self._holds.mark()
        writes = transaction.writes
        caller: Caller | None = None
        try:
            if isinstance(request.wanted, Operation):  # that its session was used stays, whatever becomes of the act
                caller = self._caller(work, request)
                writes = transaction.writes
            with transaction.savepoint():
                if isinstance(request.wanted, Operation):
                    if acts.grows(request.wanted):
                        self._reserve.check()
                    answer = acts.perform(work, caller, request.wanted)
                else:
                    answer = request.wanted(work)
        except SealaneError as failure:
            self._undo(mark, wrote=transaction.writes != writes)
            self._record_refusal(request, caller, failure, now, batch)
            return failure
        except Exception as problem:  # noqa: BLE001  # a programming error in one act must not end the others
            self._undo(mark, wrote=True)
            return unexpected(type(request.wanted).__name__, problem)
        self._take(work, request, batch)
        return answer

    def _take(self, work: Work, request: Request, batch: Batch) -> None:
        """Gather what an act that succeeded has left, and forget what it may have changed."""
        batch.events += [(work.now, event) for event in work.events]
        batch.touched += work.touched
        batch.arrivals |= work.arrivals
        batch.dead_bytes += work.dead_bytes
        self._keys_destroyed |= work.destroyed
        batch.checkpoint |= work.checkpoint
        batch.settings_changed |= work.settings_changed
        batch.proof_wanted |= work.proof_wanted
        if isinstance(request.wanted, AdminOperation | Administer):
            self._callers.clear()
        if work.ended:
            batch.ended += work.ended
            gone = set(work.ended)
            self._callers = {handle: one for handle, one in self._callers.items() if one.caller.session not in gone}
            for session in gone:
                self._refusals.forget(session)

    def _undo(self, mark: int, *, wrote: bool) -> None:
        """Take back what an act that failed did in memory; its rows are gone with its savepoint."""
        self._holds.rolled_back(mark)
        if wrote:
            self._views.drop()
            self._tree.drop()

    def _caller(self, work: Work, request: Request) -> Caller | None:
        """Return who asks, from a session that is open; None for what needs no session.

        Raises `OperationRefused` for what this socket may not ask, `SessionEnded`.
        """
        operation = request.wanted
        assert isinstance(operation, Operation)
        if request.asker not in operation.askers:
            raise OperationRefused
        handle = getattr(operation, "handle", None)
        if handle is None:
            return None
        caller = self._kept_caller(work, operation, handle)
        if caller.guest is not None and not operation.for_guests:
            raise NotAllowed
        return caller

    def _kept_caller(self, work: Work, operation: Operation, handle: str) -> Caller:
        kept = self._callers.get(handle)
        if kept is not None and work.now < kept.until:
            return kept.caller
        if operation.after_the_end:
            return sessions.caller_that_was(work, handle)
        with work.transaction.savepoint():
            caller = sessions.caller_of(work, handle, for_guests=operation.for_guests)
        idle = timedelta(seconds=self.settings.session_idle_seconds)
        if len(self._callers) >= self.settings.callers_kept_max:
            self._callers.clear()
        self._callers[handle] = _Kept(caller, until=min(caller.expires, work.now + idle / 4))
        return caller

    def _record_refusal(
        self, request: Request, caller: Caller | None, failure: SealaneError, now: datetime, batch: Batch
    ) -> None:
        """Have a refusal of somebody signed in, or of a process that asked what it may not, written to the ledger."""
        if caller is None and not isinstance(failure, OperationRefused):
            return
        # Of a process: all its connections count together, since it can open as many as it likes.
        who = Who(door=request.connection.partition("-")[0]) if caller is None else caller.who
        omitted = self._refusals.to_record(who.door if caller is None else caller.session, failure, now)
        if omitted is None:
            return
        named = request.wanted
        refused = RequestRefused(
            who=who,
            operation=type(named).__name__,
            code=failure.code,
            path=_shown(getattr(named, "path", "") or getattr(named, "source", "")),
            target=_shown(getattr(named, "target", "")),
            omitted=omitted,
        )
        batch.events.append((now, refused))


def _shown(path: str) -> str:
    """Return a path as it was asked for, cut where nothing can be found by it any more, and always writable."""
    return path[: paths.PATH_BYTES_MAX].encode("utf-8", "replace").decode()


def unexpected(what: str, problem: Exception) -> InternalFailure:
    """Log a programming error under a reference and return what the caller is told."""
    reference = secrets.token_hex(4)
    log.error("unexpected failure of %s, reference %s", what, reference, exc_info=problem)
    return InternalFailure(f"Something went wrong on the server. Its log has it under {reference}.")
