"""What is said of a ledger that was proven: the verdict, and the first bad place with what is wrong there."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sealane.ledger.checkpoints import Checkpoint


class Why(enum.Enum):
    """What is wrong at the first bad place."""

    MISSING = "an entry is missing"
    OUT_OF_ORDER = "an entry is doubled or out of order"
    UNREADABLE = "what is stored there is no entry: a value has the wrong type, is missing or far too large"
    BODY = "the body is not what was written"
    MALFORMED = "the body is not an entry's"
    OPENING = "a name kept beside the entry is not the one that was recorded"
    MISFILED = "the entry is filed under something else than its body says, so that a search may miss it"
    TREE = "the entries are not those over which the tree was built"
    CHECKPOINT = "the entries are not those that the next signed checkpoint saw"
    SAVED = "the entries are not those that a saved checkpoint saw"
    WITNESSED = "the entries are not those that a witness saw"
    TRUNCATED = "entries that a checkpoint saw are gone from the end"
    ORIGIN = "a checkpoint is of another ledger"
    UNSIGNED = "a checkpoint that was made there is gone"
    SIGNATURE = "the checkpoint there is not signed by the keys that were in force"
    SIGNING_KEY = "the signing key named there was not appointed by the one before it"
    TIME_STAMP = "the time stamp kept with the checkpoint there is not one of it"
    NOTE = "what is stored as a checkpoint there is none"


@dataclass(frozen=True, slots=True)
class Damage:
    """The first bad place."""

    seq: int
    """The entry's number; where it lies between two proofs, the first that it may be."""
    why: Why
    until: int = 0
    """The last that it may be, where that is another one."""

    @property
    def sentence(self) -> str:
        """Say it in words."""
        where = f"between entries {self.seq} and {self.until}" if self.until > self.seq else f"at entry {self.seq}"
        return f"The ledger is damaged {where}: {self.why.value}."


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was proven of a ledger."""

    size: int
    """Entries proven, from the first on."""
    root: bytes
    damage: Damage | None
    signed: int
    """Entries under a signed checkpoint: what comes after them only follows the tree."""
    checkpoints: int
    """Checkpoints that were checked."""
    saved: tuple[Checkpoint, ...]
    """The saved checkpoints that are of this tree."""
    witnessed: dict[str, int]
    """By each witness: up to which entry."""
    opened: int
    """Openings that fit."""
    erased: int
    """Commitments without an opening: erased, or not given."""
    crashes: tuple[int, ...]
    """Entries at which a signing key began after a crash: none before it had appointed it."""
    clock_set_back: int | None
    """The first entry with an earlier time than the one before it: no damage, and worth a question."""

    @property
    def whole(self) -> bool:
        """Whether nothing is damaged."""
        return self.damage is None
