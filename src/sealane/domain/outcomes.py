"""How a try to prove who one is ended: returned and not raised, so that what was counted of it is committed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sealane.errors import SealaneError
    from sealane.operations.envelope import Answer


@dataclass(frozen=True, slots=True)
class Outcome:
    """The keeper commits, waits, then answers (or raises the refusal)."""

    answer: Answer | SealaneError
    wait_seconds: float
