"""A database with the example table."""

import pytest

from tests.database import example


@pytest.fixture
def examples(database):
    """A fresh, open database of each kind that has the example table too."""
    return example.make(database)
