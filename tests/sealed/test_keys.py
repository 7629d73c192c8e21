"""The keys of sealed uploads: no nonce for two plaintexts, destroyed for real, wrapped anew with those there are."""

import contextlib
import hashlib
import secrets
import threading
from typing import NamedTuple

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealane.database.statements import Statement
from sealane.database.tables import upload_keys
from sealane.errors import StoreFull, Unavailable
from sealane.operations.accounts import RotateNodeKey, RotateOrganizationKey
from sealane.operations.files import Look
from sealane.operations.sealing import FinishSealing, RecordSealing
from sealane.operations.uploads import AbandonUpload, RecordSegments
from sealane.settings import SLOT_BYTES
from sealane.vault.age import payload
from sealane.vault.age.payload import CHUNK_BYTES, PayloadKey
from tests.doors.house import SMALL
from tests.sealed.house import FOLDER

pytestmark = pytest.mark.slow
SEGMENT = SMALL.segment_bytes_max


class KeyRow(NamedTuple):
    id: int
    wrapped_key: bytes
    kind: str


KEYS = Statement("test.keys", sa.select(*[upload_keys.c[name] for name in KeyRow._fields]), KeyRow)


def keys_of(house):
    with house.keeper.keeper._database.begin() as transaction:
        return transaction.all(KEYS)


def database_bytes(house):
    """The database and its log as they are on the disk now."""
    found = [path for path in (house._home / "data").rglob("*") if path.is_file() and "sqlite" in path.name]
    assert found
    return b"".join(path.read_bytes() for path in found)


async def something_else(house):
    """Any further act: what was destroyed is cleared from the database's log with it."""
    await house.door.ask(Look(house.handle, FOLDER))


@pytest.mark.parametrize("jumps", [False, True])
async def test_destroyed_keys_are_neither_in_the_database_nor_in_its_log(house, jumps, monkeypatch):
    monkeypatch.setattr("sealane.keeper.core._FORGET_SECONDS", 0.0)
    incoming = await house.begin("/f")
    content = secrets.token_bytes(SEGMENT + 5)
    if jumps:
        await incoming.write(CHUNK_BYTES, content[CHUNK_BYTES:])
        await incoming.write(0, content[:CHUNK_BYTES])
    else:
        await incoming.write(0, content)
    await incoming.finish()
    before = [key.wrapped_key for key in keys_of(house)]
    assert len(before) == 2
    assert all(key in database_bytes(house) for key in before)
    await house.seal()
    await something_else(house)
    after = database_bytes(house)
    assert not [key for key in before if key in after]
    assert all(not key.wrapped_key for key in keys_of(house))
    assert house.opened(await house.age("/f")) == content


async def test_the_keys_of_an_upload_that_is_given_up_go_with_it(house, monkeypatch):
    monkeypatch.setattr("sealane.keeper.core._FORGET_SECONDS", 0.0)
    incoming = await house.begin("/f")
    await incoming.write(0, secrets.token_bytes(SEGMENT + 5))
    await incoming.flush()
    before = [key.wrapped_key for key in keys_of(house)]
    assert len(before) == 2
    await house.door.ask(AbandonUpload(house.handle, incoming.upload))
    await something_else(house)
    assert keys_of(house) == []
    after = database_bytes(house)
    assert not [key for key in before if key in after]


async def test_a_key_that_was_given_up_for_another_one_is_not_kept(house):
    """Chunks may have been sealed under it of which nothing is on record."""
    first = await house.begin("/f")
    await first.write(0, b"never recorded")
    (age,) = [key for key in keys_of(house) if key.kind == "age"]
    house.crash()
    again = await house.begin("/f", "resume")
    assert again._opened.age.key_id != age.id
    assert age.id not in {key.id for key in keys_of(house)}


async def test_a_keeper_that_was_killed_after_it_destroyed_keys_clears_its_log_when_it_is_back(house, monkeypatch):
    await house.put("/f", secrets.token_bytes(SEGMENT + 5))
    before = [key.wrapped_key for key in keys_of(house)]
    monkeypatch.setattr("sealane.keeper.core._FORGET_SECONDS", 1e9)
    house.keeper.keeper._keys_destroyed = False
    await house.seal()
    killed = house.keeper.keeper
    assert [key for key in before if key in database_bytes(house)], "the log still has what was written over"
    killed._database.close()
    house.keeper.keeper = house.keeper._opened()
    house.handle, house.reader = house._sign_in(house.door), house.session("rea@clinic")
    await something_else(house)
    after = database_bytes(house)
    assert not [key for key in before if key in after]


@pytest.mark.parametrize("rotation", [RotateNodeKey(), RotateOrganizationKey("clinic")])
async def test_keys_are_wrapped_anew_with_sealed_files_there_and_uploads_on_their_way(house, rotation):
    await house.put("/there", b"sealed before")
    await house.seal()
    content = secrets.token_bytes(SEGMENT + 5)
    coming = await house.begin("/coming")
    await coming.write(0, content[:SLOT_BYTES])
    await coming.flush()
    noted = await house.begin("/noted", lasting=False)
    await house.put("/closed", b"not sealed yet")
    house.keeper.admin(rotation)
    assert not all(key.wrapped_key for key in keys_of(house))
    await coming.write(SLOT_BYTES, content[SLOT_BYTES:])
    await coming.finish()
    await noted.write(0, b"of a promise")
    await noted.finish()
    await house.seal()
    assert house.opened(await house.age("/there")) == b"sealed before"
    assert house.opened(await house.age("/coming")) == content
    assert house.opened(await house.age("/noted")) == b"of a promise"
    assert house.opened(await house.age("/closed")) == b"not sealed yet"
    assert not any(key.wrapped_key for key in keys_of(house))


class Recording:
    """Everything that was ever sealed: key, number and whether it was the last, to the digest of the plaintext."""

    def __init__(self, monkeypatch):
        self.sealed = {}
        self.twice = []
        self._lock = threading.Lock()
        self._names = {}
        plain_cipher, seal_into = payload.ChaCha20Poly1305, PayloadKey.seal_into
        recording = self

        def named(key):
            cipher = plain_cipher(key)
            recording._names[id(cipher)] = (cipher, hashlib.sha256(key).digest())
            return cipher

        def sealing(key, number, plain, sealed, *, last):
            which = (recording._names[id(key._cipher)][1], number, last)
            digest = hashlib.sha256(plain).digest()
            with recording._lock:
                if recording.sealed.setdefault(which, digest) != digest:
                    recording.twice.append(which[1:])
            seal_into(key, number, plain, sealed, last=last)

        monkeypatch.setattr(payload, "ChaCha20Poly1305", named)
        monkeypatch.setattr(PayloadKey, "seal_into", sealing)


@pytest.fixture
def recording(monkeypatch):
    return Recording(monkeypatch)


class Killed(BaseException):
    """The inspector is gone."""


def dying_at(operation, asking):
    async def ask(asked):
        if isinstance(asked, operation):
            asking.break_off()
            raise Killed
        return await asking.ask(asked)

    return ask


async def dropped(house, name, at, block):
    """Send a body whose checksum turns out wrong: it was sealed as it came, and nothing of it is recorded."""
    incoming = await house.begin(name, "resume", held=True)
    await incoming.write(at, block)
    await incoming.suspend(keep=False)


async def met_a_full_disk(house, name, at, block):
    """Send what cannot all be stored: what was sealed of it is nowhere, and the door lives."""
    incoming = await house.begin(name, "resume")
    house.store.full = True
    with contextlib.suppress(StoreFull):
        await incoming.write(at, block)
        await incoming.flush()
    with contextlib.suppress(StoreFull):
        await incoming.suspend()
    house.store.full = False


async def lost_a_record(house, name, at, block):
    """Send what is stored and not recorded, since the keeper is away for a moment, and the door lives."""
    incoming = await house.begin(name, "resume")
    house.fail_next(RecordSegments, Unavailable())
    with contextlib.suppress(Unavailable):
        await incoming.write(at, block)
        await incoming.flush()
    with contextlib.suppress(Unavailable):
        await incoming.suspend()


LOSSES = {"dropped": dropped, "full": met_a_full_disk, "no record": lost_a_record}


@pytest.mark.parametrize("lose", LOSSES.values(), ids=LOSSES)
async def test_numbers_of_chunks_that_were_lost_by_a_door_that_lives_are_not_used_again(house, recording, lose):
    content = secrets.token_bytes(SLOT_BYTES)
    incoming = await house.begin("/f")
    await incoming.write(0, content)
    await incoming.suspend()
    await lose(house, "/f", SLOT_BYTES, secrets.token_bytes(SEGMENT))
    incoming = await house.begin("/f", "resume")
    await incoming.resize(SLOT_BYTES)
    rest = secrets.token_bytes(SEGMENT)
    await incoming.write(SLOT_BYTES, rest)
    await incoming.finish()
    await house.seal()
    assert house.opened(await house.age("/f")) == content + rest
    assert not recording.twice


ACTS = ["append", "append", "append", "over", "far", "cut", "flush", "let go", "crash", "close", "seal", "seal cut"]
ACTS += LOSSES
BLOCKS = [1, 5_000, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, SLOT_BYTES, SEGMENT]


@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_key_seals_two_plaintexts_under_one_nonce(house, recording, data):
    """Whatever the client, its door and the inspector do, in whatever order; and the file is what was written."""
    name = f"/{secrets.token_hex(8)}"
    content = bytearray()
    incoming = await house.begin(name)
    for _ in range(data.draw(st.integers(2, 10))):
        act = data.draw(st.sampled_from(ACTS))
        if act in {"append", "over", "far"}:
            at = len(content)
            if act == "over":
                at = data.draw(st.integers(0, len(content)))
            if act == "far":
                at += data.draw(st.sampled_from([1, CHUNK_BYTES, SLOT_BYTES]))
            block = secrets.token_bytes(data.draw(st.sampled_from(BLOCKS)))
            await incoming.write(at, block)
            content.extend(bytes(max(0, at - len(content))))
            content[at : at + len(block)] = block
        elif act == "cut":
            size = data.draw(st.integers(0, len(content)))
            await incoming.resize(size)
            del content[size:]
        elif act == "flush":
            await incoming.flush()
        elif act == "let go":
            await incoming.suspend()
            incoming = await house.begin(name, "resume")
        elif act == "crash":
            await incoming.flush()
            lost = secrets.token_bytes(data.draw(st.sampled_from(BLOCKS)))
            await incoming.write(len(content), lost)  # sealed perhaps, and recorded or not
            house.crash()
            incoming = await house.begin(name, "resume")
            await incoming.resize(len(content))
        elif act in LOSSES:
            await incoming.suspend()
            await LOSSES[act](house, name, len(content), secrets.token_bytes(data.draw(st.sampled_from(BLOCKS))))
            incoming = await house.begin(name, "resume")
            await incoming.resize(len(content))
        else:
            await incoming.finish(settles=True)
            if act == "seal cut":
                dies = data.draw(st.sampled_from([RecordSealing, FinishSealing]))
                with contextlib.suppress(Killed):
                    await house.another_inspector(ask=lambda asking, dies=dies: dying_at(dies, asking)).seal_some()
            if act == "seal":
                await house.seal()
            if await house.is_there(name):
                assert house.opened(await house.age(name)) == content
                content.clear()
                name = f"/{secrets.token_hex(8)}"
                incoming = await house.begin(name)
            else:
                incoming = await house.begin(name, "resume")
    await incoming.finish()
    await house.seal()
    assert house.opened(await house.age(name)) == content
    assert not recording.twice
