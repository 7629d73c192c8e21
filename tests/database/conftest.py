"""A database with the example table."""

import example
import pytest


@pytest.fixture
def examples(database):
    """A fresh, open database of each kind that has the example table too."""
    return example.make(database)
