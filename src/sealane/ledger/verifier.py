"""Proving a ledger: entries in, a verdict out that names the first bad place and why.

Pure, streaming, of bounded memory; imports no database. Feed every entry in order, then ask for the verdict. What is
proven: each body is the one its leaf was made of; each head follows from the one before; no number is missing, doubled
or out of order; each opening fits its commitment; searches find what the bodies say (as the server that was asked told
by `misfiled`); and every saved checkpoint lies on this very chain. A ledger that
was rewritten from some place to its end, or cut off, is only found with a checkpoint that was saved before, elsewhere.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from sealane.ledger import chain
from sealane.ledger.bodies import NOT_OURS, commitment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sealane.ledger.checkpoints import Checkpoint
    from sealane.operations.audit import LedgerEntry

PROGRESS_EVERY = 10_000
"""Entries between two reports of progress."""


class Why(enum.Enum):
    """What is wrong at the first bad place."""

    MISSING = "an entry is missing"
    OUT_OF_ORDER = "an entry is doubled or out of order"
    UNREADABLE = "what is stored there is no entry: a value has the wrong type, is missing or far too large"
    BODY = "the body is not what was written"
    CHAIN = "the entry does not follow from those before it"
    MALFORMED = "the body is not an entry's"
    OPENING = "a name kept beside the entry is not the one that was recorded"
    MISFILED = "the entry is filed under something else than its body says, so that a search may miss it"
    CHECKPOINT = "the entries up to here are not those that a saved checkpoint saw"
    TRUNCATED = "entries that a saved checkpoint saw are gone from the end"
    ORIGIN = "a saved checkpoint is of another ledger"


@dataclass(frozen=True, slots=True)
class Damage:
    """The first bad place."""

    seq: int
    """The entry's number; for a checkpoint, its size."""
    why: Why

    @property
    def sentence(self) -> str:
        """Say it in words."""
        return f"The ledger is damaged at entry {self.seq}: {self.why.value}."


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was proven of a ledger."""

    size: int
    """Entries proven, from the first on."""
    head: bytes
    damage: Damage | None
    checkpoints: tuple[Checkpoint, ...]
    """The saved checkpoints that lie on this chain."""
    opened: int
    """Openings that fit."""
    erased: int
    """Commitments without an opening: erased, or not given."""
    clock_set_back: int | None
    """The first entry with an earlier time than the one before it: no damage, and worth a question."""

    @property
    def whole(self) -> bool:
        """Whether nothing is damaged."""
        return self.damage is None


class _Body(msgspec.Struct):
    """What the verifier reads of a body."""

    at: str
    kind: str
    v: int
    private: dict[str, str] = {}


class Verifier:
    """Takes entries in order. After the first damage it takes no more."""

    def __init__(
        self,
        *,
        origin: str = "",
        checkpoints: Iterable[Checkpoint] = (),
        progress: Callable[[int], None] | None = None,
    ) -> None:
        """Expect these saved checkpoints on the chain, all of `origin` where that is given.

        `progress` is called with the number of entries proven, now and then.
        """
        self._decoder = msgspec.json.Decoder(_Body)
        self._expected = sorted(checkpoints, key=lambda checkpoint: checkpoint.size)
        self._proven: list[Checkpoint] = []
        self._progress = progress
        self._size = 0
        self._head = chain.EMPTY
        self._damage: Damage | None = None
        self._opened = 0
        self._erased = 0
        self._last_at = ""
        self._clock_set_back: int | None = None
        for checkpoint in self._expected:
            if origin and checkpoint.origin != origin:
                self._damage = Damage(checkpoint.size, Why.ORIGIN)
        self._meet_checkpoints()

    def feed(self, entries: Iterable[LedgerEntry]) -> bool:
        """Prove these entries, which follow those fed before. Returns whether all is well so far."""
        for entry in entries:
            if self._damage is not None:
                return False
            self._prove(entry)
            if self._progress is not None and self._size % PROGRESS_EVERY == 0:
                self._progress(self._size)
        return self._damage is None

    def verdict(self) -> Verdict:
        """Return what is proven, once every entry was fed."""
        damage = self._damage
        if damage is None and self._expected:
            damage = Damage(self._size + 1, Why.TRUNCATED)
        return Verdict(
            size=self._size,
            head=self._head,
            damage=damage,
            checkpoints=tuple(self._proven),
            opened=self._opened,
            erased=self._erased,
            clock_set_back=self._clock_set_back,
        )

    def _prove(self, entry: LedgerEntry) -> None:
        seq = self._size + 1
        why = self._wrong_place(seq, entry) or self._wrong_body(seq, entry)
        if why is not None:
            self._damage = Damage(seq, why)
            return
        self._size = seq
        self._head = entry.chain
        if self._expected and self._expected[0].size == seq:
            self._meet_checkpoints()

    def _wrong_place(self, seq: int, entry: LedgerEntry) -> Why | None:
        if entry.seq != seq:
            return Why.MISSING if entry.seq > seq else Why.OUT_OF_ORDER
        if entry.unreadable:
            return Why.UNREADABLE
        if chain.leaf_of(entry.body) != entry.leaf:
            return Why.BODY
        if chain.link(self._head, entry.leaf) != entry.chain:
            return Why.CHAIN
        return None

    def _wrong_body(self, seq: int, entry: LedgerEntry) -> Why | None:
        try:
            body = self._decoder.decode(entry.body)
        except NOT_OURS:
            return Why.MALFORMED
        if body.at < self._last_at and self._clock_set_back is None:
            self._clock_set_back = seq
        self._last_at = body.at
        openings = entry.openings or {}
        for field, (salt, value) in openings.items():
            if not _opens(body.private.get(field, ""), field, salt, value):
                return Why.OPENING
        if entry.misfiled:
            return Why.MISFILED
        self._opened += len(openings)
        self._erased += len(body.private) - len(openings)
        return None

    def _meet_checkpoints(self) -> None:
        """Compare the head with the checkpoints of the present size."""
        while self._damage is None and self._expected and self._expected[0].size == self._size:
            checkpoint = self._expected.pop(0)
            if checkpoint.head == self._head:
                self._proven.append(checkpoint)
            else:
                self._damage = Damage(self._size, Why.CHECKPOINT)


def _opens(committed: str, field: str, salt: str, value: str) -> bool:
    try:
        return commitment(field, value, bytes.fromhex(salt)).hex() == committed
    except ValueError:
        return False
