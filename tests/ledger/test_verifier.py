"""The verifier names the first bad place, whatever was done to the ledger, and finds nothing where nothing was done."""

import base64
import hashlib
import json
import re
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealane.errors import Invalid
from sealane.ledger import checkpoints, notes, proofs, tree
from sealane.ledger.checkpoints import Checkpoint
from sealane.ledger.verdicts import Damage, Why
from sealane.ledger.verifier import PROGRESS_EVERY, Expected, Verifier
from sealane.operations.audit import LedgerEntry
from tests.ledger.book import (
    AT,
    ORIGIN,
    Book,
    checkpoint,
    nodes_of,
    numbered,
    refused,
    root_of,
    signed_book,
    written,
)
from tests.ledger.strategies import events

pytestmark = pytest.mark.slow  # together they take longer than make check may


QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def ledger():
    return numbered(written(refused(number), AT + timedelta(seconds=number)) for number in range(1, 13))


@pytest.fixture
def book():
    return signed_book()


def verdict_of(entries, nodes=None, **expected):
    verifier = Verifier(Expected(**expected))
    verifier.feed(entries, nodes)
    return verifier.verdict()


def change(entry, **fields):
    return msgspec.structs.replace(entry, **fields)


def edited(body: bytes) -> bytes:
    return body.replace(b'"missing"', b'"allowed"')


def forged(entry):
    """An entry edited by somebody who also makes its leaf anew, and takes the names away."""
    return change(entry, body=edited(entry.body), leaf=tree.leaf_of(edited(entry.body)))


def renumbered(entries):
    return [change(entry, seq=number) for number, entry in enumerate(entries, 1)]


@given(made=st.lists(events().filter(lambda event: event.kind.value != "signing_key_set"), max_size=8))
@QUICK
def test_an_untouched_ledger_is_whole(made):
    entries = numbered(written(event, AT) for event in made)
    verdict = verdict_of(entries, saved=[checkpoint(entries, len(entries)), checkpoint(entries, 0)])
    assert verdict.whole
    assert verdict.size == len(made)
    assert verdict.root == root_of(entries)
    assert len(verdict.saved) == 2
    assert (verdict.opened, verdict.erased) == (sum(len(entry.openings) for entry in entries), 0)


def test_a_signed_ledger_is_whole_and_says_how_far(book):
    verdict = book.verdict()
    assert verdict.whole, verdict.damage
    assert (verdict.size, verdict.signed, verdict.checkpoints) == (18, 18, 7)
    assert verdict.crashes == (12,)
    assert book.fill(3).verdict().signed == 18


# --- edited, deleted, inserted, reordered -----------------------------------------------------------------------------


def test_an_edited_body_is_named(ledger):
    for place in range(len(ledger)):
        bad = [*ledger[:place], change(ledger[place], body=edited(ledger[place].body)), *ledger[place + 1 :]]
        assert verdict_of(bad).damage == Damage(place + 1, Why.BODY)


@pytest.mark.parametrize(("place", "first", "last"), [(2, 2, 5), (4, 2, 5), (6, 6, 7), (17, 17, 18)])
def test_an_edited_body_with_a_fresh_leaf_is_named_between_the_checkpoints_around_it(book, place, first, last):
    book.entries[place - 1] = forged(book.entries[place - 1])
    assert book.verdict().damage == Damage(first, Why.CHECKPOINT, last)


def test_an_edited_body_with_a_fresh_leaf_is_named_by_its_tile():
    entries = numbered(written(refused(number), AT) for number in range(700))
    nodes = nodes_of(entries)
    assert verdict_of(entries, nodes).whole
    assert verdict_of([*entries[:300], forged(entries[300]), *entries[301:]], nodes).damage == Damage(
        257, Why.TREE, 512
    )
    assert verdict_of(entries, nodes[:1]).damage == Damage(257, Why.TREE, 512)


def test_a_deleted_entry_is_named(book, ledger):
    assert verdict_of(ledger[:4] + ledger[5:]).damage == Damage(5, Why.MISSING)
    assert verdict_of(ledger[1:]).damage == Damage(1, Why.MISSING)
    book.entries = renumbered(book.entries[:2] + book.entries[3:])
    assert book.verdict().damage == Damage(2, Why.CHECKPOINT, 5)


def test_an_inserted_entry_is_named(book, ledger):
    doubled = [*ledger[:5], ledger[4], *ledger[5:]]
    assert verdict_of(doubled).damage == Damage(6, Why.OUT_OF_ORDER)
    book.entries = renumbered([*book.entries[:3], book.entries[2], *book.entries[3:]])
    assert book.verdict().damage == Damage(2, Why.CHECKPOINT, 5)


def test_reordered_entries_are_named(book, ledger):
    swapped = [*ledger[:4], ledger[5], ledger[4], *ledger[6:]]
    assert verdict_of(swapped).damage == Damage(5, Why.MISSING)
    book.entries[2:4] = reversed(book.entries[2:4])
    book.entries = renumbered(book.entries)
    assert book.verdict().damage == Damage(2, Why.CHECKPOINT, 5)


# --- cut off, rolled back, forked, signed anew ------------------------------------------------------------------------


def test_a_ledger_cut_off_is_named_by_its_own_checkpoints(book):
    book.entries = book.entries[:14]
    assert book.verdict().damage == Damage(15, Why.TRUNCATED)


def test_a_ledger_cut_off_with_its_checkpoints_is_named_by_one_that_was_kept_and_by_nothing_else(book):
    saved = checkpoint(book.entries, 18)
    cut = book.copy()
    cut.entries = cut.entries[:15]
    cut.notes = {size: note for size, note in cut.notes.items() if size <= 15}
    assert cut.verdict().whole
    assert cut.verdict(saved=[saved]).damage == Damage(16, Why.TRUNCATED)
    cut.entries, cut.notes = [], {}
    assert cut.verdict(saved=[saved]).damage == Damage(1, Why.TRUNCATED)


def test_yesterdays_copy_that_went_on_differently_is_named_by_a_checkpoint_that_was_kept(book):
    yesterday = book.copy().fill(1).sign()
    saved = checkpoint(book.fill(2).sign().entries, 20)
    rolled_back = yesterday.appoint("crash").fill(4).sign()
    assert rolled_back.verdict().whole
    assert rolled_back.verdict().crashes == (12, 20)
    assert rolled_back.verdict(saved=[saved]).damage == Damage(1, Why.SAVED, 20)
    early = checkpoint(book.entries, 18)
    assert rolled_back.verdict(saved=[saved, early]).damage == Damage(19, Why.SAVED, 20)


def test_two_ledgers_that_share_a_beginning_cannot_both_be_what_a_witness_saw(book):
    witness = Ed25519PrivateKey.generate()
    other = book.copy().fill(3).sign()
    book.add(refused(99)).fill(2).sign()
    key = book.cosign("w1", witness)
    assert book.verdict(witnesses=[key]).witnessed == {"w1": 21}
    seen = checkpoints.parse_saved(book.notes[21])
    assert other.verdict(saved=[seen], witnesses=[key]).damage.why is Why.SAVED


def test_a_rewritten_hour_cannot_be_signed_with_todays_key(book):
    """Whoever has the long-term key and the key of this hour, and rewrites an hour that is past."""
    book.entries[2] = forged(book.entries[2])
    for size in book.notes:
        shown = book.copy()
        shown.entries = shown.entries[:size]
        book.notes[size] = shown.sign().notes[size]
    assert book.verdict().damage == Damage(1, Why.SIGNATURE)


def test_a_past_hour_that_is_signed_anew_as_after_a_crash_is_told_as_a_crash_and_found_by_what_was_kept(book):
    saved = checkpoint(book.entries, 18)
    again = Book(book.long_term)
    again.entries, again.notes = book.entries[:5], {size: note for size, note in book.notes.items() if size <= 5}
    again.appoint("crash").fill(12).sign()
    assert again.verdict().whole
    assert again.verdict().crashes == (6,)
    assert again.verdict(saved=[saved]).damage.why is Why.SAVED


def test_a_signing_key_that_nobody_appointed_is_named(book):
    stolen = book.copy()
    stolen.hour = Ed25519PrivateKey.generate()
    stolen.appoint("hour")
    assert stolen.verdict().damage == Damage(18, Why.SIGNATURE)
    stolen.notes.pop(18)
    assert stolen.verdict().damage == Damage(17, Why.SIGNING_KEY, 19)
    intruder = Book()
    intruder.appoint("first").fill(2).sign()
    intruder.long_term = book.long_term
    assert intruder.verdict().damage == Damage(1, Why.SIGNING_KEY)


def test_checkpoints_that_were_taken_away_are_missed_where_keys_changed(book):
    for size in (1, 8, 12, 16):
        bare = book.copy()
        del bare.notes[size]
        assert bare.verdict().damage == Damage(size, Why.UNSIGNED), size
    bare = book.copy()
    del bare.notes[7]
    assert bare.verdict().damage == Damage(6, Why.SIGNING_KEY, 8)


def test_an_entry_rewritten_before_a_new_key_is_named_by_the_stretch_since_the_last_checkpoint(book):
    body = book.entries[13].body.replace(b'"operation":"Look"', b'"operation":"Move"')
    book.entries[13] = msgspec.structs.replace(book.entries[13], body=body, leaf=tree.leaf_of(body))
    damage = book.verdict().damage
    assert damage == Damage(13, Why.SIGNING_KEY, 16)
    assert "between entries 13 and 16" in damage.sentence


def test_two_ledgers_swapped_are_named_by_their_name_and_key(book):
    other = signed_book()
    saved = checkpoints.parse_saved(book.notes[18])
    assert other.verdict(saved=[saved]).damage.why is Why.SAVED
    book.notes = other.notes
    assert book.verdict().damage == Damage(1, Why.SIGNATURE)


def test_a_checkpoint_of_another_ledger_is_named(ledger):
    other = checkpoint(ledger, 3, origin="sealane/other")
    assert verdict_of(ledger, origin=ORIGIN, saved=[other]).damage == Damage(3, Why.ORIGIN)
    assert verdict_of(ledger, origin=ORIGIN, saved=[checkpoint(ledger, 3)]).whole


@pytest.mark.parametrize("note", ["", "nonsense", "a\n1\n"])
def test_what_is_no_checkpoint_is_named(book, note):
    book.notes[5] = note
    assert book.verdict().damage == Damage(5, Why.NOTE)


def test_a_checkpoint_without_the_keys_of_the_time_is_named(book):
    lines = book.notes[5].splitlines(keepends=True)
    for gone in (-1, -2):
        book.notes[5] = "".join(line for number, line in enumerate(lines) if number != len(lines) + gone)
        assert book.verdict().damage == Damage(5, Why.SIGNATURE)


def test_what_witnesses_cover_is_told_by_witness(book):
    first, second = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    keys = [book.cosign("w1", first, 8), book.cosign("w2", second, 16)]
    book.cosign("stranger", Ed25519PrivateKey.generate(), 18)
    verdict = book.verdict(witnesses=keys)
    assert verdict.whole
    assert verdict.witnessed == {"w1": 8, "w2": 16}


def test_a_cosignature_that_does_not_verify_is_named(book):
    key = book.cosign("w1", Ed25519PrivateKey.generate(), 8)
    line = book.notes[8].splitlines(keepends=True)[-1]
    book.notes[16] += line
    assert book.verdict(witnesses=[key]).damage == Damage(16, Why.SIGNATURE)


# --- openings, bodies, clocks -----------------------------------------------------------------------------------------


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
    bad = numbered([*((entry.body, entry.openings) for entry in ledger[:3]), (body, None)])
    assert verdict_of(bad).damage == Damage(4, Why.MALFORMED)


def test_an_entry_that_could_not_be_read_is_named(ledger):
    bad = [*ledger[:4], LedgerEntry(5, b"", b"", None, unreadable=True), *ledger[5:]]
    assert verdict_of(bad).damage == Damage(5, Why.UNREADABLE)
    verdict = verdict_of(bad)
    assert (verdict.size, verdict.root) == (4, root_of(ledger, 4))


def test_a_clock_set_back_is_told_and_is_no_damage():
    times = [AT, AT + timedelta(hours=1), AT + timedelta(minutes=1), AT + timedelta(minutes=2)]
    verdict = verdict_of(numbered(written(refused(n), at) for n, at in enumerate(times)))
    assert verdict.whole
    assert verdict.clock_set_back == 3


@given(data=st.data())
@QUICK
def test_any_change_of_any_byte_is_found_at_its_entry(data):
    entries = numbered(written(refused(number), AT) for number in range(data.draw(st.integers(1, 10))))
    place = data.draw(st.integers(0, len(entries) - 1))
    field = data.draw(st.sampled_from(["body", "leaf"]))
    value = bytearray(getattr(entries[place], field))
    value[data.draw(st.integers(0, len(value) - 1))] ^= data.draw(st.integers(1, 255))
    entries[place] = change(entries[place], **{field: bytes(value)})
    damage = verdict_of(entries).damage
    assert damage is not None
    assert damage.seq == place + 1


@given(data=st.data(), count=st.integers(2, 8))
@QUICK
def test_any_reordering_is_found(data, count):
    book = Book().appoint("first").fill(count).sign()
    order = data.draw(st.permutations(range(1, count + 1)))
    book.entries = renumbered([book.entries[0], *(book.entries[index] for index in order)])
    same = list(order) == sorted(order)
    assert book.verdict().damage == (None if same else Damage(2, Why.CHECKPOINT, count + 1))


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
        leaf = tree.leaf_of(body)
        for seq in range(1, count + 1):
            yield LedgerEntry(seq=seq, body=body, leaf=leaf, openings=None)

    assert verifier.feed(stream())
    assert told == [PROGRESS_EVERY, 2 * PROGRESS_EVERY]
    assert verifier.verdict().erased == count * len(openings)


def test_the_verdict_speaks_in_words(ledger):
    damage = verdict_of(ledger[:4] + ledger[5:]).damage
    assert damage.sentence == "The ledger is damaged at entry 5: an entry is missing."
    assert "between entries 2 and 5" in Damage(2, Why.CHECKPOINT, 5).sentence


# --- checkpoints ------------------------------------------------------------------------------------------------------


@given(size=st.integers(0, 10**17), root=st.binary(min_size=32, max_size=32))
@QUICK
def test_a_checkpoint_is_read_back_as_it_was_written(size, root):
    saved = Checkpoint(ORIGIN, size, root)
    assert checkpoints.parse(saved.text()) == saved
    assert saved.text().count("\n") == 3


@given(text=st.text(max_size=60))
@QUICK
def test_what_is_not_exactly_a_checkpoint_is_refused(text):
    try:
        parsed = checkpoints.parse(text)
    except Invalid:
        return
    assert text.startswith(parsed.text())


GOOD = Checkpoint(ORIGIN, 12, bytes(range(32))).text()


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOOD[:-1],
        GOOD + "\n",
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
        GOOD + "x" * checkpoints.TEXT_BYTES_MAX + "\n",
        GOOD + "\n\n",
    ],
)
def test_a_malformed_checkpoint_is_refused(text):
    assert text != GOOD
    with pytest.raises(Invalid):
        checkpoints.parse(text)


def test_lines_that_other_logs_add_are_passed_over():
    assert checkpoints.parse(GOOD + "more\n") == checkpoints.parse(GOOD)


def documented_example():
    page = (Path(__file__).parents[2] / "docs" / "formats" / "ledger.md").read_text()
    return json.loads(page.partition("```json example\n")[2].partition("```")[0])


def example_entries(example):
    return numbered(
        (one["body"].encode(), {name: tuple(opening) for name, opening in one["openings"].items()})
        for one in example["entries"]
    )


def test_the_documented_example_is_right():
    example = documented_example()
    key, witness = notes.verifier_key(example["key"]), notes.verifier_key(example["witness"])
    saved = [checkpoints.parse_saved(note) for note in example["checkpoints"]]
    stored = [(one.checkpoint.size, note) for one, note in zip(saved, example["checkpoints"], strict=True)]
    verdict = verdict_of(
        example_entries(example), origin=key.name, key=key, checkpoints=stored, saved=saved, witnesses=(witness,)
    )
    assert verdict.whole
    assert (verdict.signed, verdict.checkpoints, verdict.witnessed) == (6, 4, {"witness.example/w1": 6})
    assert verdict.opened == example["openings"]
    proof = proofs.parse(example["proof"])
    assert proof.check(key, [witness]) == ("witness.example/w1",)
    assert proof.entry == 4


def test_a_verifier_written_from_the_page_alone_agrees():
    """Nothing of ours is used here but the page."""
    example = documented_example()

    def root(leaves):
        if len(leaves) < 2:
            return leaves[0] if leaves else hashlib.sha256(b"").digest()
        split = 1 << ((len(leaves) - 1).bit_length() - 1)
        return hashlib.sha256(b"\x01" + root(leaves[:split]) + root(leaves[split:])).digest()

    def signed_by(note, name, kind, public):
        text, _, lines = note.rpartition("\n\n")
        key_id = hashlib.sha256(f"{name}\n".encode() + bytes([kind]) + public).digest()[:4]
        for line in lines.splitlines():
            _, named, blob = line.split(" ")
            raw = base64.b64decode(blob)
            if (named, raw[:4]) == (name, key_id):
                message, signature = f"{text}\n".encode(), raw[4:]
                if kind == 4:
                    message = b"cosignature/v1\ntime %d\n" % int.from_bytes(raw[4:12], "big") + message
                    signature = raw[12:]
                Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
                return True
        return False

    def key_of(text):
        name, _, material = text.split("+", 2)
        return name, base64.b64decode(material)[1:]

    origin, long_term = key_of(example["key"])
    leaves, hours, opened_count = [], {}, 0
    for seq, one in enumerate(example["entries"], 1):
        body = json.loads(one["body"])
        if body["kind"] == "signing_key_set":
            before = base64.b64encode(root(leaves)).decode()
            by = bytes.fromhex(body["previous_key"]) if body["reason"] == "hour" else long_term
            said = f"sealane/signing-key/v1\n{origin}\n{seq - 1}\n{before}\n{body['signing_key']}\n"
            Ed25519PublicKey.from_public_bytes(by).verify(bytes.fromhex(body["signature"]), said.encode())
            assert body.get("previous_key", "") == (hours[max(hours)].hex() if body["reason"] == "hour" else "")
            hours[seq] = bytes.fromhex(body["signing_key"])
        leaves.append(hashlib.sha256(b"\x00" + one["body"].encode()).digest())
        assert one["leaf"] == leaves[-1].hex()
        for name, (salt, value) in one["openings"].items():
            field = name.encode()
            hashed = hashlib.sha256(b"\x02" + bytes.fromhex(salt) + bytes([len(field)]) + field + value.encode())
            assert body["private"][name] == hashed.hexdigest()
            opened_count += 1
    assert opened_count == example["openings"]
    for note in example["checkpoints"]:
        named, size, saved = note.splitlines()[:3]
        assert (named, base64.b64decode(saved)) == (origin, root(leaves[: int(size)]))
        hour = hours[max(seq for seq in hours if seq <= int(size))]
        assert signed_by(note, origin, 1, long_term)
        assert signed_by(note, f"{origin}/hour", 1, hour)
    assert signed_by(example["checkpoints"][-1], key_of(example["witness"])[0], 4, key_of(example["witness"])[1])
    assert re.fullmatch("sealane/[a-z0-9]{26}", origin)
