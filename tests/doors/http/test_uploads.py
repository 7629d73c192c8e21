"""tus 1.0, by the protocol and the checklist of tusd's tests: create, patch, head, concat, terminate, options."""

import asyncio
import base64
import dataclasses
import hashlib
import os
from datetime import UTC, datetime

import pytest

from sealane.clock import ManualClock
from sealane.operations.accounts import AddFolder, GrantFolder, SetFolderQuota
from sealane.settings import KIB
from tests.doors.http.words import show_metadata

pytestmark = pytest.mark.slow  # each test opens a whole keeper; together they take longer than make check may


UPLOADS = "/api/v1/uploads"
V = {"Tus-Resumable": "1.0.0"}
BODY = V | {"Content-Type": "application/offset+octet-stream"}


def metadata(path: str = "/in/t.bin", **more: str) -> dict[str, str]:
    return {"Upload-Metadata": show_metadata({k: v.encode() for k, v in {"path": path, **more}.items()})}


def checksum(algorithm: str, content: bytes) -> dict[str, str]:
    return {"Upload-Checksum": f"{algorithm} {base64.b64encode(hashlib.new(algorithm, content).digest()).decode()}"}


def code(response) -> str:
    assert response.headers["content-type"] == "application/problem+json", response.text
    assert response.headers["tus-resumable"] == "1.0.0"
    return response.json()["code"]


async def created(client, length: int | None, path: str = "/in/t.bin", **headers: str) -> str:
    said = {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
    answer = await client.post(UPLOADS, headers=V | metadata(path) | said | headers)
    assert answer.status_code == 201, answer.text
    assert answer.headers["upload-offset"] == "0"
    return answer.headers["location"]


async def patched(client, location: str, offset: int, content, **headers: str):
    return await client.patch(location, headers=BODY | {"Upload-Offset": str(offset)} | headers, content=content)


async def offset_of(client, location: str) -> int:
    head = await client.head(location, headers=V)
    assert head.status_code == 200
    return int(head.headers["upload-offset"])


# --- Core ------------------------------------------------------------------------------------------------------------


async def test_options_say_what_this_server_can_without_a_token(door):
    async with door.client(token="none") as stranger:
        for address in (UPLOADS, f"{UPLOADS}/abc"):
            answer = await stranger.options(address)
            assert answer.status_code == 204
            assert answer.headers["tus-version"] == "1.0.0"
            assert "concatenation" in answer.headers["tus-extension"].split(",")
            assert answer.headers["tus-checksum-algorithm"] == "sha256,sha1"
            assert int(answer.headers["tus-max-size"]) == door.door.settings.file_bytes_max


async def test_an_upload_in_two_parts_is_published_when_it_is_whole(anna):
    content = os.urandom(600_000)
    location = await created(anna, len(content))
    assert location.startswith("/api/v1/uploads/")
    first = await patched(anna, location, 0, content[:250_000])
    assert (first.status_code, first.headers["upload-offset"]) == (204, "250000")
    assert "upload-expires" in first.headers
    assert (await anna.get("/api/v1/content/in/t.bin")).status_code == 404
    head = await anna.head(location, headers=V)
    assert (head.headers["upload-offset"], head.headers["upload-length"]) == ("250000", "600000")
    assert head.headers["upload-metadata"] == metadata()["Upload-Metadata"]
    assert head.headers["cache-control"] == "no-store"
    last = await patched(anna, location, 250_000, content[250_000:])
    assert (last.status_code, last.headers["upload-offset"]) == (204, "600000")
    got = await anna.get("/api/v1/content/in/t.bin")
    assert got.content == content
    assert got.headers["etag"] == f'"{last.headers["sealane-version"]}"'
    assert await offset_of(anna, location) == 600_000


async def test_an_upload_in_one_request_has_its_digest_at_once(anna):
    content = os.urandom(100_000)
    answer = await anna.post(UPLOADS, headers=BODY | metadata() | {"Upload-Length": "100000"}, content=content)
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, "100000")
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    assert answer.headers["repr-digest"] == f"sha-256=:{digest}:"
    assert (await anna.get("/api/v1/content/in/t.bin")).content == content


async def test_creation_may_bring_the_first_part_only(anna):
    answer = await anna.post(UPLOADS, headers=BODY | metadata() | {"Upload-Length": "10"}, content=b"12345")
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, "5")
    assert (await patched(anna, answer.headers["location"], 5, b"67890")).status_code == 204
    assert (await anna.get("/api/v1/content/in/t.bin")).content == b"1234567890"


async def test_an_empty_file_is_whole_when_it_is_created(anna):
    location = await created(anna, 0)
    assert (await anna.get("/api/v1/content/in/t.bin")).content == b""
    assert await offset_of(anna, location) == 0


async def test_another_version_of_the_protocol_is_refused_and_told_ours(anna):
    location = await created(anna, 10)
    for method, address in (("POST", UPLOADS), ("HEAD", location), ("PATCH", location), ("DELETE", location)):
        for version in ({}, {"Tus-Resumable": "0.2.2"}):
            answer = await anna.request(method, address, headers=version)
            assert answer.status_code == 412
            assert answer.headers["tus-version"] == "1.0.0"


async def test_a_wrong_offset_is_refused_and_nothing_is_kept(anna):
    location = await created(anna, 10)
    await patched(anna, location, 0, b"12345")
    for offset in (0, 4, 6, 10, 11, 10**17):
        answer = await patched(anna, location, offset, b"x")
        assert answer.status_code in {409, 413}
    assert code(await patched(anna, location, 4, b"x")) == "offset-conflict"
    for malformed in ("-1", "5.0", "five", "", "1" * 19):
        assert (
            code(await anna.patch(location, headers=BODY | {"Upload-Offset": malformed}, content=b"x"))
            == "header-invalid"
        )
    assert code(await anna.patch(location, headers=BODY, content=b"x")) == "header-invalid"
    assert await offset_of(anna, location) == 5


async def test_a_body_beyond_the_end_is_refused_before_it_is_read(anna):
    location = await created(anna, 10)
    answer = await patched(anna, location, 0, b"x" * 11)
    assert (answer.status_code, code(answer)) == (413, "too-large")
    assert await offset_of(anna, location) == 0


async def test_a_chunked_body_beyond_the_end_keeps_nothing_and_publishes_nothing(anna):
    location = await created(anna, 10)

    async def long():
        yield b"1234567890"
        yield b"and more"

    answer = await patched(anna, location, 0, long())
    assert (answer.status_code, code(answer)) == (413, "too-large")
    assert await offset_of(anna, location) == 0
    assert (await anna.get("/api/v1/content/in/t.bin")).status_code == 404


async def test_the_body_must_be_of_the_protocols_media_type(anna):
    location = await created(anna, 10)
    headers = V | {"Upload-Offset": "0", "Content-Type": "application/octet-stream"}
    answer = await anna.patch(location, headers=headers, content=b"x")
    assert (answer.status_code, code(answer)) == (415, "media-type-unsupported")
    answer = await anna.post(
        UPLOADS, headers=V | metadata() | {"Upload-Length": "1", "Content-Type": "text/plain"}, content=b"x"
    )
    assert answer.status_code == 415


async def test_an_upload_that_is_finished_takes_nothing_more(anna):
    location = await created(anna, 3)
    await patched(anna, location, 0, b"abc")
    assert (await patched(anna, location, 3, b"")).headers["upload-offset"] == "3"
    assert (await patched(anna, location, 3, b"d")).status_code == 413
    assert code(await patched(anna, location, 0, b"abc")) == "offset-conflict"
    assert (await anna.get("/api/v1/content/in/t.bin")).content == b"abc"


async def test_an_unknown_upload_and_somebody_elses_answer_alike(door, anna):
    location = await created(anna, 10)
    async with door.client("bert@clinic") as bert:
        for method, headers in (("HEAD", V), ("PATCH", BODY | {"Upload-Offset": "0"}), ("DELETE", V)):
            theirs = await bert.request(method, location, headers=headers)
            unknown = await bert.request(method, f"{UPLOADS}/abcdefghijkmnpqrstuvwxyz23", headers=headers)
            odd = await bert.request(method, f"{UPLOADS}/{'x' * 200}", headers=headers)
            assert theirs.status_code == unknown.status_code == odd.status_code == 404
            assert theirs.content == unknown.content == odd.content
    assert await offset_of(anna, location) == 0


async def test_methods_can_be_overridden_for_clients_behind_narrow_proxies(anna):
    location = await created(anna, 3)
    headers = BODY | {"Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert (await anna.post(location, headers=headers, content=b"abc")).status_code == 204
    assert (await anna.get(location, headers=V)).status_code == 405
    answer = await anna.post(location, headers=V | {"X-HTTP-Method-Override": "PURGE"})
    assert answer.status_code == 405
    assert "PATCH" in answer.headers["allow"]


# --- Creation --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lengths",
    [{}, {"Upload-Length": "-1"}, {"Upload-Length": "x"}, {"Upload-Length": "5", "Upload-Defer-Length": "1"},
     {"Upload-Defer-Length": "2"}, {"Upload-Defer-Length": ""}],
)  # fmt: skip
async def test_a_new_upload_declares_its_length_once(anna, lengths):
    answer = await anna.post(UPLOADS, headers=V | metadata() | lengths)
    assert (answer.status_code, code(answer)) == (400, "header-invalid")


async def test_a_length_beyond_the_limit_is_refused(door, anna):
    limit = door.door.settings.file_bytes_max
    answer = await anna.post(UPLOADS, headers=V | metadata() | {"Upload-Length": str(limit + 1)})
    assert (answer.status_code, code(answer)) == (413, "too-large")
    assert (await anna.post(UPLOADS, headers=V | metadata() | {"Upload-Length": str(limit)})).status_code == 201


@pytest.mark.parametrize("path", ["/in/../private/x", "/in/a\0b", "/in//x", "../x", "/in/" + "n" * 300, "/in/a\\b"])
async def test_a_bad_path_is_refused(anna, path):
    answer = await anna.post(UPLOADS, headers=V | metadata(path) | {"Upload-Length": "1"})
    assert (answer.status_code, code(answer)) == (400, "path-invalid")


async def test_a_path_that_is_no_utf8_or_missing_is_refused(anna):
    overlong = base64.b64encode(b"/in/\xc0\xae\xc0\xae/x").decode()
    answer = await anna.post(UPLOADS, headers=V | {"Upload-Metadata": f"path {overlong}", "Upload-Length": "1"})
    assert code(answer) == "path-invalid"
    answer = await anna.post(UPLOADS, headers=V | {"Upload-Metadata": "filename QQ==", "Upload-Length": "1"})
    assert code(answer) == "header-invalid"


async def test_a_file_name_completes_a_folders_path_and_mtime_is_kept(anna):
    said = metadata("/in/", filename="ä.bin", mtime="1767225600")
    answer = await anna.post(UPLOADS, headers=BODY | said | {"Upload-Length": "1"}, content=b"x")
    assert answer.status_code == 201, answer.text
    head = await anna.head("/api/v1/content/in/%C3%A4.bin")
    assert head.headers["last-modified"] == "Thu, 01 Jan 2026 00:00:00 GMT"


async def test_a_deferred_length_is_told_with_a_later_part(anna):
    location = await created(anna, None)
    head = await anna.head(location, headers=V)
    assert head.headers["upload-defer-length"] == "1"
    assert "upload-length" not in head.headers
    assert (await patched(anna, location, 0, b"12345")).status_code == 204
    assert (await anna.get("/api/v1/content/in/t.bin")).status_code == 404
    assert (await patched(anna, location, 5, b"67", **{"Upload-Length": "8"})).status_code == 204
    assert (await anna.head(location, headers=V)).headers["upload-length"] == "8"
    assert (await patched(anna, location, 7, b"8", **{"Upload-Length": "9"})).status_code == 400
    assert (await patched(anna, location, 7, b"8")).status_code == 204
    assert (await anna.get("/api/v1/content/in/t.bin")).content == b"12345678"


async def test_a_deferred_length_may_turn_out_to_be_what_came_already(anna):
    location = await created(anna, None)
    await patched(anna, location, 0, b"12345")
    assert (await patched(anna, location, 5, b"", **{"Upload-Length": "5"})).headers["upload-offset"] == "5"
    assert (await anna.get("/api/v1/content/in/t.bin")).content == b"12345"


# --- Checksum --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
async def test_of_a_body_with_a_wrong_checksum_nothing_is_kept(anna, algorithm):
    content = os.urandom(400_000)
    location = await created(anna, len(content))
    assert (await patched(anna, location, 0, content[:1000], **checksum(algorithm, content[:1000]))).status_code == 204
    wrong = await patched(anna, location, 1000, content[1000:], **checksum(algorithm, b"something else"))
    assert (wrong.status_code, code(wrong)) == (460, "checksum-mismatch")
    assert await offset_of(anna, location) == 1000
    right = await patched(anna, location, 1000, content[1000:], **checksum(algorithm, content[1000:]))
    assert right.status_code == 204
    assert (await anna.get("/api/v1/content/in/t.bin")).content == content


async def test_a_creation_whose_body_is_refused_says_where_what_came_is_kept(anna, door):
    door.house.keeper.admin(SetFolderQuota("clinic:/in", quota_bytes=3_000_000))
    content = os.urandom(4_000_000)

    async def pieces():
        for at in range(0, len(content), 500_000):
            yield content[at : at + 500_000]

    said = BODY | metadata() | {"Upload-Defer-Length": "1"}
    answer = await anna.post(UPLOADS, headers=said, content=pieces())
    assert (answer.status_code, code(answer)) == (413, "quota-exceeded")
    location, stands = answer.headers["location"], int(answer.headers["upload-offset"])
    assert stands == await offset_of(anna, location)
    door.house.keeper.admin(SetFolderQuota("clinic:/in", quota_bytes=0))
    last = {"Upload-Length": str(len(content))}
    assert (await patched(anna, location, stands, content[stands:], **last)).status_code == 204
    assert (await anna.get("/api/v1/content/in/t.bin")).content == content


@pytest.mark.parametrize(
    "rest", [b"Content-Length: 50\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n"]
)
async def test_a_creation_whose_body_breaks_off_is_told_where_it_goes_on(door, anna, rest):
    said = BODY | metadata() | {"Upload-Length": "50", "Authorization": f"Bearer {door.house.token()}", "Host": "x"}
    head = f"POST {UPLOADS} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in said.items())
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(head.encode() + rest)
    writer.write_eof()
    answer = (await asyncio.wait_for(reader.read(), 60)).decode()
    writer.close()
    assert answer.startswith("HTTP/1.1 400 ")
    lines = dict(line.split(": ", 1) for line in answer.split("\r\n") if ": " in line)
    stands = int(lines["upload-offset"])
    assert stands == await offset_of(anna, lines["location"])
    content = b"hello" + bytes(45)
    assert (await patched(anna, lines["location"], stands, content[stands:])).status_code == 204
    assert (await anna.get("/api/v1/content/in/t.bin")).content == content


async def test_a_creation_whose_checksum_is_wrong_says_where_to_send_it_again(anna):
    content = b"0123456789"
    said = BODY | metadata() | {"Upload-Length": "10"} | checksum("sha256", b"something else")
    answer = await anna.post(UPLOADS, headers=said, content=content)
    assert (answer.status_code, code(answer), answer.headers["upload-offset"]) == (460, "checksum-mismatch", "0")
    assert (await patched(anna, answer.headers["location"], 0, content)).status_code == 204
    assert (await anna.get("/api/v1/content/in/t.bin")).content == content


async def test_an_unknown_checksum_is_refused(anna):
    location = await created(anna, 1)
    for wrong in ("md5 rL0Y20zC+Fzt72VPzMSk2A==", "sha1 QQ==", "sha1"):
        answer = await patched(anna, location, 0, b"x", **{"Upload-Checksum": wrong})
        assert (answer.status_code, code(answer)) == (400, "header-invalid")
    assert await offset_of(anna, location) == 0


# --- Termination, expiration -----------------------------------------------------------------------------------------


async def test_a_terminated_upload_is_gone(anna):
    location = await created(anna, 10)
    await patched(anna, location, 0, b"12345")
    answer = await anna.delete(location, headers=V)
    assert (answer.status_code, answer.headers["tus-resumable"]) == (204, "1.0.0")
    assert (await anna.head(location, headers=V)).status_code == 404
    assert (await patched(anna, location, 5, b"x")).status_code == 404


async def test_an_upload_is_gone_when_its_time_is_over(house):
    clock = ManualClock(datetime(2026, 11, 22, tzinfo=UTC))
    house.keeper.clock = clock
    house.keeper.restart()
    async with house.open() as door, door.client() as anna:
        location = await created(anna, 10)
        head = await anna.head(location, headers=V)
        assert head.headers["upload-expires"] == "Sun, 29 Nov 2026 00:00:00 GMT"
        clock.advance(datetime(2026, 11, 30, tzinfo=UTC) - clock.now())
        assert (await anna.head(location, headers=V)).status_code == 404


# --- Concatenation ---------------------------------------------------------------------------------------------------


async def part(client, content: bytes) -> str:
    headers = BODY | {"Upload-Concat": "partial", "Upload-Length": str(len(content))}
    answer = await client.post(UPLOADS, headers=headers, content=content)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


async def test_parts_sent_side_by_side_are_joined_in_the_order_that_is_asked(anna):
    contents = [os.urandom(300_000) for _ in range(3)]
    locations = await asyncio.gather(*(part(anna, content) for content in contents))
    head = await anna.head(locations[0], headers=V)
    assert head.headers["upload-concat"] == "partial"
    concat = f"final;{locations[2]} {locations[0]} {locations[1]}"
    whole = await anna.post(UPLOADS, headers=V | metadata() | {"Upload-Concat": concat})
    assert whole.status_code == 201, whole.text
    assert (await anna.get("/api/v1/content/in/t.bin")).content == contents[2] + contents[0] + contents[1]
    head = await anna.head(whole.headers["location"], headers=V)
    assert head.headers["upload-concat"] == concat
    assert head.headers["upload-metadata"] == metadata()["Upload-Metadata"]
    assert head.headers["upload-offset"] == head.headers["upload-length"] == "900000"
    refused = await patched(anna, whole.headers["location"], 900_000, b"")
    assert (refused.status_code, code(refused)) == (403, "upload-joined")


async def test_parts_that_are_not_whole_or_not_parts_are_not_joined(anna):
    headers = V | {"Upload-Concat": "partial", "Upload-Length": "10"}
    unfinished = (await anna.post(UPLOADS, headers=headers)).headers["location"]
    answer = await anna.post(UPLOADS, headers=V | metadata() | {"Upload-Concat": f"final;{unfinished}"})
    assert (answer.status_code, code(answer)) == (409, "upload-unfinished")
    ordinary = await created(anna, 0, "/in/other")
    answer = await anna.post(UPLOADS, headers=V | metadata() | {"Upload-Concat": f"final;{ordinary}"})
    assert (answer.status_code, code(answer)) == (400, "invalid")
    answer = await anna.post(UPLOADS, headers=V | metadata() | {"Upload-Concat": f"final;{UPLOADS}/unknown"})
    assert (answer.status_code, code(answer)) == (404, "upload-missing")
    for wrong in ("final;", "whole", f"final;{UPLOADS}"):
        answer = await anna.post(UPLOADS, headers=V | metadata() | {"Upload-Concat": wrong})
        assert (answer.status_code, code(answer)) == (400, "header-invalid")
    one = await part(anna, b"x")
    concat = {"Upload-Concat": f"final;{one}"}
    assert (await anna.post(UPLOADS, headers=V | metadata() | concat | {"Upload-Length": "1"})).status_code == 400
    assert (await anna.post(UPLOADS, headers=BODY | metadata() | concat, content=b"y")).status_code == 403
    assert (await anna.get("/api/v1/content/in/t.bin")).status_code == 404


async def test_a_part_of_a_whole_that_has_no_room_is_refused_before_its_first_byte(door, anna):
    door.house.keeper.admin(SetFolderQuota("clinic:/in", quota_bytes=1000))
    for length, more in (("1001", {}), ("10", {"whole-length": "1001"}), ("10", {"plaintext-length": "1001"})):
        headers = V | metadata(**more) | {"Upload-Concat": "partial", "Upload-Length": length}
        answer = await anna.post(UPLOADS, headers=headers)
        assert (answer.status_code, code(answer)) == (413, "quota-exceeded")
    headers = V | metadata(**{"whole-length": "-1"}) | {"Upload-Concat": "partial", "Upload-Length": "10"}
    assert code(await anna.post(UPLOADS, headers=headers)) == "header-invalid"
    headers = BODY | metadata(**{"whole-length": "1000"}) | {"Upload-Concat": "partial", "Upload-Length": "500"}
    parts = [await anna.post(UPLOADS, headers=headers, content=letter * 500) for letter in (b"a", b"b")]
    concat = "final;" + " ".join(answer.headers["location"] for answer in parts)
    whole = await anna.post(UPLOADS, headers=V | metadata() | {"Upload-Concat": concat})
    assert whole.status_code == 201, whole.text
    assert (await anna.get("/api/v1/content/in/t.bin")).content == b"a" * 500 + b"b" * 500


async def test_a_part_is_joined_nowhere_but_in_the_organization_that_it_is_for(door, anna):
    door.house.keeper.admin(GrantFolder("clinic:/in", "ines@insurer", ("list", "write")))
    door.house.keeper.admin(AddFolder("insurer:/own"))
    door.house.keeper.admin(GrantFolder("insurer:/own", "ines@insurer", ("list", "read", "write")))
    async with door.client("ines@insurer") as ines:
        headers = BODY | metadata("/@clinic/in/x") | {"Upload-Concat": "partial", "Upload-Length": "1"}
        theirs = (await ines.post(UPLOADS, headers=headers, content=b"x")).headers["location"]
        concat = {"Upload-Concat": f"final;{theirs}"}
        answer = await ines.post(UPLOADS, headers=V | metadata("/own/x") | concat)
        assert (answer.status_code, code(answer)) == (409, "part-elsewhere")
        assert (await ines.post(UPLOADS, headers=V | metadata("/@clinic/in/x") | concat)).status_code == 201


async def test_somebody_elses_parts_are_not_there_to_join(door, anna):
    theirs = await part(anna, b"secret")
    door.house.keeper.admin(GrantFolder("clinic:/in", "ines@insurer", ("list", "write")))
    async with door.client("ines@insurer") as ines:
        answer = await ines.post(UPLOADS, headers=V | metadata("/@clinic/in/x") | {"Upload-Concat": f"final;{theirs}"})
        assert answer.status_code == 404


# --- Breaks ----------------------------------------------------------------------------------------------------------


async def sent_and_cut(door, location: str, offset: int, declared: int, content: bytes) -> None:
    """Send a part of a body and break the connection."""
    head = (
        f"PATCH {location} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {door.house.token()}\r\n"
        f"Tus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\n"
        f"Upload-Offset: {offset}\r\nContent-Length: {declared}\r\n\r\n"
    )
    await door.raw(head.encode() + content, cut=True)


async def stands_at(client, location: str, least: int) -> int:
    """Wait until the interrupted request has let go of the upload."""
    async with asyncio.timeout(20):
        while True:
            answer = await patched(client, location, await offset_of(client, location), b"")
            if answer.status_code == 204 and int(answer.headers["upload-offset"]) >= least:
                return int(answer.headers["upload-offset"])
            await asyncio.sleep(0.01)


async def test_what_came_before_a_break_is_kept_and_the_rest_is_sent_from_there(door, anna):
    content = os.urandom(1_000_000)
    location = await created(anna, len(content))
    await sent_and_cut(door, location, 0, len(content), content[:600_000])
    offset = await stands_at(anna, location, 600_000)
    assert offset == 600_000
    assert (await patched(anna, location, offset, content[offset:])).status_code == 204
    assert (await anna.get("/api/v1/content/in/t.bin")).content == content


async def test_an_interrupted_upload_goes_on_at_another_worker(house):
    content = os.urandom(500_000)
    async with house.open() as one, house.open() as other, other.client() as anna:
        async with one.client() as first:
            location = await created(first, len(content))
        await sent_and_cut(one, location, 0, len(content), content[:300_000])
        offset = await stands_at(anna, location, 300_000)
        assert (await patched(anna, location, offset, content[offset:])).status_code == 204
        assert (await anna.get("/api/v1/content/in/t.bin")).content == content


async def test_two_requests_do_not_write_one_upload_at_once(anna):
    location = await created(anna, 10)
    going_on = asyncio.Event()
    began = asyncio.Event()

    async def slow():
        yield b"12345"
        began.set()
        await going_on.wait()
        yield b"67890"

    first = asyncio.create_task(patched(anna, location, 0, slow(), **{"Content-Length": "10"}))
    await began.wait()
    async with asyncio.timeout(20):
        while (second := await patched(anna, location, 0, b"x")).status_code != 423:
            assert second.status_code == 204  # it came first: then the slow one is the refused one
            await asyncio.sleep(0.01)
    assert code(second) == "upload-busy"
    assert "retry-after" in second.headers
    going_on.set()
    assert (await first).status_code == 204
    assert (await anna.get("/api/v1/content/in/t.bin")).content == b"1234567890"


async def test_a_body_that_stops_is_ended_and_what_came_is_kept(house):
    async with house.open(body_idle_seconds=1) as door, door.client() as anna:
        location = await created(anna, 1000)
        head = (
            f"PATCH {location} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {house.token()}\r\n"
            "Tus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\n"
            "Upload-Offset: 0\r\nContent-Length: 1000\r\n\r\n"
        )
        answer = await door.raw(head.encode() + b"12345")
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert await offset_of(anna, location) == 5


async def test_a_creation_whose_body_stops_says_what_was_kept(house):
    async with house.open(body_idle_seconds=1) as door, door.client() as anna:
        head = (
            f"POST {UPLOADS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {house.token()}\r\n"
            "Tus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\n"
            f"Upload-Metadata: {metadata()['Upload-Metadata']}\r\nUpload-Length: 1000\r\nContent-Length: 1000\r\n\r\n"
        )
        answer = (await door.raw(head.encode() + b"12345")).decode().lower()
        assert answer.startswith("http/1.1 201 ")
        assert "upload-offset: 5\r\n" in answer
        location = answer.partition("location: ")[2].partition("\r\n")[0]
        assert await offset_of(anna, location) == 5


async def test_a_worker_that_is_stopped_keeps_what_came(house):
    content = os.urandom(700_000)
    async with house.open(drain_seconds=0) as one, house.open() as other, other.client() as anna:
        location = await created(anna, len(content))
        reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
        head = (
            f"PATCH {location} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {house.token()}\r\n"
            "Tus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\n"
            f"Upload-Offset: 0\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        writer.write(head.encode() + content[:500_000])
        await writer.drain()
        async with asyncio.timeout(20):
            while not one.door.plane.slots_lent:  # noqa: ASYNC110  # until bytes of it have come; nothing tells of it
                await asyncio.sleep(0.01)
        one.stop.set()
        answer = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        assert answer.startswith(b"HTTP/1.1 503 ")
        offset = await stands_at(anna, location, 0)
        assert 0 <= offset <= 500_000
        assert (await patched(anna, location, offset, content[offset:])).status_code == 204
        assert (await anna.get("/api/v1/content/in/t.bin")).content == content


async def test_an_upload_that_was_whole_but_not_published_is_published_by_asking(house):
    """A crash between the last record and the end: the client would take the full offset for success."""
    house.settings = dataclasses.replace(house.settings, inline_bytes_max=0)
    async with house.open(segment_bytes_max=256 * KIB) as door, door.client() as anna:
        content = os.urandom(512 * KIB)
        location = await created(anna, len(content))
        asking = door.door.asker
        asked = asking.ask

        async def cut(operation):
            if type(operation).__name__ == "FinishUpload":
                raise ConnectionError
            return await asked(operation)

        asking.ask = cut
        assert (await patched(anna, location, 0, content)).status_code == 500
        asking.ask = asked
        assert (await anna.get("/api/v1/content/in/t.bin")).status_code == 404
        head = await anna.head(location, headers=V)
        assert (head.status_code, head.headers["upload-offset"]) == (200, str(len(content)))
        assert (await anna.get("/api/v1/content/in/t.bin")).content == content
