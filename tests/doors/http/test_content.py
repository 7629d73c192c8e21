"""Whole files over HTTP: sent, fetched, conditional, in ranges, refused."""

import base64
import hashlib
import os


def repr_digest(content: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


async def test_what_is_put_is_got_with_its_digest_and_version(anna):
    content = os.urandom(700_000)
    sent = await anna.put("/api/v1/content/in/a.bin", content=content)
    assert sent.status_code == 201, sent.text
    assert sent.headers["repr-digest"] == repr_digest(content)
    got = await anna.get("/api/v1/content/in/a.bin")
    assert got.status_code == 200
    assert got.content == content
    assert got.headers["etag"] == sent.headers["etag"]
    assert got.headers["repr-digest"] == repr_digest(content)
    assert got.headers["content-disposition"].startswith("attachment")
    assert got.headers["x-content-type-options"] == "nosniff"
