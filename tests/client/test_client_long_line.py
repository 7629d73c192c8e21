"""One file fills a line of 80 ms: several connections carry several times what one can; no lane waits to be told."""

import hashlib
import os
import socket
import subprocess
import threading
import time
from dataclasses import replace

import pytest

from sealane.client import transfers
from sealane.client.events import FileChecked
from sealane.settings import ClientSettings
from tests.client.long_line import LongLine
from tests.client.lying_server import CONTENT, SETTINGS, errand
from tests.peers import need

pytestmark = pytest.mark.slow
MIB = 1 << 20
WINDOW_BYTES = MIB // 2
"""What one connection has on the way: 6.25 MiB a second at 80 ms."""


@pytest.fixture
def line(whole_server):
    with LongLine(whole_server.http_port, window_bytes=WINDOW_BYTES) as made:
        yield made


def test_the_line_takes_its_time_both_ways_and_bounds_what_is_on_the_way():
    with socket.create_server(("127.0.0.1", 0)) as server, LongLine(server.getsockname()[1], window_bytes=MIB) as line:

        def echo():
            far, _ = server.accept()
            with far:
                far.sendall(far.recv(1))
                taken = 0
                while taken < 4 * MIB:
                    taken += len(far.recv(MIB))
                far.sendall(b"!")

        threading.Thread(target=echo, daemon=True).start()
        with socket.create_connection(("127.0.0.1", line.port), timeout=20) as near:
            began = time.monotonic()
            near.sendall(b"?")
            assert near.recv(1) == b"?"
            turned = time.monotonic()
            assert turned - began >= 0.16  # the connection takes a round trip too
            near.sendall(bytes(4 * MIB))
            assert near.recv(1) == b"!"
            assert time.monotonic() - turned >= 4 * 0.08  # four windows, the last of them one way, and the answer


def curl_rate(user, line, size, *words):
    """MiB a second of one request."""
    began = time.monotonic()
    command = [need("curl"), "-sS", "-f", "-H", f"Authorization: Bearer {user.token}", "-H", "Expect:", *words]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return size / MIB / (time.monotonic() - began)


def moved_rate(user, line, size, move):
    """MiB a second until all bytes have moved; that the server has computed its digest is waited for after that."""
    run, _ = user.errand(ClientSettings(), line.url)
    moved = []
    object.__setattr__(run, "tell", lambda event: isinstance(event, FileChecked) and moved.append(time.monotonic()))
    began = time.monotonic()
    tally = move(run)
    assert (tally.verified, tally.failures) == (1, [])
    return size / MIB / (moved[0] - began)


def test_one_file_is_sent_and_fetched_much_faster_than_by_one_stream(anna, line):
    small, large = anna.file("small", 8 * MIB), anna.file("large", 64 * MIB)
    url = f"{line.url}/api/v1/content{anna.folder}/small"
    alone = curl_rate(anna, line, 8 * MIB, "-T", str(small), "-o", os.devnull, url)
    ours = moved_rate(anna, line, 64 * MIB, lambda run: transfers.put(run, [large], f"{anna.folder}/"))
    assert ours > 2 * alone, f"put: {ours:.1f} MiB/s, one stream of curl: {alone:.1f} MiB/s"
    alone = curl_rate(anna, line, 8 * MIB, "-o", os.devnull, url)
    back = anna.home / "back"
    ours = moved_rate(anna, line, 64 * MIB, lambda run: transfers.get(run, f"{anna.folder}/large", back))
    assert ours > 2 * alone, f"get: {ours:.1f} MiB/s, one stream of curl: {alone:.1f} MiB/s"
    assert hashlib.sha256(back.read_bytes()).digest() == hashlib.sha256(large.read_bytes()).digest()


ONE_LANE = replace(SETTINGS, parallel=1)


def test_the_next_part_is_begun_while_one_is_sent(liar, client, tmp_path):
    next_begun = threading.Event()
    waited = []

    def lie(request):
        address = request.path.rpartition("/")[2]
        if request.command == "POST":
            begun = sum(command == "POST" for command, _, _ in liar.requests)
            if begun > 1:
                next_begun.set()
            request.answer(201, Location=f"/api/v1/uploads/part{begun}")
        elif request.command == "PATCH":
            if address == "part1":
                waited.append(next_begun.wait(20))
            request.answer(204, Upload_Offset=str(int(request.headers["Upload-Offset"]) + len(request.body)))
        elif request.command == "HEAD":
            request.problem(404, "missing")
        else:
            return False
        return True

    liar.lie = lie
    source = tmp_path / "big"
    source.write_bytes(CONTENT)
    transfers.put(errand(client, tmp_path, ONE_LANE), [source], "/f/x")
    assert waited == [True]
    assert not [path for command, path, _ in liar.requests if command == "HEAD" and "/uploads/" in path]


def test_the_next_range_is_asked_for_while_one_is_fetched(liar, client, tmp_path):
    next_asked = threading.Event()
    waited = []

    def lie(request):
        asked = request.headers.get("Range")
        if asked == "bytes=256-511":
            next_asked.set()
        if asked != "bytes=0-255":
            return False
        said = {"Content_Range": f"bytes 0-255/{len(CONTENT)}", "Content_Length": 256, "ETag": '"v1"'}
        request.answer(206, CONTENT[:64], **said)
        request.wfile.flush()
        waited.append(next_asked.wait(20))
        request.wfile.write(CONTENT[64:256])
        return True

    liar.lie = lie
    tally = transfers.get(errand(client, tmp_path, ONE_LANE), "/f", tmp_path / "out")
    assert waited == [True]
    assert tally.verified == 1
    assert (tmp_path / "out").read_bytes() == CONTENT
    ranges = [headers["Range"] for command, _, headers in liar.requests if command == "GET" and "Range" in headers]
    assert len(ranges) == len(set(ranges)) == 4  # each once: what is asked ahead is what is used


def test_what_is_asked_ahead_and_fails_is_asked_for_again(liar, client, tmp_path):
    failed = []

    def lie(request):
        if request.headers.get("Range") == "bytes=256-511" and not failed:
            failed.append(request)
            request.problem(503, "unavailable")
            return True
        return False

    liar.lie = lie
    tally = transfers.get(errand(client, tmp_path, ONE_LANE), "/f", tmp_path / "out")
    assert failed
    assert tally.verified == 1
    assert (tmp_path / "out").read_bytes() == CONTENT
