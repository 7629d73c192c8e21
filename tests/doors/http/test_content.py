"""Whole files over HTTP: sent, fetched, conditional, in ranges, refused; each bad input with its clear error."""

import asyncio
import base64
import gc
import hashlib
import os
from email.message import Message

import pytest

from sealane.operations.accounts import RevokeFolder, SetOrganizationQuota
from sealane.settings import GIB

pytestmark = pytest.mark.slow  # each test opens a whole keeper; together they take longer than make check may


A = "/api/v1/content/in/a.bin"


def repr_digest(content: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


def code(response) -> str:
    assert response.headers["content-type"] == "application/problem+json", response.text
    told = response.json()
    assert told["status"] == response.status_code
    assert told["detail"]
    return told["code"]


async def pieces(*parts: bytes):
    for part in parts:
        yield part


async def test_what_is_put_is_got_with_its_digest_and_version(anna):
    content = os.urandom(700_000)
    sent = await anna.put(A, content=content)
    assert sent.status_code == 201, sent.text
    assert sent.headers["repr-digest"] == repr_digest(content)
    got = await anna.get(A)
    assert got.status_code == 200
    assert got.content == content
    assert got.headers["etag"] == sent.headers["etag"]
    assert got.headers["repr-digest"] == repr_digest(content)
    assert got.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize("size", [0, 1, 262_143, 262_144, 262_145, 3_000_000])
async def test_every_size_comes_back_whole_chunked_or_not(anna, size):
    content = os.urandom(size)
    assert (await anna.put(A, content=content)).status_code == 201
    assert (await anna.get(A)).content == content
    assert (await anna.put(A, content=pieces(content[: size // 2], content[size // 2 :]))).status_code == 201
    assert (await anna.get(A)).content == content


async def test_nothing_fetched_is_ever_rendered_or_sniffed(anna):
    await anna.put("/api/v1/content/in/b%C3%A4d%22.html", content=b"<script>alert(1)</script>")
    got = await anna.get("/api/v1/content/in/b%C3%A4d%22.html")
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"] == "attachment; filename*=UTF-8''b%C3%A4d%22.html"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in got.headers["content-security-policy"]
    assert got.headers["cache-control"] == "no-store"


async def test_head_says_what_get_would_send_and_is_no_delivery(anna):
    sent = await anna.put(A, content=b"0123456789")
    head = await anna.head(A)
    assert head.status_code == 200
    assert head.headers["content-length"] == "10"
    assert head.headers["etag"] == sent.headers["etag"]
    assert head.headers["repr-digest"] == repr_digest(b"0123456789")
    receipt = (await anna.get("/api/v1/receipts/in/a.bin")).json()
    assert [(transfer["kind"], transfer["ended"]) for transfer in receipt["transfers"]] == [("upload", True)]
    await anna.get(A)
    receipt = (await anna.get("/api/v1/receipts/in/a.bin")).json()
    assert [transfer["kind"] for transfer in receipt["transfers"]] == ["upload", "download"]
    assert receipt["sha256"] == hashlib.sha256(b"0123456789").hexdigest()


# --- Ranges ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "begin", "end"),
    [("bytes=0-0", 0, 1), ("bytes=5-", 5, 600_000), ("bytes=-7", 599_993, 600_000), ("bytes=1-999999", 1, 600_000),
     ("BYTES=262140-262150", 262_140, 262_151), ("bytes=-99999999", 0, 600_000)],
)  # fmt: skip
async def test_one_range_is_sent_alone(anna, asked, begin, end):
    content = os.urandom(600_000)
    await anna.put(A, content=content)
    got = await anna.get(A, headers={"Range": asked})
    assert got.status_code == 206
    assert got.content == content[begin:end]
    assert got.headers["content-range"] == f"bytes {begin}-{end - 1}/600000"


async def test_several_ranges_are_sent_as_parts(anna):
    content = os.urandom(600_000)
    await anna.put(A, content=content)
    got = await anna.get(A, headers={"Range": "bytes=500000-500009, 0-4, -3"})
    assert got.status_code == 206
    assert int(got.headers["content-length"]) == len(got.content)
    words = Message()
    words["content-type"] = got.headers["content-type"]
    boundary = words.get_param("boundary").encode()
    parts = got.content.split(b"\r\n--" + boundary)
    assert parts[-1] == b"--\r\n"
    bodies = [part.partition(b"\r\n\r\n") for part in (b"\r\n" + got.content).split(b"\r\n--" + boundary)[1:-1]]
    assert [body for _, _, body in bodies] == [content[:5], content[500_000:500_010], content[-3:]]
    assert b"Content-Range: bytes 0-4/600000" in bodies[0][0]


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=" + ",".join(["0-0"] * 9)])
async def test_an_unsatisfiable_range_is_refused_and_says_the_size(anna, asked):
    await anna.put(A, content=b"0123456789")
    got = await anna.get(A, headers={"Range": asked})
    assert got.status_code == 416
    assert code(got) == "range-unsatisfiable"
    assert got.headers["content-range"] == "bytes */10"


@pytest.mark.parametrize("asked", ["bytes=a-b", "lines=1-2", "bytes=5-1", "bytes", "bytes=1-2-3", "bytes=0-1,x"])
async def test_a_range_that_makes_no_sense_is_ignored(anna, asked):
    await anna.put(A, content=b"0123456789")
    got = await anna.get(A, headers={"Range": asked})
    assert (got.status_code, got.content) == (200, b"0123456789")


async def test_a_range_of_a_version_that_is_gone_sends_the_whole_new_one(anna):
    old = (await anna.put(A, content=b"0123456789")).headers["etag"]
    asked = {"Range": "bytes=2-3", "If-Range": old}
    assert (await anna.get(A, headers=asked)).content == b"23"
    await anna.put(A, content=b"abcdefghij")
    got = await anna.get(A, headers=asked)
    assert (got.status_code, got.content) == (200, b"abcdefghij")


# --- Conditions ------------------------------------------------------------------------------------------------------


async def test_a_version_that_the_client_has_is_not_sent_again(anna):
    etag = (await anna.put(A, content=b"x", headers={"Last-Modified": "Mon, 01 Jun 2026 10:00:00 GMT"})).headers["etag"]
    for condition in (
        {"If-None-Match": etag},
        {"If-None-Match": f'"other", W/{etag}'},
        {"If-None-Match": "*"},
        {"If-Modified-Since": "Mon, 01 Jun 2026 10:00:00 GMT"},
    ):
        got = await anna.get(A, headers=condition)
        assert (got.status_code, got.content) == (304, b""), condition
        assert got.headers["etag"] == etag
    assert (await anna.get(A, headers={"If-None-Match": '"other"'})).status_code == 200
    assert (await anna.get(A, headers={"If-Match": '"other"'})).status_code == 412
    late = {"If-Unmodified-Since": "Mon, 01 Jun 2026 09:59:59 GMT"}
    assert code(await anna.get(A, headers=late)) == "precondition-failed"


async def test_a_put_can_demand_that_the_name_is_free(anna):
    assert (await anna.put(A, content=b"one", headers={"If-None-Match": "*"})).status_code == 201
    again = await anna.put(A, content=b"two", headers={"If-None-Match": "*"})
    assert (again.status_code, code(again)) == (412, "precondition-failed")
    assert (await anna.get(A)).content == b"one"


async def test_a_put_can_demand_the_version_it_replaces(anna):
    first = (await anna.put(A, content=b"one")).headers["etag"]
    assert (await anna.put(A, content=b"two", headers={"If-Match": first})).status_code == 201
    late = await anna.put(A, content=b"three", headers={"If-Match": first})
    assert (late.status_code, code(late)) == (412, "precondition-failed")
    assert (await anna.put("/api/v1/content/in/new", content=b"x", headers={"If-Match": "*"})).status_code == 412
    assert (await anna.get(A)).content == b"two"


async def test_of_two_puts_that_demand_the_same_version_one_is_refused(anna):
    first = (await anna.put(A, content=b"one")).headers["etag"]
    begun = asyncio.Event()

    async def slow():
        yield b"slow "
        await begun.wait()
        yield b"one"

    running = asyncio.create_task(anna.put(A, content=slow(), headers={"If-Match": first}))
    await asyncio.sleep(0.05)
    assert (await anna.put("/api/v1/content/in/b", content=b"elsewhere")).status_code == 201
    moved = await anna.post("/api/v1/move", json={"source": "/in/b", "target": "/in/a.bin", "replace": True})
    assert moved.status_code == 204, moved.text
    begun.set()
    assert (await running).status_code == 412
    assert (await anna.get(A)).content == b"elsewhere"


async def test_a_file_is_removed_only_in_the_version_that_was_meant(anna):
    etag = (await anna.put(A, content=b"x")).headers["etag"]
    assert (await anna.delete(A, headers={"If-Match": '"other"'})).status_code == 412
    assert (await anna.delete(A, headers={"If-Match": etag})).status_code == 204
    assert (await anna.get(A)).status_code == 404


# --- Digests, lengths, quotas ----------------------------------------------------------------------------------------


async def test_a_declared_digest_is_checked_before_the_file_is_seen(anna):
    good, bad = repr_digest(b"content"), repr_digest(b"other")
    for name in ("Repr-Digest", "Content-Digest"):
        refused = await anna.put(A, content=b"content", headers={name: bad})
        assert (refused.status_code, code(refused)) == (400, "digest-mismatch")
        assert (await anna.get(A)).status_code == 404
    assert (
        await anna.put(A, content=b"content", headers={"Repr-Digest": f"sha-512=:AAAA:, {good}"})
    ).status_code == 201


@pytest.mark.parametrize("digest", ["sha-256=abc", "sha-256=:***:", "sha-256=:AAAA:", "=::", "sha-256"])
async def test_a_malformed_digest_is_refused(anna, digest):
    refused = await anna.put(A, content=b"content", headers={"Repr-Digest": digest})
    assert (refused.status_code, code(refused)) == (400, "header-invalid")


async def test_the_time_that_the_client_says_is_kept(anna):
    await anna.put(A, content=b"x", headers={"Last-Modified": "Sun, 01 Feb 2026 03:04:05 GMT"})
    assert (await anna.head(A)).headers["last-modified"] == "Sun, 01 Feb 2026 03:04:05 GMT"


async def test_ten_gibibytes_on_a_quota_of_one_are_refused_before_the_body(door):
    door.house.keeper.admin(SetOrganizationQuota(name="clinic", quota_bytes=GIB))
    token = door.house.token()
    answer = await door.raw(
        b"PUT /api/v1/content/in/huge HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token.encode()
        + b"\r\nContent-Length: 10737418240\r\nExpect: 100-continue\r\n\r\n",
    )  # fmt: skip
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"100 Continue" not in answer
    assert b"quota-exceeded" in answer
    assert b"connection: close" in answer.lower()


async def test_a_body_that_ends_early_publishes_nothing(door, anna):
    token = door.house.token()
    head = b"PUT /api/v1/content/in/short HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token.encode()
    await door.raw(head + b"\r\nContent-Length: 100\r\n\r\nonly this", cut=True)
    await door.raw(head + b"\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nonly \r\n", cut=True)
    assert (await anna.get("/api/v1/content/in/short")).status_code == 404
    uploads = (await anna.get("/api/v1/folders/in")).json()["entries"]
    assert uploads == []


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 50\r\n\r\nhello",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
    ],
)
async def test_whose_body_breaks_off_while_they_still_read_is_told_so(door, anna, rest):
    head = f"PUT /api/v1/content/in/broken HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {door.house.token()}\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(head.encode() + rest)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"body-broken" in answer
    assert (await anna.get("/api/v1/content/in/broken")).status_code == 404


async def test_a_body_that_stops_is_ended_with_a_clear_error(house):
    async with house.open(body_idle_seconds=1) as door:
        token = door.house.token()
        answer = await door.raw(
            b"PUT /api/v1/content/in/slow HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token.encode()
            + b"\r\nContent-Length: 100\r\n\r\nonly this",
        )  # fmt: skip
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"body-too-slow" in answer


async def test_a_body_that_is_refused_half_way_and_then_stops_does_not_hold_its_connection(house):
    async with house.open(file_bytes_max=1000) as door:
        head = f"PUT /api/v1/content/in/a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {door.house.token()}\r\n"
        gc.disable()  # a connection that waits for the garbage collector may wait for long
        try:
            answer = await door.raw(f"{head}Transfer-Encoding: chunked\r\n\r\n7d0\r\n{'x' * 2000}\r\n".encode())
        finally:
            gc.enable()
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_a_body_that_trickles_is_ended_with_a_clear_error(house):
    async with house.open(body_idle_seconds=1, body_rate_bytes_per_second_min=1000) as door:
        token = door.house.token()
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(
            b"PUT /api/v1/content/in/slow HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token.encode()
            + b"\r\nContent-Length: 100000\r\n\r\n"
        )  # fmt: skip

        async def trickle():
            while True:
                writer.write(b"x")
                await asyncio.sleep(0.1)

        trickling = asyncio.create_task(trickle())
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n"), 20)
        trickling.cancel()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_parts_of_files_and_coded_bodies_are_refused(anna):
    refused = await anna.put(A, content=b"x", headers={"Content-Range": "bytes 0-0/5"})
    assert (refused.status_code, code(refused)) == (400, "header-invalid")
    for coding in ("gzip", "deflate", "br"):
        refused = await anna.put(A, content=b"x", headers={"Content-Encoding": coding})
        assert (refused.status_code, code(refused)) == (415, "content-coded")
    assert (await anna.get(A)).status_code == 404


# --- Rights ----------------------------------------------------------------------------------------------------------


async def test_the_other_organization_reads_what_was_granted_and_nothing_else(door, anna):
    await anna.put(A, content=b"for the insurer")
    await anna.put("/api/v1/content/private/b", content=b"not for them")
    async with door.client("ines@insurer") as ines:
        assert (await ines.get("/api/v1/content/@clinic/in/a.bin")).content == b"for the insurer"
        hidden = await ines.get("/api/v1/content/@clinic/private/b")
        absent = await ines.get("/api/v1/content/@clinic/private/nothing")
        assert hidden.status_code == absent.status_code == 404
        assert hidden.content == absent.content
        refused = await ines.put("/api/v1/content/@clinic/in/c", content=b"x")
        assert (refused.status_code, code(refused)) == (403, "not-allowed")
        assert (await ines.get(A)).status_code == 404


async def test_a_member_of_the_organization_needs_a_grant_too(door, anna):
    await anna.put(A, content=b"x")
    async with door.client("bert@clinic") as bert:
        assert (await bert.get(A)).status_code == 404


async def test_a_read_token_writes_nothing(door):
    token = door.house.token(scopes=("read",))
    async with door.client(token=token) as reader:
        refused = await reader.put(A, content=b"x")
        assert (refused.status_code, code(refused)) == (403, "not-allowed")


async def test_a_grant_taken_back_during_an_upload_keeps_it_from_being_seen(door, anna):
    async def slow():
        yield b"x" * 1000
        door.house.keeper.admin(RevokeFolder(folder="clinic:/in", grantee="anna@clinic"))
        yield b"y" * 1000

    sent = await anna.put(A, content=slow())
    assert sent.status_code in {401, 403, 404}


# --- Earlier versions ------------------------------------------------------------------------------------------------


async def test_an_earlier_version_is_listed_fetched_in_ranges_and_restored(anna):
    first, second = os.urandom(600_000), os.urandom(500_000)
    one = (await anna.put(A, content=first)).headers["etag"].strip('"')
    two = (await anna.put(A, content=second)).headers["etag"].strip('"')
    told = (await anna.get("/api/v1/versions/in/a.bin")).json()
    assert [(each["version"], each["present"], each["size"]) for each in told["versions"]] == [
        (two, True, len(second)),
        (one, False, len(first)),
    ]
    assert told["versions"][1]["sha256"] == hashlib.sha256(first).hexdigest()
    earlier = f"{A}?version={one}"
    got = await anna.get(earlier)
    assert got.content == first
    assert got.headers["etag"] == f'"{one}"'
    assert got.headers["repr-digest"] == repr_digest(first)
    head = await anna.head(earlier)
    assert (head.headers["etag"], head.headers["content-length"]) == (f'"{one}"', str(len(first)))
    part = await anna.get(earlier, headers={"Range": "bytes=100-299", "If-Match": f'"{one}"'})
    assert (part.status_code, part.content) == (206, first[100:300])
    assert part.headers["content-range"] == f"bytes 100-299/{len(first)}"
    assert (await anna.get(earlier, headers={"If-Match": f'"{two}"'})).status_code == 412
    assert (await anna.get(f"/api/v1/receipts/in/a.bin?version={one}")).json()["version"] == one
    said = {"path": "/in/a.bin", "version": one}
    restored = await anna.post("/api/v1/restore", json=said)
    assert (restored.status_code, restored.json()["version"]) == (200, one)
    assert (await anna.get(A)).content == first
    assert (await anna.delete(A)).status_code == 204
    removed = (await anna.get("/api/v1/removed/in")).json()
    assert [(each["name"], each["versions"]) for each in removed["files"]] == [("a.bin", 2)]
    assert (await anna.get(f"{A}?version={two}")).content == second
    assert (await anna.post("/api/v1/restore", json=said | {"version": two})).status_code == 200
    assert (await anna.get(A)).content == second


@pytest.mark.parametrize(
    "query", ["version=", "version=x", "version=../a", "version=a&version=b", "version=" + "a" * 65]
)
async def test_a_version_that_is_none_is_missing(anna, query):
    await anna.put(A, content=b"content")
    answer = await anna.get(f"{A}?{query}")
    assert (answer.status_code, code(answer)) == (404, "missing")
    assert (await anna.head(f"{A}?{query}")).status_code == 404


async def test_a_restoring_that_makes_no_sense_is_refused(anna):
    await anna.put(A, content=b"content")
    for body in (b"", b"{}", b'{"path": "/in/a.bin"}', b'{"path": 1, "version": "x"}', b"[" * 9000):
        answer = await anna.post("/api/v1/restore", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in {400, 413}, body
    for path, version in (("/in/a.bin", "x" * 26), ("/in/none", "x" * 26), ("/nowhere/a", "x" * 26)):
        answer = await anna.post("/api/v1/restore", json={"path": path, "version": version})
        assert (answer.status_code, code(answer)) == (404, "missing")
    answer = await anna.post("/api/v1/restore", json={"path": "/in/../a", "version": "x"})
    assert answer.status_code == 400
