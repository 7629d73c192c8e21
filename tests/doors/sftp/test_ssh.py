"""The SSH side: who gets in, by what, with which algorithms, and what is refused to everybody."""

import asyncio
from datetime import timedelta

import asyncssh
import msgspec
import pytest
from asyncssh.packet import Boolean, String

from sealane.clock import Clock, ManualClock
from sealane.errors import SealaneError
from sealane.operations.accounts import DisableUser, SetPassword
from sealane.operations.signing import SignInWithKey
from sealane.settings import Settings
from tests.doors.sftp.house import ONE_PATH, PASSWORD, House, until

pytestmark = pytest.mark.slow  # each test opens a whole keeper; together they take longer than make check may


async def test_a_user_signs_in_by_key_and_sees_their_folders(house):
    async with house.sftp("ann") as client:
        assert sorted(await client.listdir("/")) == ["in"]
    async with house.sftp("bob") as client:
        assert sorted(name for name in await client.listdir("/") if not name.startswith("@")) == ["clinic", "drop"]


@ONE_PATH
@pytest.mark.parametrize("name", ["ann", "ann@clinic"])
async def test_a_user_signs_in_by_password_with_and_without_the_organization(house, name):
    async with house.ssh("ann", username=name, client_keys=None, password=PASSWORD) as connection:
        assert connection.get_extra_info("username") == name


@ONE_PATH
@pytest.mark.parametrize("method", ["password", "keyboard-interactive"])
@pytest.mark.parametrize("password", ["pässwörd long", "the ﬁnal ½ of it", "key 🔑 of 2024\u00a0"])
async def test_a_password_is_taken_as_it_was_typed(house, password, method):
    house.keeper.admin(SetPassword(user="ann@clinic", password=password))
    async with house.ssh("ann", client_keys=None, password=password, preferred_auth=method):
        pass


@ONE_PATH
async def test_a_password_that_is_not_text_is_refused_and_the_connection_lives(house):
    class Raw(asyncssh.SSHClient):
        tried = 0

        def password_auth_requested(self):
            Raw.tried += 1
            return _NotText("x") if Raw.tried == 1 else PASSWORD

    async with house.ssh("ann", client_keys=None, client_factory=Raw, preferred_auth="password"):
        assert Raw.tried == 2


class _NotText(str):
    """A password that is encoded as bytes which no text has."""

    __slots__ = ()

    def encode(self, *_, **__):
        return b"\xff\xfe"


@ONE_PATH
async def test_a_request_to_change_the_password_is_refused(house, monkeypatch):
    async def change(self):
        await self.send_request(Boolean(True), String(PASSWORD), String("another one"), trivial=False)

    monkeypatch.setattr(asyncssh.auth._ClientPasswordAuth, "_start", change)
    with pytest.raises(asyncssh.DisconnectError):
        async with house.ssh("ann", client_keys=None, password=PASSWORD, preferred_auth="password"):
            pass
    assert not house.door._by_session


@ONE_PATH
async def test_a_user_signs_in_by_keyboard_interactive_with_one_prompt(house):
    asked = []

    class Answering(asyncssh.SSHClient):
        def kbdint_auth_requested(self):
            return ""

        def kbdint_challenge_received(self, _name, _instructions, _lang, prompts):
            asked.append(prompts)
            return [PASSWORD] * len(prompts)

    options = {"client_keys": None, "client_factory": Answering, "preferred_auth": "keyboard-interactive"}
    async with house.ssh("ann", **options):
        assert [[echo for _, echo in prompts] for prompts in asked] == [[False]]


@pytest.mark.parametrize(
    "wrong",
    [
        {"username": "nobody"},
        {"username": "ann@lab"},
        {"username": "bob@clinic"},
        pytest.param({"client_keys": None, "password": "wrong"}, marks=pytest.mark.slow),
        pytest.param({"username": "nobody", "client_keys": None, "password": "wrong"}, marks=pytest.mark.slow),
    ],
    ids=["unknown", "ann-of-lab", "bob-of-clinic", "wrong-password", "unknown-password"],
)
@ONE_PATH
async def test_the_wrong_credential_is_refused_alike_for_everybody(house, wrong):
    with pytest.raises(asyncssh.PermissionDenied) as refused:
        async with house.ssh("ann", **wrong):
            pass
    assert "denied" in refused.value.reason
    assert not house.door._by_session


@ONE_PATH
async def test_the_door_has_no_private_host_key(house):
    options = house.listener._options
    assert options.server_host_keys
    for key in options.server_host_keys.values():
        with pytest.raises(asyncssh.KeyExchangeFailed):
            key.sign(b"data")


@pytest.mark.parametrize("kex", ["mlkem768x25519-sha256", "curve25519-sha256", "ecdh-sha2-nistp256"])
async def test_every_key_exchange_that_is_offered_works_with_the_keepers_signature(house, kex):
    async with house.sftp("ann", kex_algs=[kex]) as client:
        assert await client.exists("/in")


@ONE_PATH
async def test_a_stranger_gets_one_exchange_of_keys_and_no_more(house):
    class Again(asyncssh.SSHClient):
        def connection_made(self, conn):
            self.conn = conn

        def password_auth_requested(self):
            self.conn._send_kexinit()
            self.conn._kexinit_sent = True
            return PASSWORD

    with pytest.raises(asyncssh.ProtocolError, match="after sign-in only"):
        async with house.ssh("ann", client_keys=None, client_factory=Again, preferred_auth="password"):
            pass


@ONE_PATH
async def test_old_algorithms_are_not_offered(house):
    for old in (
        {"encryption_algs": ["aes128-ctr"]},
        {"encryption_algs": ["chacha20-poly1305@openssh.com"]},
        {"kex_algs": ["diffie-hellman-group14-sha256"]},
        {"compression_algs": ["zlib@openssh.com"]},
    ):
        with pytest.raises(asyncssh.KeyExchangeFailed):
            async with house.ssh("ann", **old):
                pass


async def test_a_client_that_knows_no_gcm_is_served_with_ctr(house):
    async with house.ssh("ann", client_version="paramiko_2.12.0") as connection:
        assert connection.get_extra_info("send_cipher") in {"aes256-ctr", "aes192-ctr", "aes128-ctr"}
        assert connection.get_extra_info("send_mac").endswith("-etm@openssh.com")
    async with house.ssh("ann", client_version="libssh2_1.10.0", mac_algs=["hmac-sha2-256"]) as connection:
        assert connection.get_extra_info("send_mac") == "hmac-sha2-256"


async def test_shells_commands_terminals_and_forwarding_are_refused(house):
    async with house.ssh("ann") as connection:
        for ask in (
            connection.create_process,
            lambda: connection.create_process("id"),
            lambda: connection.create_process("scp -t -oProxyCommand=id /in"),
            lambda: connection.create_process(subsystem="netconf"),
            lambda: connection.open_connection("127.0.0.1", 22),
            lambda: connection.open_unix_connection("/run/x.sock"),
        ):
            with pytest.raises(asyncssh.ChannelOpenError):
                await ask()
        with pytest.raises((asyncssh.ChannelListenError, OSError)):
            await connection.forward_remote_port("", 0, "127.0.0.1", 9)


async def test_more_sessions_than_the_limit_are_refused(house):
    async with house.ssh("ann") as connection:
        sessions = [
            await connection.start_sftp_client() for _ in range(house.settings.sftp_sessions_per_connection_max)
        ]
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.start_sftp_client()
        sessions[0].exit()
        await sessions[0].wait_closed()
        async with connection.start_sftp_client() as client:
            assert await client.exists("/in")


async def test_a_disabled_user_is_cut_off_at_once_amid_a_transfer(house):
    async with house.sftp("ann") as client:
        file = await client.open("/in/half", "wb")
        await file.write(bytes(100_000))
        loop = asyncio.get_running_loop()
        began = loop.time()
        house.keeper.admin(DisableUser(user="ann@clinic"))
        with pytest.raises((asyncssh.Error, OSError)):
            await _write_on(file)
        assert loop.time() - began < 2
    async with house.sftp("carl") as client:
        assert not await client.exists("/in/half")


async def test_a_disabled_user_who_does_nothing_is_cut_off_too(house):
    async with house.ssh("ann") as connection:
        house.keeper.admin(DisableUser(user="ann@clinic"))
        await asyncio.wait_for(connection.wait_closed(), 2)


async def _write_on(file):
    while True:
        await file.write(bytes(100_000))


@ONE_PATH
@pytest.mark.slow
async def test_an_attempt_after_too_many_ends_the_connection(house):
    class Guessing(asyncssh.SSHClient):
        guesses = 0

        def password_auth_requested(self):
            Guessing.guesses += 1
            return f"guess {self.guesses}"

    with pytest.raises(asyncssh.DisconnectError):
        async with house.ssh("ann", client_keys=None, client_factory=Guessing, preferred_auth="password"):
            pass
    assert Guessing.guesses <= house.settings.sign_in_tries_per_connection_max + 1


@ONE_PATH
async def test_a_recorded_signature_cannot_be_played_again(house, monkeypatch):
    recorded = []
    ask = house.door.ask_any

    async def recording(operation):
        if isinstance(operation, SignInWithKey):
            recorded.append(operation)
        return await ask(operation)

    house.door.ask_any = recording
    async with house.sftp("ann") as client:
        assert await client.exists("/in")
    (operation,) = recorded
    with pytest.raises(SealaneError):
        await ask(operation)
    async with house.ssh("carl"):
        (connection,) = house.door.connections
        elsewhere = msgspec.structs.replace(operation, session_identifier=connection._session_id)
        with pytest.raises(SealaneError):
            await ask(elsewhere)


# --- strangers ------------------------------------------------------------------------------------------------------


async def stranger(house, sent=b""):
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    writer.write(sent)
    return reader, writer


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"SSH-1.5-old\r\n",
        b"SSH-2.0-\xff\xfe\r\n",
        b"A" * 10_000,
        b"SSH-2.0-x\r\n" + b"\0\0\0\x0c\x0a\x14" + bytes(10),
        b"SSH-2.0-x\r\n" + b"\xff\xff\xff\xff" + bytes(100),
        b"SSH-2.0-x\r\n" + b"\0\0\0\x0c\x04\x5e" + bytes(10),
    ],
    ids=["http", "ssh-1", "not-ascii", "no-line", "short-kexinit", "huge-packet", "channel-data-first"],
)
@ONE_PATH
async def test_nonsense_before_sign_in_closes_the_connection_without_a_traceback(house, sent, caplog):
    reader, writer = await stranger(house, sent)
    await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert "Traceback" not in caplog.text
    async with house.sftp("ann") as client:
        assert await client.exists("/in")


class TestFewPlaces:
    @pytest.fixture
    def door_settings(self):
        return Settings(unauthenticated_connections_per_range_max=3, login_grace_seconds=1)

    @ONE_PATH
    @pytest.mark.slow
    async def test_strangers_take_only_their_places_and_lose_them_after_the_grace_time(self, house):
        waiting = [await stranger(house) for _ in range(3)]
        for reader, _ in waiting:
            assert (await reader.readline()).startswith(b"SSH-2.0-Sealane_")
        reader, _ = await stranger(house)
        assert await reader.read() == b""
        for reader, writer in waiting:
            await asyncio.wait_for(reader.read(), 5)
            writer.close()
        async with house.sftp("ann") as client:
            assert await client.exists("/in")

    async def test_those_who_signed_in_take_no_place(self, house):
        async with house.ssh("ann"), house.ssh("ann"), house.ssh("ann"), house.ssh("ann"):
            assert len(house.door.connections) == 4


class TestSilence:
    @pytest.fixture
    def door_settings(self):
        return Settings(idle_seconds=1)

    @pytest.mark.slow
    async def test_a_session_that_says_nothing_is_ended(self, house):
        async with house.ssh("ann") as connection:
            await asyncio.wait_for(connection.wait_closed(), 5)


@ONE_PATH
async def test_a_stranger_who_sends_without_end_is_not_kept_in_memory(house):
    """While the keeper signs, nothing is read: the socket fills up instead of our memory."""
    signing = asyncio.Event()
    ask = house.door.ask_any

    async def slow(operation):
        if type(operation).__name__ == "SignExchange":
            await signing.wait()
        return await ask(operation)

    async def connect():
        async with house.ssh("ann"):
            pass

    house.door.ask_any = slow
    task = asyncio.create_task(connect())
    await until(lambda: any(connection._kex is not None for connection in house.door.connections))
    (connection,) = house.door.connections
    for _ in range(20):
        if connection._transport.is_reading():
            connection.data_received(bytes(1 << 18))
    assert not connection._transport.is_reading()
    assert len(connection._inpbuf) < 2 << 20
    connection.end("enough")
    with pytest.raises((asyncssh.Error, OSError)):
        await task
    signing.set()


class TestLate:
    """The keeper's clock is moved between the exchange of keys and the signature."""

    @pytest.fixture
    async def house(self, tmp_path, furnished):
        clock = ManualClock(Clock().now())
        house = House(tmp_path, Settings(), like=furnished, clock=clock)
        await house.open()
        yield house
        await house.close()

    @pytest.mark.parametrize("late", [False, True])
    async def test_a_signature_counts_only_within_the_login_grace_time(self, house, late):
        ask = house.door.ask_any

        async def slowly(operation):
            if isinstance(operation, SignInWithKey):
                house.keeper.clock.advance(timedelta(seconds=house.settings.login_grace_seconds + (1 if late else -1)))
            return await ask(operation)

        house.door.ask_any = slowly
        if late:
            with pytest.raises(asyncssh.PermissionDenied):
                async with house.ssh("ann"):
                    pass
        else:
            async with house.ssh("ann"):
                pass
