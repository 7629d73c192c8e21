"""The chain grows with the transaction it records, and nobody but its writer can grow or cut it unnoticed."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sealane.database import ledger_tables, tables
from sealane.database.engine import Database
from sealane.database.statements import Statement
from sealane.errors import Integrity, Missing
from sealane.ledger import queries, reader, tree
from sealane.ledger.events import (
    OPERATOR,
    DownloadBegun,
    KeeperStarted,
    RequestRefused,
    SessionEnded,
    SignInRefused,
    UploadFinished,
    Who,
)
from sealane.ledger.stored_tree import StoredTree
from sealane.ledger.verdicts import Damage, Why
from sealane.ledger.verifier import Verifier
from sealane.ledger.writer import LedgerWriter
from tests.ledger.strategies import events
from tests.tries import tries

pytestmark = pytest.mark.slow  # together with the others they take longer than make check may

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
WHO = Who(door="sftp", organization_id=1, user_id=2, session_id="s1", user_name="anna@north", address="192.0.2.7")
DELETE = Statement(
    "test.ledger_delete", sa.delete(ledger_tables.ledger).where(ledger_tables.ledger.c.seq == sa.bindparam("of"))
)
DELETE_NAME = Statement("test.ledger_delete_name", sa.delete(tables.node))


def refused(number: int) -> RequestRefused:
    return RequestRefused(who=WHO, operation="Look", code="missing", path=f"north:/{number}")


def write(database, writer, *numbers):
    with database.begin() as transaction:
        writer.append(transaction, [(AT + timedelta(seconds=number), refused(number)) for number in numbers])


def entries(database, **question):
    with database.begin() as transaction:
        return reader.page(transaction, reader.Question(**question), limit=1000)


def test_each_entry_is_bound_to_all_before_it(database):
    writer = LedgerWriter()
    write(database, writer, 1)
    write(database, writer, 2, 3)
    leaves = []
    for number, entry in enumerate(entries(database), 1):
        leaves.append(hashlib.sha256(b"\x00" + entry.body).digest())
        assert (entry.seq, entry.leaf) == (number, leaves[-1])
        assert entry.openings["path"][1] == f"north:/{number}"
    with database.begin() as transaction:
        assert writer.head(transaction).size == 3
        assert writer.root(transaction) == tree.node_of(tree.node_of(*leaves[:2]), leaves[2])
        assert writer.head(transaction).last_kind == "request_refused"


def test_a_ledger_without_entries_has_the_empty_root(database):
    with database.begin() as transaction:
        assert LedgerWriter().root(transaction) == hashlib.sha256(b"").digest()
        with pytest.raises(Missing):
            reader.size(transaction)


def test_the_tree_grows_over_tiles_whoever_goes_on_with_it(database):
    """One writer all the way, one that reads its edge anew at each turn, and the nodes that are stored."""
    steady, leaves = LedgerWriter(), []
    for count in (1, 254, 1, 1, 255, 300):
        write(database, steady, *range(len(leaves), len(leaves) + count))
        with database.begin() as transaction:
            leaves = [row.leaf for row in transaction.all(queries.LEAVES, after=0, last=10_000)]
            frontier = tree.Frontier()
            nodes = [node for leaf in leaves for node in frontier.append(leaf)]
            again = LedgerWriter()
            assert again.root(transaction) == steady.root(transaction) == frontier.root()
            assert StoredTree(transaction).root(len(leaves)) == frontier.root()
            assert [(one.level, one.number, one.hash) for one in reader.nodes_within(transaction, 0, 10_000)][
                : len(nodes)
            ] == nodes
        steady = again
    assert len(leaves) == 812


def test_proofs_from_what_is_stored_prove(database):
    write(database, LedgerWriter(), *range(600))
    with database.begin() as transaction:
        stored = StoredTree(transaction)
        leaves = stored.tile(0, 0) + stored.tile(0, 1) + stored.tile(0, 2)
        for seq, size in ((1, 1), (1, 600), (256, 600), (257, 600), (600, 600), (5, 257)):
            assert tree.includes(leaves[seq - 1], seq - 1, size, stored.inclusion(seq, size), stored.root(size))
        for old, new in ((1, 600), (256, 600), (300, 512), (599, 600)):
            assert tree.consistent(old, stored.root(old), new, stored.root(new), stored.consistency(old, new))


@pytest.mark.parametrize("change", ["DELETE FROM ledger_tree", "UPDATE ledger_tree SET hash = 'text'"])
def test_a_tree_that_lost_a_node_is_not_gone_on_with(database, change):
    if database.dialect == "postgresql":
        change = change.replace("'text'", "'\\x00'")
    write(database, LedgerWriter(), *range(300))
    assert database._driver.change(change, ()) == 1
    with pytest.raises(Integrity, match="a node over the entries from 1 on is gone"):
        write(database, LedgerWriter(), 4)


@pytest.mark.parametrize("leaf", ["zeroblob(31)", "zeroblob(5000000)", "'{}'", "CAST(x'{}' AS TEXT)", "17"])
@pytest.mark.parametrize(("seq", "proven"), [(2, 5), (300, 290)])
def test_a_leaf_of_another_type_or_length_is_damage_to_whoever_proves_by_it(tmp_path, leaf, seq, proven):
    """SQLite takes anything in any column, also text that is no Unicode: 32 letters, 32 bytes of ff."""
    database = Database.open(f"sqlite:///{tmp_path / 'catalogue.sqlite'}")
    database.migrate()
    write(database, LedgerWriter(), *range(300))
    forged = leaf.replace("x'{}'", f"x'{'ff' * 32}'").replace("{}", "x" * 32)
    assert database._driver.change(f"UPDATE ledger SET leaf = {forged} WHERE seq = {seq}", ()) == 1
    with database.begin() as transaction, pytest.raises(Integrity, match=f"damaged at entry {seq}"):
        StoredTree(transaction).inclusion(proven, 300)
    database.close()


def test_what_is_rolled_back_was_never_written(database):
    writer = LedgerWriter()
    write(database, writer, 1)
    transaction = database.begin()
    writer.append(transaction, [(AT, refused(2))])
    transaction.rollback()
    writer.forget()
    write(database, writer, 3)
    assert [entry.openings["path"][1] for entry in entries(database)] == ["north:/1", "north:/3"]
    verifier = Verifier()
    assert verifier.feed(entries(database))


def test_a_writer_that_does_not_know_of_a_rollback_refuses_to_go_on(database):
    writer = LedgerWriter()
    transaction = database.begin()
    writer.append(transaction, [(AT, refused(1))])
    transaction.rollback()
    with database.begin() as transaction, pytest.raises(Integrity):
        writer.append(transaction, [(AT, refused(2))])
    assert entries(database) == []


def test_a_writer_goes_on_after_reopening(database, database_url):
    write(database, LedgerWriter(), 1, 2)
    database.close()
    again = Database.open(database_url)
    write(again, LedgerWriter(), 3)
    verifier = Verifier()
    assert verifier.feed(entries(again))
    assert verifier.verdict().size == 3
    again.close()


def test_a_second_writer_is_noticed(database):
    first, second = LedgerWriter(), LedgerWriter()
    write(database, first, 1)
    write(database, second, 2)
    with pytest.raises(Integrity):
        write(database, first, 3)
    assert len(entries(database)) == 2


def test_an_emptied_ledger_is_damage_and_is_not_begun_anew(database):
    write(database, LedgerWriter(), 1, 2)
    with database.begin() as transaction:
        transaction.run(DELETE, of=1)
        transaction.run(DELETE, of=2)
        with pytest.raises(Integrity, match="all of its entries are gone"):
            reader.size(transaction)
    with pytest.raises(Integrity, match="all of its entries are gone"):
        write(database, LedgerWriter(), 1)


def test_a_ledger_that_lost_its_name_is_damage(database):
    write(database, LedgerWriter(), 1)
    with database.begin() as transaction:
        transaction.run(DELETE_NAME)
        with pytest.raises(Integrity, match="its own name is gone"):
            reader.origin(transaction)


def test_entries_taken_off_the_end_are_noticed_at_the_next_append(database):
    writer = LedgerWriter()
    write(database, writer, 1, 2)
    with database.begin() as transaction:
        transaction.run(DELETE, of=2)
    with pytest.raises(Integrity):
        write(database, writer, 3)


@pytest.mark.parametrize("gone", [1, 2])
def test_a_gap_before_the_end_is_noticed_at_the_next_start(database, gone):
    write(database, LedgerWriter(), 1, 2, 3)
    with database.begin() as transaction:
        transaction.run(DELETE, of=2)
        if gone == 2:
            transaction.run(DELETE, of=1)
    with pytest.raises(Integrity, match=r"no entry [12]"):
        write(database, LedgerWriter(), 4)


def test_an_altered_end_is_noticed_at_the_next_start(database):
    alter = Statement(
        f"test.ledger_alter_{database.dialect}",
        sa.update(ledger_tables.ledger)
        .where(ledger_tables.ledger.c.seq == sa.bindparam("of"))
        .values(leaf=sa.bindparam("to")),
    )
    write(database, LedgerWriter(), 1, 2)
    with database.begin() as transaction:
        transaction.run(alter, of=2, to=bytes(32))
    with pytest.raises(Integrity, match="entry 2"):
        write(database, LedgerWriter(), 3)


def test_the_ledger_names_itself_once(database):
    writer = LedgerWriter()
    write(database, writer, 1)
    with database.begin() as transaction:
        first = reader.origin(transaction)
    write(database, writer, 2)
    with database.begin() as transaction:
        assert reader.origin(transaction) == first
        assert reader.size(transaction) == 2
    assert first.startswith("sealane/")
    assert len(first) > 30


def test_an_entry_is_filed_under_who_did_it_or_whose_account_it_is(database):
    events = [
        DownloadBegun(
            who=WHO,
            download_id=1,
            version_id="v1",
            file_id=9,
            owner_organization_id=7,
            path="east:/a",
            size=1,
            key_ids=(1,),
        ),
        SignInRefused(who=Who(door="http"), account_id=2, method="password", reason="wrong-password"),
        SessionEnded(who=OPERATOR, ended_session_id="s1", account_id=2, reason="disabled"),
        KeeperStarted(previous="first", release="1"),
        UploadFinished(who=WHO, upload_id="u", owner_organization_id=7, size=0),
    ]
    with database.begin() as transaction:
        LedgerWriter().append(transaction, [(AT, event) for event in events])
    columns = ["organization_id", "user_id", "session_id", "file_id", "version_id"]
    filed = database._driver.query(f"SELECT {', '.join(columns)} FROM ledger ORDER BY seq", ())
    assert filed == [
        (7, 2, "s1", 9, "v1"),
        (None, 2, None, None, None),
        (None, 2, "s1", None, None),
        (None, None, None, None, None),
        (7, 2, "s1", None, None),
    ]


@given(made=st.lists(events(), min_size=1, max_size=6))
@settings(
    max_examples=tries(30),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_is_written_is_filed_as_its_body_says(database, made):
    """What is too long or has a NUL cannot be a column; none of those that are columns comes from outside."""
    assume(all("\0" not in text and len(text) <= 16 for event in made for text in columns_of(event)))
    with database.begin() as transaction:
        writer = LedgerWriter()
        size = writer.head(transaction).size
        writer.append(transaction, [(AT, event) for event in made])
        found = reader.page(transaction, reader.EVERYTHING, after=size, limit=10)
        assert [entry.misfiled for entry in found] == [False] * len(made)
        transaction.rollback()


def columns_of(event):
    names = ("session_id", "ended_session_id", "version_id", "door")
    return [getattr(part, name, "") or "" for part in (event, event.who) for name in names]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger SET user_id = 77 WHERE seq = 2",
        "UPDATE ledger SET user_id = NULL WHERE seq = 2",
        "UPDATE ledger SET organization_id = NULL WHERE seq = 2",
        "UPDATE ledger SET session_id = NULL WHERE seq = 2",
        "UPDATE ledger SET file_id = 3 WHERE seq = 2",
        "UPDATE ledger SET folder_id = 3 WHERE seq = 2",
        "UPDATE ledger SET door = 'http' WHERE seq = 2",
        "UPDATE ledger_openings SET address_digest = NULL WHERE seq = 2",
        "UPDATE ledger SET version_id = 'v' WHERE seq = 2",
        "UPDATE ledger SET kind = 'folder_made' WHERE seq = 2",
        "UPDATE ledger SET at = at + 1 WHERE seq = 2",
        "UPDATE ledger_openings SET path_digest = NULL WHERE seq = 2",
        "UPDATE ledger_openings SET target_digest = path_digest WHERE seq = 2",
    ],
)
def test_an_entry_hidden_from_searches_is_found_by_verifying(database, change):
    write(database, LedgerWriter(), 1, 2, 3)
    assert database._driver.change(change, ()) == 1
    verifier = Verifier()
    assert not verifier.feed(entries(database))
    assert verifier.verdict().damage == Damage(2, Why.MISFILED)


# --- reading ----------------------------------------------------------------------------------------------------------


def test_pages_follow_each_other_without_gap_or_overlap(database):
    write(database, LedgerWriter(), *range(1, 26))
    seen, after = [], 0
    while True:
        with database.begin() as transaction:
            page = reader.page(transaction, reader.EVERYTHING, after=after, limit=10)
        seen += [entry.seq for entry in page]
        if len(page) < 10:
            break
        after = page[-1].seq
    assert seen == list(range(1, 26))


def test_entries_are_found_by_every_mix_of_filters(database):
    other = Who(door="http", organization_id=2, user_id=5, session_id="s2", user_name="bea@east")
    events = [
        (AT, refused(1)),
        (
            AT + timedelta(hours=1),
            RequestRefused(who=other, operation="Move", code="missing", path="east:/x", target="north:/1"),
        ),
        (AT + timedelta(hours=2), KeeperStarted(previous="clean", release="1")),
        (AT + timedelta(hours=3), refused(1)),
        (AT + timedelta(hours=4), refused(2)),
    ]
    with database.begin() as transaction:
        LedgerWriter().append(transaction, events)

    def found(**question):
        return [entry.seq for entry in entries(database, **question)]

    assert found() == [1, 2, 3, 4, 5]
    assert found(user_id=2) == [1, 4, 5]
    assert found(user_id=77) == []
    assert found(kinds=("keeper_started",)) == [3]
    assert found(kinds=("keeper_started", "request_refused")) == [1, 2, 3, 4, 5]
    assert found(not_kinds=("request_refused",)) == [3]
    assert found(door="http") == [2]
    assert found(session_id="s1") == [1, 4, 5]
    assert found(organization_id=2) == [2]
    assert found(address="192.0.2.7") == [1, 4, 5]
    assert found(address="192.0.2.7", paths=("north:/2",)) == [5]
    assert found(folder_ids=(1, 2)) == []
    assert found(until=AT + timedelta(hours=1)) == [1, 2]
    assert found(since=AT + timedelta(hours=1), until=AT + timedelta(hours=2)) == [2, 3]
    assert found(until=AT - timedelta(hours=1)) == []
    assert found(paths=("north:/1",)) == [1, 2, 4]
    assert found(paths=("north:/2", "east:/x")) == [2, 5]
    assert found(paths=()) == []
    assert found(paths=("north:/",)) == []
    assert found(since=AT + timedelta(hours=1)) == [2, 3, 4, 5]
    assert found(since=AT + timedelta(hours=1), user_id=2, kinds=("request_refused",), paths=("north:/1",)) == [4]


def test_erased_openings_leave_an_entry_that_still_proves(database):
    write(database, LedgerWriter(), 1, 2)
    database._driver.change("DELETE FROM ledger_openings WHERE seq = 1", ())
    found = entries(database)
    assert found[0].openings is None
    verifier = Verifier()
    assert verifier.feed(found)
    verdict = verifier.verdict()
    assert (verdict.whole, verdict.opened, verdict.erased) == (True, 3, 3)
