"""A desk and a server for it."""

import pytest

from sealane.desk import folder
from sealane.vault.age.x25519 import X25519Identity
from tests.desk.worlds import World


@pytest.fixture
def identity():
    return X25519Identity.new()


@pytest.fixture
def desk(tmp_path, identity):
    folder.make(tmp_path / "desk", [str(identity.recipient())])
    return folder.open_(tmp_path / "desk", [identity])


@pytest.fixture
def world(tmp_path, identity):
    return World(tmp_path / "server", str(identity.recipient()))
