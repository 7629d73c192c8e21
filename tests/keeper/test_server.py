"""The sockets, with the server on this test's event loop and real connections."""

import asyncio
import contextlib
import dataclasses
import os
import socket
import stat
import tempfile
import threading
from pathlib import Path

import pytest

from sealane import configuration
from sealane.database.engine import Transaction
from sealane.domain import passwords
from sealane.errors import AlreadyExists, KeeperAway, NotSignedIn, OperationRefused, SealaneError, TooMany
from sealane.keeper import queries
from sealane.keeper.core import Keeper
from sealane.keeper.server import Server
from sealane.operations import frames
from sealane.operations.accounts import (
    AddFolder,
    AddOrganization,
    AddToken,
    AddUser,
    DisableUser,
    GrantFolder,
    ListOrganizations,
    SetPassword,
)
from sealane.operations.audit import ReadLedger
from sealane.operations.caller import KeeperCaller, ask_once, socket_path
from sealane.operations.envelope import Done, PlaceIs, SessionsEnded, SettingsInForce
from sealane.operations.files import Look
from sealane.operations.inspection import ArrivalsWaiting
from sealane.operations.settings import SetSetting
from sealane.operations.signing import Health, SignExchange, SignInWithPassword, SignInWithToken
from tests.keeper_in_process import SETTINGS

pytestmark = pytest.mark.slow  # each test opens a whole keeper; together they take longer than make check may


class Serving:
    """A server and connections to it."""

    def __init__(self, data_dir, settings):
        self.settings = settings
        self.run_dir = data_dir / "run"
        self.keeper = Keeper.open(data_dir, settings)
        self.server = Server(self.keeper, self.run_dir)
        self.callers = []

    def caller(self, name="doors"):
        caller = KeeperCaller(self.run_dir, name, self.settings)
        self.callers.append(caller)
        return caller

    async def people(self):
        admin = self.caller("admin")
        for operation in (
            AddOrganization(name="clinic"),
            AddUser(user="anna@clinic"),
            AddFolder(folder="clinic:/in"),
            GrantFolder(folder="clinic:/in", grantee="anna@clinic", rights=("list", "read", "write", "delete")),
        ):
            await admin.ask(operation)
        added = await admin.ask(AddToken(user="anna@clinic", scopes=("read", "write"), expires=None))
        return admin, added.token

    def hold_writer(self):
        """Keep the writer busy until the event that is returned is set."""
        released, held = threading.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def act(work):
            loop.call_soon_threadsafe(held.set)
            assert released.wait(30)

        task = loop.create_task(self.server.perform(act))
        return released, held, task


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the other thread's queue has no event to wait for
            await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def serving(data_dir, **changes):
    running = Serving(data_dir, dataclasses.replace(SETTINGS, **changes))
    await running.server.start()
    try:
        yield running
    finally:
        for caller in running.callers:
            await caller.close()
        await running.server.stop()
        running.keeper.close()


async def test_operations_that_wait_together_are_committed_together(tmp_path, monkeypatch):
    async with serving(tmp_path) as running:
        doors = [running.caller() for _ in range(4)]
        await asyncio.gather(*(door.ask(Health()) for door in doors))
        released, held, holding = running.hold_writer()
        await held.wait()
        asking = [asyncio.create_task(doors[i % 4].ask(Health())) for i in range(100)]
        await until(lambda: running.server._writer.waiting() >= 100)
        commits = []
        commit = Transaction.commit

        def counted(self):
            commits.append(self)
            commit(self)

        monkeypatch.setattr(Transaction, "commit", counted)
        released.set()
        assert await asyncio.gather(*asking) == [Done()] * 100
        await holding
        assert len(commits) == 2  # the one that was held up, and the hundred


async def test_nothing_is_answered_before_its_commit(tmp_path, monkeypatch):
    async with serving(tmp_path) as running:
        door = running.caller()
        await door.ask(Health())
        committing, go_on = asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()
        commit = Transaction.commit

        def slow(self):
            loop.call_soon_threadsafe(committing.set)
            assert go_on.wait(30)
            commit(self)

        monkeypatch.setattr(Transaction, "commit", slow)
        asking = asyncio.create_task(door.ask(Health()))
        await committing.wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(asking), 0.05)
        go_on.set()
        assert await asking == Done()


async def test_each_socket_understands_its_own_operations_and_refusals_are_on_record(tmp_path):
    async with serving(tmp_path) as running:
        for name, operation in (
            ("doors", ListOrganizations()),
            ("inspector", ListOrganizations()),
            ("inspector", SignInWithToken(token="t", address="127.0.0.1", door="http")),
            ("admin", SignInWithToken(token="t", address="127.0.0.1", door="http")),
            ("admin", Look(handle="h", path="/")),
        ):
            with pytest.raises(OperationRefused):
                await running.caller(name).ask(operation)
        read = await running.caller("admin").ask(ReadLedger(kind="request_refused"))
        assert len(read.entries) == 5
        assert await asyncio.gather(*(running.caller(name).ask(Health()) for name in ("doors", "inspector", "admin")))


async def test_the_sockets_are_for_this_user_alone(tmp_path):
    async with serving(tmp_path) as running:
        for name in ("doors", "inspector", "admin"):
            mode = (running.run_dir / f"{name}.sock").stat().st_mode
            assert stat.S_ISSOCK(mode)
            assert stat.S_IMODE(mode) == 0o600
        assert stat.S_IMODE(running.run_dir.stat().st_mode) == 0o700


@pytest.mark.skipif(
    os.geteuid() != 0 and not os.environ.get("SEALANE_REQUIRE_PEERS"), reason="only root can become somebody else"
)
async def test_a_process_of_another_user_is_turned_away(tmp_path):
    async with serving(tmp_path) as running:
        path = str(running.run_dir / "doors.sock")
        shared = Path(tempfile.gettempdir())
        for folder in (running.run_dir, *running.run_dir.parents):
            if folder == shared or not folder.is_relative_to(shared):
                break
            folder.chmod(0o755)
        (running.run_dir / "doors.sock").chmod(0o666)
        child = await asyncio.create_subprocess_exec(
            "python3",
            "-c",
            "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print(len(s.recv(1)))",
            path,
            user=65534,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await child.communicate()
        assert said.decode().strip().endswith(("0", "Connection reset by peer"))
        assert not [line for line in running.server._lines if line.socket_name == "doors"]


@pytest.mark.parametrize(
    "sent",
    [
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x03abc",
        b"\x00\x00\x00\x00",
        b"GET / HTTP/1.1\r\n\r\n",
        frames.pack(0, Health(), bytes_max=100),
        frames.pack(1, Done(), bytes_max=100),
    ],
    ids=["too long", "not MessagePack", "empty", "another protocol", "the number of notices", "an answer"],
)
async def test_a_malformed_frame_ends_its_connection_and_no_other(tmp_path, sent):
    async with serving(tmp_path) as running:
        door = running.caller()
        await door.ask(Health())
        with socket_path(running.run_dir, "doors") as path:
            reader, writer = await asyncio.open_unix_connection(path)
        writer.write(frames.pack(1, Health(), bytes_max=100) + sent)
        answered = b""
        with contextlib.suppress(ConnectionError):
            answered = await reader.read()
        greeting = SettingsInForce(configuration.changeable_of(running.keeper.settings))
        for notice in (PlaceIs(2, 0), greeting):
            answered = answered.removeprefix(frames.pack(0, notice, bytes_max=10_000))
        assert answered in {b"", frames.pack(1, Done(), bytes_max=100)}
        writer.close()
        assert await door.ask(Health()) == Done()
        assert door._transport is not None


async def test_a_frame_that_is_never_finished_holds_up_nobody(tmp_path):
    async with serving(tmp_path) as running:
        with socket_path(running.run_dir, "doors") as path:
            _, writer = await asyncio.open_unix_connection(path)
        writer.write(b"\x00\x00\x10\x00half")
        assert await running.caller().ask(Health()) == Done()
        writer.close()


@pytest.mark.slow
async def test_passwords_do_not_hold_up_what_runs(tmp_path):
    async with serving(tmp_path, password_hash_threads=1) as running:
        _, token = await running.people()
        flood, door = running.caller(), running.caller()
        signed_in = await door.ask(SignInWithToken(token=token, address="127.0.0.1", door="http"))
        guesses = [
            asyncio.create_task(flood.ask(SignInWithPassword(f"user{i}", "guess", b"", f"192.0.2.{i}", "http")))
            for i in range(10)
        ]
        await flood.ask(Health())
        for _ in range(5):
            await door.ask(Look(handle=signed_in.handle, path="/"))
        waiting = sum(not guess.done() for guess in guesses)
        assert waiting >= 6, "five looks took as long as the hashes before them"
        for outcome in await asyncio.gather(*guesses, return_exceptions=True):
            assert isinstance(outcome, NotSignedIn)


@pytest.mark.slow
async def test_the_pool_of_passwords_is_bounded(tmp_path):
    async with serving(tmp_path, password_hash_threads=1, password_hash_queue_max=3) as running:
        door = running.caller()
        guesses = (door.ask(SignInWithPassword(f"user{i}", "x", b"", f"192.0.2.{i}", "http")) for i in range(8))
        outcomes = await asyncio.gather(*guesses, return_exceptions=True)
        assert {type(one) for one in outcomes} == {NotSignedIn, TooMany}
        assert sum(isinstance(one, NotSignedIn) for one in outcomes) >= 3


class HeldHash:
    """Stands before a function that hashes: tells that it was called and in which thread, and waits to be let go on."""

    def __init__(self, monkeypatch, name):
        self.threads = []
        self.begun, self.go_on = asyncio.Event(), threading.Event()
        loop, real = asyncio.get_running_loop(), getattr(passwords, name)

        def held(*arguments):
            self.threads.append(threading.current_thread().name)
            loop.call_soon_threadsafe(self.begun.set)
            assert self.go_on.wait(30)
            return real(*arguments)

        monkeypatch.setattr(passwords, name, held)


@pytest.mark.parametrize(
    "operation",
    [AddUser(user="bert@clinic", password="correct horse"), SetPassword(user="anna@clinic", password="correct horse")],
    ids=["of a new user", "of one who is there"],
)
async def test_a_new_password_is_hashed_beside_the_writer_and_holds_up_nobody(tmp_path, monkeypatch, operation):
    async with serving(tmp_path) as running:
        admin, _ = await running.people()
        door = running.caller()
        hashing = HeldHash(monkeypatch, "hashed")
        asking = asyncio.create_task(admin.ask(operation))
        await hashing.begun.wait()
        assert await door.ask(Health()) == Done()
        assert not asking.done()
        hashing.go_on.set()
        assert await asking == Done()
        assert [name.partition("_")[0] for name in hashing.threads] == ["passwords"]
        signed_in = await door.ask(SignInWithPassword(operation.user, "correct horse", b"", "192.0.2.1", "http"))
        assert signed_in.user == operation.user


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        (AddUser(user="bert@nowhere", password="correct horse"), "organization-missing"),
        (AddUser(user="Anna@clinic", password="correct horse"), "already-exists"),
        (AddUser(user="b:t@clinic", password="correct horse"), "name-invalid"),
        (AddUser(user="bert@clinic", password="short"), "password-invalid"),
        (AddUser(user="bert@clinic", password="correct horse", email="nonsense"), "invalid"),
        (AddUser(user="bert@clinic", password="correct horse", ssh_keys=("nonsense",)), "ssh-key-invalid"),
        (AddUser(user="bert@clinic", password="correct horse", recipients=("nonsense",)), "age-key-invalid"),
        (SetPassword(user="bert@clinic", password="correct horse"), "user-missing"),
        (SetPassword(user="anna@clinic", password="x" * 1025), "password-invalid"),
    ],
)
async def test_what_cannot_become_a_password_is_refused_before_it_is_hashed(tmp_path, monkeypatch, operation, code):
    async with serving(tmp_path) as running:
        admin, _ = await running.people()
        monkeypatch.setattr(passwords, "hashed", lambda _: pytest.fail("it was hashed"))
        with pytest.raises(SealaneError) as refused:
            await admin.ask(operation)
        assert refused.value.code == code


async def test_of_two_who_want_one_name_at_once_one_gets_it(tmp_path, monkeypatch):
    async with serving(tmp_path, password_hash_threads=2) as running:
        admin, _ = await running.people()
        both, real = threading.Barrier(2, timeout=30), passwords.hashed

        def together(password):
            both.wait()
            return real(password)

        monkeypatch.setattr(passwords, "hashed", together)
        twice = (admin.ask(AddUser(user="bert@clinic", password=f"correct horse {i}")) for i in range(2))
        outcomes = await asyncio.gather(*twice, return_exceptions=True)
        assert {type(one) for one in outcomes} == {AlreadyExists, Done}


async def test_strangers_who_fill_the_pool_of_passwords_do_not_keep_the_operator_out(tmp_path, monkeypatch):
    limits = {"password_hash_threads": 1, "password_hash_queue_max": 1, "sign_in_waits_max": 1}
    async with serving(tmp_path, **limits) as running:
        admin, _ = await running.people()
        door = running.caller()
        hashing = HeldHash(monkeypatch, "is_right")
        guess = asyncio.create_task(door.ask(SignInWithPassword("anna@clinic", "x", b"", "192.0.2.1", "http")))
        await hashing.begun.wait()
        with pytest.raises(TooMany):
            await door.ask(SignInWithPassword("anna@clinic", "x", b"", "192.0.2.1", "http"))
        running.server._kept_waiting = 1
        setting = asyncio.create_task(admin.ask(SetPassword(user="anna@clinic", password="correct horse")))
        await until(lambda: running.server._pools["passwords"]._taken == 2)
        hashing.go_on.set()
        assert await setting == Done()
        with pytest.raises(NotSignedIn):
            await guess


async def test_too_many_slowed_sign_ins_are_refused_instead_of_kept(tmp_path):
    async with serving(tmp_path, sign_in_waits_max=0) as running:
        with pytest.raises(TooMany):
            await running.caller().ask(SignInWithToken(token="t", address="127.0.0.1", door="http"))


async def test_an_exchange_is_signed_only_once_it_is_remembered(tmp_path):
    async with serving(tmp_path) as running:
        door = running.caller()
        signed = await door.ask(
            SignExchange(exchange_hash=b"h" * 32, algorithm="ssh-ed25519", first=True, address="127.0.0.1")
        )
        assert signed.signature.startswith(b"\x00\x00\x00\x0bssh-ed25519")
        for exchange_hash, algorithm in ((b"h" * 31, "ssh-ed25519"), (b"i" * 32, "ssh-rsa"), (b"j" * 32, "")):
            with pytest.raises(SealaneError):
                await door.ask(
                    SignExchange(exchange_hash=exchange_hash, algorithm=algorithm, first=False, address="127.0.0.1")
                )


async def test_every_door_hears_within_two_seconds_that_a_session_is_over(tmp_path):
    async with serving(tmp_path) as running:
        admin, token = await running.people()
        doors = [running.caller() for _ in range(3)]
        heard = [asyncio.Queue() for _ in doors]
        for door, queue in zip(doors, heard, strict=True):
            door.on_notice(queue.put_nowait)
            await door.ask(Health())
        inspector = running.caller("inspector")
        inspector.on_notice(
            lambda notice: notice == ArrivalsWaiting() or pytest.fail(f"the inspector was told {notice}")
        )
        await inspector.ask(Health())
        session = await doors[0].ask(SignInWithToken(token=token, address="127.0.0.1", door="http"))
        await admin.ask(DisableUser(user="anna@clinic"))
        for queue in heard:
            assert isinstance(await asyncio.wait_for(queue.get(), 2), SettingsInForce)
            assert await asyncio.wait_for(queue.get(), 2) == SessionsEnded((session.session,))


async def test_an_inspector_that_connects_is_told_to_look_for_what_a_keeper_that_died_did_not_tell(tmp_path):
    async with serving(tmp_path) as running:
        for _ in range(2):
            inspector = running.caller("inspector")
            heard = asyncio.Queue()
            inspector.on_notice(heard.put_nowait)
            inspector.start()
            assert await asyncio.wait_for(heard.get(), 20) == ArrivalsWaiting()


async def test_a_door_that_connects_is_told_which_sessions_ended_before(tmp_path):
    async with serving(tmp_path) as running:
        admin, token = await running.people()
        signed = running.caller()
        session = await signed.ask(SignInWithToken(token=token, address="127.0.0.1", door="http"))
        await admin.ask(DisableUser(user="anna@clinic"))
        late = running.caller()
        heard = asyncio.Queue()
        late.on_notice(heard.put_nowait)
        await late.ask(Health())
        told = [await asyncio.wait_for(heard.get(), 60) for _ in range(2)]
        assert SessionsEnded((session.session,)) in told


async def test_doors_hear_of_a_changed_setting_at_once_and_one_that_connects_later_does_too(tmp_path):
    async with serving(tmp_path) as running:
        admin, door, late = running.caller("admin"), running.caller(), running.caller()
        heard, heard_late = asyncio.Queue(), asyncio.Queue()
        door.on_notice(heard.put_nowait)
        late.on_notice(heard_late.put_nowait)
        await door.ask(Health())
        told = await asyncio.wait_for(heard.get(), 60)
        assert told.values["file_bytes_max"] == running.keeper.settings.file_bytes_max
        await admin.ask(SetSetting("file_bytes_max", 5_000_000))
        await late.ask(Health())
        for queue in (heard, heard_late):
            told = await asyncio.wait_for(queue.get(), 60)
            assert isinstance(told, SettingsInForce)
            assert (told.values["file_bytes_max"], told.values["proof_seconds"]) == (5_000_000, 900)
        await admin.ask(SetSetting("file_bytes_max", None))
        assert (await asyncio.wait_for(heard.get(), 60)).values["file_bytes_max"] > 5_000_000


async def test_a_door_that_asks_much_is_read_more_slowly_and_answered_wholly(tmp_path):
    async with serving(tmp_path, connection_operations_max=5) as running:
        door = running.caller()
        await door.ask(Health())
        released, held, holding = running.hold_writer()
        await held.wait()
        asking = [asyncio.create_task(door.ask(Health())) for _ in range(400)]
        (line,) = running.server._lines
        await until(lambda: not line._reading)
        released.set()
        assert await asyncio.gather(*asking) == [Done()] * 400
        await holding


async def test_a_full_queue_refuses_instead_of_growing(tmp_path):
    async with serving(tmp_path, queued_operations_max=10) as running:
        door = running.caller()
        await door.ask(Health())
        released, held, holding = running.hold_writer()
        await held.wait()
        asking = [asyncio.create_task(door.ask(Health())) for _ in range(30)]
        done, _ = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        released.set()
        outcomes = await asyncio.gather(*asking, return_exceptions=True)
        await holding
        assert outcomes.count(Done()) == 10
        assert sum(isinstance(one, TooMany) for one in outcomes) == 20
        assert done


async def test_a_stop_answers_what_was_taken_and_nothing_after(tmp_path):
    async with serving(tmp_path) as running:
        door = running.caller()
        await door.ask(Health())
        released, held, holding = running.hold_writer()
        await held.wait()
        taken = [asyncio.create_task(door.ask(Health())) for _ in range(20)]
        await until(lambda: running.server._writer.waiting() >= 20)
        stopping = asyncio.create_task(running.server.stop())
        await asyncio.sleep(0)
        released.set()
        assert await asyncio.gather(*taken) == [Done()] * 20
        await asyncio.gather(stopping, holding)
        with pytest.raises(KeeperAway):
            await asyncio.to_thread(ask_once, running.run_dir, "doors", Health(), running.settings)
        running.server = Server(running.keeper, running.run_dir)
        await running.server.start()


async def test_what_a_connection_held_is_let_go_after_what_it_asked(tmp_path, monkeypatch):
    async with serving(tmp_path) as running:
        order = []
        closed = Keeper.connection_closed

        def noted(self, connection):
            order.append(connection)
            closed(self, connection)

        monkeypatch.setattr(Keeper, "connection_closed", noted)
        released, held, holding = running.hold_writer()
        await held.wait()
        with socket_path(running.run_dir, "doors") as path, socket.socket(socket.AF_UNIX) as line:
            line.connect(path)
            line.sendall(frames.pack(1, Health(), bytes_max=100))
        await until(lambda: running.server._writer.waiting() >= 2)
        assert order == []
        released.set()
        await holding
        await running.server.perform(lambda work: work.transaction.all(queries.NODE_VALUES))
        assert len(order) == 1
        assert order[0].startswith("doors-")
