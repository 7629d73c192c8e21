"""One process of load for the soak: a hundred connections that send, fetch, rename, delete and list, some of them cut.

Each connection has a folder of its own and knows what must be in it: the files that were acknowledged, with their
digests. What differs from that, and every failure that was not provoked here, is told at the end. Reads its orders as
JSON from standard input, writes its account as JSON to standard output.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import os
import random
import ssl
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

import asyncssh
import httpx

KIB = 1024
MIB = 1024 * KIB
FILES_MAX = 12
"""Of one connection's folder; past it one is deleted before the next is sent."""
HANDSHAKES_MAX = 12
"""Connections of this process that are being made at once: strangers have only so many places."""
ACT_SECONDS_MAX = 180
RESUME_TRIES = 200
RESUME_PAUSE_SECONDS = 0.05
OWED_SECONDS_MAX = 120
TUS = {"Tus-Resumable": "1.0.0"}
_POOL = os.urandom(8 * MIB)
_HEAD_BYTES = 16


@dataclass
class Orders:
    """What the parent wants."""

    kind: str
    port: int
    credentials: list[list[str]]
    """User and key file for SFTP, user and token for HTTPS; connections take them in turn."""
    trust: str
    """Known hosts, or the server's certificate."""
    prefix: str
    connections: int
    seconds: float
    seed: int


@dataclass
class Account:
    """What came of it."""

    acts: Counter = field(default_factory=Counter)
    sent_bytes: int = 0
    fetched_bytes: int = 0
    wrong: list[str] = field(default_factory=list)
    files: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Every file that was acknowledged and not deleted since: size and SHA-256."""


class Cut(Exception):
    """Breaks a request off in the middle."""


def new_content(dice: random.Random, size: int) -> bytes:
    """Return bytes that nobody else sends."""
    start = dice.randrange(len(_POOL) - size)
    return os.urandom(_HEAD_BYTES) + _POOL[start : start + size - _HEAD_BYTES]


def new_size(dice: random.Random) -> int:
    """Return a size: mostly small files, as partners send them, and some of a few MiB."""
    lowest, highest = dice.choices(((16, 32 * KIB), (32 * KIB, 512 * KIB), (MIB, 6 * MIB)), (60, 32, 8))[0]
    return dice.randrange(lowest, highest)


# --- the two kinds of connection -------------------------------------------------------------------------------------


class SftpLine:
    """One SFTP connection."""

    def __init__(self, orders: Orders, number: int, handshakes: asyncio.Semaphore) -> None:
        self._orders = orders
        self._user, self._key = orders.credentials[number % len(orders.credentials)]
        self._handshakes = handshakes
        self._connection: asyncssh.SSHClientConnection
        self._client: asyncssh.SFTPClient

    async def open(self) -> None:
        async with self._handshakes:
            self._connection = await asyncssh.connect(
                "127.0.0.1", self._orders.port, username=self._user, client_keys=[self._key],
                known_hosts=self._orders.trust, agent_path=None, config=None,
            )  # fmt: skip
            self._client = await self._connection.start_sftp_client()

    async def close(self) -> None:
        self._connection.close()
        await self._connection.wait_closed()

    async def make_folder(self, path: str) -> None:
        await self._client.mkdir(path)

    async def send(self, path: str, content: bytes) -> None:
        async with self._client.open(path, "wb") as file:
            await file.write(content)

    async def send_cut(self, path: str, content: bytes, cut: int) -> None:
        """Break the connection off amid an upload, and go on by another where the server says that it stands."""
        file = await self._client.open(path, "wb")
        await file.write(content[:cut])
        rest = asyncio.ensure_future(file.write(content[cut:]))
        await asyncio.sleep(0)  # the rest is on its way
        self._connection.abort()
        with contextlib.suppress(asyncssh.Error, OSError):
            await rest
        await self.open()
        for _ in range(RESUME_TRIES):
            try:
                at = (await self._client.stat(path)).size
                async with self._client.open(path, asyncssh.FXF_WRITE, encoding=None) as file:
                    await file.write(content[at:], at)
            except asyncssh.SFTPError:  # until the server has noticed that the line is dead
                await asyncio.sleep(RESUME_PAUSE_SECONDS)
            else:
                return
        raise AssertionError(f"{path} could not be resumed")

    async def fetch(self, path: str) -> bytes:
        async with self._client.open(path, "rb") as file:
            return await file.read()

    async def fetch_cut(self, path: str, cut: int) -> bytes:
        """Break the connection off amid a download, and fetch the rest by another."""
        file = await self._client.open(path, "rb")
        got = await file.read(cut, 0)
        rest = asyncio.ensure_future(file.read(-1, cut))
        await asyncio.sleep(0)
        self._connection.abort()
        with contextlib.suppress(asyncssh.Error, OSError):
            await rest
        await self.open()
        async with self._client.open(path, "rb") as file:
            return got + await file.read(-1, len(got))

    async def rename(self, source: str, target: str) -> None:
        await self._client.rename(source, target)

    async def remove(self, path: str) -> None:
        await self._client.remove(path)

    async def sizes(self, folder: str) -> dict[str, int]:
        entries = await self._client.readdir(folder)
        return {entry.filename: entry.attrs.size for entry in entries if entry.filename not in {".", ".."}}


class HttpsLine:
    """One HTTPS connection."""

    def __init__(self, orders: Orders, number: int, handshakes: asyncio.Semaphore, trust: ssl.SSLContext) -> None:
        _, token = orders.credentials[number % len(orders.credentials)]
        self._handshakes = handshakes
        self._client = httpx.AsyncClient(
            base_url=f"https://127.0.0.1:{orders.port}", headers={"Authorization": f"Bearer {token}"}, verify=trust,
            timeout=ACT_SECONDS_MAX, limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
        )  # fmt: skip

    async def open(self) -> None:
        async with self._handshakes:
            (await self._client.get("/api/v1/me")).raise_for_status()

    async def close(self) -> None:
        await self._client.aclose()

    async def _ask(self, method: str, target: str, expected: int, **more) -> httpx.Response:
        answer = await self._client.request(method, target, **more)
        if answer.status_code != expected:
            raise AssertionError(f"{method} {target}: {answer.status_code} {answer.text[:300]}")
        return answer

    async def make_folder(self, path: str) -> None:
        await self._ask("POST", f"/api/v1/folders{path}", 201)

    async def send(self, path: str, content: bytes) -> None:
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        headers = {"Repr-Digest": f"sha-256=:{digest}:"}
        await self._ask("PUT", f"/api/v1/content{path}", 201, content=content, headers=headers)

    async def send_cut(self, path: str, content: bytes, cut: int) -> None:
        """Break the connection off amid a tus upload, and go on where the server says that it stands."""
        about = {
            "Upload-Length": str(len(content)),
            "Upload-Metadata": f"path {base64.b64encode(path.encode()).decode()}",
        }
        upload = (await self._ask("POST", "/api/v1/uploads", 201, headers=TUS | about)).headers["Location"]

        async def half():
            yield content[:cut]
            raise Cut

        with contextlib.suppress(Cut):
            await self._patch(upload, 0, half(), len(content))
        for _ in range(RESUME_TRIES):
            stands = await self._ask("HEAD", upload, 200, headers=TUS)
            offset = int(stands.headers["Upload-Offset"])
            if offset == len(content):
                return
            answer = await self._patch(upload, offset, content[offset:], len(content) - offset)
            if answer.status_code == 204:
                return
            if answer.status_code not in {409, 423}:  # until the server has noticed that the line is dead
                raise AssertionError(f"PATCH {upload}: {answer.status_code} {answer.text[:300]}")
            await asyncio.sleep(RESUME_PAUSE_SECONDS)
        raise AssertionError(f"{path} could not be resumed")

    async def _patch(self, upload: str, offset: int, content, length: int) -> httpx.Response:
        said = {
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(length),
        }
        return await self._client.request("PATCH", upload, headers=TUS | said, content=content)

    async def fetch(self, path: str) -> bytes:
        return (await self._ask("GET", f"/api/v1/content{path}", 200)).content

    async def fetch_cut(self, path: str, cut: int) -> bytes:
        """Break the connection off amid a download, and fetch the rest of the same version."""
        got = bytearray()
        target = f"/api/v1/content{path}"
        async with self._client.stream("GET", target) as answer:
            async for block in answer.aiter_raw():
                got += block
                if len(got) >= cut:
                    break
        headers = {"Range": f"bytes={len(got)}-", "If-Match": answer.headers["etag"]}
        if len(got) < int(answer.headers["content-length"]):
            got += (await self._ask("GET", target, 206, headers=headers)).content
        return bytes(got)

    async def rename(self, source: str, target: str) -> None:
        await self._ask("POST", "/api/v1/move", 204, json={"source": source, "target": target})

    async def remove(self, path: str) -> None:
        await self._ask("DELETE", f"/api/v1/content{path}", 204)

    async def sizes(self, folder: str) -> dict[str, int]:
        answer = await self._ask("GET", f"/api/v1/folders{folder}?limit=1000", 200)
        return {entry["name"]: entry["size"] for entry in answer.json()["entries"]}


# --- what a connection does -----------------------------------------------------------------------------------------


class Worker:
    """One connection, its folder, and what must be in it."""

    def __init__(self, line: SftpLine | HttpsLine, folder: str, dice: random.Random, account: Account) -> None:
        self._line = line
        self._folder = folder
        self._dice = dice
        self._account = account
        self._count = 0
        self.files: dict[str, tuple[int, str]] = {}

    async def work(self, until: float) -> None:
        """Do one thing after another, then look whether everything is there. What goes wrong is told and ends it."""
        act, began = "sign in", time.monotonic()
        try:
            await self._line.open()
            await self._line.make_folder(self._folder)
            while time.monotonic() < until:
                act, began = self._next_act(), time.monotonic()
                async with asyncio.timeout(ACT_SECONDS_MAX):
                    await getattr(self, "_" + act.replace(" ", "_"))()
                self._account.acts[act] += 1
            act = "look at the end"
            await self._all_is_there()
            await self._line.close()
        except Exception as problem:  # noqa: BLE001 - whatever it is, the account must tell it
            where = "".join(traceback.format_exception(problem)[-3:])
            after = time.monotonic() - began
            now = datetime.now(UTC).time().isoformat("milliseconds")
            self._account.wrong.append(f"{self._folder}: {act}, at {now} after {after:.1f} s: {problem!r}\n{where}")
        finally:
            self._account.files |= {f"{self._folder}/{name}": known for name, known in self.files.items()}

    def _next_act(self) -> str:
        if not self.files:
            return "send"
        if len(self.files) >= FILES_MAX:
            return "delete"
        acts = {
            "send": 34,
            "send cut": 7,
            "send again": 4,
            "fetch": 26,
            "fetch cut": 5,
            "rename": 8,
            "delete": 8,
            "list": 8,
        }
        return self._dice.choices(list(acts), list(acts.values()))[0]

    def _new_name(self) -> str:
        self._count += 1
        return f"f{self._count:06}.bin"

    def _some_name(self) -> str:
        return self._dice.choice(sorted(self.files))

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def _acknowledged(self, name: str, content: bytes) -> None:
        self.files[name] = (len(content), hashlib.sha256(content).hexdigest())
        self._account.sent_bytes += len(content)

    def _must_be(self, name: str, content: bytes) -> None:
        self._account.fetched_bytes += len(content)
        if (len(content), hashlib.sha256(content).hexdigest()) != self.files[name]:
            raise AssertionError(f"{name} came back with {len(content)} bytes that were not sent")

    async def _send(self) -> None:
        name, content = self._new_name(), new_content(self._dice, new_size(self._dice))
        await self._line.send(self._path(name), content)
        self._acknowledged(name, content)

    async def _send_again(self) -> None:
        name, content = self._some_name(), new_content(self._dice, new_size(self._dice))
        await self._line.send(self._path(name), content)
        self._acknowledged(name, content)

    async def _send_cut(self) -> None:
        name, content = self._new_name(), new_content(self._dice, self._dice.randrange(256 * KIB, 3 * MIB))
        await self._line.send_cut(self._path(name), content, self._dice.randrange(KIB, len(content)))
        self._acknowledged(name, content)

    async def _fetch(self) -> None:
        name = self._some_name()
        self._must_be(name, await self._line.fetch(self._path(name)))

    async def _fetch_cut(self) -> None:
        name = self._some_name()
        self._must_be(name, await self._line.fetch_cut(self._path(name), self.files[name][0] // 2))

    async def _rename(self) -> None:
        source, target = self._some_name(), self._new_name()
        await self._line.rename(self._path(source), self._path(target))
        self.files[target] = self.files.pop(source)

    async def _delete(self) -> None:
        name = self._some_name()
        await self._line.remove(self._path(name))
        del self.files[name]

    async def _list(self) -> None:
        shown = await self._line.sizes(self._folder)
        known = {name: size for name, (size, _) in self.files.items()}
        if shown != known:
            differ = sorted(set(shown.items()) ^ set(known.items()))
            raise AssertionError(f"the listing differs from what was acknowledged: {differ[:6]}")

    async def _all_is_there(self) -> None:
        await self._list()
        for name in sorted(self.files):
            async with asyncio.timeout(ACT_SECONDS_MAX):
                self._must_be(name, await self._line.fetch(self._path(name)))


async def load(orders: Orders) -> Account:
    """Run all connections to their end."""
    asyncssh.set_log_level("ERROR")
    account = Account()
    handshakes = asyncio.Semaphore(HANDSHAKES_MAX)
    trust = ssl.create_default_context(cafile=orders.trust) if orders.kind == "https" else None
    until = time.monotonic() + orders.seconds
    workers = []
    for number in range(orders.connections):
        line = SftpLine(orders, number, handshakes) if trust is None else HttpsLine(orders, number, handshakes, trust)
        dice = random.Random(orders.seed + number)  # a generator that can be seeded again
        workers.append(Worker(line, f"{orders.prefix}{number:03}", dice, account))
    await asyncio.gather(*(worker.work(until) for worker in workers))
    return account


def main() -> None:
    """Do as ordered."""
    account = asyncio.run(load(Orders(**json.load(sys.stdin))))
    json.dump(vars(account), sys.stdout)


if __name__ == "__main__":
    main()
