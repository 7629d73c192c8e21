"""A ledger in memory, signed as the keeper signs it, for what is done to it."""

from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sealane.ledger import notes, signing, tree
from sealane.ledger.bodies import opened, sealed
from sealane.ledger.checkpoints import Checkpoint, SavedCheckpoint
from sealane.ledger.events import RequestRefused, SigningKeySet, Who
from sealane.ledger.notes import COSIGNED, VerifierKey
from sealane.ledger.verifier import Expected, Verifier
from sealane.operations.audit import LedgerEntry, TreeNode

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
ORIGIN = "sealane/test"


def refused(number):
    who = Who(door="sftp", user_id=2, user_name="anna@north")
    return RequestRefused(who=who, operation="Look", code="missing", path=f"north:/{number}")


def written(event, at):
    one = sealed(event, at)
    return one.body, opened(one.openings)


def numbered(pairs):
    """Entries of these (body, openings), in order."""
    return [
        LedgerEntry(seq=seq, body=body, leaf=tree.leaf_of(body), openings=openings)
        for seq, (body, openings) in enumerate(pairs, 1)
    ]


def root_of(entries, size=None):
    frontier = tree.Frontier()
    for entry in entries[:size]:
        frontier.append(entry.leaf)
    return frontier.root()


def nodes_of(entries):
    frontier, nodes = tree.Frontier(), []
    for entry in entries:
        nodes += [TreeNode(*node) for node in frontier.append(entry.leaf)]
    return nodes


def checkpoint(entries, size, origin=ORIGIN):
    return SavedCheckpoint(Checkpoint(origin, size, root_of(entries, size)), None)


class Book:
    """Entries, the keys that sign them, and the checkpoints that were made."""

    def __init__(self, long_term=None):
        self.long_term = long_term or Ed25519PrivateKey.generate()
        self.hour = None
        self.entries = []
        self.notes = {}

    @property
    def key(self):
        return VerifierKey(ORIGIN, notes.public_of(self.long_term))

    def copy(self):
        other = Book(self.long_term)
        other.hour, other.entries, other.notes = self.hour, list(self.entries), dict(self.notes)
        return other

    def present(self):
        return Checkpoint(ORIGIN, len(self.entries), root_of(self.entries))

    def add(self, *events, at=None):
        for event in events:
            number = len(self.entries) + 1
            body, openings = written(event, at or AT + timedelta(seconds=number))
            self.entries.append(LedgerEntry(number, body, tree.leaf_of(body), openings))
        return self

    def fill(self, count):
        return self.add(*(refused(number) for number in range(count)))

    def sign(self):
        note = signing.signed(self.present(), long_term=self.long_term, hour=self.hour)
        self.notes[len(self.entries)] = note.full()
        return self

    def appoint(self, reason):
        """Change keys as the signer does."""
        by = self.long_term
        if reason == "hour":
            self.sign()
            by = self.hour
        new = Ed25519PrivateKey.generate()
        before = self.present()
        self.add(
            SigningKeySet(
                reason=reason,
                signing_key=notes.public_of(new).hex(),
                previous_key=notes.public_of(by).hex() if reason == "hour" else "",
                signature=by.sign(signing.statement(before, notes.public_of(new))).hex(),
            )
        )
        self.hour = new
        return self.sign()

    def cosign(self, name, secret, size=None):
        size = size or max(self.notes)
        note = notes.parse(self.notes[size])
        self.notes[size] = note.with_signatures([notes.cosigned(note.text, name, secret, 1_800_000_000)]).full()
        return VerifierKey(name, notes.public_of(secret), COSIGNED)

    def verdict(self, *, saved=(), witnesses=(), nodes=None):
        verifier = Verifier(
            Expected(
                origin=ORIGIN,
                key=self.key,
                checkpoints=sorted(self.notes.items()),
                saved=saved,
                witnesses=tuple(witnesses),
            )
        )
        verifier.feed(self.entries, nodes)
        return verifier.verdict()


def signed_book():
    """Twelve refusals over three signing keys and a crash: 18 entries, all of them signed."""
    book = Book()
    book.appoint("first").fill(4).sign().fill(2).appoint("hour").fill(3).appoint("crash").fill(3).appoint("start")
    return book.fill(2).sign()
