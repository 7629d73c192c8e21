"""A sealed folder over HTTP: PUT, tus, ranges, listings, headers, by a sender who may write and a reader with a key."""

import asyncio
import base64
import hashlib
import secrets

import pytest

from sealane.inspector.rounds import Rounds
from sealane.operations.accounts import AddFolder, AddUser, GrantFolder, SealFolder, SetRecipient
from sealane.vault.age import files as age_files
from sealane.vault.age import header as age_header
from sealane.vault.age import keys as age_keys
from sealane.vault.age.payload import CHUNK_BYTES
from sealane.vault.age.x25519 import X25519Identity
from tests.doors.http.conftest import House, furnish
from tests.sealed.house import READER
from tests.sealed.test_keys import keys_of

pytestmark = pytest.mark.slow

NEW = X25519Identity.new()
CONTENT = "/api/v1/content/sealed/"
UPLOADS = "/api/v1/uploads"
TUS = {"Tus-Resumable": "1.0.0"}
PATCH = TUS | {"Content-Type": "application/offset+octet-stream"}


def show(digest):
    return f"sha-256=:{base64.b64encode(digest).decode()}:"


def sha256(content):
    return hashlib.sha256(content).digest()


@pytest.fixture(scope="session")
def furnished_for_http(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sealed-http")
    furnish(folder)
    return folder


class Sides:
    """The sender, the reader, and what the inspector does."""

    def __init__(self, house, door):
        self.house, self.door = house, door
        self.anna, self.bert = door.client("anna@clinic"), door.client("bert@clinic")
        self._inspector = Rounds(house.keeper.inspector().ask, house.store, house.settings)

    async def seal(self):
        while (await self._inspector.seal_some())[0] or await self._inspector.one_round():
            pass

    async def fetched(self, name):
        await self.seal()
        answer = await self.bert.get(f"{CONTENT}{name}.age")
        assert answer.status_code == 200, answer.text
        return answer

    async def opened(self, name):
        return age_files.open_sealed((await self.fetched(name)).content, [READER])

    async def create(self, path, *, client=None, **headers):
        words = {"path": path} | headers.pop("words", {})
        metadata = ",".join(f"{word} {base64.b64encode(said.encode()).decode()}" for word, said in words.items())
        wanted = TUS | {"Upload-Metadata": metadata} | {name.replace("_", "-"): said for name, said in headers.items()}
        return await (client or self.anna).post(UPLOADS, headers=wanted)

    async def patch(self, location, offset, body, **headers):
        return await self.anna.patch(location, content=body, headers=PATCH | {"Upload-Offset": str(offset)} | headers)


@pytest.fixture
async def sides(tmp_path, furnished_for_http):
    house = House(tmp_path, furnished_for_http)
    for operation in (
        AddFolder("clinic:/sealed", sealed=True, settle_seconds=60),
        SetRecipient("bert@clinic", str(READER.recipient()), present=True),
        GrantFolder("clinic:/sealed", "anna@clinic", ("list", "write", "delete")),
        GrantFolder("clinic:/sealed", "bert@clinic", ("list", "read")),
    ):
        house.keeper.admin(operation)
    async with house.open() as door:
        made = Sides(house, door)
        yield made
        await made.anna.aclose()
        await made.bert.aclose()
    house.close()


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, 3 * CHUNK_BYTES + 5])
async def test_what_is_put_is_sealed_at_once_and_handed_out_as_age(sides, size):
    content = secrets.token_bytes(size)
    put = await sides.anna.put(CONTENT + "f", content=content)
    assert put.status_code == 201
    assert put.headers["repr-digest"] == show(sha256(content))
    got = await sides.fetched("f")
    assert age_files.open_sealed(got.content, [READER]) == content
    assert got.headers["content-type"] == "application/age"
    assert got.headers["sealane-plaintext-length"] == str(size)
    assert got.headers["sealane-plaintext-digest"] == show(sha256(content))
    header = age_header.parse(got.content)[1]
    assert "sealane-payload-digest" not in got.headers, "nobody has asked for it"
    await sides.bert.get("/api/v1/receipts/sealed/f")
    await sides.seal()
    again = await sides.bert.head(CONTENT + "f.age")
    assert again.headers["sealane-payload-digest"] == show(sha256(got.content[header:]))
    assert "repr-digest" not in got.headers


async def test_the_receipt_says_the_digest_of_the_payload_to_its_sender_too(sides):
    content = secrets.token_bytes(CHUNK_BYTES + 1)
    await sides.anna.put(CONTENT + "f", content=content)
    got = await sides.fetched("f")
    payload = got.content[age_header.parse(got.content)[1] :]
    assert (await sides.anna.get("/api/v1/receipts/sealed/f")).json()["payload_sha256"] is None
    await sides.seal()  # she has asked
    for client in (sides.anna, sides.bert):
        said = (await client.get("/api/v1/receipts/sealed/f")).json()
        assert (said["sha256"], said["payload_sha256"]) == (sha256(content).hex(), sha256(payload).hex())
    await sides.anna.put("/api/v1/content/in/plain", content=b"not sealed")
    assert (await sides.anna.get("/api/v1/receipts/in/plain")).json()["payload_sha256"] is None


async def test_a_body_of_another_digest_leaves_nothing(sides):
    put = await sides.anna.put(CONTENT + "f", content=b"body", headers={"Repr-Digest": show(sha256(b"other"))})
    assert put.status_code == 400
    await sides.seal()
    assert (await sides.bert.get(CONTENT + "f.age")).status_code == 404


async def test_conditions_hold_for_what_is_not_sealed_yet_too(sides):
    assert (await sides.anna.put(CONTENT + "f", content=b"1", headers={"If-None-Match": "*"})).status_code == 201
    assert (await sides.anna.put(CONTENT + "f", content=b"2", headers={"If-None-Match": "*"})).status_code == 412
    await sides.seal()
    assert (await sides.anna.put(CONTENT + "f", content=b"2", headers={"If-None-Match": "*"})).status_code == 412
    tag = (await sides.bert.head(CONTENT + "f.age")).headers["etag"]
    assert (await sides.anna.put(CONTENT + "f", content=b"2", headers={"If-Match": tag})).status_code == 201
    assert await sides.opened("f") == b"2"
    assert (await sides.anna.put(CONTENT + "f", content=b"3", headers={"If-Match": tag})).status_code == 412


async def test_ranges_of_both_names_are_of_the_age_file(sides):
    await sides.anna.put(CONTENT + "f", content=secrets.token_bytes(CHUNK_BYTES + 9))
    whole = (await sides.fetched("f")).content
    for name in ("f", "f.age"):
        head = await sides.bert.head(CONTENT + name)
        assert head.headers["content-length"] == str(len(whole))
        for first, last in ((0, 0), (100, 70_000), (len(whole) - 1, len(whole) - 1)):
            part = await sides.bert.get(CONTENT + name, headers={"Range": f"bytes={first}-{last}"})
            assert (part.status_code, part.content) == (206, whole[first : min(last + 1, len(whole))])
        several = await sides.bert.get(CONTENT + name, headers={"Range": "bytes=0-9,65536-65545"})
        assert several.status_code == 206
        assert whole[:10] in several.content
        assert whole[65_536:65_546] in several.content
        assert b"Content-Type: application/age" in several.content
    past = await sides.bert.get(CONTENT + "f.age", headers={"Range": f"bytes={len(whole)}-"})
    assert past.status_code == 416


async def test_who_may_only_write_gets_no_byte(sides):
    await sides.anna.put(CONTENT + "f", content=b"secret")
    await sides.seal()
    for name in ("f", "f.age"):
        assert (await sides.anna.get(CONTENT + name)).status_code == 403


async def test_a_header_made_anew_is_another_entity_tag_and_the_same_payload(sides):
    """A download that goes on in the middle must not go on with the bytes of another header."""
    await sides.anna.put(CONTENT + "f", content=b"for whom")
    await sides.seal()
    await sides.bert.get("/api/v1/receipts/sealed/f")
    before = await sides.fetched("f")
    sides.house.keeper.admin(AddUser("new@clinic"))
    sides.house.keeper.admin(SetRecipient("new@clinic", str(NEW.recipient()), present=True))
    sides.house.keeper.admin(GrantFolder("clinic:/sealed", "new@clinic", ("list", "read")))
    page = (await sides.bert.get("/api/v1/headers", params={"folder": "/sealed"})).json()
    file = page["files"][0]
    assert (file["lacking"], file["extra"]) == ([str(NEW.recipient())], [])
    parsed, _ = age_header.parse(base64.b64decode(file["header"]))
    file_key = age_keys.find_file_key(parsed, [READER])
    recipients = (await sides.bert.get("/api/v1/recipients/sealed/f")).json()["recipients"]
    texts = [one["recipient"] for one in recipients]
    made = age_header.make([age_keys.recipient(text).wrap(file_key) for text in texts], file_key).written()
    new = {"version": file["version"], "header": base64.b64encode(made).decode(), "recipients": texts}
    at = f"/api/v1/headers/{file['version']}"
    assert (await sides.anna.put(at, json=new)).json()["refused"]
    assert (await sides.bert.put(at, json=new)).json() == {"replaced": 1, "refused": []}
    assert (await sides.bert.put("/api/v1/headers/other", json=new)).status_code == 400
    after = await sides.bert.get(CONTENT + "f.age")
    assert age_files.open_sealed(after.content, [NEW]) == b"for whom"
    assert after.headers["sealane-version"] == before.headers["sealane-version"] == file["version"]
    assert after.headers["etag"] != before.headers["etag"]
    assert after.headers["sealane-payload-digest"] == before.headers["sealane-payload-digest"]
    stale = {"Range": "bytes=10-20", "If-Range": before.headers["etag"]}
    assert (await sides.bert.get(CONTENT + "f.age", headers=stale)).status_code == 200
    fresh = {"Range": "bytes=10-20", "If-Range": after.headers["etag"]}
    assert (await sides.bert.get(CONTENT + "f.age", headers=fresh)).status_code == 206
    stale = {"Range": "bytes=10-20", "If-Match": before.headers["etag"]}
    assert (await sides.bert.get(CONTENT + "f.age", headers=stale)).status_code == 412
    replaced = await sides.anna.put(CONTENT + "f", content=b"2", headers={"If-Match": after.headers["etag"]})
    assert replaced.status_code == 201
    assert (await sides.bert.get("/api/v1/headers", params={"folder": "/sealed"})).json() == {"files": [], "after": ""}


class TestTus:
    async def test_several_bodies_with_and_without_checksums_make_one_file(self, sides):
        content = secrets.token_bytes(2 * CHUNK_BYTES + 77)
        created = await sides.create("/sealed/f", Upload_Length=str(len(content)))
        location, at = created.headers["location"], 0
        for number, length in enumerate((1, CHUNK_BYTES, 1000, len(content) - CHUNK_BYTES - 1001)):
            body = content[at : at + length]
            checksum = {"Upload-Checksum": f"sha256 {base64.b64encode(sha256(body)).decode()}"} if number % 2 else {}
            wrong = {"Upload-Checksum": f"sha256 {base64.b64encode(bytes(32)).decode()}"}
            assert (await sides.patch(location, at, body, **wrong)).status_code == 460
            assert (await sides.anna.head(location, headers=TUS)).headers["upload-offset"] == str(at)
            assert (await sides.patch(location, at, body, **checksum)).status_code == 204
            at += length
        assert await sides.opened("f") == content
        assert (await sides.fetched("f")).headers["sealane-plaintext-digest"] == show(sha256(content))

    async def test_a_length_that_is_said_later(self, sides):
        location = (await sides.create("/sealed/f", Upload_Defer_Length="1")).headers["location"]
        assert (await sides.patch(location, 0, b"begun ")).status_code == 204
        assert (await sides.patch(location, 6, b"whole", **{"Upload-Length": "11"})).status_code == 204
        assert await sides.opened("f") == b"begun whole"

    async def test_parts_sent_at_once_are_joined_and_sealed(self, sides):
        parts = [secrets.token_bytes(CHUNK_BYTES + 3), secrets.token_bytes(7), secrets.token_bytes(CHUNK_BYTES)]

        async def sent(part):
            made = await sides.create("/sealed/f", Upload_Length=str(len(part)), Upload_Concat="partial")
            assert (await sides.patch(made.headers["location"], 0, part)).status_code == 204
            return made.headers["location"]

        places = await asyncio.gather(*map(sent, parts))
        joined = await sides.create("/sealed/f", Upload_Concat="final;" + " ".join(places))
        assert joined.status_code == 201
        assert await sides.opened("f") == b"".join(parts)
        assert not any(key.wrapped_key for key in keys_of(sides.house)), "nor is a part readable that was kept apart"

    async def test_what_was_ended_by_its_client_is_gone(self, sides):
        location = (await sides.create("/sealed/f", Upload_Length="9")).headers["location"]
        await sides.patch(location, 0, b"begun")
        assert (await sides.anna.delete(location, headers=TUS)).status_code == 204
        assert (await sides.anna.head(location, headers=TUS)).status_code in {404, 410}
        await sides.seal()
        assert (await sides.bert.get(CONTENT + "f.age")).status_code == 404


class TestSealedByTheSender:
    content = secrets.token_bytes(CHUNK_BYTES + 1)

    def words(self, length=None):
        return {"sealed": "age", "plaintext-length": str(len(self.content) if length is None else length)}

    def said(self, length=None):
        return {
            "Sealane-Sealed": "age",
            "Sealane-Plaintext-Length": str(len(self.content) if length is None else length),
        }

    async def test_put_is_kept_as_it_came(self, sides):
        made = age_files.seal(self.content, [READER.recipient()])
        assert (await sides.anna.put(CONTENT + "f", content=made, headers=self.said())).status_code == 201
        assert (await sides.fetched("f")).content == made

    @pytest.mark.parametrize("lie", ["no age file", "another length", "cut"])
    async def test_a_lie_is_refused_and_leaves_nothing(self, sides, lie):
        made = age_files.seal(self.content, [READER.recipient()])
        body = {"no age file": self.content, "another length": made, "cut": made[:-1]}[lie]
        said = self.said(5 if lie == "another length" else None)
        put = await sides.anna.put(CONTENT + "f", content=body, headers=said)
        assert 400 <= put.status_code < 500, put.text
        assert (await sides.bert.get(CONTENT + "f.age")).status_code == 404

    async def test_into_an_ordinary_folder_it_is_refused(self, sides):
        made = age_files.seal(self.content, [READER.recipient()])
        put = await sides.anna.put("/api/v1/content/in/f", content=made, headers=self.said())
        assert 400 <= put.status_code < 500, put.text

    async def test_conditions_hold_beside_what_is_not_sealed_yet(self, sides):
        await sides.anna.put(CONTENT + "f", content=b"closed")
        made = age_files.seal(self.content, [READER.recipient()])
        put = await sides.anna.put(CONTENT + "f", content=made, headers=self.said() | {"If-None-Match": "*"})
        assert put.status_code == 412
        assert await sides.opened("f") == b"closed"

    @pytest.mark.parametrize("step", [1, 100, 5000])
    async def test_a_header_that_spans_bodies(self, sides, step):
        made = age_files.seal(self.content, [READER.recipient()] * 60)
        created = await sides.create("/sealed/f.age", Upload_Length=str(len(made)), words=self.words())
        location = created.headers["location"]
        for begin, end in ((0, step), (step, 2 * step), (2 * step, len(made))):
            assert (await sides.patch(location, begin, made[begin:end])).status_code == 204
        assert (await sides.fetched("f")).content == made

    async def test_who_it_is_sealed_to_is_on_record_where_the_sender_says_so(self, sides):
        made = age_files.seal(self.content, [READER.recipient()])
        named = {"Sealane-Sealed-To": show(sha256(str(READER.recipient()).encode()))}
        await sides.anna.put(CONTENT + "told", content=made, headers=self.said() | named)
        await sides.anna.put(CONTENT + "untold", content=made, headers=self.said())
        listed = (await sides.bert.get("/api/v1/headers", params={"folder": "/sealed"})).json()["files"]
        assert [file["path"].rpartition("/")[2] for file in listed] == ["untold"]


class TestListings:
    async def names(self, client, limit=2):
        found, after = [], ""
        while True:
            page = (await client.get("/api/v1/folders/sealed", params={"limit": limit, "after": after})).json()
            found += [entry["name"] for entry in page["entries"]]
            after = page.get("after") or ""
            if not after:
                return found

    async def test_readers_see_age_files_and_writers_names_page_by_page(self, sides):
        names = [f"f{number}" for number in range(5)]
        for name in names:
            await sides.anna.put(CONTENT + name, content=b"x")
        await sides.seal()
        assert await self.names(sides.anna) == names
        assert await self.names(sides.bert) == [f"{name}.age" for name in names]
        sides.house.keeper.admin(SealFolder("clinic:/sealed", plain_names=True))
        assert await self.names(sides.bert) == names

    async def test_what_is_not_sealed_yet_is_its_senders_to_see_alone(self, sides):
        await sides.anna.put(CONTENT + "f", content=b"x")
        assert await self.names(sides.anna) == ["f"]
        assert await self.names(sides.bert) == []


async def test_moved_and_removed_by_either_name(sides):
    await sides.anna.put(CONTENT + "f", content=b"x")
    await sides.seal()
    moved = await sides.anna.post("/api/v1/move", json={"source": "/sealed/f", "target": "/sealed/g.age"})
    assert moved.status_code < 300, moved.text
    assert await sides.opened("g") == b"x"
    await sides.anna.put("/api/v1/content/in/x", content=b"in the clear")
    into = await sides.anna.post("/api/v1/move", json={"source": "/in/x", "target": "/sealed/x"})
    assert into.json()["code"] == "sealed-move"
    receipt = await sides.anna.get("/api/v1/receipts/sealed/g")
    assert receipt.status_code == 200
    assert (await sides.anna.delete(CONTENT + "g.age")).status_code == 204
    assert (await sides.bert.get(CONTENT + "g.age")).status_code == 404
