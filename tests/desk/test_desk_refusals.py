"""A people list that is refused costs its own file: the others are taken, and every figure says that it is missing."""

import io

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sealane.desk import opening, refusals, taking
from sealane.desk.incidents import answering, records
from sealane.desk.incidents.records import Scope, Scoped
from sealane.desk.opening import payload_digest
from sealane.exposure.people.lists import _SCHEMA
from sealane.vault.age import files, header, keys
from sealane.vault.age.x25519 import X25519Identity
from tests.desk.worlds import START, frame_of, person

pytestmark = pytest.mark.slow  # together they take longer than make check may


def crafted(rows=3):
    """A list of which the last row group cannot be: the first ones could be taken before that shows."""
    good = pa.table({name: [f"{name}{n}" for n in range(rows)] for name in ("given", "family")})
    whole = pa.Table.from_arrays(
        [good[one.name] if one.name in good.column_names else pa.nulls(rows, one.type) for one in _SCHEMA],
        schema=_SCHEMA,
    )
    nowhere = pa.array([2_000_000_000] * rows, pa.int32()).cast(pa.date32())
    bad = whole.set_column(whole.column_names.index("birth_date"), "birth_date", nowhere)
    out = io.BytesIO()
    with pq.ParquetWriter(out, _SCHEMA) as writer:
        writer.write_table(whole)
        writer.write_table(bad)
        writer.add_key_value_metadata({b"sealane-people-list": b"2"})
    return out.getvalue()


class Lists:
    """The sealed lists of a world, by version."""

    def __init__(self, world):
        self.place = world.path / "lists"

    def __getitem__(self, version):
        return (self.place / f"{version}.age").read_bytes()

    def __setitem__(self, version, content):
        (self.place / f"{version}.age").write_bytes(content)

    def remove(self, version):
        (self.place / f"{version}.age").unlink()


@pytest.fixture
def lists(world):
    return Lists(world)


def counted(desk, taken):
    """The answer for all that was stored, kept and computed again to the same bits."""
    until = START.replace(year=2024)
    number = records.open_(desk, "All", occurred=START, discovered=until, now=until)
    records.add(desk, number, Scoped(at=until, scope=Scope(everything_at=until)))
    figures = answering.answer(desk, taken, number, until).figures
    answering.again(desk, number, records.load(desk, number).answers[-1])
    return figures


def told(figures):
    return {(one.version_id, one.why) for one in figures.unreadable}


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda lists, one, other: lists.__setitem__(one, lists[other]), "list-swapped"),
        (lambda lists, one, _: lists.__setitem__(one, lists[one][:-40]), "list-swapped"),
        (lambda lists, one, _: lists.__setitem__(one, lists[one][:-1] + bytes([lists[one][-1] ^ 1])), "list-swapped"),
        (lambda lists, one, _: lists.__setitem__(one, lists[one][:30]), "age-header-cut"),
        (lambda lists, one, _: lists.__setitem__(one, b"PAR1"), "age-header-invalid"),
        (lambda lists, one, _: lists.__setitem__(one, b""), "age-header-cut"),
        (lambda lists, one, _: lists.remove(one), "list-missing"),
    ],
)
def test_a_list_that_is_not_the_one_of_its_file_costs_that_file_until_it_is_there_again(desk, world, lists, spoil, why):
    world.file("plan:/a.csv", [person(1)])
    spoilt = world.file("plan:/b.csv", [person(2), person(3)])
    last = world.file("plan:/c.csv", [person(4)])
    world.publish()
    right = lists[spoilt]
    spoil(lists, spoilt, last)
    synced = taking.sync(desk, world.source)
    assert (synced.lists, synced.individuals) == (2, 2)
    assert {version: one.why for version, one in synced.taken.refused.lists.items()} == {spoilt: why}
    figures = counted(desk, taking.load(desk))
    assert (figures.people["strict"], figures.files) == (2, 3)
    assert figures.coverage == {"complete": 2, "partial": 0, "unreadable": 1}
    assert told(figures) == {(spoilt, why)}
    lists[spoilt] = right
    again = taking.sync(desk, world.source)
    assert (again.lists, again.individuals, again.taken.refused.lists) == (1, 2, {})
    whole = counted(desk, again.taken)
    assert (whole.people["strict"], whole.coverage["complete"], whole.unreadable) == (4, 3, ())
    assert whole.cited.files != figures.cited.files
    first = records.load(desk, 1).answers[0]
    assert answering.again(desk, 1, first).figures == figures  # what was told then is still told so


def test_a_list_to_other_keys_is_asked_for_again_and_taken_once_it_was_made_anew(desk, world, lists, identity):
    stranger = X25519Identity.new()
    world.recipient = str(stranger.recipient())
    other = world.file("plan:/b.csv", [person(1)])
    world.recipient = str(identity.recipient())
    world.file("plan:/c.csv", [person(2)])
    synced = taking.sync(desk, world.publish())
    assert (synced.lists, synced.taken.refused.lists[other].why) == (1, "age-no-identity-matches")
    assert taking.sync(desk, world.source).taken.refused.number == 1  # still the same, and asked for again
    lists[other] = rewrapped(lists[other], stranger, identity)
    again = taking.sync(desk, world.source)
    assert (again.lists, again.taken.refused.lists) == (1, {})


def rewrapped(sealed, old, new):
    """The same payload behind a header for another key."""
    parsed, length = header.parse(sealed)
    file_key = keys.find_file_key(parsed, [old])
    return header.make([new.recipient().wrap(file_key)], file_key).written() + sealed[length:]


def test_of_a_crafted_list_nothing_is_taken_not_even_what_could_be_read(desk, world, lists, monkeypatch):
    asked = []
    before = world.file("plan:/a.csv", [person(1)])
    hostile = world.file("plan:/b.csv", [person(2)])
    after = world.file("plan:/c.csv", [person(3)])
    content = files.seal(crafted(), [keys.recipient(world.recipient)])
    lists[hostile] = content
    world.name_list(hostile, payload_digest(content))
    world.publish()
    fetch = opening._fetched
    monkeypatch.setattr(opening, "_fetched", lambda source, version: asked.append(version) or fetch(source, version))
    synced = taking.sync(desk, world.source)
    assert (synced.lists, synced.individuals, len(synced.taken.facts.aliases)) == (2, 2, 2)
    assert {version: one.why for version, one in synced.taken.refused.lists.items()} == {hostile: "people-list-invalid"}
    assert told(counted(desk, synced.taken)) == {(hostile, "people-list-invalid")}
    assert asked == [before, hostile, after]
    taking.sync(desk, world.source)
    assert asked == [before, hostile, after]  # it can be nothing else the next time
    refused = synced.taken.refused.lists[hostile]
    assert not replace_reader(refused).is_final(refused.digest)  # but to a reader that knows more


def replace_reader(one):
    return refusals.RefusedList(one.version_id, one.digest, one.why, reader="1")


def test_a_long_list_is_read_to_its_end_before_any_of_it_is_taken(desk, world, lists, monkeypatch):
    monkeypatch.setattr(opening, "_ROWS_HELD", 2)
    good = world.file("plan:/a.csv", [person(n) for n in range(5)])
    hostile = world.file("plan:/b.csv", [person(9)])
    content = files.seal(crafted(), [keys.recipient(world.recipient)])
    lists[hostile] = content
    world.name_list(hostile, payload_digest(content))
    synced = taking.sync(desk, world.publish())
    assert (synced.individuals, set(synced.taken.refused.lists)) == (5, {hostile})
    assert synced.taken.facts.files[0].version_id == good
    assert len(synced.taken.facts.table) == 5


def test_a_list_of_more_rows_than_any_file_has_is_refused(desk, world, monkeypatch):
    monkeypatch.setattr(opening, "_ROWS_MAX", 2)
    world.file("plan:/a.csv", [person(1), person(2)])
    over = world.file("plan:/b.csv", [person(n) for n in range(3)])
    synced = taking.sync(desk, world.publish())
    assert (synced.individuals, set(synced.taken.refused.lists)) == (2, {over})


def test_a_list_that_the_ledger_names_otherwise_is_not_taken(desk, world, lists):
    version = world.file("plan:/a.csv", [person(1)])
    content = world.sealed_list(frame_of([person(1), person(2)]))
    lists[version] = content
    world.lists[0]["digest"] = payload_digest(content)
    synced = taking.sync(desk, world.publish())
    assert (synced.lists, synced.taken.refused.lists[version].why) == (0, "list-swapped")
    assert told(counted(desk, synced.taken)) == {(version, "list-swapped")}


def test_who_was_found_before_stays_counted_where_a_newer_list_is_refused_and_the_file_is_no_longer_whole(
    desk, world, lists
):
    version = world.file("plan:/a.csv", [person(1), person(2)])
    taking.sync(desk, world.publish())
    world.lists[0]["digest"] = "ab" * 32
    world.name_list(version, "ab" * 32)
    synced = taking.sync(desk, world.publish())
    figures = counted(desk, synced.taken)
    assert figures.people["strict"] == 2
    assert figures.coverage == {"complete": 0, "partial": 1, "unreadable": 0}
    assert told(figures) == {(version, "list-swapped")}


def test_a_server_that_goes_on_giving_the_list_before_is_found_out(desk, world):
    version = world.file("plan:/a.csv", [person(1)])
    taking.sync(desk, world.publish())
    world.name_list(version, "ab" * 32, listed=False)
    synced = taking.sync(desk, world.publish())
    assert told(counted(desk, synced.taken)) == {(version, "list-missing")}
    assert synced.taken.refused == taking.sync(desk, world.source).taken.refused  # and no new file is written for it


def test_a_server_that_says_there_is_no_list_where_the_ledger_names_one_is_found_out(desk, world):
    version = world.file("plan:/a.csv", [person(1)])
    world.lists[0] |= {"digest": "", "people": 0}
    synced = taking.sync(desk, world.publish())
    assert told(counted(desk, synced.taken)) == {(version, "list-missing")}


def test_a_server_that_calls_complete_what_the_ledger_does_not_is_not_believed(desk, world):
    world.file("plan:/a.csv", [person(1)], coverage="partial")
    world.lists[0]["coverage"] = "complete"
    figures = counted(desk, taking.sync(desk, world.publish()).taken)
    assert figures.coverage == {"complete": 0, "partial": 1, "unreadable": 0}


def test_a_version_read_again_without_anybody_in_it_lacks_no_list(desk, world):
    version = world.file("plan:/a.csv", [person(1)])
    world.name_list(version, "")
    world.lists[0] |= {"digest": "", "people": 0}
    synced = taking.sync(desk, world.publish())
    assert not synced.taken.refused.lists
    assert synced.taken.facts.files[0].coverage == "complete"


def test_answers_of_a_desk_that_never_refused_a_list_say_nothing_of_it(desk, world):
    world.file("plan:/a.csv", [person(1)])
    taken = taking.sync(desk, world.publish()).taken
    cited = counted(desk, taken).cited
    assert b"refused" not in msgspec.json.encode(cited)
    assert b"refused" in msgspec.json.encode(msgspec.structs.replace(cited, refused=1))


def test_a_wiped_desk_forgets_what_was_refused_and_asks_for_all_again(desk, world, lists):
    version = world.file("plan:/a.csv", [person(1)])
    world.publish()
    right = lists[version]
    lists.remove(version)
    assert taking.sync(desk, world.source).taken.refused.number == 1
    desk.wipe()
    lists[version] = right
    assert taking.sync(desk, world.source).taken.refused == refusals.NONE


def test_what_stands_as_refused_is_told_by_the_last_sync_alone(desk, world):
    one = refusals.RefusedList("v1", "ab" * 32, "list-swapped")
    first = refusals.keep(desk, refusals.NONE, {"v1": one})
    assert refusals.keep(desk, first, {"v1": one}) is first
    none = refusals.keep(desk, first, {})
    assert (none.number, none.lists) == (2, {})
    assert refusals.load(desk, 1).lists == {"v1": one}
    assert refusals.newest(desk).lists == {}


def test_a_newer_list_is_missing_in_every_figure_however_the_sync_ends_that_would_have_brought_it(desk, world):
    version = world.file("plan:/a.csv", [person(1), person(2)])
    taking.sync(desk, world.publish())
    world.name_list(version, "ab" * 32)  # read again: the ledger names another list
    source = world.publish()
    source.lists = cut_off
    with pytest.raises(ConnectionError):
        taking.sync(desk, source)
    assert counted(desk, taking.load(desk)).coverage["complete"] == 0


def cut_off():
    raise ConnectionError


def test_a_file_with_nobody_in_it_has_no_list_and_was_read(desk, world):
    world.file("plan:/a.csv", [person(1)])
    nobody = world.file("plan:/b.csv", [])
    world.name_list(nobody, "")
    world.lists = [one for one in world.lists if one["version_id"] != nobody]  # a server lists only files with a list
    assert counted(desk, taking.sync(desk, world.publish()).taken).coverage["complete"] == 2


def test_a_server_does_not_say_that_nobody_is_in_a_file_of_which_the_ledger_tells_nothing(desk, world):
    world.file("plan:/a.csv", [person(1)])
    world.file("plan:/b.csv")
    world.lists[1] |= {"coverage": "complete", "digest": "", "people": 0}
    assert counted(desk, taking.sync(desk, world.publish()).taken).coverage["complete"] == 1
