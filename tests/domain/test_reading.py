"""Whose data is in what arrives: read in processes of their own, sealed to the officer, counted in clear."""

import asyncio
import contextlib
import dataclasses
import gc
import io
import os
import signal
import zipfile
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from sealane.domain import owing, sweep
from sealane.errors import Missing, NotAllowed
from sealane.exposure.people.listing import lines_of
from sealane.exposure.people.lists import read_list
from sealane.inspector import readers as readers_module
from sealane.inspector.rounds import Rounds
from sealane.operations.accounts import AddFolder, AddUser, SetRecipient
from sealane.operations.exposures import (
    CorrectLayout,
    Forecast,
    ForecastAll,
    ListLayouts,
    ListOfficers,
    ListPeopleLists,
    LookQueue,
    OpenPeopleList,
    Rescan,
    SetOfficer,
    SetReading,
    ShowExposure,
)
from sealane.operations.files import RemoveFile
from sealane.operations.inspection import ColumnOf, LayoutOf, LeaseArrivals, RecordExposure
from sealane.settings import Settings
from sealane.vault import blobs
from sealane.vault.age import files as age_files
from sealane.vault.age.x25519 import X25519Identity
from tests.domain.transfers import World
from tests.peers.postgres import name_in

pytestmark = pytest.mark.slow  # the libraries of all readers are loaded by a process of its own

OFFICER = X25519Identity(b"\x51" * 32)
RECOVERY = X25519Identity(b"\x52" * 32)
OWNER = X25519Identity(b"\x53" * 32)
SMALL = Settings(inline_bytes_max=4096, segment_bytes_max=256 * 1024)
on_both = pytest.mark.parametrize("world", ["sqlite", "postgresql"], indirect=True)
HEADER = "first_name,last_name,birth_date,ssn,zip\n"


def members(first, last):
    """A table of invented members."""
    return (
        HEADER
        + "".join(
            f"Given{number},Family{number},19{number % 60 + 30}-0{number % 9 + 1}-1{number % 9},"
            f"{219_000_000 + number * 104_729 % 9_999_999:09d},0410{number % 9}\n"
            for number in range(first, last)
        )
    ).encode()


@pytest.fixture(scope="module")
def shared_readers():
    """One process that reads, for all tests of this module: loading it takes most of a test's time."""
    kept = {}
    yield kept
    for one in kept.values():
        one.close()


@pytest.fixture
def world(request, tmp_path):
    """A world in which what arrives is read."""
    with contextlib.ExitStack() as stack:
        if getattr(request, "param", "sqlite") == "sqlite":
            made = World.copied(request.getfixturevalue("world_template"), tmp_path / "data", SMALL, reading=True)
        else:
            template, url = request.getfixturevalue("world_on_postgres")
            server = request.getfixturevalue("postgres_server")
            database = stack.enter_context(server.database(like=name_in(url)))
            made = World.copied(template, tmp_path / "data", SMALL, database=database, reading=True)
        stack.callback(made.close)
        yield made
        made.check_tree()


@pytest.fixture
def anna(world):
    return world.session("anna@clinic")


@pytest.fixture
def officer(world):
    world.admin(AddUser("olga@clinic", role="officer"))
    world.admin(SetOfficer("clinic", (str(OFFICER.recipient()),), (str(RECOVERY.recipient()),)))
    return world.session("olga@clinic")


class Inspector:
    def __init__(self, world, shared):
        self.asking = world.home.inspector()
        self.rounds = Rounds(self.asking.ask, world.store, world.home.settings, world.clock)
        if "readers" in shared:
            self.rounds._readers = shared["readers"]
        shared["readers"] = self.readers = self.rounds._readers
        self.readers._store = world.store
        self.readers._settings = world.home.settings

    def round(self):
        async def both():
            sealed, _ = await self.rounds.seal_some()
            return sealed + await self.rounds.one_round()

        return asyncio.run(both())


@pytest.fixture
def inspector(world, shared_readers):
    return Inspector(world, shared_readers)


def show(session, path="/in/file"):
    return session.ask(ShowExposure, path=path)


def people_of(world, officer, version, *identities):
    """What the officer's key opens, individual by individual."""
    told = officer.ask(OpenPeopleList, version=version)
    payload = told.inline if told.inline is not None else bytes(blobs.read(world.store, told.blob, 0, told.size))
    assert sha256(payload).digest() == told.digest
    opened = age_files.open_sealed(told.header + bytes(payload), list(identities) or [OFFICER])
    return [line for frame in read_list(io.BytesIO(opened)) for line in lines_of(frame)]


@on_both
def test_what_arrives_is_read_and_its_people_are_sealed_to_the_officer(world, anna, officer, inspector):
    version = anna.put(members(0, 40)).version
    assert show(anna).state == "waiting"
    assert world.admin(LookQueue()).waiting == 1
    assert inspector.round() == 1
    told = show(anna)
    assert (told.state, told.listed, told.sealed) == ("read", True, False)
    assert (told.exposed.format, told.exposed.coverage, told.exposed.records) == ("csv", "complete", 40)
    assert told.exposed.people == told.exposed.classes["ssn"] == told.exposed.classes["name"] == 40
    people = people_of(world, officer, version)
    assert {line["given"] for line in people} == {f"Given{number}" for number in range(40)}
    assert people_of(world, officer, version, RECOVERY) == people
    assert world.kinds()[-4:-2] == ["arrival_opened", "exposure_recorded"]
    assert world.kinds()[-2:] == ["people_list_received"] * 2
    assert world.admin(LookQueue()).waiting == 0


def test_a_list_that_is_not_small_is_a_blob_and_nothing_in_clear_is_anywhere(world, anna, officer, inspector):
    version = anna.put(members(0, 900)).version
    inspector.round()
    told = officer.ask(OpenPeopleList, version=version)
    assert told.inline is None
    assert told.blob in set(world.store.names())
    assert len(people_of(world, officer, version)) == 900
    world.home.keeper.close()
    for path in world.data_dir.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"Given123" not in content, path
            assert b"Family123" not in content, path
    for name in world.store.names():
        assert b"Given123" not in bytes(blobs.read(world.store, name, 0, world.store.size(name)))
    world.home.keeper = world.home._opened()


def test_the_digest_comes_with_the_same_reading_also_of_what_is_read_in_any_order(world, anna, officer, inspector):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("one.csv", members(0, 10))
        archive.writestr("two.csv", members(10, 30))
    writing = anna.begin("/in/both.zip")
    writing.write(0, packed.getvalue())
    writing.finish()
    assert inspector.round() == 1
    assert anna.look("/in/both.zip").digest == sha256(packed.getvalue()).digest()
    assert show(anna, "/in/both.zip").exposed.people == 30


def test_without_an_officer_there_are_counts_and_it_is_said_so(world, anna, inspector):
    anna.put(members(0, 12))
    inspector.round()
    told = show(anna)
    assert (told.exposed.people, told.exposed.coverage, told.listed) == (12, "partial", False)
    assert [part.why for part in told.exposed.unreadable] == ["no-officer"]
    world.admin(SetOfficer("clinic", (str(OFFICER.recipient()),)))
    assert world.admin(Rescan()).queued == 1
    inspector.round()
    told = show(anna)
    assert (told.exposed.coverage, told.listed) == ("complete", True)
    assert world.admin(Rescan()).queued == 0
    assert world.admin(Rescan(folder="clinic:/in", everything=True)).queued == 1


def test_a_folder_that_is_not_read_is_not_read_until_it_is_asked_for(world, anna, officer, inspector):
    world.admin(SetReading("clinic:/in", reading=False))
    anna.put(members(0, 3))
    assert inspector.round() == 0
    assert show(anna).state == "not-read"
    assert world.admin(Rescan()).queued == 0
    world.admin(SetReading("clinic:/in", reading=True))
    assert world.admin(Rescan()).queued == 1
    inspector.round()
    assert show(anna).exposed.people == 3


def test_a_folder_says_whose_people_they_are_and_the_data_owner_can_open_the_list(world, anna, officer, inspector):
    world.admin(SetReading("clinic:/in", owner="Blue Plan", owner_recipient=str(OWNER.recipient())))
    version = anna.put(members(0, 5)).version
    inspector.round()
    people = people_of(world, officer, version, OWNER)
    assert {line["owner"] for line in people} == {"Blue Plan"}
    (listed,) = officer.ask(ListPeopleLists).lists
    assert listed.lacking == listed.extra == ()
    world.admin(SetOfficer("clinic", (str(RECOVERY.recipient()),)))
    (listed,) = officer.ask(ListPeopleLists).lists
    assert listed.extra == (str(OFFICER.recipient()),)
    (row,) = world.admin(ListOfficers("clinic")).rows
    assert dict(zip(row.columns, row.values, strict=True))["lists"] == 1


def test_a_reader_that_is_taken_down_costs_its_own_file_only(world, anna, officer, inspector, monkeypatch):
    anna.put(members(0, 7), "/in/hostile")
    killed = []

    def look(watch):
        if not killed:
            killed.append(watch._pid)
            os.kill(watch._pid, signal.SIGKILL)

    monkeypatch.setattr(readers_module._Watch, "look", look)
    inspector.round()
    told = show(anna, "/in/hostile").exposed
    assert (told.coverage, [part.why for part in told.unreadable]) == ("unreadable", ["reader-failed"])
    anna.put(members(0, 7), "/in/harmless")
    inspector.round()
    assert show(anna, "/in/harmless").exposed.people == 7
    assert world.admin(Rescan()).queued == 1  # what failed is tried again when somebody asks for it
    inspector.round()
    assert show(anna, "/in/hostile").exposed.people == 7


def test_a_reading_that_takes_too_much_memory_is_ended_and_said(world, anna, officer, inspector):
    anna.put(members(0, 7))
    inspector.readers._settings = dataclasses.replace(inspector.readers._settings, reader_memory_bytes_max=1 << 20)
    inspector.round()
    assert [part.why for part in show(anna).exposed.unreadable] == ["too-large"]


def test_of_a_large_arrival_the_digest_comes_before_it_is_read(world, anna, officer, inspector, monkeypatch):
    monkeypatch.setattr("sealane.inspector.rounds._AT_ONCE_BYTES_MAX", 100)
    writing = anna.begin("/in/large.csv")
    writing.write(0, members(0, 20))
    writing.finish()
    inspector.round()
    assert anna.look("/in/large.csv").digest == sha256(members(0, 20)).digest()
    assert show(anna, "/in/large.csv").state == "waiting"
    inspector.round()
    assert show(anna, "/in/large.csv").exposed.people == 20


@on_both
def test_a_digest_somebody_waits_for_goes_before_readings(world, anna, officer, inspector):
    to_read = [anna.put(members(0, 3), f"/in/{number}").version for number in range(2)]
    world.clock.advance(timedelta(seconds=5))
    writing = anna.begin("/in/late.csv")
    writing.write(0, members(0, 3))
    late = writing.finish().version
    assert inspector.asking.ask_now(LeaseArrivals()).versions == (late, *sorted(to_read))
    assert owing.owed(digest=True, people=False) < owing.owed(digest=True, people=True)
    assert owing.owed(digest=True, people=True) < owing.owed(digest=False, people=True)


def test_a_failed_reading_takes_nothing_away_from_an_earlier_one(world, anna, officer, inspector, monkeypatch):
    version = anna.put(members(0, 7)).version
    inspector.round()
    world.admin(Rescan(everything=True))
    monkeypatch.setattr(readers_module, "_held_bytes", lambda _pid: 1 << 50)
    inspector.round()
    assert show(anna).exposed.people == 7
    assert len(people_of(world, officer, version)) == 7


def test_what_a_reader_says_is_a_strangers_word(world, anna, officer, inspector, monkeypatch):
    anna.put(members(0, 7))
    honest = readers_module.channel.decoded

    def boastful(body):
        found = honest(body)
        return type(found)(**{name: getattr(found, name) for name in found.__struct_fields__} | {"people": -1})

    monkeypatch.setattr(readers_module.channel, "decoded", boastful)
    inspector.round()
    assert [part.why for part in show(anna).exposed.unreadable] == ["reader-failed"]


@on_both
def test_the_list_outlives_its_file(world, anna, officer, inspector):
    version = anna.put(members(0, 900)).version
    inspector.round()
    anna.ask(RemoveFile, path="/in/file")
    blob = officer.ask(OpenPeopleList, version=version).blob
    settings = world.home.settings
    world.clock.advance(timedelta(seconds=settings.version_keep_seconds + 1))
    world.act(sweep.clear)
    olga = world.session("olga@clinic")
    assert len(people_of(world, olga, version)) == 900
    assert world.act(lambda work: sweep.unnamed(work, [blob])) == set()
    world.clock.advance(timedelta(seconds=settings.people_list_keep_seconds + 1))
    world.act(sweep.clear)
    olga = world.session("olga@clinic")
    with pytest.raises(Missing):
        olga.ask(OpenPeopleList, version=version)
    assert blob in world.act(sweep.dead_blobs)
    assert "exposure_forgotten" in world.kinds()


def test_lists_are_for_officers_of_their_own_organization(world, anna, officer, inspector):
    version = anna.put(members(0, 3)).version
    inspector.round()
    with pytest.raises(NotAllowed):
        anna.ask(OpenPeopleList, version=version)
    world.admin(AddUser("oscar@insurer", role="officer"))
    with pytest.raises(Missing):
        world.session("oscar@insurer").ask(OpenPeopleList, version=version)
    carl = world.session("carl@insurer")
    assert carl.ask(ShowExposure, path="/@clinic/in/file").exposed.people == 3  # who may read it may count in it
    berta = world.session("berta@clinic")
    with pytest.raises(Missing):
        show(berta)
    assert show(officer).exposed.people == 3  # no grant: by the office


@on_both
def test_a_forecast_tells_what_a_theft_would_reach(world, anna, officer, inspector):
    anna.put(members(0, 10), "/in/a")
    anna.put(members(5, 20), "/in/b")
    anna.put(members(0, 30), "/in/b")
    anna.put(b"\x00\x01nobody can read this\xff" * 9, "/in/c")
    inspector.round()
    anna.put(members(0, 3), "/in/waits")
    told = officer.ask(Forecast)
    assert (told.open.files, told.open.people, told.open.classes["ssn"]) == (4, 40, 40)
    assert told.open.coverage["waiting"] == 1
    assert (told.kept.files, told.kept.people) == (1, 15)
    assert officer.ask(Forecast, path="/in") == told
    assert officer.ask(Forecast, user="carl@insurer").open == told.open
    assert officer.ask(Forecast, user="berta@clinic").open.files == 0
    assert world.admin(ForecastAll()).open == told.open
    with pytest.raises(NotAllowed):
        anna.ask(Forecast)


def test_a_layout_is_remembered_and_a_correction_holds(world, anna, officer, inspector):
    odd = members(0, 30).replace(HEADER.encode(), b"A1,A2,A3,A4,A5\n")
    anna.put(odd, "/in/a")
    inspector.round()
    (row,) = world.admin(ListLayouts("clinic:/in")).rows
    told = dict(zip(row.columns, row.values, strict=True))
    assert (told["user"], told["revision"], told["corrected"]) == ("anna@clinic", 1, False)
    columns = tuple(ColumnOf(slot) for slot in ("given", "family", "birth_date", "member_id", "zip"))
    world.admin(CorrectLayout("clinic:/in", "anna@clinic", LayoutOf(told["fingerprint"], columns)))
    anna.put(odd, "/in/b")
    inspector.round()
    assert show(anna, "/in/b").exposed.classes["member_id"] == 30
    assert "ssn" not in show(anna, "/in/b").exposed.classes
    assert [row.values[2:4] for row in world.admin(ListLayouts("clinic:/in")).rows] == [(1, False), (2, True)]


def test_a_sealed_folder_is_read_before_it_is_sealed(world, officer, inspector):
    reader = X25519Identity(b"\x61" * 32)
    world.admin(AddFolder("clinic:/shut", sealed=True, settle_seconds=0))
    world.admin(SetRecipient("berta@clinic", str(reader.recipient()), present=True))
    world.grant("clinic:/shut", "berta@clinic", "list", "read")
    world.grant("clinic:/shut", "anna@clinic", "list", "write")
    anna = world.session("anna@clinic")
    anna.put(members(0, 25), "/shut/members.csv")
    inspector.round()
    told = show(officer, "/shut/members.csv")
    assert (told.sealed, told.listed, told.exposed.people) == (True, True, 25)
    assert len(people_of(world, officer, told.version)) == 25
    assert officer.ask(Forecast).sealed.people == 25


def test_an_answer_that_was_lost_is_given_again_and_changes_nothing(world, anna, officer, inspector):
    version = anna.put(members(0, 7)).version
    inspector.round()
    before = world.kinds()
    exposed = show(anna).exposed
    inspector.asking.ask_now(RecordExposure(version=version, exposed=exposed))
    assert world.kinds() == before
    assert show(anna).listed


def test_a_read_arrival_leaves_no_process_and_no_descriptor_behind(world, anna, officer, inspector):
    anna.put(members(0, 3))
    inspector.round()
    gc.collect()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(3):
        anna.put(members(number, 9), "/in/more")
        inspector.round()
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
