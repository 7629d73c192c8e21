"""How hard properties are tried: as they say in `make test`, an eighth of it in `make check`, whose loop is short."""

import os

import hypothesis

EXAMPLES_LEAST = 5
_SHORT = os.environ.get("SEALANE_HYPOTHESIS") == "check"


def tries(examples: int) -> int:
    """Return how many examples of a property are tried that wants so many."""
    return min(examples, max(EXAMPLES_LEAST, examples // 8)) if _SHORT else examples


def load_profile() -> None:
    """Take the same for every property that says nothing. None has a deadline: the machine may be busy."""
    hypothesis.settings.register_profile("sealane", max_examples=tries(100), database=None, deadline=None)
    hypothesis.settings.load_profile("sealane")
