"""Offsets of tus uploads against a model: whatever a client sends, what is acknowledged is what is there."""

import asyncio
import base64
import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealane.doors.http import tus
from sealane.ids import random_name
from tests.doors.http.words import show_metadata

V = {"Tus-Resumable": "1.0.0"}
UPLOADS = "/api/v1/uploads"

step = st.fixed_dictionaries(
    {
        "shift": st.sampled_from([0, 0, 0, 0, -1, 1, -(10**6), 10**6]),
        "length": st.integers(0, 400),
        "check": st.sampled_from(["", "", "sha1", "sha256", "wrong"]),
        "chunked": st.booleans(),
        "cut": st.sampled_from([False, False, False, True]),
        "tell_length": st.booleans(),
    }
)


class Model:
    """What a server that keeps its word would say."""

    def __init__(self, whole: bytes, *, deferred: bool) -> None:
        self.whole = whole
        self.declared = None if deferred else len(whole)
        self.kept = 0

    @property
    def finished(self) -> bool:
        return self.kept == self.declared

    def patch(self, offset: int, body: bytes, told: int | None, check: str) -> int:
        """Return the status, and keep what is to be kept."""
        if offset < 0:
            return 400
        if offset != self.kept:
            return 409
        if self.finished:
            return 413 if body else 204
        declared = told if self.declared is None else self.declared
        if declared is not None and offset + len(body) > declared:
            return 413
        self.declared = declared
        if check == "wrong":
            return 460
        self.kept += len(body)
        return 204


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(whole=st.binary(max_size=700), deferred=st.booleans(), steps=st.lists(step, max_size=10))
def test_what_is_acknowledged_is_what_is_there(house, whole, deferred, steps):
    asyncio.run(play(house, whole, deferred, steps))


async def play(house, whole: bytes, deferred: bool, steps: list[dict]) -> None:
    name = random_name()
    model = Model(whole, deferred=deferred)
    async with house.open() as door, door.client() as anna:
        said = {"Upload-Metadata": show_metadata({"path": f"/in/{name}".encode()})}
        length = {"Upload-Defer-Length": "1"} if deferred else {"Upload-Length": str(len(whole))}
        location = (await anna.post(UPLOADS, headers=V | said | length)).headers["location"]
        for wanted in steps:
            offset = model.kept + wanted["shift"]
            body = whole[model.kept : model.kept + wanted["length"]]
            told = len(whole) if wanted["tell_length"] else None
            headers = headers_for(offset, body, told, wanted["check"])
            if wanted["cut"]:
                await cut(door, location, headers, body)
                came = await settled(anna, location)
                assert model.kept <= came <= model.kept + len(body)
                assert whole[:came] == whole[: model.kept] + body[: came - model.kept]
                model.kept = came
                if told is not None and model.declared is None:
                    head = await anna.head(location, headers=V)
                    model.declared = int(head.headers["upload-length"]) if "upload-length" in head.headers else None
            else:
                content = chunks(body) if wanted["chunked"] else body
                answer = await anna.patch(location, headers=headers, content=content)
                assert answer.status_code == model.patch(offset, body, told, wanted["check"]), (wanted, answer.text)
            head = await anna.head(location, headers=V)
            assert (head.status_code, head.headers["upload-offset"]) == (200, str(model.kept))
        got = await anna.get(f"/api/v1/content/in/{name}")
        assert (got.status_code, got.content if model.finished else b"") == (
            (200, whole) if model.finished else (404, b"")
        )


def headers_for(offset: int, body: bytes, told: int | None, check: str) -> dict[str, str]:
    headers = V | {"Content-Type": tus.MEDIA_TYPE, "Upload-Offset": str(offset)}
    if told is not None:
        headers["Upload-Length"] = str(told)
    if check:
        algorithm = "sha256" if check == "wrong" else check
        digest = hashlib.new(algorithm, b"another body" if check == "wrong" else body).digest()
        headers["Upload-Checksum"] = f"{algorithm} {base64.b64encode(digest).decode()}"
    return headers


async def chunks(body: bytes):
    for begin in range(0, len(body), 100):
        yield body[begin : begin + 100]


async def cut(door, location: str, headers: dict[str, str], body: bytes) -> None:
    """Declare one byte more than is sent, and break the connection."""
    lines = [f"PATCH {location} HTTP/1.1", "Host: x", f"Authorization: Bearer {door.house.token()}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body) + 1}", "", ""]
    await door.raw("\r\n".join(lines).encode() + body, cut=True)


async def settled(client, location: str) -> int:
    """Return where the upload stands once the broken request has let go of it."""
    async with asyncio.timeout(20):
        while True:
            offset = (await client.head(location, headers=V)).headers["upload-offset"]
            headers = V | {"Content-Type": tus.MEDIA_TYPE, "Upload-Offset": offset}
            if (await client.patch(location, headers=headers)).status_code == 204:
                return int(offset)
            await asyncio.sleep(0.005)
