"""What every request meets: refusals before any route, tokens and their sessions, problem documents, the REST API."""

import asyncio
import hashlib
import json
import os
import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from sealane.clock import ManualClock
from sealane.doors.http.schemas import Listing, ReceiptFor
from sealane.errors import NotSignedIn, OutcomeUnknown, SealaneError, StoreFull
from sealane.operations.accounts import AddToken, DisableUser, RevokeToken
from sealane.operations.signing import SignedIn, SignInWithToken
from tests.doors.http.conftest import House

pytestmark = pytest.mark.slow  # each test opens a whole keeper; together they take longer than make check may


A = "/api/v1/content/in/a.bin"


def code(response) -> str:
    assert response.headers["content-type"] == "application/problem+json", response.text
    told = response.json()
    assert told["status"] == response.status_code
    return told["code"]


def head_of(*lines: str, method: str = "GET", target: str = "/api/v1/me") -> bytes:
    return "\r\n".join((f"{method} {target} HTTP/1.1", "Host: x", "Connection: close", *lines, "", "")).encode(
        "latin-1"
    )


# --- Before any route ------------------------------------------------------------------------------------------------


SPELLINGS = (
    *("..", "%2e%2e", "%2E.", "..%2f..", "%2e%2e%2f", "%252e%252e%2f", "a%2fb", "a%5cb", "..%5c"),
    *("%c0%ae%c0%ae", "%e0%80%ae", "a%00b", "%zz", "%", "a//b", "%0d%0a", "%ff", "n" * 300, "%c3%bc" * 150),
)


@pytest.mark.parametrize("route", ["content", "folders", "receipts", "uploads", "nothing"])
async def test_a_bad_path_is_refused_alike_on_every_route(door, route):
    token = door.house.token()
    for spelling in SPELLINGS:
        answer = await door.raw(head_of(f"Authorization: Bearer {token}", target=f"/api/v1/{route}/in/{spelling}/x"))
        assert answer.startswith(b"HTTP/1.1 400 "), (spelling, answer)
        assert b'"code": "path-invalid"' in answer


async def test_an_encoded_prefix_is_not_taken_for_the_route(anna):
    await anna.put(A, content=b"x")
    assert (await anna.get("/api/v1/content%2Fin/a.bin")).status_code == 400
    assert (await anna.get("/api/v1/c%6fntent/in/a.bin")).status_code == 404


async def test_a_name_with_an_encoded_percent_is_decoded_once(anna):
    assert (await anna.put("/api/v1/content/in/a%252fb", content=b"x")).status_code == 201
    assert [entry["name"] for entry in (await anna.get("/api/v1/folders/in")).json()["entries"]] == ["a%2fb"]


@pytest.mark.parametrize(
    "header", ["Authorization: Bearer x", "Range: bytes=0-1", "If-Match: *", "Content-Type: a/b", "Upload-Offset: 1"]
)
async def test_a_header_that_is_read_may_be_there_once(door, header):
    answer = await door.raw(head_of(header, header))
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert b"header-invalid" in answer


async def test_lengths_that_contradict_each_other_are_refused(door):
    for lines in (
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: -1",),
        ("Content-Length: 5, 5", "Content-Length: 5"),
    ):
        answer = await door.raw(head_of(*lines, method="PUT", target=A) + b"0\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400 "), (lines, answer)


async def test_a_chunked_body_is_read_by_its_chunks_whatever_length_is_said_beside_it(door, anna):
    """RFC 9112, 6.3: the length is void, and the connection is closed, so that nothing can hide behind it."""
    said = (f"Authorization: Bearer {door.house.token()}", "Content-Length: 3", "Transfer-Encoding: chunked")
    hidden = b"DELETE /api/v1/content/in/a.bin HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = await door.raw(head_of(*said, method="PUT", target=A) + b"5\r\nabcde\r\n0\r\n\r\n" + hidden)
    assert answer.startswith(b"HTTP/1.1 201 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert (await anna.get(A)).content == b"abcde"


async def test_headers_larger_than_the_limit_are_refused(house):
    async with house.open(header_bytes_max=8192) as door:
        room = 8192 - len("/api/v1/mehostxconnectionclosex-y")
        answer = await door.raw(head_of(f"X-Y: {'y' * room}"))
        assert answer.startswith(b"HTTP/1.1 401 ")
        answer = await door.raw(head_of(f"X-Y: {'y' * (room + 1)}"))
        assert answer.startswith(b"HTTP/1.1 431 ")


async def test_headers_that_speak_for_others_change_nothing(door):
    token = f"Authorization: Bearer {door.house.token()}"
    spoofed = [
        f"{name}: 10.9.8.7"
        for name in ("X-Forwarded-For", "X-Real-IP", "X-Forwarded-Host", "X-Original-URL", "Forwarded")
    ]
    answer = await door.raw(head_of(token, *spoofed, "X-HTTP-Method-Override: DELETE"))
    assert answer.startswith(b"HTTP/1.1 200 ")
    (session,) = door.door.sessions._open.values()
    assert session.key[1] == "127.0.0.1"
    said = ("Tus-Resumable: 1.0.0", "Upload-Length: 1", "Upload-Metadata: path L2luL3g=")
    request = head_of(token, *spoofed, *said, method="POST", target="/api/v1/uploads")
    answer = await door.raw(request.replace(b"Host: x", b"Host: 10.9.8.7"))
    assert b"10.9.8.7" not in answer
    assert b"location: /api/v1/uploads/" in answer.lower()


async def test_a_public_url_begins_the_addresses_of_uploads(house):
    async with house.open(public_url="https://files.example.org") as door, door.client() as anna:
        said = {"Tus-Resumable": "1.0.0", "Upload-Length": "1", "Upload-Metadata": "path L2luL3g="}
        answer = await anna.post("/api/v1/uploads", headers=said)
        assert answer.headers["location"].startswith("https://files.example.org/api/v1/uploads/")


async def test_addresses_that_are_not_there_and_methods_that_are_not_taken(anna):
    for address in ("/", "/api/v1", "/api/v1/nothing", "/docs", "/openapi.json", "/metrics", "/api/v2/me"):
        answer = await anna.get(address)
        assert (answer.status_code, code(answer)) == (404, "route-missing"), address
    answer = await anna.patch("/api/v1/folders/in")
    assert (answer.status_code, code(answer)) == (405, "method-not-allowed")
    assert answer.headers["allow"] == "DELETE, GET, POST"
    answer = await anna.post(A)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, PUT, DELETE, OPTIONS")
    answer = await anna.options(A)
    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, PUT, DELETE, OPTIONS")


async def test_what_fails_unexpectedly_is_answered_by_a_reference_and_nothing_else(door, anna, caplog):
    async def broken(operation):
        raise ZeroDivisionError("the secret inside")

    asked, door.door.asker.ask = door.door.asker.ask, broken
    for answer in (await anna.get(A), await anna.get("/api/v1/me"), await anna.get("/api/v1/folders/in")):
        assert (answer.status_code, code(answer)) == (500, "internal")
        assert "secret" not in answer.text
        assert answer.json()["reference"] in caplog.text
    door.door.asker.ask = asked


async def test_a_full_store_is_said_clearly_and_hurts_no_other_transfer(door, anna):
    await anna.put(A, content=b"x" * 500_000)
    create = door.house.store.create

    def full(name):
        raise StoreFull

    door.house.store.create = full
    refused = await anna.put("/api/v1/content/in/b", content=b"y" * 500_000)
    assert (refused.status_code, code(refused)) == (507, "store-full")
    assert len((await anna.get(A)).content) == 500_000
    door.house.store.create = create
    assert (await anna.put("/api/v1/content/in/b", content=b"y" * 500_000)).status_code == 201


async def test_a_removal_that_may_have_been_done_is_said_so_and_nobody_is_invited_to_repeat_it(door, anna):
    async def unknown(operation):
        raise OutcomeUnknown

    asked, door.door.asker.ask = door.door.asker.ask, unknown
    answer = await anna.delete(A)
    door.door.asker.ask = asked
    assert (answer.status_code, code(answer)) == (503, "outcome-unknown")
    assert "may or may not have been done" in answer.json()["detail"]
    assert "retry-after" not in answer.headers


# --- Tokens and sessions ---------------------------------------------------------------------------------------------


async def test_without_a_good_token_every_route_answers_alike(door):
    known = ("/api/v1/me", A, "/api/v1/folders/in", "/api/v1/receipts/in/a.bin")
    async with httpx.AsyncClient(base_url=door.url, trust_env=False, verify=False) as stranger:
        for address in known:
            answer = await stranger.get(address)
            assert (answer.status_code, code(answer)) == (401, "token-missing")
            assert answer.headers["www-authenticate"].startswith("Bearer")
            basic = await stranger.get(address, headers={"Authorization": "Basic YTpi"})
            assert (basic.status_code, code(basic)) == (401, "token-missing")
        answers = set()
        good = door.house.token()
        for token in (
            "wrong",
            good[:-1],
            good[:-1] + ("a" if good[-1] != "a" else "b"),
            good + "a",
            "x" * 600,
            "é",
        ):
            for address in known:
                raw = b"Bearer " + token.encode()
                answer = await stranger.get(address, headers={b"Authorization": raw})
                answers.add((answer.status_code, answer.content))
        assert {status for status, _ in answers} <= {401, 429}
        assert len(answers) <= 2


async def test_a_token_that_expired_or_was_revoked_opens_nothing(house):
    clock = ManualClock(datetime(2026, 11, 22, tzinfo=UTC))
    house.keeper.clock = clock
    house.keeper.restart()
    expiring = house.token(expires=clock.now() + timedelta(hours=1))
    revoked = house.keeper.admin(AddToken(user="anna@clinic", scopes=("read",), expires=None))
    async with house.open() as door:
        async with door.client(token=expiring) as anna:
            assert (await anna.get("/api/v1/me")).json()["user"] == "anna@clinic"
            clock.advance(timedelta(hours=1, seconds=1))
            for _ in range(house.settings.sign_in_range_failures_max):
                with pytest.raises(NotSignedIn):
                    await door.door.asker.ask(SignInWithToken(token="wrong", address="127.0.0.1", door="http"))
            answer = await anna.get("/api/v1/me")
            assert (answer.status_code, code(answer)) == (401, "not-signed-in")
            assert answer.json()["detail"] == "This token has expired. Ask your administrator for a new one."
        async with door.client(token="wrong") as stranger:
            answer = await stranger.get("/api/v1/me")
            assert (answer.status_code, code(answer)) == (429, "locked")
            assert answer.headers["retry-after"] == str(house.settings.sign_in_lock_seconds)
        async with door.client(token=revoked.token) as anna:
            assert (await anna.get("/api/v1/me")).status_code == 200
            house.keeper.admin(RevokeToken(user="anna@clinic", name=revoked.name))
            answer = await anna.get("/api/v1/me")
            assert (answer.status_code, code(answer)) == (401, "not-signed-in")
            assert answer.json()["detail"] == "This token was revoked. Ask your administrator for a new one."


async def test_a_token_is_shown_to_the_keeper_once_and_its_session_is_shared(door, anna):
    asked = []
    ask = door.door.asker.ask

    async def counting(operation):
        asked.append(type(operation).__name__)
        return await ask(operation)

    door.door.asker.ask = counting
    await asyncio.gather(*(anna.get("/api/v1/me") for _ in range(20)))
    assert asked == ["SignInWithToken"]


async def test_an_upload_that_outlasts_its_session_goes_on_in_the_next(tmp_path, furnished):
    house = House(tmp_path / "data", furnished, token_session_seconds=1)
    async with house.open() as door, door.client() as anna:
        sessions = []
        ask = door.door.asker.ask

        async def watched(operation):
            answer = await ask(operation)
            if isinstance(answer, SignedIn):
                sessions.append(answer)
            return answer

        async def slow():
            yield b"x" * 300_000
            async with asyncio.timeout(20):
                while len(sessions) < 3 or house.keeper.clock.now() < sessions[0].expires:  # noqa: ASYNC110  # time itself
                    await asyncio.sleep(0.02)
            yield b"y"

        door.door.asker.ask = watched
        assert (await anna.put(A, content=slow())).status_code == 201
        assert len({signed.session for signed in sessions}) == len(sessions) >= 3
        assert (await anna.get(A)).content == b"x" * 300_000 + b"y"
    house.close()


async def test_disabling_a_user_ends_what_they_are_sending_at_once(door, anna):
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    head = head_of(f"Authorization: Bearer {door.house.token()}", "Content-Length: 900000", method="PUT", target=A)
    writer.write(head + b"x" * 300_000)
    async with asyncio.timeout(20):
        while not door.door.plane.slots_lent:  # noqa: ASYNC110  # until bytes of it have come; nothing tells of it
            await asyncio.sleep(0.01)
    before = asyncio.get_running_loop().time()
    door.house.keeper.admin(DisableUser(user="anna@clinic"))
    status = await asyncio.wait_for(reader.readuntil(b"\r\n"), 20)
    assert asyncio.get_running_loop().time() - before < 2
    assert status.startswith(b"HTTP/1.1 401 ")
    assert b"session-ended" in await asyncio.wait_for(reader.read(), 20)
    writer.close()
    assert (await anna.get("/api/v1/me")).status_code == 401


async def test_disabling_a_user_ends_what_they_are_fetching_at_once(door, anna):
    content = os.urandom(30_000_000)
    await anna.put(A, content=content)
    token = door.house.token()
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(head_of(f"Authorization: Bearer {token}", target=A))
    await reader.readuntil(b"\r\n\r\n")
    door.house.keeper.admin(DisableUser(user="anna@clinic"))
    rest = await asyncio.wait_for(reader.read(), 20)
    while piece := await asyncio.wait_for(reader.read(1 << 20), 20):
        rest += piece
    writer.close()
    assert len(rest) < len(content)


async def test_a_client_that_goes_away_is_not_sent_the_rest(door, anna):
    await anna.put(A, content=os.urandom(30_000_000))
    token = door.house.token()
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(head_of(f"Authorization: Bearer {token}", target=A))
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.abort()
    async with asyncio.timeout(20):
        while door.door.plane.slots_lent:  # noqa: ASYNC110  # until its buffers are back; nothing tells of it
            await asyncio.sleep(0.01)
    transfers = (await anna.get("/api/v1/receipts/in/a.bin")).json()["transfers"]
    assert [transfer["kind"] for transfer in transfers] == ["upload", "download"]
    assert transfers[1]["bytes"] < 30_000_000


# --- The REST API ----------------------------------------------------------------------------------------------------


async def test_folders_are_made_listed_in_pages_and_removed(anna):
    made = await anna.post("/api/v1/folders/in/sub")
    assert (made.status_code, made.json()["kind"]) == (201, "folder")
    for name in ("b", "a", "ö"):
        await anna.put(f"/api/v1/content/in/{name}", content=name.encode())
    first = Listing.model_validate((await anna.get("/api/v1/folders/in", params={"limit": 2})).json())
    assert [entry.name for entry in first.entries] == ["a", "b"]
    second = Listing.model_validate((await anna.get("/api/v1/folders/in/", params={"after": first.after})).json())
    assert [entry.name for entry in second.entries] == ["sub", "ö"]
    assert second.after == ""
    assert first.entries[0].sha256 == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    assert (await anna.delete("/api/v1/folders/in")).status_code in {403, 409}
    assert (await anna.delete("/api/v1/folders/in/sub")).status_code == 204
    answer = await anna.get("/api/v1/folders/in/sub")
    assert (answer.status_code, code(answer)) == (404, "missing")


async def test_the_root_is_listed_with_and_without_its_slash(anna):
    for address in ("/api/v1/folders", "/api/v1/folders/"):
        names = [entry["name"] for entry in (await anna.get(address)).json()["entries"]]
        assert names == ["in", "private"]


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1.5"])
async def test_a_page_of_an_odd_size_is_refused(anna, limit):
    answer = await anna.get("/api/v1/folders/in", params={"limit": limit})
    assert (answer.status_code, code(answer)) == (400, "invalid")


async def test_a_file_is_moved_and_replaces_only_when_asked(anna):
    await anna.put("/api/v1/content/in/a", content=b"a")
    await anna.put("/api/v1/content/private/b", content=b"b")
    refused = await anna.post("/api/v1/move", json={"source": "/in/a", "target": "/private/b"})
    assert (refused.status_code, code(refused)) == (409, "already-exists")
    moved = await anna.post("/api/v1/move", json={"source": "/in/a", "target": "/private/b", "replace": True})
    assert moved.status_code == 204
    assert (await anna.get("/api/v1/content/private/b")).content == b"a"
    assert (await anna.get("/api/v1/content/in/a")).status_code == 404


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b'{"source": 1, "target": "/a"}', b'{"source": "/a", "target": "/b", "more": 1}', b"\xff"],
)
async def test_a_malformed_move_is_refused(anna, body):
    answer = await anna.post("/api/v1/move", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, code(answer)) == (400, "invalid")


async def test_a_move_out_of_the_root_or_too_long_is_refused(anna):
    for source in ("/in/../private/x", "../x", "/in/a\\b"):
        answer = await anna.post("/api/v1/move", json={"source": source, "target": "/in/b"})
        assert (answer.status_code, code(answer)) == (400, "path-invalid")
    long = b'{"source": "' + b"a" * 70_000 + b'"}'
    answer = await anna.post("/api/v1/move", content=long, headers={"Content-Type": "application/json"})
    assert (answer.status_code, code(answer)) == (413, "too-large")
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    assert (await anna.post("/api/v1/move", content=b"--x--", headers=form)).status_code == 415


async def test_a_folder_is_not_a_file(anna):
    for method in ("GET", "PUT", "HEAD"):
        answer = await anna.request(method, "/api/v1/content/in")
        assert answer.status_code in {403, 409}, method
    await anna.put(A, content=b"x")
    assert (await anna.get("/api/v1/folders/in/a.bin")).status_code == 409


async def test_the_receipt_says_who_sent_and_who_fetched(door, anna):
    await anna.put(A, content=b"x")
    async with door.client("ines@insurer") as ines:
        await ines.get("/api/v1/content/@clinic/in/a.bin")
    told = ReceiptFor.model_validate((await anna.get("/api/v1/receipts/in/a.bin")).json())
    assert [(transfer.kind, transfer.user) for transfer in told.transfers] == [
        ("upload", "anna@clinic"),
        ("download", "ines@insurer"),
    ]
    assert all(transfer.door == "http" for transfer in told.transfers)


async def test_the_ledger_is_shown_to_auditors_as_far_as_it_is_theirs_and_proves(house, door, anna):
    """From level 0 tiles, the checkpoint's root; from the root, that the organization's entries are in it."""
    from sealane.ledger import checkpoints, notes, tree
    from sealane.operations.accounts import SetRole
    from sealane.operations.audit import Checkpoint

    await anna.put(A, content=b"x")
    refused = await anna.get("/api/v1/audit/entries")
    assert (refused.status_code, code(refused)) == (403, "not-allowed")
    house.keeper.admin(SetRole(user="bert@clinic", role="auditor"))
    house.keeper.admin(SetRole(user="ines@insurer", role="auditor"))
    missing = await anna.get("/api/v1/audit/checkpoint")
    assert missing.status_code == 404
    house.keeper.admin(Checkpoint())
    shown = await anna.get("/api/v1/audit/checkpoint")
    assert shown.headers["content-type"].startswith("text/plain")
    signed = checkpoints.parse(notes.parse(shown.text).text)
    notes.parse(shown.text).demand(notes.verifier_key(shown.headers["sealane-ledger-key"]))
    async with door.client("bert@clinic") as bert, door.client("ines@insurer") as ines:
        hashes = (await bert.get(f"/api/v1/audit/tile/0/000.p/{signed.size}")).content
        leaves = [hashes[at : at + 32] for at in range(0, len(hashes), 32)]
        frontier = tree.Frontier()
        for leaf in leaves:
            frontier.append(leaf)
        assert frontier.root() == signed.root
        ours = (await bert.get("/api/v1/audit/entries?limit=2000")).json()["entries"]
        theirs = (await ines.get("/api/v1/audit/entries?limit=2000")).json()["entries"]
        for entry in ours + theirs:
            if entry["seq"] <= signed.size:
                assert leaves[entry["seq"] - 1] == tree.leaf_of(entry["body"].encode())
        assert "upload_finished" in str(ours)
        assert "upload_finished" not in str(theirs)
        assert "a.bin" not in str(theirs)
        assert "signing_key_set" in str(theirs)
        pages = (await bert.get("/api/v1/audit/entries?limit=3")).json()
        assert [entry["seq"] for entry in pages["entries"]] == [entry["seq"] for entry in ours][:3]
        again = (await bert.get(f"/api/v1/audit/entries?limit=3&after={pages['after']}")).json()
        assert [entry["seq"] for entry in again["entries"]] == [entry["seq"] for entry in ours][3:6]
        for bad in ("0/000", "0/000.p/256", "0/000.p/0", "0/1", "64/000", "0/x1/000", "entries/000", f"0/000.p/{200}"):
            assert (await bert.get(f"/api/v1/audit/tile/{bad}")).status_code == 404, bad


async def test_an_auditor_searches_their_organizations_ledger_by_everything(house, door, anna):
    from sealane.operations.accounts import SetRole

    await anna.put(A, content=b"x")
    await anna.get("/api/v1/content/in/nothing")
    async with door.client("ines@insurer") as ines:
        await ines.get("/api/v1/content/@clinic/in/a.bin")
    for user in ("bert@clinic", "ines@insurer"):
        house.keeper.admin(SetRole(user=user, role="auditor"))
    assert (await anna.get("/api/v1/audit/log")).status_code == 403
    async with door.client("bert@clinic") as bert, door.client("ines@insurer") as ines:

        async def kinds(one=bert, **asked):
            told = await one.get("/api/v1/audit/log", params=asked)
            assert told.status_code == 200, told.text
            return [json.loads(entry["body"])["kind"] for entry in told.json()["entries"]]

        every = await kinds()
        assert {"upload_finished", "download_begun", "request_refused"} <= set(every)
        assert await kinds(kind="upload_finished") == ["upload_finished"]
        assert set(await kinds(outcome="refused")) == {"request_refused"}
        assert set(await kinds(outcome="refused", kind="upload_finished")) == set()
        assert "download_begun" not in await kinds(user="anna@clinic")
        assert await kinds(path="clinic:/in/a.bin", kind="download_begun") == ["download_begun"]
        assert "upload_finished" in await kinds(folder="clinic:/in", door="http")
        assert await kinds(folder="clinic:/in", door="sftp") == []
        assert await kinds(until="2000-01-01T00:00:00Z") == []
        assert await kinds(since="2000-01-01T00:00:00Z") == await kinds()
        first = (await bert.get("/api/v1/audit/log?limit=1&kind=upload_finished")).json()
        said = json.loads(first["entries"][0]["body"])
        assert "upload_finished" in await kinds(session=said["session_id"])
        address = first["entries"][0]["openings"]["address"][1]
        assert "upload_finished" in await kinds(address=address)
        page = (await bert.get("/api/v1/audit/log?limit=2")).json()
        again = (await bert.get(f"/api/v1/audit/log?limit=2&after={page['after']}")).json()
        assert [entry["seq"] for entry in again["entries"]] > [entry["seq"] for entry in page["entries"]]
        assert "upload_finished" not in await kinds(ines)
        for words, status in (
            ("user=anna@clinic", 404), ("path=clinic:/in/a.bin", 404), ("folder=clinic:/in", 404),
            ("kind=upload", 400), ("outcome=maybe", 400), ("users=ines@insurer", 400),
            ("since=2026-01-01T00:00:00", 400), ("path=/in/a.bin", 400),
            ("folder=insurer:/nowhere", 404), ("limit=0", 400), ("after=-1", 400),
        ):  # fmt: skip
            assert (await ines.get(f"/api/v1/audit/log?{words}")).status_code == status, words


async def test_a_receipt_is_proven_without_us(door, anna, tmp_path, capsys):
    from sealane.ledger import standalone

    await anna.put(A, content=b"x")
    async with door.client("ines@insurer") as ines:
        await ines.get("/api/v1/content/@clinic/in/a.bin")
        theirs = (await ines.get("/api/v1/audit/proofs/@clinic/in/a.bin")).json()
    ours = (await anna.get("/api/v1/audit/proofs/in/a.bin")).json()
    key = (await anna.get("/api/v1/audit/checkpoint")).headers["sealane-ledger-key"]
    assert [proof["entry"] for proof in ours["proofs"]] == [proof["entry"] for proof in theirs["proofs"]]
    said = []
    for number, proof in enumerate([*ours["proofs"], *theirs["proofs"]]):
        place = tmp_path / str(number)
        place.write_text(proof["proof"])
        assert standalone.main(["--key", key, "proof", str(place)]) == 0
        said.append(capsys.readouterr().out)
    kinds = [re.search(r"kind=(\w+)", text)[1] for text in said]
    assert kinds == ["upload_finished", "download_begun", "download_ended"] * 2
    assert "digest=" + hashlib.sha256(b"x").hexdigest() in said[0]
    assert "user_name=anna@clinic" in said[3]
    assert "path=clinic:/in/a.bin" in said[0]
    assert "path=" not in said[3], "another organization's names of folders are not told"
    assert "address=" not in said[3], "nor where its users sit"
    assert "user_name=ines@insurer" in said[4]
    stranger = await anna.get("/api/v1/audit/proofs/in/nothing")
    assert stranger.status_code == 404


async def test_the_description_covers_every_route_and_nothing_else(door, anna):
    described = (await anna.get("/api/v1/openapi.json")).json()
    assert described["openapi"].startswith("3.1")
    assert {(path, method) for path, methods in described["paths"].items() for method in methods} == {
        ("/api/v1/content/{path}", "put"), ("/api/v1/content/{path}", "get"), ("/api/v1/content/{path}", "head"),
        ("/api/v1/content/{path}", "delete"), ("/api/v1/uploads", "post"), ("/api/v1/uploads", "options"),
        ("/api/v1/uploads/{upload}", "head"), ("/api/v1/uploads/{upload}", "patch"),
        ("/api/v1/uploads/{upload}", "delete"), ("/api/v1/me", "get"), ("/api/v1/move", "post"),
        ("/api/v1/folders/{path}", "get"), ("/api/v1/folders/{path}", "post"), ("/api/v1/folders/{path}", "delete"),
        ("/api/v1/receipts/{path}", "get"),
        ("/api/v1/recipients/{path}", "get"), ("/api/v1/headers", "get"), ("/api/v1/headers", "post"),
        ("/api/v1/headers/{version}", "get"), ("/api/v1/headers/{version}", "put"),
        ("/api/v1/audit/checkpoint", "get"), ("/api/v1/audit/tile/{tile}", "get"),
        ("/api/v1/audit/entries", "get"), ("/api/v1/audit/log", "get"), ("/api/v1/audit/proofs/{path}", "get"),
        ("/api/v1/exposure/files/{path}", "get"), ("/api/v1/exposure/forecast", "get"),
        ("/api/v1/exposure/recipients/{path}", "get"), ("/api/v1/exposure/recipients", "get"),
        ("/api/v1/exposure/lists", "get"), ("/api/v1/exposure/lists/{version}", "get"),
        ("/api/v1/exposure/lists/{version}", "put"), ("/api/v1/exposure/lists/{version}/header", "put"),
        ("/api/v1/exposure/folders/{path}", "get"), ("/api/v1/exposure/folders/{path}", "patch"),
        ("/api/v1/exposure/queue", "get"),
        ("/api/v1/versions/{path}", "get"), ("/api/v1/restore", "post"), ("/api/v1/removed/{path}", "get"),
    }  # fmt: skip
    text = str(described)
    for name in described["components"]["schemas"]:
        assert f"#/components/schemas/{name}" in text, f"{name} is described and never used"
    assert "HTTPValidationError" not in text


async def test_every_error_has_a_status_of_its_kind():
    from sealane.doors.http.problems import status_of

    for error in SealaneError.by_code.values():
        status = status_of(error.__new__(error))
        assert 400 <= status <= 599, error.code


# --- Health ----------------------------------------------------------------------------------------------------------


async def test_a_worker_says_whether_it_lives_and_is_ready(house):
    async with (
        house.open(ready_seconds=0) as door,
        httpx.AsyncClient(base_url=door.url, trust_env=False, verify=False) as probe,
    ):
        assert (await probe.get("/livez")).json() == {"status": "alive"}
        blobs = list(house.store.names())
        assert (await probe.get("/readyz")).json() == {"status": "ready"}
        assert list(house.store.names()) == blobs

        def full(name):
            raise StoreFull

        house.store.create = full
        answer = await probe.get("/readyz")
        assert (answer.status_code, code(answer)) == (503, "unavailable")
        assert (await probe.get("/livez")).status_code == 200
