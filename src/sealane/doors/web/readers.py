"""Who can open what arrives in a sealed folder, for people to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealane.errors import Conflict, Missing, NotAllowed
from sealane.operations.sealing import Recipients, RecipientsAre

if TYPE_CHECKING:
    from sealane.doors.web.visits import Visit


@dataclass(frozen=True, slots=True)
class Readers:
    """Whose keys a file is sealed to."""

    people: tuple[str, ...]
    nameless: int
    """Keys whose owner the visitor may not know."""
    recoveries: int
    without: tuple[str, ...]
    """Readers who have no key."""


async def readers_of(visit: Visit, path: str) -> Readers | None:
    """Return who can open what arrives at a path; None where the visitor may not know, or nothing can be sealed."""
    try:
        told = await visit.ask(Recipients(handle="", path=path), RecipientsAre)
    except (Conflict, Missing, NotAllowed):
        return None
    return Readers(
        people=tuple(sorted({one.user for one in told.recipients if one.user})),
        nameless=sum(not one.user and not one.recovery for one in told.recipients),
        recoveries=sum(one.recovery for one in told.recipients),
        without=told.without_key,
    )
