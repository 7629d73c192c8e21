"""Real peers that tests start: servers and clients of other people's making."""

import os
import shutil

import pytest


def need(program: str, *, at: str | None = None) -> str:
    """Return the path of a peer. Without it the test is skipped, or fails where all peers are required."""
    found = at if at is not None and os.access(at, os.X_OK) else shutil.which(program)
    if found is None:
        missing(f"{program} is not installed")
    return found


def missing(reason: str) -> None:
    """Skip for want of a peer, or fail where all peers are required (`SEALANE_REQUIRE_PEERS=1`)."""
    if os.environ.get("SEALANE_REQUIRE_PEERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
