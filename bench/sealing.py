"""What sealing costs on the user's machine: `python -m bench.sealing [--quick]`; replaces its own rows of `latest.json`.

A stream sealed into nothing beside pyrage, `sealane put` into a sealed folder beside an ordinary one (HTTPS on loopback,
server and client on a core each), one byte out of 10 GiB over HTTP ranges, and the headers of 10,000 files wrapped anew.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import io
import json
import os
import resource
import secrets
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyrage

from bench import machine, servers
from bench.__main__ import LATEST
from sealane.client import arrivals, rewrapping, sealing
from sealane.client.accounts import Login
from sealane.client.server import Server
from sealane.settings import MIB, ClientSettings
from sealane.vault.age import header
from sealane.vault.age.hybrid import HybridIdentity
from sealane.vault.age.x25519 import X25519Identity

if TYPE_CHECKING:
    from collections.abc import Iterator

_RANGE_FILE_BYTES = 10 << 30
_REWRAPPED = 10_000


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--quick", action="store_true", help="every row with less work")
    quick = words.parse_args().quick
    folder = Path(tempfile.mkdtemp(prefix="sealane-bench-", dir=os.environ.get("SEALANE_BENCH_FOLDER")))
    try:
        size = 128 if quick else 512
        rows = [_stream(folder, size), _range(folder), _rewrap(500 if quick else 2000), *_put(folder, size)]
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


def _range(folder: Path) -> dict:
    """Read one byte of a sealed file of 10 GiB (a sparse one, sealed as it is asked for) over HTTP ranges."""
    with (folder / "plain").open("wb") as file:
        file.truncate(_RANGE_FILE_BYTES)
    identity = HybridIdentity.new()
    with _sealed(folder, _RANGE_FILE_BYTES, identity.recipient()) as source:
        handler = functools.partial(_Ranges, source)
        http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        http.daemon_threads = True
        threading.Thread(target=http.serve_forever, daemon=True).start()
        server = Server(Login(f"http://127.0.0.1:{http.server_port}", "token"), ClientSettings())
        taken = []
        for number in range(15):
            began = time.monotonic()
            reader = arrivals.reader(server, ("f",), [identity])
            assert reader.read((number + 1) * 600 * MIB + 5, 1) == b"\0"
            taken.append((time.monotonic() - began) * 1000)
        server.close()
        http.shutdown()
    note = f"longest of 15: {max(taken):.1f}; with a HEAD, the header, the last chunk and the byte's own"
    return _row("seal-range", "ms", "lower", statistics.median(taken), 50, "the issue's figure", 1.0, note)


class _Ranges(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, source: sealing.SealedSource, *more: Any) -> None:
        self.source = source
        super().__init__(*more)

    def do_HEAD(self) -> None:
        self._answer(200, b"", self.source.size)

    def do_GET(self) -> None:
        first, last = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
        body = b"".join(self.source.blocks(first, last + 1))
        self._answer(206, body, len(body), f"bytes {first}-{last}/{self.source.size}")

    def _answer(self, status: int, body: bytes, length: int, span: str = "") -> None:
        self.send_response(status)
        for name, value in (
            ("ETag", '"v1"'), ("Content-Type", "application/age"), ("Content-Length", str(length)),
            ("Sealane-Plaintext-Length", str(_RANGE_FILE_BYTES)),
        ):  # fmt: skip
            self.send_header(name, value)
        if span:
            self.send_header("Content-Range", span)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _rewrap(many: int) -> dict:
    """Open a post-quantum header of two recipients and write it for three; what 10,000 take of the client's processor."""
    ana, ben, paper = (HybridIdentity.new() for _ in range(3))
    file_key = secrets.token_bytes(header.FILE_KEY_BYTES)
    written = header.make([one.recipient().wrap(file_key) for one in (ana, paper)], file_key).written()
    recipients = [one.recipient() for one in (ana, ben, paper)]
    began = time.process_time()
    for _ in range(many):
        rewrapping.wrap_again(written, [ana], recipients)
    seconds = (time.process_time() - began) / many * _REWRAPPED
    note = f"processor time of the client for {_REWRAPPED} headers, from {many}; not what the server does with them"
    return _row("seal-rewrap", "s", "lower", seconds, 60, "the issue's figure", 1.0, note)


def _put(folder: Path, mib: int) -> list[dict]:
    """Put a file into a sealed folder, and into an ordinary one."""
    block = bytearray(secrets.token_bytes(MIB))
    with (folder / "plain").open("wb") as file:
        for number in range(mib):
            block[:8] = number.to_bytes(8, "big")
            file.write(block)
    made = servers.keys(folder)
    identity = X25519Identity.new()
    with servers.sealane(folder, made) as server:

        def tell(*words: str) -> str:
            command = [servers.SEALANE, *words, "--data", str(folder / "sealane-data")]
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

        tell("user", "add", "ana@bench", "--recipient", str(identity.recipient()))
        tell("folder", "add", "bench:/sealed-put", "--sealed")
        for place in ("bench:/sealed-put", "bench:/work"):
            tell("folder", "grant", place, "ana@bench", "--rights", "list,read,write,delete")
        token = tell("token", "add", "ana@bench", "--scope", "read", "--scope", "write").splitlines()[-1]
        environ = os.environ | {
            "HOME": str(folder), "SEALANE_URL": f"https://127.0.0.1:{server.http_port}", "SEALANE_TOKEN": token,
            "SEALANE_CA": str(made / "tls.crt"),
        }  # fmt: skip
        open_folder, sealed_folder = f"{server.root}/", "/sealed-put/"
        seconds, spent = {}, {}
        for place in (open_folder, sealed_folder):
            command = [*machine.pinned(machine.CLIENT_CORE), servers.SEALANE, "put", str(folder / "plain"), place]
            began, before = time.monotonic(), _of_children()
            subprocess.run(command, env=environ, check=True, capture_output=True)
            seconds[place], spent[place] = time.monotonic() - began, (_of_children() - before) / mib * 1024
    sealed, plain = mib / seconds[sealed_folder], mib / seconds[open_folder]
    note = (
        f"to the end of verifying, on one core; of the client {spent[sealed_folder]:.1f} CPU seconds a GiB, not sealed"
        f" {spent[open_folder]:.1f}: SHA-256 of the file, and sealed also of what was sent"
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
