"""The desk of whoever sends and receives, for the modules that furnish it as `test_sharing` does."""

import shutil

import pytest


@pytest.fixture
def desk(tmp_path, furnished):
    """A node of its own, furnished, at which anna is signed in."""
    from tests.keeper.test_sharing import Desk  # only modules that ask for it pay for it

    shutil.copytree(furnished, tmp_path / "data")
    made = Desk(tmp_path / "data")
    made.anna = made.sign_in("anna@clinic")
    yield made
    made.keeper.close()
