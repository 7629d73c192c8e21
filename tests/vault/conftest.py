"""Blob stores of both kinds, each empty."""

import secrets

import pytest

from sealane.settings import Settings
from sealane.vault.local import LocalStore
from sealane.vault.s3 import S3Store
from tests.peers.seaweedfs import SeaweedServer


@pytest.fixture(scope="session")
def seaweed():
    """One S3 server a session, started by the first test that needs it."""
    with SeaweedServer.started() as server:
        yield server


@pytest.fixture(scope="session")
def bucket(seaweed):
    return seaweed.new_bucket()


def s3_settings(server: SeaweedServer, bucket: str, prefix: str) -> Settings:
    return Settings(
        blob_store=f"s3://{bucket}/{prefix}",
        blob_store_endpoint=server.endpoint,
        blob_store_access_key=server.access_key,
        blob_store_secret_key=server.secret_key,
    )


@pytest.fixture
def local_store(tmp_path):
    store = LocalStore(tmp_path / "blobs")
    yield store
    store.close()


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.slow)])
def store(request):
    """The store under test: on a local disk, and in a bucket of a real S3 server."""
    if request.param == "local":
        yield request.getfixturevalue("local_store")
        return
    server = request.getfixturevalue("seaweed")
    opened = S3Store.open(s3_settings(server, request.getfixturevalue("bucket"), f"tests/{secrets.token_hex(4)}"))
    yield opened
    opened.close()
