"""What sealing costs on the user's machine: `python -m bench.sealing [--quick]`; replaces its own rows of `latest.json`.

A stream sealed into nothing beside pyrage; and against a whole server (HTTPS on loopback, server and client on a core
each): `sealane put` into a sealed folder beside an ordinary one, `sealane folder rewrap` of many files (`--files`), and
one byte out of a file of 10 GiB.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import io
import json
import os
import resource
import secrets
import shutil
import ssl
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyrage

from bench import machine, servers
from bench.__main__ import LATEST
from sealane.client import arrivals, sealing
from sealane.client.accounts import Login
from sealane.client.server import UPLOADS, Server
from sealane.client.uploads import metadata
from sealane.settings import GIB, MIB, ClientSettings
from sealane.vault.age import files
from sealane.vault.age.hybrid import HybridIdentity
from sealane.vault.age.payload import CHUNK_BYTES, STORED_CHUNK_BYTES
from sealane.vault.age.x25519 import X25519Identity

if TYPE_CHECKING:
    from collections.abc import Iterator

_RANGE_FILE_BYTES = 10 * GIB
_RANGE_READ = (0, 81_152 * CHUNK_BYTES, _RANGE_FILE_BYTES - 64 * MIB)
"""Where the file of that size was really sealed."""
_REWRAPPED = 10_000


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--quick", action="store_true", help="every row with less work")
    words.add_argument("--files", type=int, default=0, help="how many files are re-wrapped")
    given = words.parse_args()
    quick, many = given.quick, given.files or (500 if given.quick else 2000)
    folder = Path(tempfile.mkdtemp(prefix="sealane-bench-", dir=os.environ.get("SEALANE_BENCH_FOLDER")))
    try:
        size = 128 if quick else 512
        rows = [_stream(folder, size)]
        made = servers.keys(folder)
        with servers.sealane(folder, made) as server:
            house = _House(folder, made, server)
            rows += [*_put(house, size), *_rewrap(house, many), _range(house)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _keep(rows)
    for row in rows:
        print(
            f"{row['id']:16} {row['ours']:9.1f} {row['unit']:12} {row['peer']}: {row['theirs']:.1f}  {row.get('note', '')}"
        )


def _row(id_: str, unit: str, better: str, ours: float, theirs: float, peer: str, goal: float, note: str = "") -> dict:
    """Return a row as the others are; `goal` is a ratio to `theirs`, which is the issue's figure where there is no peer."""
    return {
        "id": id_, "client": "sealane", "peer": peer, "unit": unit, "ours": round(ours, 3), "theirs": round(theirs, 3),
        "ratio": round(ours / theirs, 3), "better": better, "runs": 1, "at_least": goal, "aim": goal, "note": note,
    }  # fmt: skip


@contextlib.contextmanager
def _sealed(folder: Path, size: int, recipient: Any) -> Iterator[sealing.SealedSource]:
    """Give the age file of a file here, as `put` reads it: chunks sealed, their tags on record."""
    descriptor = os.open(folder / "plain", os.O_RDONLY)
    with sealing.sealing_of(lambda suffix: folder / f"journal{suffix}", descriptor, size, [recipient]) as begun:
        yield begun.source
    os.close(descriptor)
    sealing.forget(lambda suffix: folder / f"journal{suffix}")


def _stream(folder: Path, mib: int) -> dict:
    """Seal into nothing, one core: from a file in memory, with the record of tags, MiB a second of processor time."""
    block = secrets.token_bytes(MIB)
    with (folder / "plain").open("wb") as file:
        for _ in range(mib):
            file.write(block)
    ours = []
    for _ in range(3):
        with _sealed(folder, mib * MIB, X25519Identity.new().recipient()) as source:
            began = time.process_time()
            for _block in source.blocks(0, source.size):
                pass
            ours.append(mib / (time.process_time() - began))
    theirs = []
    recipient = pyrage.x25519.Identity.generate().to_public()
    for _ in range(3):
        with (folder / "plain").open("rb") as file:
            began = time.process_time()
            pyrage.encrypt_io(file, _Nothing(), [recipient])
            theirs.append(mib / (time.process_time() - began))
    us, them = statistics.median(ours), statistics.median(theirs)
    note = f"the issue asks for 800; runs {', '.join(f'{one:.0f}' for one in ours)}"
    return _row("seal-stream", "MiB/s a core", "higher", us, them, "pyrage", 800 / them, note)


class _Nothing(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        return len(piece)


class _House:
    """A server with sealed folders that ana may do everything in, and what she needs to use it."""

    def __init__(self, folder: Path, made: Path, server: servers.Server) -> None:
        self.folder, self.server = folder, server
        self.identity = HybridIdentity.new()
        self._data = folder / "sealane-data"
        self.tell("user", "add", "ana@bench", "--recipient", str(self.identity.recipient()))
        for name in ("/sealed-put", "/sealed-many", "/sealed-huge"):
            self.tell("folder", "add", f"bench:{name}", "--sealed")
        for name in ("/sealed-put", "/sealed-many", "/sealed-huge", "/work"):
            self.tell("folder", "grant", f"bench:{name}", "ana@bench", "--rights", "list,read,write,delete")
        token = self.tell("token", "add", "ana@bench", "--scope", "read", "--scope", "write").splitlines()[-1]
        self.identity_file = folder / "identity.txt"
        self.identity_file.write_text(f"{self.identity.text()}\n")
        self.identity_file.chmod(0o600)
        self.login = Login(f"https://127.0.0.1:{server.http_port}", token, str(made / "tls.crt"))
        self._environ = os.environ | {
            "HOME": str(folder), "SEALANE_URL": self.login.url, "SEALANE_TOKEN": token, "SEALANE_CA": str(made / "tls.crt"),
        }  # fmt: skip

    def tell(self, *words: str) -> str:
        """Run a command of the server's side."""
        command = [servers.SEALANE, *words, "--data", str(self._data)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def run(self, *words: str) -> tuple[float, float]:
        """Run a command of the user's side on its core; return its seconds, and those of its processor."""
        command = [*machine.pinned(machine.CLIENT_CORE), servers.SEALANE, *words]
        began, before = time.monotonic(), _of_children()
        subprocess.run(command, env=self._environ, check=True, capture_output=True)
        return time.monotonic() - began, _of_children() - before


def _range(house: _House) -> dict:
    """Read one byte of a sealed file of 10 GiB by the client's own way, from the server.

    The file is sealed here from a sparse one; where it is never read the same stretch lies again and again, which
    saves sending it.
    """
    folder = house.folder
    with (folder / "plain").open("wb") as file:
        file.truncate(_RANGE_FILE_BYTES)
    with _sealed(folder, _RANGE_FILE_BYTES, house.identity.recipient()) as source:
        server = Server(house.login, ClientSettings())
        _send_huge(server, source)
        taken = []
        for number in range(30):
            began = time.monotonic()
            reader = arrivals.reader(server, ("sealed-huge", "f"), [house.identity])
            assert reader.read(_RANGE_READ[number % 3] + number * 70_000, 1) == b"\0"
            taken.append((time.monotonic() - began) * 1000)
        server.close()
    note = (
        f"longest of 30: {max(taken):.1f}; HEAD, header, last chunk and the byte's own, while the server still hashes"
        " the file"
    )
    return _row("seal-range", "ms", "lower", statistics.median(taken), 50, "the issue's figure", 1.0, note)


def _send_huge(server: Server, source: sealing.SealedSource) -> None:
    """Send the begin, a stretch of the middle and the end of an age file, and in between one stretch many times."""
    begins = len(source.prefix)

    def part(start: int, end: int) -> str:
        words = {"path": "/sealed-huge/f", "sealed": "age", "plaintext-length": str(_RANGE_FILE_BYTES)}
        tus = {"Tus-Resumable": "1.0.0", "Upload-Concat": "partial", "Upload-Metadata": metadata(words)}
        made = server.ask("POST", UPLOADS, headers=tus | {"Upload-Length": str(end - start)})
        address = server.own_target(made.headers["location"])
        headers = {
            "Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(end - start),
        }  # fmt: skip
        server.ask("PATCH", address, headers=headers, content=source.blocks(start, end))
        return address

    def stretch(first: int, after: int) -> str:
        return part(begins + first * STORED_CHUNK_BYTES, min(begins + after * STORED_CHUNK_BYTES, source.size))

    last = _RANGE_FILE_BYTES // CHUNK_BYTES
    filling = stretch(256, 1280)
    addresses = [part(0, begins + 256 * STORED_CHUNK_BYTES), *[filling] * 79, stretch(81_152, 81_408), *[filling] * 79]
    addresses.append(stretch(162_304, last))
    words = {"path": "/sealed-huge/f", "sealed": "age", "plaintext-length": str(_RANGE_FILE_BYTES)}
    headers = {
        "Tus-Resumable": "1.0.0", "Upload-Concat": "final;" + " ".join(addresses), "Upload-Metadata": metadata(words),
    }  # fmt: skip
    server.ask("POST", UPLOADS, headers=headers)


def _rewrap(house: _House, many: int) -> list[dict]:
    """Give many files a second reader: what the whole command takes, and what it takes of the client's processor."""
    _send_many(house, many)
    house.tell("user", "add", "ben@bench", "--recipient", str(HybridIdentity.new().recipient()))
    house.tell("folder", "grant", "bench:/sealed-many", "ben@bench", "--rights", "list,read")
    seconds, spent = (
        one / many * _REWRAPPED
        for one in house.run("folder", "rewrap", "/sealed-many", "--yes", "--identity", str(house.identity_file))
    )
    house.tell("folder", "revoke", "bench:/sealed-many", "ben@bench")
    measured = "measured" if many == _REWRAPPED else f"reckoned from {many}"
    note = (
        f"the whole command against the server, post-quantum keys, {measured}; {spent:.1f} of it the client's processor"
    )
    return [_row("seal-rewrap", "s", "lower", seconds, 60, "the issue's figure", 1.0, note)]


def _send_many(house: _House, many: int) -> None:
    """Put small files that are sealed here, each with a header of its own."""
    context = ssl.create_default_context(cafile=house.login.certificate)
    host = house.login.url.removeprefix("https://")

    def send(numbers: range) -> None:
        line = http.client.HTTPSConnection(host, context=context)
        for number in numbers:
            content = f"file {number}".encode()
            headers = {
                "Authorization": f"Bearer {house.login.token}", "Sealane-Sealed": "age",
                "Sealane-Plaintext-Length": str(len(content)),
            }  # fmt: skip
            body = files.seal(content, [house.identity.recipient()])
            line.request("PUT", f"/api/v1/content/sealed-many/{number}", body, headers)
            answer = line.getresponse()
            answer.read()
            assert answer.status == 201, answer.status
        line.close()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(send, [range(first, many, 8) for first in range(8)]))


def _put(house: _House, mib: int) -> list[dict]:
    """Put a file into a sealed folder, and into an ordinary one."""
    block = bytearray(secrets.token_bytes(MIB))
    with (house.folder / "plain").open("wb") as file:
        for number in range(mib):
            block[:8] = number.to_bytes(8, "big")
            file.write(block)
    rates, spent = {}, {}
    for place in ("/work", "/sealed-put"):
        taken = [house.run("put", str(house.folder / "plain"), f"{place}/{number}") for number in range(3)]
        rates[place] = statistics.median(mib / seconds for seconds, _ in taken)
        spent[place] = statistics.median(cpu / mib * 1024 for _, cpu in taken)
    sealed, plain = rates["/sealed-put"], rates["/work"]
    note = (
        f"to the end of verifying, on one core; of the client {spent['/sealed-put']:.1f} CPU seconds a GiB, not sealed"
        f" {spent['/work']:.1f}: SHA-256 of the file, and sealed also of what was sent"
    )
    return [_row("seal-put", "MiB/s", "higher", sealed, plain, "sealane put, not sealed", 400 / plain, note)]


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _keep(rows: list[dict]) -> None:
    """Replace these rows of the last record, and no others."""
    record = json.loads(LATEST.read_text()) if LATEST.exists() else {"rows": []}
    ours = {row["id"] for row in rows}
    record |= {
        "machine": machine.description(),
        "date": datetime.now(UTC).date().isoformat(),
        "commit": machine.commit(),
        "rows": [row for row in record["rows"] if row["id"] not in ours] + rows,
    }
    record.setdefault("machine_cpu_s_per_gib", machine.processor())
    LATEST.parent.mkdir(exist_ok=True)
    LATEST.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
