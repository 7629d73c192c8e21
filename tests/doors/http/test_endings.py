"""What is on record of a transfer whose session ends in its midst: where it stood, and nothing left over."""

import asyncio
import json
import os
from datetime import UTC, datetime, timedelta

import pytest

from sealane.operations.accounts import (
    AddToken,
    DisableUser,
    EndSession,
    GrantFolder,
    ListSessions,
    ListUploads,
    RevokeFolder,
    RevokeToken,
)
from sealane.operations.audit import ReadLedger
from tests.doors.http.conftest import House

pytestmark = pytest.mark.slow  # each test opens a whole keeper; together they take longer than make check may

SIZE = 48_000_000
TARGET = "/api/v1/content/in/a.bin"


def end_session(house, _):
    for row in house.keeper.admin(ListSessions("anna@clinic")).rows:
        house.keeper.admin(EndSession(str(row.values[0])))


ENDS = {
    "the session is ended": end_session,
    "the token is revoked": lambda house, token: house.keeper.admin(RevokeToken("anna@clinic", token.name)),
    "the user is disabled": lambda house, _: house.keeper.admin(DisableUser("anna@clinic")),
    "the grant is lessened": lambda house, _: house.keeper.admin(GrantFolder("clinic:/in", "anna@clinic", ("list",))),
    "the grant is revoked": lambda house, _: house.keeper.admin(RevokeFolder("clinic:/in", "anna@clinic")),
}


def recorded(house, kind: str) -> list[dict]:
    return [json.loads(entry.body) for entry in house.keeper.admin(ReadLedger(kind=kind)).entries]


async def until(happened):
    async with asyncio.timeout(60):
        while not happened():  # noqa: ASYNC110  # what is waited for tells nobody
            await asyncio.sleep(0.005)


def token_of(house, expires=None):
    return house.keeper.admin(AddToken(user="anna@clinic", scopes=("read", "write"), expires=expires))


def head_of(token, method: str, length: int = 0, *, target: str = TARGET, more: tuple[str, ...] = ()) -> bytes:
    body = (f"Content-Length: {length}",) if length else ()
    lines = (f"{method} {target} HTTP/1.1", "Host: x", f"Authorization: Bearer {token.token}", *body, *more, "", "")
    return "\r\n".join(lines).encode()


async def fetching(door, token):
    """Put a large file there and begin to fetch it, reading no further than the head."""
    async with door.client() as anna:
        assert (await anna.put(TARGET, content=os.urandom(SIZE))).status_code == 201
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(head_of(token, "GET"))
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def rest_of(reader) -> int:
    """Count what still comes until the server lets go of the connection."""
    came = 0
    while piece := await asyncio.wait_for(reader.read(1 << 20), 20):
        came += len(piece)
    return came


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
async def test_a_download_that_is_cut_with_its_session_is_recorded_with_what_was_sent(door, end):
    token = token_of(door.house)
    reader, writer = await fetching(door, token)
    end(door.house, token)
    came = await rest_of(reader)
    writer.close()
    assert came < SIZE
    await until(lambda: recorded(door.house, "download_ended"))
    (ended,) = recorded(door.house, "download_ended")
    assert came <= ended["sent"] < SIZE
    assert ended["ranges"] == [[0, ended["sent"]]]
    assert not ended["whole"]


async def test_a_download_that_outlives_its_token_is_recorded_with_what_was_sent(tmp_path, furnished):
    house = House(tmp_path / "data", furnished, token_session_seconds=1)
    async with house.open() as door:
        token = token_of(house, expires=datetime.now(UTC) + timedelta(seconds=2))
        reader, writer = await fetching(door, token)
        await until(lambda: recorded(house, "download_ended"))
        came = await rest_of(reader)
        writer.close()
        (ended,) = recorded(house, "download_ended")
        assert came <= ended["sent"] < SIZE
    house.close()


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
async def test_a_put_that_is_cut_with_its_session_leaves_no_upload(door, end):
    """No client can go on with it: kept for days, it would only keep its folder from being removed."""
    house, token = door.house, token_of(door.house)
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(head_of(token, "PUT", 2 * SIZE) + os.urandom(SIZE))
    await until(lambda: house.keeper.admin(ListUploads()).rows)
    end(house, token)
    assert (await asyncio.wait_for(reader.readuntil(b"\r\n"), 20)).startswith(b"HTTP/1.1 401 ")
    writer.close()
    await until(lambda: not house.keeper.admin(ListUploads()).rows)
    assert [event["reason"] for event in recorded(house, "upload_removed")] == ["abandoned"]


async def test_a_resumable_upload_that_is_cut_with_its_session_can_be_taken_up_at_once(door, anna):
    said = {"Tus-Resumable": "1.0.0", "Upload-Length": str(2 * SIZE), "Upload-Metadata": "path L2luL3QuYmlu"}
    location = (await anna.post("/api/v1/uploads", headers=said)).headers["location"]
    resuming = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}

    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    lines = ("Tus-Resumable: 1.0.0", "Content-Type: application/offset+octet-stream", "Upload-Offset: 0")
    head = head_of(token_of(door.house), "PATCH", 2 * SIZE, target=location, more=lines)
    writer.write(head + os.urandom(SIZE))
    await until(lambda: any(row.values[3] for row in door.house.keeper.admin(ListUploads()).rows))
    end_session(door.house, None)
    assert (await asyncio.wait_for(reader.readuntil(b"\r\n"), 20)).startswith(b"HTTP/1.1 401 ")
    writer.close()
    offset = (await anna.head(location, headers=resuming)).headers["upload-offset"]
    assert int(offset) > 0
    again = await anna.patch(location, content=b"", headers=resuming | {"Upload-Offset": offset})
    assert again.status_code == 204
