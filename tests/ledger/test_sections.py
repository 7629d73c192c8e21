"""Proving by sections says exactly what proving entry by entry says, whatever was done to the database."""

import dataclasses
import re
import shutil
import sqlite3
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sealane.database.engine import Database
from sealane.ledger import proving, reader, sections
from sealane.ledger.notes import VerifierKey
from sealane.ledger.signer import Signer
from sealane.ledger.tree import leaf_of
from sealane.ledger.verdicts import Why
from sealane.ledger.verifier import Expected, Verifier
from sealane.ledger.writer import LedgerWriter
from tests.ledger.book import AT, refused

pytestmark = pytest.mark.slow  # a ledger of some hundred entries, copied for everything that is done to it

ENTRIES = 700
SECTION = 256


class Ledger:
    """A stored ledger, signed as it grew."""

    def __init__(self, path):
        self.path = path
        self.url = f"sqlite:///{path}"
        self.public = b""

    def grow(self, count):
        database = Database.open(self.url)
        database.migrate()
        writer, signer = LedgerWriter(), Signer(Ed25519PrivateKey.generate(), checkpoint_seconds=60, key_seconds=400)
        now = AT
        while count > 0:
            batch = min(count, 37)
            with database.begin() as transaction:
                writer.append(transaction, [(now, refused(number)) for number in range(batch)])
                signer.sign(transaction, writer, now, wanted=count % 3 == 0)
            signer.committed()
            count, now = count - batch, now + timedelta(seconds=45)
        with database.begin() as transaction:
            signer.sign(transaction, writer, now, wanted=True)
        self.public = signer.public
        database.close()
        return self

    def changed(self, *statements):
        with sqlite3.connect(self.path) as database:
            database.execute("PRAGMA ignore_check_constraints = ON")
            for statement in statements:
                assert database.execute(statement).rowcount, statement
        return self

    def expected(self, database, saved=()):
        with database.begin() as transaction:
            size, origin = reader.size(transaction), reader.origin(transaction)
            stored = reader.checkpoints(transaction, after=0, limit=2000)
        counted = [(at, note) for at, note in stored if at <= size]
        return size, Expected(origin, VerifierKey(origin, self.public), counted, saved)

    def by_entries(self):
        database = Database.open(self.url)
        size, expected = self.expected(database)
        verifier = Verifier(expected)
        after = 0
        while after < size and self._feed(verifier, database, after, min(after + SECTION, size)):
            after += SECTION
        database.close()
        return verifier.verdict()

    def by_sections(self):
        database = Database.open(self.url)
        size, expected = self.expected(database)
        verifier = Verifier(expected)
        taken = 0
        for after, last, wanted in sections.tasks(size, [at for at, _ in expected.checkpoints]):
            section = sections.proven(database.reading(), after, last, wanted)
            taken += section.sound
            if not (verifier.take(section) if section.sound else self._feed(verifier, database, after, last)):
                break
        database.close()
        return verifier.verdict(), taken

    @staticmethod
    def _feed(verifier, database, after, last):
        with database.begin() as transaction:
            page = reader.page(transaction, reader.EVERYTHING, after=after, limit=last - after)
            nodes = reader.nodes_within(transaction, after, page[-1].seq if page else last)
        return verifier.feed(page, nodes)


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    return Ledger(tmp_path_factory.mktemp("ledger") / "catalogue.sqlite").grow(ENTRIES)


@pytest.fixture
def ledger(grown, tmp_path, monkeypatch):
    monkeypatch.setattr(sections, "SECTION_ENTRIES", SECTION)
    shutil.copy(grown.path, tmp_path / "catalogue.sqlite")
    copied = Ledger(tmp_path / "catalogue.sqlite")
    copied.public = grown.public
    return copied


def test_an_untouched_ledger_is_whole_by_sections_too(ledger):
    verdict, taken = ledger.by_sections()
    assert verdict == ledger.by_entries()
    assert verdict.whole
    assert verdict.signed == verdict.size > ENTRIES
    assert taken == -(-verdict.size // SECTION)


def in_short(verdict):
    """What is said of a damaged ledger: not how many names were looked at before it was found."""
    return dataclasses.replace(verdict, opened=0, erased=0)


SAME_LEAF = "leaf = (SELECT leaf FROM ledger AS other WHERE other.seq = 400)"


@pytest.mark.parametrize(
    ("why", "statements"),
    [
        (Why.BODY, ["UPDATE ledger SET body = CAST(replace(body, 'Look', 'Took') AS BLOB) WHERE seq = 300"]),
        (Why.BODY, ["UPDATE ledger SET leaf = zeroblob(32) WHERE seq = 1"]),
        (Why.BODY, ["UPDATE ledger SET leaf = zeroblob(31) WHERE seq = 700"]),
        (Why.CHECKPOINT, [(f"UPDATE ledger SET body = (SELECT body FROM ledger WHERE seq = 400), {SAME_LEAF},"
                    " at = (SELECT at FROM ledger WHERE seq = 400) WHERE seq = 401"),
                          "DELETE FROM ledger_openings WHERE seq = 401"]),
        (Why.MISSING, ["DELETE FROM ledger WHERE seq = 257"]),
        (Why.MISSING, ["DELETE FROM ledger WHERE seq = 1"]),
        (Why.OPENING, [("UPDATE ledger_openings SET openings = CAST(replace(openings, 'anna', 'bert') AS BLOB)"
                       " WHERE seq = 290")]),
        (Why.MISFILED, ["UPDATE ledger SET user_id = 3 WHERE seq = 511"]),
        (Why.MISFILED, ["UPDATE ledger SET door = 'http' WHERE seq = 512"]),
        (Why.MISFILED, ["UPDATE ledger SET at = at + 1 WHERE seq = 513"]),
        (Why.MISFILED, ["UPDATE ledger_openings SET path_digest = zeroblob(16) WHERE seq = 90"]),
        (Why.MISFILED, ["UPDATE ledger_openings SET path_digest = NULL WHERE seq = 90"]),
        (Why.MISFILED, ["UPDATE ledger SET version_id = '' WHERE seq = 90"]),
        (Why.UNREADABLE, ["UPDATE ledger SET body = CAST(body AS TEXT) WHERE seq = 600"]),
        (Why.UNREADABLE, ["UPDATE ledger SET user_id = 'two' WHERE seq = 600"]),
        (Why.UNREADABLE, ["UPDATE ledger SET kind = CAST(x'ff' AS TEXT) WHERE seq = 600"]),
        (Why.UNREADABLE, ["UPDATE ledger SET at = 1.5 WHERE seq = 600"]),
        (Why.UNREADABLE, ["UPDATE ledger_openings SET openings = zeroblob(5000000) WHERE seq = 600"]),
        (Why.UNREADABLE, ["UPDATE ledger_openings SET openings = CAST('[]' AS BLOB) WHERE seq = 600"]),
        (Why.TREE, ["UPDATE ledger_tree SET hash = zeroblob(32) WHERE level = 1 AND number = 1"]),
        (Why.TREE, ["DELETE FROM ledger_tree WHERE level = 1 AND number = 0"]),
        (Why.UNSIGNED, ["DELETE FROM ledger_checkpoints WHERE size = 2"]),
        (Why.NOTE, [("UPDATE ledger_checkpoints SET note = CAST('no note' AS BLOB)"
                    " WHERE size = (SELECT max(size) FROM ledger_checkpoints)")]),
        (Why.NOTE, [("UPDATE ledger_checkpoints SET size = size + 1 WHERE size ="
                    " (SELECT size FROM ledger_checkpoints WHERE size > 300 LIMIT 1)")]),
    ],
)  # fmt: skip
def test_damage_is_named_as_entry_by_entry(ledger, why, statements):
    if why is Why.UNSIGNED:
        first = sqlite3.connect(ledger.path).execute("SELECT min(size) FROM ledger_checkpoints").fetchone()[0]
        statements = [statements[0].replace("= 2", f"= {first}")]
    ledger.changed(*statements)
    verdict, _ = ledger.by_sections()
    assert in_short(verdict) == in_short(ledger.by_entries())
    assert verdict.damage is not None
    assert verdict.damage.why is why


def test_a_signing_key_that_nobody_appointed_is_named(ledger):
    """An entry that names another key, with the leaf made anew: the section is sound, the chain of keys is not."""
    with sqlite3.connect(ledger.path) as database:
        seq, body = database.execute(
            "SELECT seq, body FROM ledger WHERE kind = 'signing_key_set' ORDER BY seq DESC LIMIT 1"
        ).fetchone()
        forged = re.sub(rb'"signing_key":"[0-9a-f]{64}"', b'"signing_key":"' + b"1" * 64 + b'"', body)
        database.execute("UPDATE ledger SET body = ?, leaf = ? WHERE seq = ?", (forged, leaf_of(forged), seq))
    verdict, taken = ledger.by_sections()
    assert in_short(verdict) == in_short(ledger.by_entries())
    assert (verdict.damage.until or verdict.damage.seq, verdict.damage.why) == (seq, Why.SIGNING_KEY)
    assert taken >= 1


def test_names_that_were_erased_and_a_clock_that_was_set_back_are_counted_alike(ledger):
    ledger.changed("DELETE FROM ledger_openings WHERE seq BETWEEN 200 AND 300")
    verdict, taken = ledger.by_sections()
    assert verdict == ledger.by_entries()
    assert verdict.whole
    assert verdict.erased > 100
    assert taken > 1


@pytest.mark.parametrize("steps", [[0], [5, 2, 9], [1, 2, 3, 2, 1]])
def test_a_clock_that_went_back_is_noted_at_the_same_entry(tmp_path, monkeypatch, steps):
    monkeypatch.setattr(sections, "SECTION_ENTRIES", SECTION)
    ledger = Ledger(tmp_path / "catalogue.sqlite")
    database = Database.open(ledger.url)
    database.migrate()
    writer, signer = LedgerWriter(), Signer(Ed25519PrivateKey.generate(), checkpoint_seconds=60, key_seconds=9000)
    for step in steps:
        with database.begin() as transaction:
            writer.append(transaction, [(AT + timedelta(seconds=step), refused(number)) for number in range(130)])
            signer.sign(transaction, writer, AT + timedelta(seconds=step), wanted=True)
        signer.committed()
    database.close()
    ledger.public = signer.public
    verdict, _ = ledger.by_sections()
    assert verdict == ledger.by_entries()
    assert (verdict.clock_set_back is None) == (steps == [0])


def test_a_long_ledger_is_proven_by_processes_of_its_own(ledger):
    """The command's own way, with real processes; damage in a later section is found and named."""
    told = []

    def proven():
        database = Database.open(ledger.url)
        size, expected = ledger.expected(database)
        database.close()
        verifier = Verifier(expected, progress=told.append)
        wanted = [at for at, _ in expected.checkpoints]
        proving._by_sections(verifier, ask_of(ledger), size, wanted, ledger.url, 2)
        return verifier.verdict()

    ledger.changed("UPDATE ledger SET user_id = 3 WHERE seq = 511")
    found = proven()
    assert in_short(found) == in_short(ledger.by_entries())
    assert found.damage.seq == 511
    assert told[0] == SECTION


def ask_of(ledger):
    from sealane.operations.audit import EntriesAre

    def ask(operation, wanted):
        database = Database.open(ledger.url)
        with database.begin() as transaction:
            page = reader.page(transaction, reader.EVERYTHING, after=operation.after, limit=operation.limit)
            nodes = tuple(reader.nodes_within(transaction, operation.after, page[-1].seq))
        database.close()
        return EntriesAre(entries=tuple(page), after=page[-1].seq, nodes=nodes)

    return ask


def test_every_tile_root_and_leaf_of_a_section_is_the_trees(ledger):
    from sealane.ledger import tree

    database = Database.open(ledger.url)
    rows = [row.leaf for row in database.reading().all(reader.queries.LEAVES, after=0, last=ENTRIES)]
    section = sections.proven(database.reading(), 0, 512, [300])
    database.close()
    first, second = section.hashes()
    assert [first] == [tree.perfect_root(rows[:256])] or first == rows[:256]
    assert second == rows[256:512]
    frontier, other = tree.Frontier(), tree.Frontier()
    frontier.append_tile(tree.perfect_root(rows[:256]))
    nodes = frontier.append_tile(tree.perfect_root(rows[256:512]))
    for leaf in rows[:512]:
        kept = other.append(leaf)
    assert (frontier.root(), frontier.size, nodes) == (other.root(), 512, kept)
