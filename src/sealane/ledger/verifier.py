"""Proving a ledger: entries, tree nodes and checkpoints in, a verdict out that names the first bad place and why.

Pure, streaming, of bounded memory; imports no database. Feed every entry in order, then ask for the verdict. What is
proven: each body is the one its leaf was made of; no number is missing, doubled or out of order; each opening fits its
commitment; searches find what the bodies say (as the server that was asked told by `misfiled`); the tree over all of it
has the root that every checkpoint signed, by the key that the ledger says was in force; and every saved checkpoint, and
every cosignature of a witness, is of this very tree. A ledger whose tail was rewritten after its last checkpoint,
or signed anew by whoever has its keys, is only found with a checkpoint that was kept elsewhere, or by a witness.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from sealane.errors import Invalid
from sealane.ledger import checkpoints as texts
from sealane.ledger import signing, tree
from sealane.ledger.bodies import NOT_OURS, commitment
from sealane.ledger.checkpoints import Checkpoint, SavedCheckpoint, hour_name
from sealane.ledger.notes import VerifierKey
from sealane.ledger.verdicts import Damage, Verdict, Why
from sealane.operations.failures import SignatureWrong, SigningKeyWrong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sealane.ledger.sections import Section
    from sealane.operations.audit import LedgerEntry, TreeNode

PROGRESS_EVERY = 10_000
"""Entries between two reports of progress."""
_KEY_SET = "signing_key_set"


class _Body(msgspec.Struct):
    """What the verifier reads of a body."""

    at: str
    kind: str
    v: int
    private: dict[str, str] = {}
    signing_key: str = ""
    previous_key: str = ""
    signature: str = ""
    reason: str = ""


@dataclass(slots=True)
class Expected:
    """What a ledger is held against."""

    origin: str = ""
    key: VerifierKey | None = None
    """The long-term key; None: signatures are not looked at."""
    checkpoints: Iterable[tuple[int, str]] = ()
    """Size and note of every stored checkpoint, by size."""
    saved: Iterable[SavedCheckpoint] = ()
    """Checkpoints that were kept elsewhere."""
    witnesses: tuple[VerifierKey, ...] = ()
    """Whose cosignatures count."""


@dataclass(slots=True)
class _Proven:
    """What was met so far."""

    size: int = 0
    signed: int = 0
    checkpoints: int = 0
    saved: list[Checkpoint] = field(default_factory=list)
    witnessed: dict[str, int] = field(default_factory=dict)
    opened: int = 0
    erased: int = 0
    crashes: list[int] = field(default_factory=list)
    clock_set_back: int | None = None


class Verifier:
    """Takes entries in order. After the first damage it takes no more."""

    def __init__(self, expected: Expected | None = None, progress: Callable[[int], None] | None = None) -> None:
        """Hold the ledger against this; `progress` is called with the number of entries proven, now and then."""
        self._expected = expected or Expected()
        self._decoder = msgspec.json.Decoder(_Body)
        self._saved = sorted(self._expected.saved, key=lambda kept: kept.checkpoint.size)
        self._stored: Iterator[tuple[int, str]] = iter(self._expected.checkpoints)
        self._next_stored = next(self._stored, None)
        self._progress = progress
        self._tree = tree.Frontier()
        self._nodes: list[tree.Node] = []
        self._hour = b""
        """The public key of the hour that is in force."""
        self._owed = False
        """The entry before this one must have a checkpoint of its own."""
        self._damage: Damage | None = None
        self._proven = _Proven()
        self._last_at = ""
        for kept in self._saved:
            if self._expected.origin and kept.checkpoint.origin != self._expected.origin:
                self._damage = Damage(kept.checkpoint.size, Why.ORIGIN)
        self._meet_checkpoints()

    def feed(self, entries: Iterable[LedgerEntry], nodes: Iterable[TreeNode] | None = None) -> bool:
        """Prove these entries, which follow those fed before, and the stored nodes that they complete (None: not told).

        Returns whether all is well so far.
        """
        for entry in entries:
            if self._damage is not None:
                return False
            self._prove(entry)
            if self._progress is not None and self._proven.size % PROGRESS_EVERY == 0:
                self._progress(self._proven.size)
        if nodes is not None and self._damage is None:
            self._compare(nodes)
        return self._damage is None

    def take(self, section: Section) -> bool:
        """Take over what was proven of a section, which follows what was fed before, and hold it against checkpoints.

        Returns whether all is well so far.
        """
        assert section.sound
        assert section.after == self._proven.size
        appointed = dict(section.appointed)
        for hashes in section.hashes():
            if isinstance(hashes, bytes):
                self._nodes += self._tree.append_tile(hashes)
                self._proven.size += tree.TILE_WIDTH
                assert self._next_stored is None or self._next_stored[0] > self._proven.size, "it was to be looked at"
                continue
            for leaf in hashes:
                seq = self._proven.size + 1
                if seq in appointed and not self._appointed(seq, appointed[seq]):
                    return False
                self._extend(seq, leaf)
                if self._damage is not None:
                    return False
        self._proven.opened += section.opened
        self._proven.erased += section.erased
        if section.times and self._proven.clock_set_back is None:
            self._proven.clock_set_back = section.after + 1 if section.times[0] < self._last_at else section.set_back
        self._last_at = section.times[1] if section.times else self._last_at
        self._compare(section.nodes)
        if self._progress is not None:
            self._progress(self._proven.size)
        return self._damage is None

    def verdict(self) -> Verdict:
        """Return what is proven, once every entry was fed."""
        met = self._proven
        damage = self._damage
        if damage is None and self._owed:
            damage = Damage(met.size, Why.UNSIGNED)
        if damage is None and (self._saved or self._next_stored is not None):
            damage = Damage(met.size + 1, Why.TRUNCATED)
        return Verdict(
            size=met.size,
            root=self._tree.root(),
            damage=damage,
            signed=met.signed,
            checkpoints=met.checkpoints,
            saved=tuple(met.saved),
            witnessed=met.witnessed,
            opened=met.opened,
            erased=met.erased,
            crashes=tuple(met.crashes),
            clock_set_back=met.clock_set_back,
        )

    # --- entries ----------------------------------------------------------------------------------------------------

    def _prove(self, entry: LedgerEntry) -> None:
        seq = self._proven.size + 1
        why = self._wrong_place(seq, entry) or self._wrong_body(seq, entry)
        if why is not None:
            self._damage = self._key_damage(seq) if why is Why.SIGNING_KEY else Damage(seq, why)
            return
        self._extend(seq, entry.leaf)

    def _extend(self, seq: int, leaf: bytes) -> None:
        """Let the tree grow by one entry, and meet the checkpoints of the size that it has then."""
        self._nodes += self._tree.append(leaf)
        self._proven.size = seq
        stored = self._next_stored
        if (
            self._owed
            or (stored is not None and stored[0] <= seq)
            or (self._saved and self._saved[0].checkpoint.size <= seq)
        ):
            self._meet_checkpoints()

    def _wrong_place(self, seq: int, entry: LedgerEntry) -> Why | None:
        if entry.seq != seq:
            return Why.MISSING if entry.seq > seq else Why.OUT_OF_ORDER
        if entry.unreadable:
            return Why.UNREADABLE
        if tree.leaf_of(entry.body) != entry.leaf:
            return Why.BODY
        return None

    def _wrong_body(self, seq: int, entry: LedgerEntry) -> Why | None:
        try:
            body = self._decoder.decode(entry.body)
        except NOT_OURS:
            return Why.MALFORMED
        if body.kind == _KEY_SET and not self._appoint(seq, body):
            return Why.SIGNING_KEY
        if body.at < self._last_at and self._proven.clock_set_back is None:
            self._proven.clock_set_back = seq
        self._last_at = body.at
        openings = entry.openings or {}
        for name, (salt, value) in openings.items():
            if not _opens(body.private.get(name, ""), name, salt, value):
                return Why.OPENING
        if entry.misfiled:
            return Why.MISFILED
        self._proven.opened += len(openings)
        self._proven.erased += len(body.private) - len(openings)
        return None

    def _appointed(self, seq: int, stored: bytes) -> bool:
        """Take over the key that this body names; False where that is damage."""
        try:
            right = self._appoint(seq, self._decoder.decode(stored))
        except NOT_OURS:
            self._damage = Damage(seq, Why.MALFORMED)
            return False
        if not right:
            self._damage = self._key_damage(seq)
        return right

    def _key_damage(self, seq: int) -> Damage:
        """Return where: an appointment signs all entries before it, so any since the last checkpoint may be the one."""
        first = self._proven.signed + 1
        return Damage(seq, Why.SIGNING_KEY) if first == seq else Damage(first, Why.SIGNING_KEY, seq)

    def _appoint(self, seq: int, body: _Body) -> bool:
        """Take over the key that an entry names, if the one before it appointed it; else False."""
        key = self._expected.key
        if key is None:
            return True
        before = Checkpoint(self._expected.origin, seq - 1, self._tree.root())
        goes_on = body.reason == "hour"
        try:
            public, previous = bytes.fromhex(body.signing_key), bytes.fromhex(body.previous_key)
            if goes_on and (not self._hour or previous != self._hour or self._proven.signed != seq - 1):
                return False
            by = self._hour if goes_on else key.public
            signing.check_appointed(before, public, bytes.fromhex(body.signature), by=by)
        except (ValueError, SigningKeyWrong):
            return False
        if body.reason == "crash":
            self._proven.crashes.append(seq)
        self._hour = public
        self._owed = True
        return True

    # --- nodes and checkpoints --------------------------------------------------------------------------------------

    def _compare(self, stored: Iterable[TreeNode]) -> None:
        """Hold the nodes that were built against those that are stored: the first that differs names its entries."""
        told = {(node.level, node.number): node.hash for node in stored}
        for node in self._nodes:
            if told.get((node.level, node.number)) != node.hash:
                width = tree.TILE_WIDTH**node.level
                first = max(node.number * width, self._proven.signed) + 1
                self._damage = Damage(first, Why.TREE, (node.number + 1) * width)
                break
        self._nodes.clear()

    def _meet_checkpoints(self) -> None:
        """Compare the root with every checkpoint of the present size."""
        size, root = self._proven.size, None
        while self._damage is None and self._next_stored is not None and self._next_stored[0] <= size:
            root = root or self._tree.root()
            self._meet_stored(*self._next_stored, root)
            self._next_stored = next(self._stored, None)
        if self._damage is None and self._owed and self._proven.signed != size:
            self._damage = Damage(size, Why.UNSIGNED)
        self._owed = False
        while self._damage is None and self._saved and self._saved[0].checkpoint.size <= size:
            kept = self._saved.pop(0)
            if kept.checkpoint.root == (root or self._tree.root()):
                self._proven.saved.append(kept.checkpoint)
                self._count_witnesses(kept, size)
            else:
                agreed = max((one.size for one in self._proven.saved), default=0)
                self._damage = Damage(agreed + 1, Why.SAVED, size)

    def _meet_stored(self, size: int, note: str, root: bytes) -> None:
        """Prove a stored checkpoint of the present size."""
        try:
            kept = texts.parse_saved(note)
        except Invalid:
            self._damage = Damage(size, Why.NOTE)
            return
        if (kept.checkpoint.size, self._proven.size) != (size, size) or kept.note is None:
            self._damage = Damage(size, Why.NOTE)
        elif kept.checkpoint.origin != self._expected.origin:
            self._damage = Damage(size, Why.ORIGIN)
        elif not self._is_signed(kept):
            self._damage = Damage(size, Why.SIGNATURE)
        elif kept.checkpoint.root != root:
            self._damage = Damage(self._proven.signed + 1, Why.CHECKPOINT, size)
        else:
            self._proven.signed = size
            self._proven.checkpoints += 1
            self._count_witnesses(kept, size)

    def _is_signed(self, kept: SavedCheckpoint) -> bool:
        key = self._expected.key
        if key is None or kept.note is None:
            return key is None
        try:
            kept.note.demand(key)
            kept.note.demand(VerifierKey(hour_name(self._expected.origin), self._hour))
        except SignatureWrong:
            return False
        return True

    def _count_witnesses(self, kept: SavedCheckpoint, size: int) -> None:
        """Note which of the witnesses signed this; a cosignature that does not verify is damage."""
        if kept.note is None:
            return
        for witness in self._expected.witnesses:
            try:
                if kept.note.verified_by(witness) is not None:
                    self._proven.witnessed[witness.name] = size
            except SignatureWrong:
                self._damage = Damage(size, Why.SIGNATURE)


def _opens(committed: str, name: str, salt: str, value: str) -> bool:
    try:
        return commitment(name, value, bytes.fromhex(salt)).hex() == committed
    except ValueError:  # no hex, or text that is no Unicode
        return False
