"""Whole transfers on a real S3 server: nothing in the way in or out leans on a local disk."""

import hashlib
import secrets

import pytest

from sealane.errors import Integrity
from sealane.settings import SLOT_BYTES
from sealane.vault.s3 import S3Store
from tests.doors.house import SMALL, House, furnish
from tests.vault.conftest import s3_settings

SEGMENT = SMALL.segment_bytes_max

pytestmark = pytest.mark.slow


@pytest.fixture
async def house(tmp_path, seaweed, bucket):
    furnish(tmp_path / "furnished")
    store = S3Store.open(s3_settings(seaweed, bucket, f"transfers/{secrets.token_hex(4)}"))
    made = House(tmp_path / "house", tmp_path / "furnished", store=store)
    yield made
    await made.close()


async def test_an_upload_is_cut_resumed_edited_and_read_back(house):
    content = bytearray(secrets.token_bytes(5 * SEGMENT + 321))
    incoming = await house.begin("/f")
    await incoming.write(0, content[: 3 * SEGMENT + 99])
    assert await incoming.flush() == 3 * SEGMENT + 99
    house.crash()
    again = await house.begin("/f", "resume")
    await again.write(again.size, content[again.size :])
    await again.finish()
    assert await house.content("/f") == content
    edit = await house.begin("/f", "update")
    await edit.write(SEGMENT - 7, b"in the middle")
    await edit.finish()
    content[SEGMENT - 7 : SEGMENT + 6] = b"in the middle"
    assert await house.content("/f") == content


async def test_an_upload_in_order_has_its_digest(house):
    content = secrets.token_bytes(2 * SEGMENT + SLOT_BYTES)
    assert (await house.put("/f", content)).digest == hashlib.sha256(content).digest()


async def test_exchanged_objects_are_found(house, seaweed, bucket):
    await house.put("/f", secrets.token_bytes(2 * SEGMENT))
    client = seaweed.client()
    names = sorted(house.blobs())
    keys = [item["Key"] for item in client.list_objects_v2(Bucket=bucket)["Contents"] if item["Key"][-32:] in names]
    first, second = (client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys)
    client.put_object(Bucket=bucket, Key=keys[0], Body=second)
    client.put_object(Bucket=bucket, Key=keys[1], Body=first)
    with pytest.raises(Integrity):
        await house.content("/f")
    await house.settled()


async def test_nothing_of_an_abandoned_upload_is_seen(house):
    incoming = await house.begin("/f")
    await incoming.write(0, bytes(SLOT_BYTES + 10))
    await incoming.abandon()
    await house.settled()
    assert house.blobs() == set()
