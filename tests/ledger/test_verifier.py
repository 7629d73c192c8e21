"""The verifier names the first bad place, whatever was done to the ledger, and finds nothing where nothing was done."""

import base64
import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealane.errors import Invalid
from sealane.ledger import chain, checkpoints
from sealane.ledger.bodies import opened, sealed
from sealane.ledger.checkpoints import Checkpoint
from sealane.ledger.events import RequestRefused, Who
from sealane.ledger.verifier import PROGRESS_EVERY, Damage, Verifier, Why
from sealane.operations.audit import LedgerEntry
from tests.ledger.strategies import events

pytestmark = pytest.mark.slow  # together they take longer than make check may


AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
ORIGIN = "sealane/test"
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def refused(number: int) -> RequestRefused:
    who = Who(door="sftp", user_id=2, user_name="anna@north")
    return RequestRefused(who=who, operation="Look", code="missing", path=f"north:/{number}")


def chained(written) -> list[LedgerEntry]:
    """Entries of these (body, openings), properly chained."""
    head, entries = chain.EMPTY, []
    for seq, (body, openings) in enumerate(written, 1):
        leaf = chain.leaf_of(body)
        head = chain.link(head, leaf)
        entries.append(LedgerEntry(seq=seq, body=body, leaf=leaf, chain=head, openings=openings))
    return entries


def written(event, at):
    one = sealed(event, at)
    return one.body, opened(one.openings)


@pytest.fixture(scope="module")
def ledger():
    return chained(written(refused(number), AT + timedelta(seconds=number)) for number in range(1, 13))


def verdict_of(entries, **expected):
    verifier = Verifier(**expected)
    verifier.feed(entries)
    return verifier.verdict()


def checkpoint(entries, size, origin=ORIGIN):
    return Checkpoint(origin, size, entries[size - 1].chain if size else chain.EMPTY)


def change(entry, **fields):
    return msgspec.structs.replace(entry, **fields)


def edited(body: bytes) -> bytes:
    return body.replace(b'"missing"', b'"allowed"')


def rechained(entries):
    return chained((entry.body, entry.openings) for entry in entries)


@given(made=st.lists(events(), max_size=8))
@QUICK
def test_an_untouched_ledger_is_whole(made):
    entries = chained(written(event, AT) for event in made)
    verdict = verdict_of(entries, checkpoints=[checkpoint(entries, len(entries)), checkpoint(entries, 0)])
    assert verdict.whole
    assert verdict.size == len(made)
    assert verdict.head == (entries[-1].chain if entries else chain.EMPTY)
    assert len(verdict.checkpoints) == 2
    assert (verdict.opened, verdict.erased) == (sum(len(entry.openings) for entry in entries), 0)


def test_an_edited_body_is_named(ledger):
    for place in range(len(ledger)):
        bad = [*ledger[:place], change(ledger[place], body=edited(ledger[place].body)), *ledger[place + 1 :]]
        assert verdict_of(bad).damage == Damage(place + 1, Why.BODY)


def test_an_edited_body_with_a_fresh_leaf_is_named(ledger):
    body = edited(ledger[4].body)
    bad = [*ledger[:4], change(ledger[4], body=body, leaf=chain.leaf_of(body)), *ledger[5:]]
    assert verdict_of(bad).damage == Damage(5, Why.CHAIN)


def test_an_edited_body_with_a_fresh_leaf_and_link_is_named_at_the_next_entry(ledger):
    body = edited(ledger[4].body)
    leaf = chain.leaf_of(body)
    forged = change(ledger[4], body=body, leaf=leaf, chain=chain.link(ledger[3].chain, leaf))
    assert verdict_of([*ledger[:4], forged, *ledger[5:]]).damage == Damage(6, Why.CHAIN)


def test_a_deleted_entry_is_named(ledger):
    assert verdict_of(ledger[:4] + ledger[5:]).damage == Damage(5, Why.MISSING)
    renumbered = ledger[:4] + [change(entry, seq=entry.seq - 1) for entry in ledger[5:]]
    assert verdict_of(renumbered).damage == Damage(5, Why.CHAIN)
    assert verdict_of(ledger[1:]).damage == Damage(1, Why.MISSING)


def test_an_inserted_entry_is_named(ledger):
    doubled = [*ledger[:5], ledger[4], *ledger[5:]]
    assert verdict_of(doubled).damage == Damage(6, Why.OUT_OF_ORDER)
    renumbered = [*ledger[:5], *(change(entry, seq=entry.seq + 1) for entry in ledger[4:])]
    assert verdict_of(renumbered).damage == Damage(6, Why.CHAIN)


def test_reordered_entries_are_named(ledger):
    swapped = [*ledger[:4], ledger[5], ledger[4], *ledger[6:]]
    assert verdict_of(swapped).damage == Damage(5, Why.MISSING)
    renumbered = [*ledger[:4], change(ledger[5], seq=5), change(ledger[4], seq=6), *ledger[6:]]
    assert verdict_of(renumbered).damage == Damage(5, Why.CHAIN)


def test_a_ledger_cut_off_is_named_by_a_checkpoint_and_by_nothing_else(ledger):
    saved = checkpoint(ledger, 12)
    assert verdict_of(ledger[:9]).whole
    assert verdict_of(ledger[:9], checkpoints=[saved]).damage == Damage(10, Why.TRUNCATED)
    assert verdict_of([], checkpoints=[saved]).damage == Damage(1, Why.TRUNCATED)


def test_a_ledger_rewritten_to_its_end_is_named_by_a_checkpoint_and_by_nothing_else(ledger):
    rewritten = rechained([*ledger[:4], change(ledger[4], body=edited(ledger[4].body), openings=None), *ledger[5:]])
    assert verdict_of(rewritten).whole
    early, late = checkpoint(ledger, 4), checkpoint(ledger, 8)
    verdict = verdict_of(rewritten, checkpoints=[late, early])
    assert verdict.damage == Damage(8, Why.CHECKPOINT)
    assert verdict.checkpoints == (early,)


def test_a_copy_of_yesterday_that_went_on_differently_is_named(ledger):
    forked = rechained([*ledger[:6], *(change(entry, openings=None) for entry in reversed(ledger[6:]))])
    assert verdict_of(forked, checkpoints=[checkpoint(ledger, 7)]).damage == Damage(7, Why.CHECKPOINT)
    assert verdict_of(forked, checkpoints=[checkpoint(ledger, 6)]).whole


def test_a_checkpoint_of_another_ledger_is_named(ledger):
    other = checkpoint(ledger, 3, origin="sealane/other")
    assert verdict_of(ledger, origin=ORIGIN, checkpoints=[other]).damage == Damage(3, Why.ORIGIN)
    assert verdict_of(ledger, origin=ORIGIN, checkpoints=[checkpoint(ledger, 3)]).whole


@pytest.mark.parametrize(
    "forge",
    [
        lambda opening: (opening[0], "north:/other"),
        lambda opening: ("00" * 16, opening[1]),
        lambda opening: ("not hex", opening[1]),
    ],
)
def test_a_wrong_opening_is_named(ledger, forge):
    openings = dict(ledger[4].openings)
    openings["path"] = forge(openings["path"])
    bad = [*ledger[:4], change(ledger[4], openings=openings), *ledger[5:]]
    assert verdict_of(bad).damage == Damage(5, Why.OPENING)


def test_an_opening_of_nothing_is_named(ledger):
    openings = {**ledger[4].openings, "target": ("00" * 16, "north:/invented")}
    assert verdict_of([*ledger[:4], change(ledger[4], openings=openings)]).damage == Damage(5, Why.OPENING)


def test_an_opening_cannot_stand_for_another_field(ledger):
    openings = dict(ledger[4].openings)
    openings["path"], openings["user_name"] = openings["user_name"], openings["path"]
    assert verdict_of([*ledger[:4], change(ledger[4], openings=openings)]).damage == Damage(5, Why.OPENING)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"at":1}', b'{"at":"x","kind":"y","v":1,"private":[]}', b"\xff"])
def test_a_body_that_is_no_entry_is_named(ledger, body):
    bad = chained([*((entry.body, entry.openings) for entry in ledger[:3]), (body, None)])
    assert verdict_of(bad).damage == Damage(4, Why.MALFORMED)


def test_an_entry_that_could_not_be_read_is_named(ledger):
    bad = [*ledger[:4], LedgerEntry(5, b"", b"", b"", None, unreadable=True), *ledger[5:]]
    assert verdict_of(bad).damage == Damage(5, Why.UNREADABLE)
    verdict = verdict_of(bad)
    assert (verdict.size, verdict.head) == (4, ledger[3].chain)


def test_a_clock_set_back_is_told_and_is_no_damage():
    times = [AT, AT + timedelta(hours=1), AT + timedelta(minutes=1), AT + timedelta(minutes=2)]
    verdict = verdict_of(chained(written(refused(n), at) for n, at in enumerate(times)))
    assert verdict.whole
    assert verdict.clock_set_back == 3


@given(data=st.data(), count=st.integers(1, 10))
@QUICK
def test_any_change_of_any_byte_is_found_at_its_entry(data, count):
    entries = chained(written(refused(number), AT) for number in range(count))
    place = data.draw(st.integers(0, count - 1))
    field = data.draw(st.sampled_from(["body", "leaf", "chain"]))
    value = bytearray(getattr(entries[place], field))
    value[data.draw(st.integers(0, len(value) - 1))] ^= data.draw(st.integers(1, 255))
    entries[place] = change(entries[place], **{field: bytes(value)})
    damage = verdict_of(entries).damage
    assert damage is not None
    assert damage.seq == place + 1


@given(data=st.data(), count=st.integers(2, 8))
@QUICK
def test_any_reordering_is_found_at_its_first_place(data, count):
    entries = chained(written(refused(number), AT) for number in range(count))
    order = data.draw(st.permutations(range(count)))
    first = next((place for place in range(count) if order[place] != place), None)
    moved = [change(entries[index], seq=place + 1) for place, index in enumerate(order)]
    damage = verdict_of(moved).damage
    assert damage == (None if first is None else Damage(first + 1, Why.CHAIN))


def test_entries_may_come_in_any_pages_and_after_damage_no_more_are_taken(ledger):
    verifier = Verifier()
    assert verifier.feed(ledger[:5])
    assert verifier.feed([])
    assert verifier.feed(ledger[5:])
    assert verifier.verdict().size == 12
    assert not verifier.feed(ledger[:1])
    assert not verifier.feed(ledger)
    assert verifier.verdict().size == 12


def test_memory_stays_bounded_and_progress_is_told():
    told = []
    verifier = Verifier(progress=told.append)
    body, openings = written(refused(1), AT)
    count = 2 * PROGRESS_EVERY + 5

    def stream():
        head = chain.EMPTY
        leaf = chain.leaf_of(body)
        for seq in range(1, count + 1):
            head = chain.link(head, leaf)
            yield LedgerEntry(seq=seq, body=body, leaf=leaf, chain=head, openings=None)

    assert verifier.feed(stream())
    assert told == [PROGRESS_EVERY, 2 * PROGRESS_EVERY]
    assert verifier.verdict().erased == count * len(openings)


def test_the_verdict_speaks_in_words(ledger):
    damage = verdict_of(ledger[:4] + ledger[5:]).damage
    assert damage.sentence == "The ledger is damaged at entry 5: an entry is missing."


# --- checkpoints ------------------------------------------------------------------------------------------------------


@given(size=st.integers(0, 10**17), head=st.binary(min_size=32, max_size=32))
@QUICK
def test_a_checkpoint_is_read_back_as_it_was_written(size, head):
    saved = Checkpoint(ORIGIN, size, head)
    assert checkpoints.parse(saved.text()) == saved
    assert saved.text().count("\n") == 3


@given(text=st.text(max_size=60))
@QUICK
def test_what_is_not_exactly_a_checkpoint_is_refused(text):
    try:
        parsed = checkpoints.parse(text)
    except Invalid:
        return
    assert parsed.text() == text


GOOD = Checkpoint(ORIGIN, 12, bytes(range(32))).text()


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOOD[:-1],
        GOOD + "\n",
        GOOD + "more\n",
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("12", "012"),
        GOOD.replace("12", "+12"),
        GOOD.replace("12", "1" * 19),
        GOOD.replace("12", "\u0661\u0662"),
        GOOD.replace(ORIGIN, "two words"),
        GOOD.replace(ORIGIN, ""),
        GOOD.replace(ORIGIN, "a" * 256),
        GOOD.replace("AAEC", "AAE "),
        GOOD.replace("AAEC", ""),
        GOOD.replace("Hh8=", "Hh9="),
        GOOD + "x" * 5000,
    ],
)
def test_a_malformed_checkpoint_is_refused(text):
    assert text != GOOD
    with pytest.raises(Invalid):
        checkpoints.parse(text)


def documented_example():
    page = (Path(__file__).parents[2] / "docs" / "formats" / "ledger.md").read_text()
    return json.loads(page.partition("```json example\n")[2].partition("```")[0])


def test_the_documented_example_is_right():
    example = documented_example()
    entries = chained(
        (one["body"].encode(), {name: tuple(opening) for name, opening in one["openings"].items()})
        for one in example["entries"]
    )
    saved = checkpoints.parse(example["checkpoint"])
    verdict = verdict_of(entries, origin=saved.origin, checkpoints=[saved])
    assert verdict.whole
    assert verdict.checkpoints == (saved,)
    assert verdict.opened == example["openings"]


def test_a_verifier_written_from_the_page_alone_agrees():
    """Nothing of ours is used here but the page."""
    example = documented_example()
    head = bytes(32)
    opened_count = 0
    for one in example["entries"]:
        body = one["body"].encode()
        leaf = hashlib.sha256(b"\x00" + body).digest()
        head = hashlib.sha256(b"\x01" + head + leaf).digest()
        assert (one["leaf"], one["chain"]) == (leaf.hex(), head.hex())
        private = json.loads(body).get("private", {})
        for name, (salt, value) in one["openings"].items():
            field = name.encode()
            hashed = hashlib.sha256(b"\x02" + bytes.fromhex(salt) + bytes([len(field)]) + field + value.encode())
            assert private[name] == hashed.hexdigest()
            opened_count += 1
    origin, size, saved = example["checkpoint"].splitlines()
    assert (int(size), base64.b64decode(saved)) == (len(example["entries"]), head)
    assert re.fullmatch("sealane/[a-z0-9]{26}", origin)
    assert opened_count == example["openings"]
