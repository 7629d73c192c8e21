"""Real clients and real processes: curl over TLS and HTTP/2, tuspy; kills in the middle; clients that do not read."""

import asyncio
import hashlib
import os
import socket
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest
from tusclient.client import TusClient

from sealane.app import certificate
from sealane.clock import Clock
from sealane.doors.http import tus
from tests.doors.http.words import show_metadata
from tests.peers import need
from tests.running_server import RunningServer

pytestmark = pytest.mark.slow
MIB = 1024 * 1024


class HttpServer(RunningServer):
    """A running server whose HTTP is under TLS."""

    certificate: Path

    def wait_for_doors(self) -> None:
        """Connecting waits for the workers: their sockets listen from the start."""
        with httpx.Client(verify=self.trust(), timeout=60, trust_env=False) as probe:
            assert probe.get(f"{self.base}/readyz").status_code == 200, self.log.read_text()

    @property
    def base(self) -> str:
        return f"https://127.0.0.1:{self.http_port}"

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))

    def curl(self, token: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [need("curl"), "-sS", "--cacert", str(self.certificate), "-H", f"Authorization: Bearer {token}"]
        return subprocess.run([*command, *arguments], capture_output=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    cert, key = certificate.ensured(folder / "keys", ["127.0.0.1"], Clock().now())
    made = HttpServer(folder, tls_cert=str(cert), tls_key=str(key), workers=2)
    made.certificate = cert
    made.start()
    made.organization("clinic", "anna")
    made.folder_for("clinic:/in", "anna@clinic")
    yield made
    made.kill()


@pytest.fixture(scope="module")
def token(server):
    return server.token("anna@clinic")


@pytest.fixture
def anna(server, token):
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(
        base_url=server.base, verify=server.trust(), headers=headers, timeout=60, trust_env=False
    ) as client:
        yield client


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_curl_sends_fetches_and_resumes(server, token, tmp_path, version):
    content = os.urandom(20 * MIB)
    (tmp_path / "up").write_bytes(content)
    url = f"{server.base}/api/v1/content/in/curl{version}"
    sent = server.curl(token, version, "-T", str(tmp_path / "up"), "-D", "-", url)
    assert b" 201" in sent.stdout, sent
    (tmp_path / "down").write_bytes(content[: 7 * MIB])
    got = server.curl(
        token, version, "-C", "-", "-o", str(tmp_path / "down"), "-w", "%{http_code} %{http_version}", url
    )
    assert got.stdout.startswith(b"206 " + version.removeprefix("--http").encode()), got
    assert (tmp_path / "down").read_bytes() == content
    ranges = server.curl(token, version, "-r", "5-9,-3", "-D", "-", url)
    assert content[5:10] in ranges.stdout
    assert content[-3:] in ranges.stdout
    refused = server.curl(token, version, "-T", str(tmp_path / "up"), f"{server.base}/api/v1/content/elsewhere")
    assert b'"status": 40' in refused.stdout, refused


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_curl_is_told_why_before_it_has_sent_everything(server, tmp_path, version):
    with (tmp_path / "large").open("wb") as file:
        file.truncate(2048 * MIB)
    refused = server.curl(
        "wrong", version, "-H", "Expect:", "-T", str(tmp_path / "large"), "-w", "%{size_upload}",
        f"{server.base}/api/v1/content/in/x",
    )  # fmt: skip
    assert b"not-signed-in" in refused.stdout, refused
    assert int(refused.stdout.rpartition(b"}")[2]) < 100 * MIB


def test_tuspy_sends_in_chunks_with_checksums_and_resumes(server, token, anna, tmp_path, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.certificate))
    content = os.urandom(9 * MIB + 123)
    (tmp_path / "up").write_bytes(content)
    client = TusClient(f"{server.base}/api/v1/uploads", headers={"Authorization": f"Bearer {token}"})
    said = {"path": "/in/tuspy"}
    first = client.uploader(
        str(tmp_path / "up"),
        chunk_size=2 * MIB,
        metadata=said,
        upload_checksum=True,
        verify_tls_cert=str(server.certificate),
    )
    first.upload_chunk()
    first.upload_chunk()
    again = client.uploader(
        str(tmp_path / "up"),
        chunk_size=2 * MIB,
        url=first.url,
        upload_checksum=True,
        verify_tls_cert=str(server.certificate),
    )
    assert again.offset == 4 * MIB
    again.upload()
    assert anna.get("/api/v1/content/in/tuspy").content == content


def test_an_upload_outlives_the_worker_and_the_keeper(server, anna):
    """Every acknowledged byte is there after each kill; the client goes on from where it is told."""
    content = os.urandom(24 * MIB)
    version = {"Tus-Resumable": "1.0.0"}
    said = {"Upload-Metadata": show_metadata({"path": b"/in/killed"}), "Upload-Length": str(len(content))}
    location = anna.post("/api/v1/uploads", headers=version | said).headers["location"]
    acknowledged, rounds = 0, 0
    while acknowledged < len(content):
        rounds += 1
        victim = ("doors.http", "keeper", "")[rounds % 3]
        headers = version | {"Upload-Offset": str(acknowledged), "Content-Type": tus.MEDIA_TYPE}
        piece = content[acknowledged : acknowledged + 5 * MIB]

        def body(piece=piece, victim=victim):
            yield piece[: 3 * MIB]
            if victim:
                server.kill_child(victim)
            yield piece[3 * MIB :]

        try:
            answer = anna.patch(location, headers=headers | {"Content-Length": str(len(piece))}, content=body())
            if answer.status_code == 204:
                assert int(answer.headers["upload-offset"]) == acknowledged + len(piece)
        except httpx.TransportError:
            assert victim
        while (head := anna.head(location, headers=version)).status_code != 200:
            assert head.status_code in {423, 503}
        assert int(head.headers["upload-offset"]) >= acknowledged
        acknowledged = int(head.headers["upload-offset"])
        assert rounds < 40
    assert rounds > 3
    assert hashlib.sha256(anna.get("/api/v1/content/in/killed").content).digest() == hashlib.sha256(content).digest()
    assert "error" not in server.verify_ledger().lower()


def resident(pids: list[int]) -> int:
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 for pid in pids)


def test_memory_stays_flat_for_clients_that_do_not_read(server, token, anna):
    anna.put("/api/v1/content/in/large", content=(os.urandom(MIB) for _ in range(150)))
    workers = server.children("doors.http")
    before = resident(workers)
    lines = []
    for _ in range(5):
        line = server.trust().wrap_socket(
            socket.create_connection(("127.0.0.1", server.http_port)), server_hostname="127.0.0.1"
        )
        line.sendall(
            f"GET /api/v1/content/in/large HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )
        assert line.recv(1000).startswith(b"HTTP/1.1 200 ")
        lines.append(line)
    assert anna.get("/api/v1/content/in/large", headers={"Range": "bytes=-1"}).status_code == 206
    assert resident(workers) - before < 120 * MIB
    for line in lines:
        line.close()


async def test_a_stop_lets_a_running_download_come_to_its_end(server, token, anna):
    anna.put("/api/v1/content/in/drained", content=os.urandom(20 * MIB))
    reader, writer = await asyncio.open_connection("127.0.0.1", server.http_port, ssl=server.trust(), limit=MIB)
    writer.write(
        f"GET /api/v1/content/in/drained HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        "Connection: close\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    ending = asyncio.create_task(asyncio.to_thread(server.terminate))
    rest = b""
    while piece := await asyncio.wait_for(reader.read(MIB), 60):
        rest += piece
    assert len(rest) == 20 * MIB
    assert await ending == 0
    writer.close()
    await asyncio.to_thread(server.start)
