"""The keeper's signer: appoints keys, makes checkpoints, keeps both in the transaction that they are about.

A checkpoint is made when one is wanted, when `checkpoint_seconds` have passed and the ledger has grown, and around
every change of keys: the old key signs all up to the change, then the new one the entry that names it. Must stay true:
a ledger that does not go on from its last checkpoint is never signed; a key of the hour is in memory only, and one of
which nobody knows whether its appointment became durable signs nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sealane.errors import Integrity
from sealane.ledger import checkpoints, notes, queries, signing
from sealane.ledger.checkpoints import Checkpoint
from sealane.ledger.events import SigningKeySet
from sealane.ledger.stored_tree import StoredTree

if TYPE_CHECKING:
    from datetime import datetime

    from sealane.database.engine import Transaction
    from sealane.ledger.writer import LedgerWriter

_HELD = b"held"
_DESTROYED = b""


@dataclass(frozen=True, slots=True)
class _Hour:
    """The key of the hour."""

    key: Ed25519PrivateKey
    since: datetime
    signed_at: datetime
    """When it last signed, or last found nothing new to sign."""


class Signer:
    """Signs one ledger, in the keeper's writer thread. `committed` or `rolled_back` follows every `sign`."""

    def __init__(self, long_term: Ed25519PrivateKey, *, checkpoint_seconds: int, key_seconds: int) -> None:
        """Sign nothing until it is wanted for the first time; from then on by the clock."""
        self._long_term = long_term
        self._checkpoint_every = timedelta(seconds=checkpoint_seconds)
        self._key_every = timedelta(seconds=key_seconds)
        self._hour: _Hour | None = None
        self._next: _Hour | None = None
        self.public = notes.public_of(long_term)
        """The public half of the long-term key."""
        self._lost = False
        """The last key is gone without a clean end: the next one begins as after a crash."""

    @property
    def holds_key(self) -> bool:
        """Return whether a key of the hour is in memory."""
        return self._hour is not None

    def sign(self, transaction: Transaction, ledger: LedgerWriter, now: datetime, *, wanted: bool = False) -> None:
        """Make what is due: a checkpoint of all that is written, a new key before it. Raises `Integrity`."""
        hour = self._hour
        if hour is None:
            if not wanted and not self._lost:
                return
            ledger.keep_time(transaction, now)
            hour = self._begun(transaction, ledger, now)
        elif not timedelta(0) <= now - hour.since < self._key_every:
            ledger.keep_time(transaction, now)
            self._checkpoint(transaction, ledger, hour, now)
            hour = self._renewed(transaction, ledger, hour, now)
        elif not wanted and timedelta(0) <= now - hour.signed_at < self._checkpoint_every:
            return
        self._next = self._checkpoint(transaction, ledger, hour, now)

    def end(self, transaction: Transaction, ledger: LedgerWriter, now: datetime) -> None:
        """Sign what is there and note that the key is destroyed, which `committed` then does."""
        if self._hour is not None:
            self._checkpoint(transaction, ledger, self._hour, now)
            transaction.run(queries.SET_NODE_VALUE, named=queries.SIGNING_NAME, value=_DESTROYED)

    def committed(self) -> None:
        """Take note that what `sign` wrote is durable."""
        if self._next is not None:
            self._hour, self._next, self._lost = self._next, None, False

    def rolled_back(self, *, unknown: bool = False) -> None:
        """Take note that what `sign` wrote is not there; or that nobody knows, so that a new key is of no use."""
        changed = self._next is not None and (self._hour is None or self._next.key is not self._hour.key)
        if unknown and changed:
            self._hour, self._lost = None, True
        self._next = None

    def _begun(self, transaction: Transaction, ledger: LedgerWriter, now: datetime) -> _Hour:
        mark = transaction.first(queries.ORIGIN, named=queries.SIGNING_NAME)
        before = self._present(transaction, ledger)
        _check_goes_on(transaction, before)
        reason: Literal["first", "start", "crash"] = "first"
        if mark is None:
            transaction.run(queries.NAME_ORIGIN, name=queries.SIGNING_NAME, value=_HELD)
        else:
            reason = "start" if mark.value == _DESTROYED else "crash"
            transaction.run(queries.SET_NODE_VALUE, named=queries.SIGNING_NAME, value=_HELD)
        return _appointed(transaction, ledger, now, before, reason, by=self._long_term)

    def _renewed(self, transaction: Transaction, ledger: LedgerWriter, hour: _Hour, now: datetime) -> _Hour:
        before = self._present(transaction, ledger)
        return _appointed(transaction, ledger, now, before, "hour", by=hour.key)

    def _checkpoint(self, transaction: Transaction, ledger: LedgerWriter, hour: _Hour, now: datetime) -> _Hour:
        present = self._present(transaction, ledger)
        last = transaction.first(queries.LAST_CHECKPOINT)
        if last is None or last.size < present.size:
            note = signing.signed(present, long_term=self._long_term, hour=hour.key)
            transaction.run(queries.ADD_CHECKPOINT, size=present.size, at=now, note=note.full().encode())
        elif last.size > present.size:
            raise _cut_off(last.size)
        return replace(hour, signed_at=now)

    def _present(self, transaction: Transaction, ledger: LedgerWriter) -> Checkpoint:
        root = ledger.root(transaction)
        origin = transaction.first(queries.ORIGIN, named=queries.ORIGIN_NAME)
        if origin is None or not origin.value:
            raise Integrity("The ledger is damaged: its own name is gone.")
        return Checkpoint(origin.value.decode(), ledger.head(transaction).size, root)


def _appointed(
    transaction: Transaction,
    ledger: LedgerWriter,
    now: datetime,
    before: Checkpoint,
    reason: Literal["first", "start", "crash", "hour"],
    *,
    by: Ed25519PrivateKey,
) -> _Hour:
    key = Ed25519PrivateKey.generate()
    public = notes.public_of(key)
    event = SigningKeySet(
        reason=reason,
        signing_key=public.hex(),
        previous_key=notes.public_of(by).hex() if reason == "hour" else "",
        signature=by.sign(signing.statement(before, public)).hex(),
    )
    ledger.append(transaction, [(now, event)])
    return _Hour(key, since=now, signed_at=now)


def _check_goes_on(transaction: Transaction, present: Checkpoint) -> None:
    """Raise `Integrity` unless the ledger begins with what its last checkpoint signed."""
    last = transaction.first(queries.LAST_CHECKPOINT)
    if last is None:
        return
    if last.size > present.size:
        raise _cut_off(last.size)
    text = (last.note or b"").decode("utf-8", "replace")
    signed = checkpoints.parse_saved(text).checkpoint if last.sound else None
    if signed != Checkpoint(present.origin, last.size, StoredTree(transaction).root(last.size)):
        raise Integrity(f"The ledger is not the one that was signed when it had {last.size} entries.")


def _cut_off(size: int) -> Integrity:
    return Integrity(f"The ledger was cut off: {size} entries were signed, and the last of them are gone.")
