"""Connections that bring no request are closed; those that do are left alone, however slow they are."""

import asyncio
import contextlib
import dataclasses
import socket
import ssl
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from sealane.app import certificate
from sealane.clock import Clock, ManualClock
from sealane.doors.http import connections
from sealane.doors.http.connections import Connections
from sealane.settings import Settings
from tests.peers import need

FIRST, IDLE = 30, 75
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
PATIENT, HURRIED = 10, 3
"""Looks of silence after which a stranger's connection may be closed, while there is room and while there is little."""
SETTINGS = Settings(
    http_first_request_seconds=FIRST,
    http_idle_seconds=IDLE,
    unauthenticated_connections_max=8,
    unauthenticated_connections_per_range_max=5,
)
SCARCE = {"http_connections_max": 16}
"""Of which this test's connections are more than half and not all."""


class Worker:
    """The connections of a worker whose server is this test: it accepts, and answers what the test says."""

    def __init__(self, address: str = "127.0.0.1", **settings) -> None:
        self.clock = ManualClock(datetime(2026, 11, 22, tzinfo=UTC))
        self.connections = Connections(dataclasses.replace(SETTINGS, **settings), self.clock)
        self._opened = contextlib.ExitStack()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = self._opened.enter_context(socket.create_server((address, 0), family=family))
        self.ports = frozenset({self._listener.getsockname()[1]})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._opened.close()

    def connect(self, source: str = "") -> tuple[socket.socket, socket.socket]:
        """Open a connection; return the client's end and the server's."""
        where = (source, 0) if source else None
        client = socket.create_connection(self._listener.getsockname()[:2], source_address=where)
        self._opened.enter_context(client)
        server, _ = self._listener.accept()
        self._opened.enter_context(server)
        server.settimeout(20)
        return client, server

    def request(self, client: socket.socket):
        """Begin a request, as granian tells of it."""
        address, port = client.getsockname()[:2]
        return self.connections.entered({"client": (address, str(port))})

    def look_after(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        self.connections.look(self.ports)

    def end_after(self, seconds: float) -> None:
        """Look when the time of a connection is over, and once more: what has come by then may be its request."""
        self.look_after(seconds)
        self.look_after(1)

    def look_often(self, looks: int) -> None:
        for _ in range(looks):
            self.look_after(1)


@pytest.fixture
def worker():
    with Worker() as opened:
        yield opened


def is_closed(server: socket.socket) -> bool:
    server.setblocking(False)
    try:
        return server.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_connection_that_brings_no_request_is_closed_in_time(address):
    with Worker(address) as worker:
        client, server = worker.connect()
        client.sendall(b"PRI * HTTP/2.0\r\n")
        server.recv(100)
        worker.look_after(0)
        worker.look_after(FIRST - 0.1)
        assert not is_closed(server)
        worker.end_after(0.1)
        assert is_closed(server)
        assert client.recv(1) == b""
        assert worker.connections.closed == 1


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_request_under_way_keeps_its_connection_for_ever(address):
    with Worker(address) as worker:
        client, server = worker.connect()
        worker.look_after(0)
        first, second = worker.request(client), worker.request(client)
        worker.look_after(100_000)
        worker.connections.left(first, signed_in=False)
        worker.look_after(100_000)
        assert not is_closed(server)
        worker.connections.left(second, signed_in=False)
        worker.look_after(IDLE - 0.1)
        assert not is_closed(server)
        worker.end_after(0.1)
        assert is_closed(server)


def test_a_request_that_comes_before_the_first_look_counts(worker):
    client, server = worker.connect()
    request = worker.request(client)
    worker.look_after(FIRST)
    worker.connections.left(request, signed_in=False)
    worker.look_after(FIRST)
    assert not is_closed(server)


def test_each_request_gives_a_connection_its_time_anew(worker):
    client, server = worker.connect()
    for _ in range(5):
        worker.connections.left(worker.request(client), signed_in=True)
        worker.look_after(IDLE - 1)
    assert not is_closed(server)


def test_an_answer_that_is_still_being_taken_is_not_cut_but_one_that_nobody_takes_is(worker):
    client, server = worker.connect()
    request = worker.request(client)
    server.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while server.send(b"x" * 65536):
            pass
    worker.connections.left(request, signed_in=True)
    for _ in range(3):
        worker.look_after(IDLE)
        client.recv(1 << 20, socket.MSG_WAITALL)
        assert not worker.connections.closed
    for _ in range(3):
        worker.look_after(IDLE)
    assert worker.connections.closed == 1


@pytest.mark.parametrize("used", [False, True])
def test_what_is_said_at_the_end_of_the_time_may_be_a_request_but_not_for_ever(worker, used):
    client, server = worker.connect()
    if used:
        worker.connections.left(worker.request(client), signed_in=True)
    worker.look_after(0)
    worker.look_after(IDLE)
    for _ in range(HURRIED - 1):
        assert not is_closed(server)
        client.sendall(b"G")
        server.recv(1)
        worker.look_after(1)
    assert not is_closed(server)
    client.sendall(b"E")
    server.recv(1)
    worker.look_after(1)
    assert is_closed(server)


def test_strangers_past_the_limit_of_their_range_are_closed_those_that_wait_longest_first(worker):
    held = []
    for _ in range(7):
        held.append(worker.connect()[1])
        worker.look_after(0.1)
    elsewhere = [worker.connect("127.0.9.1")[1] for _ in range(2)]
    worker.look_often(PATIENT)
    assert [is_closed(server) for server in held] == [True] * 2 + [False] * 5
    assert not any(map(is_closed, elsewhere))


@pytest.mark.parametrize(("room", "looks"), [({}, PATIENT), (SCARCE, HURRIED)])
def test_strangers_have_longer_to_say_something_while_there_is_room(room, looks):
    with Worker(**room) as worker:
        held = [worker.connect()[1] for _ in range(6)]
        elsewhere = [worker.connect("127.0.9.1") for _ in range(3)]
        worker.look_often(looks - 1)
        assert not any(map(is_closed, held))
        worker.look_often(1)
        assert sum(map(is_closed, held)) == 1
        assert not any(is_closed(server) for _, server in elsewhere)


def test_whoever_makes_progress_is_not_closed_to_make_room(worker):
    """An honest client on a machine so busy that every step of its TLS handshake takes seconds."""
    slow = [worker.connect() for _ in range(7)]
    for _ in range(FIRST // 2):
        for client, server in slow:
            client.sendall(b"x")
            server.recv(1)
        worker.look_after(0.5)
        worker.look_after(0.5)
    assert not any(is_closed(server) for _, server in slow)


def test_whose_words_the_worker_has_not_read_yet_does_not_count_as_silent(worker):
    slow = [worker.connect() for _ in range(7)]
    for client, _ in slow:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
    worker.look_often(2 * PATIENT)
    assert worker.connections.closed == 0


def test_where_places_are_scarce_trickling_keeps_none_and_the_silent_go_before_those_that_trickle():
    with Worker(**SCARCE) as worker:
        trickling = [worker.connect() for _ in range(5)]
        silent = [worker.connect()[1] for _ in range(5)]
        for look in range(1, PATIENT + 1):
            for client, server in trickling:
                client.sendall(b"x")
                server.recv(1)
            worker.look_after(1)
            if look == PATIENT - 1:
                assert not any(is_closed(server) for _, server in trickling)
        assert all(map(is_closed, silent))
        trickling += [worker.connect() for _ in range(5)]
        for _ in range(PATIENT):
            for client, server in trickling:
                client.send(b"x")
                server.recv(1)
            worker.look_after(1)
        assert [is_closed(server) for _, server in trickling] == [True] * 5 + [False] * 5


def test_where_no_place_is_left_trickling_keeps_one_no_longer_than_silence():
    with Worker(http_connections_max=7) as worker:
        trickling = [worker.connect() for _ in range(7)]
        for look in range(1, HURRIED + 1):
            for client, server in trickling:
                client.sendall(b"x")
                server.recv(1)
            worker.look_after(1)
            assert [is_closed(server) for _, server in trickling].count(True) == (2 if look == HURRIED else 0)


def test_those_that_brought_a_request_without_signing_in_are_strangers_too_but_go_last(worker):
    used = [worker.connect() for _ in range(6)]
    for client, _ in used:
        worker.connections.left(worker.request(client), signed_in=False)
    worker.look_after(1)
    silent = [worker.connect() for _ in range(2)]
    worker.look_often(PATIENT)
    assert all(is_closed(server) for _, server in silent)
    assert [is_closed(server) for _, server in used].count(True) == 1


def test_strangers_past_the_limit_of_all_are_closed_where_most_of_them_are(worker):
    many = [worker.connect("127.0.8.1")[1] for _ in range(5)]
    few = [worker.connect(f"127.0.{place}.1")[1] for place in range(4)]
    worker.look_often(PATIENT)
    assert sum(map(is_closed, many)) == 1
    assert not any(map(is_closed, few))


def test_whoever_has_signed_in_or_brings_a_request_at_once_does_not_count_as_a_stranger(worker):
    known = [worker.connect() for _ in range(20)]
    for client, _ in known:
        worker.connections.left(worker.request(client), signed_in=True)
    asking = [worker.connect() for _ in range(20)]
    requests = [worker.request(client) for client, _ in asking]
    worker.look_often(PATIENT + 1)
    fresh = [worker.connect() for _ in range(20)]
    worker.look_often(PATIENT - 1)
    assert requests
    assert not any(is_closed(server) for _, server in known + asking + fresh)


def test_what_is_not_its_own_is_left_alone(worker):
    with Worker() as other:
        servers = [other.connect()[1] for _ in range(10)]
        ends = socket.socketpair()
        for _ in range(5):
            worker.look_after(FIRST)
        assert not any(map(is_closed, (*servers, *ends)))
        for end in ends:
            end.close()


def test_a_connection_from_the_port_of_one_that_ended_has_its_own_time(worker):
    client, server = worker.connect()
    where = client.getsockname()
    worker.look_after(0)
    worker.look_after(FIRST - 1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    server.close()
    again = socket.socket()
    again.bind(where)
    again.connect(worker._listener.getsockname())
    server, _ = worker._listener.accept()
    worker.look_after(1)
    assert not is_closed(server)
    again.close()
    server.close()


def test_what_is_known_of_connections_that_ended_is_forgotten(worker):
    for _ in range(10):
        client, server = worker.connect()
        worker.connections.left(worker.request(client), signed_in=True)
        worker.look_after(0)
        client.close()
        server.close()
    worker.look_after(0)
    assert len(worker.connections) == 0
    assert not worker.connections._by_peer


async def test_a_look_that_fails_is_logged_and_followed_by_the_next(worker, monkeypatch, caplog):
    looked = asyncio.Event()
    failures = [ZeroDivisionError(), OSError()]

    def look(ports):
        if failures:
            raise failures.pop()
        looked.set()

    monkeypatch.setattr(connections, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(worker.connections, "look", look)
    watching = asyncio.create_task(worker.connections.watch(worker.ports))
    await asyncio.wait_for(looked.wait(), 20)
    watching.cancel()
    assert caplog.text.count("the connections could not be looked at") == 2


# --- On a real door --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """Certificate and key as settings have them."""
    cert, key = certificate.ensured(tmp_path_factory.mktemp("tls"), ["127.0.0.1"], Clock().now())
    return {"tls_cert": str(cert), "tls_key": str(key)}


class Looks:
    """Counts the looks at a door's connections, which come in quick succession."""

    def __init__(self, monkeypatch) -> None:
        self._moved = asyncio.Event()
        look = Connections.look

        def counted(connections, ports):
            look(connections, ports)
            self._moved.set()

        monkeypatch.setattr(connections, "LOOK_SECONDS", 0.2)
        monkeypatch.setattr(Connections, "look", counted)

    async def several(self) -> None:
        """Wait until any connection has been looked at as often as it takes."""
        for _ in range(5):
            self._moved.clear()
            await asyncio.wait_for(self._moved.wait(), 20)


@pytest.fixture
def looks(monkeypatch):
    return Looks(monkeypatch)


@pytest.fixture
def clock(house):
    manual = ManualClock(datetime.now(UTC))
    house.keeper.clock = manual
    house.keeper.restart()
    return manual


def client_of(door, **given) -> httpx.AsyncClient:
    scheme = "https" if door.door.settings.tls_cert else "http"
    return httpx.AsyncClient(
        base_url=f"{scheme}://127.0.0.1:{door.port}",
        headers={"Authorization": f"Bearer {door.house.token()}"},
        timeout=30,
        trust_env=False,
        verify=ssl.create_default_context(cafile=door.door.settings.tls_cert) if scheme == "https" else False,
        **given,
    )


class Silent:
    """A client that says a few bytes and then nothing."""

    def __init__(self, door, said: bytes, *, handshake: bool) -> None:
        self._door = door
        self._said = said
        self._trust = ssl.create_default_context(cafile=door.door.settings.tls_cert) if handshake else None

    async def begin(self) -> None:
        with contextlib.suppress(ConnectionError):  # closed already, to make room
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._door.port, ssl=self._trust)
            self._writer.write(self._said)

    async def ended(self) -> None:
        """Wait until the server has closed."""
        with contextlib.suppress(ConnectionError, AttributeError, ssl.SSLError):
            while await self._reader.read(1000):
                pass


@pytest.mark.slow
@pytest.mark.parametrize("said", [b"", b"P", b"PRI * HTTP/2.0\r\n", PREFACE])
@pytest.mark.parametrize("layer", ["clear", "tls", "tls without a handshake"])
async def test_strangers_who_say_nothing_do_not_keep_others_out(house, tls, clock, looks, said, layer):
    given = {"http_connections_max": 60, "unauthenticated_connections_per_range_max": 20}
    async with (
        house.open(**given, **({} if layer == "clear" else tls)) as door,
        client_of(door) as anna,
        asyncio.timeout(60),
    ):
        held = [Silent(door, said, handshake=layer == "tls") for _ in range(200)]
        await asyncio.gather(*(one.begin() for one in held))
        assert (await anna.get("/livez")).status_code == 200
        assert (await anna.get("/api/v1/me")).status_code == 200
        await looks.several()
        clock.advance(timedelta(seconds=FIRST))
        await asyncio.gather(*(one.ended() for one in held))
        assert (await anna.get("/livez")).status_code == 200


SLOW = {"body_rate_bytes_per_second_min": 0}  # moving the clock would make any body seem too slow


async def slowly(clock, looks, pieces: int = 4):
    """Yield a body between whose pieces more time passes than a connection without a request has."""
    for _ in range(pieces):
        yield b"x" * 200_000
        clock.advance(timedelta(seconds=IDLE + 1))
        await looks.several()


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["clear", "tls"])
async def test_slow_transfers_and_connections_that_are_used_again_are_not_cut(house, tls, clock, looks, layer):
    async with (
        house.open(unauthenticated_connections_per_range_max=0, **SLOW, **(tls if layer == "tls" else {})) as door,
        client_of(door, limits=httpx.Limits(max_connections=1)) as anna,
    ):
        sent = await anna.put("/api/v1/content/in/slow", content=slowly(clock, looks))
        assert sent.status_code == 201
        line = sent.extensions["network_stream"].get_extra_info("client_addr")
        clock.advance(timedelta(seconds=IDLE - 1))
        await looks.several()
        large = b"y" * 30_000_000
        again = await anna.put("/api/v1/content/in/large", content=large)
        assert again.extensions["network_stream"].get_extra_info("client_addr") == line
        came = 0
        async with anna.stream("GET", "/api/v1/content/in/large") as answer:
            assert answer.extensions["network_stream"].get_extra_info("client_addr") == line
            async for piece in answer.aiter_raw():
                if came in {0, 65536 * 100}:
                    clock.advance(timedelta(seconds=IDLE + 1))
                    await looks.several()
                came += len(piece)
        assert came == len(large)


@pytest.mark.slow
async def test_streams_of_one_connection_keep_it_while_any_of_them_runs(house, tls, clock, looks, tmp_path):
    quick = tmp_path / "quick"
    quick.write_bytes(b"q")
    async with house.open(**SLOW, **tls) as door:
        base = f"https://127.0.0.1:{door.port}/api/v1/content/in"
        common = ["--cacert", tls["tls_cert"], "-H", f"Authorization: Bearer {door.house.token()}"]
        told = ["-sS", "-w", "%{http_code} %{http_version} %{num_connects}\\n"]
        transfers = [["-T", "-", f"{base}/slow"], *(["-T", str(quick), f"{base}/quick-{n}"] for n in range(40))]
        arguments = ["--parallel", "--parallel-max", "60"]
        for transfer in transfers:
            arguments += [*common, *told, "--http2", *transfer, "--next"]
        process = await asyncio.create_subprocess_exec(
            need("curl"), *arguments[:-1], stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        async for piece in slowly(clock, looks):
            process.stdin.write(piece)
            await process.stdin.drain()
        process.stdin.close()
        lines = (await asyncio.wait_for(process.stdout.read(), 60)).decode().split("\n")[:-1]
        await process.wait()
    assert {line[:5] for line in lines} == {"201 2"}
    assert len(lines) == len(transfers)
    assert sum(int(line.split()[2]) for line in lines) == 1


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["clear", "tls"])
async def test_an_answer_that_is_taken_slowly_is_whole_and_the_connection_waits_for_the_next_request(
    house, tls, clock, layer
):
    """Of a small file all is in buffers long before a client on a bad line has read it."""
    content = bytes(range(256)) * 4096
    given = tls if layer == "tls" else {}
    async with house.open(http_first_request_seconds=1, **given) as door, client_of(door) as anna:
        assert (await anna.put("/api/v1/content/in/small", content=content)).status_code == 201
        head = f"Host: x\r\nAuthorization: Bearer {door.house.token()}\r\n\r\n"
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.setblocking(False)
        await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", door.port))
        trust = ssl.create_default_context(cafile=tls["tls_cert"]) if given else None
        reader, writer = await asyncio.open_connection(
            sock=line, limit=4096, ssl=trust, server_hostname="127.0.0.1" if given else None
        )
        writer.write(f"GET /api/v1/content/in/small HTTP/1.1\r\n{head}".encode())
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
        await asyncio.sleep(2)  # the clock of our looks stands; granian's, which must not matter, cannot be moved
        assert await asyncio.wait_for(reader.readexactly(len(content)), 20) == content
        writer.write(f"GET /api/v1/me HTTP/1.1\r\n{head}".encode())
        assert (await asyncio.wait_for(reader.readline(), 20)) == b"HTTP/1.1 200 OK\r\n"
        writer.close()


@pytest.mark.slow
async def test_an_http2_connection_that_brings_no_further_request_is_closed(house, clock, looks):
    """GET /livez by hand (RFC 9113, 6.2; RFC 7541, appendix A): it is answered as often as it is asked in time."""
    fields = b"\x82\x86\x04\x06/livez\x01\x01x"
    async with house.open() as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(PREFACE + b"\0\0\0\4\0\0\0\0\0")
        for stream in (1, 3, 5):
            writer.write(len(fields).to_bytes(3) + b"\1\5" + stream.to_bytes(4) + fields)
            await asyncio.wait_for(reader.readuntil(b'{"status":"alive"}'), 20)
            await looks.several()
            clock.advance(timedelta(seconds=IDLE - 1))
            await looks.several()
        clock.advance(timedelta(seconds=1))
        await asyncio.wait_for(reader.read(), 20)
        writer.close()
