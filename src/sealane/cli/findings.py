"""What a check of `sealane doctor` finds."""

from __future__ import annotations

from typing import Literal, NamedTuple

State = Literal["ok", "warning", "bad"]


class Finding(NamedTuple):
    """What one check found."""

    check: str
    state: State
    sentence: str
