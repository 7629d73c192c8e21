"""Taking lists and entries: what only grew is taken, what was swapped, cut or forked is not."""

import json

import pytest

from sealane.desk import facts, folder, taking
from sealane.desk.failures import DeskDamaged, DeskExists, DeskMissing, LedgerForked
from sealane.desk.sources import Directory
from sealane.errors import SealaneError, Unavailable
from sealane.exposure.people.crowd import PERSON
from sealane.vault.age.failures import NoIdentityMatches
from sealane.vault.age.x25519 import X25519Identity
from tests.desk.worlds import World, person

pytestmark = pytest.mark.slow  # together they take longer than make check may


def test_a_second_sync_takes_only_what_is_new(desk, world):
    world.file("plan:/claims/a.csv", [person(1), person(2)])
    first = taking.sync(desk, world.publish())
    assert (first.lists, first.individuals) == (1, 2)
    again = taking.sync(desk, world.source)
    assert (again.entries, again.lists) == (0, 0)
    world.file("plan:/claims/b.csv", [person(2), person(3)])
    third = taking.sync(desk, world.publish())
    assert (third.lists, third.individuals) == (1, 2)
    assert len(third.taken.facts.aliases) == 3
    assert third.taken.map.about.batches == 2
    assert taking.load(desk).facts.table.equals(third.taken.facts.table)


def test_facts_are_never_rewritten(desk, world):
    world.file("plan:/a.csv", [person(1)])
    taking.sync(desk, world.publish())
    kept = {path: path.read_bytes() for path in desk.path.rglob("*.age")}
    world.file("plan:/b.csv", [person(1, line="9 New Rd")])
    taking.sync(desk, world.publish())
    assert all(path.read_bytes() == content for path, content in kept.items())


def test_nothing_about_a_person_lies_open_in_the_folder(desk, world):
    world.file("plan:/secret-path/a.csv", [person(1, given="Xylophonia")])
    taking.sync(desk, world.publish())
    for path in desk.path.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0
        if path.is_file():
            content = path.read_bytes()
            assert b"Xylophonia" not in content
            assert b"secret-path" not in content
            assert path.name == "desk.json" or content.startswith(b"age-encryption.org/")


def test_a_list_that_no_checkpoint_tells_of_yet_waits_for_the_next_sync(desk, world):
    world.file("plan:/a.csv", [person(1)])
    world.publish()
    signed = (world.path / "checkpoint").read_text()
    world.file("plan:/b.csv", [person(2)])
    world.publish()
    (world.path / "checkpoint").write_text(signed)
    first = taking.sync(desk, world.source)
    assert (first.lists, first.waiting) == (1, 1)
    again = taking.sync(desk, world.publish())
    assert (again.lists, again.waiting) == (1, 0)


def test_a_ledger_that_was_cut_is_not_taken(desk, world):
    world.file("plan:/a.csv", [person(1)])
    world.file("plan:/b.csv", [person(2)])
    taking.sync(desk, world.publish())
    del world.entries[-2:], world.lists[-1:]
    with pytest.raises(LedgerForked):
        taking.sync(desk, world.publish())


def test_a_ledger_that_was_rewritten_is_not_taken(desk, world, tmp_path):
    world.file("plan:/a.csv", [person(1)])
    taking.sync(desk, world.publish())
    forked = World(tmp_path / "forked", world.recipient)
    forked.file("plan:/a.csv", [person(1)])
    forked.file("plan:/b.csv", [person(2)])
    with pytest.raises(LedgerForked):
        taking.sync(desk, forked.publish())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda entry: entry | {"body": entry["body"].replace('"size":1000', '"size":1001')},
        lambda entry: entry | {"openings": {"path": ["00" * 16, "plan:/other"]}},
        lambda entry: entry | {"seq": 99},
        lambda entry: entry | {"leaf": "00" * 32},
    ],
)
def test_an_altered_entry_is_found(desk, world, spoil):
    world.file("plan:/a.csv", [person(1)])
    world.publish()
    at = next(n for n, entry in enumerate(world.entries) if "upload_finished" in entry["body"])
    lines = [json.dumps(spoil(entry) if n == at else entry) for n, entry in enumerate(world.entries)]
    (world.path / "entries.jsonl").write_text("\n".join(lines) + "\n")
    with pytest.raises(LedgerForked):
        taking.sync(desk, world.source)
    assert taking.load(desk).history.size == 0


def test_lines_that_are_none_are_refused(desk, world):
    world.publish()
    (world.path / "lists.jsonl").write_text('{"version_id": "../../etc", "coverage": "complete"}\n')
    with pytest.raises(DeskDamaged):
        taking.sync(desk, world.source)


def test_a_clock_that_was_set_back_is_told(desk, world):
    world.file("plan:/a.csv", [person(1)])
    world.now = world.now.replace(year=2022)
    world.file("plan:/b.csv", [person(2)])
    assert taking.sync(desk, world.publish()).taken.history.clock_set_back


def test_a_sync_that_was_cut_short_is_as_if_it_had_not_begun(desk, world, monkeypatch):
    world.file("plan:/a.csv", [person(1)])
    write = folder.Folder.write

    def dies(self, name, plain):
        if name.startswith("batches"):
            raise KeyboardInterrupt
        write(self, name, plain)

    monkeypatch.setattr(folder.Folder, "write", dies)
    with pytest.raises(KeyboardInterrupt):
        taking.sync(desk, world.publish())
    monkeypatch.undo()
    assert taking.load(desk).facts.batches == 0
    assert taking.sync(desk, world.source).lists == 1


def test_lists_in_many_batches_are_the_same_as_in_one(desk, world, identity, tmp_path, monkeypatch):
    for number in range(5):
        world.file(f"plan:/{number}.csv", [person(number * 2 + place, owner=f"o{place}") for place in (0, 3, 1, 0)])
    whole = taking.sync(desk, world.publish()).taken
    monkeypatch.setattr(facts, "_ROWS_AT_ONCE", 3)
    monkeypatch.setattr(facts, "_ROWS_A_BATCH", 6)
    folder.make(tmp_path / "other", [str(identity.recipient())])
    parted = taking.sync(folder.open_(tmp_path / "other", [identity]), world.source).taken
    assert (whole.facts.batches, parted.facts.batches) == (1, 3)
    assert parted.facts.table.equals(whole.facts.table)
    assert parted.facts.aliases.whole(*PERSON).equals(whole.facts.aliases.whole(*PERSON))
    assert (parted.facts.owners, parted.facts.files) == (whole.facts.owners, whole.facts.files)
    assert parted.map.strict.tolist() == whole.map.strict.tolist()


class Failing(Directory):
    """A source that goes away when it is asked for one list."""

    def __init__(self, path, version):
        super().__init__(path)
        self.version = version

    def sealed_list(self, version_id):
        if version_id == self.version:
            raise Unavailable
        return super().sealed_list(version_id)


def test_of_a_sync_that_broke_between_two_batches_nothing_counts_until_the_next_one(desk, world, monkeypatch):
    world.file("plan:/a.csv", [person(1)])
    before = taking.sync(desk, world.publish()).taken
    world.file("plan:/b.csv", [person(2), person(3)])
    last = world.file("plan:/c.csv", [person(4)])
    world.publish()
    monkeypatch.setattr(facts, "_ROWS_A_BATCH", 2)
    with pytest.raises(Unavailable):
        taking.sync(desk, Failing(world.path, last))
    assert len(desk.numbers("batches")) == 2
    assert taking.load(desk).facts.table.equals(before.facts.table)
    after = taking.sync(desk, world.source)
    assert (after.lists, len(after.taken.facts.aliases)) == (1, 4)
    assert len(taking.load(desk).map.strict) == 4


def test_a_desk_is_made_once_and_opens_with_its_key_only(desk, identity):
    with pytest.raises(DeskExists):
        folder.make(desk.path, [str(identity.recipient())])
    with pytest.raises(NoIdentityMatches):
        folder.open_(desk.path, [X25519Identity.new()])
    with pytest.raises(DeskMissing):
        folder.open_(desk.path / "nowhere", [identity])


def test_a_damaged_file_of_the_desk_is_told(desk, world):
    world.file("plan:/a.csv", [person(1)])
    taking.sync(desk, world.publish())
    path = next((desk.path / "facts").iterdir())
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(SealaneError) as told:
        taking.load(desk)
    assert told.value.code == "desk-damaged"


def test_a_wiped_desk_can_be_synced_again(desk, world):
    world.file("plan:/a.csv", [person(1), person(2)])
    before = taking.sync(desk, world.publish()).taken
    desk.wipe()
    assert not list((desk.path).rglob("facts/*"))
    after = taking.sync(desk, world.source).taken
    assert after.facts.table.equals(before.facts.table)
    assert after.map.about.digest == before.map.about.digest
