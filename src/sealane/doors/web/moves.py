"""Undoing a move or a renaming: the page after it knows what was where, and moves it back.

What was where stands in the page's address, with a mark that only this server makes, for this session alone: a link
from elsewhere offers nobody to move anything. Moving back is a move as every other, by the rights of the person.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealane import paths

if TYPE_CHECKING:
    from sealane.doors.web.visits import Visit


@dataclass(frozen=True, slots=True)
class Moved:
    """Something that was moved a moment ago."""

    was: str
    now: str

    @property
    def folder(self) -> str:
        """The folder that it was in."""
        return paths.show(paths.parse(self.was)[:-1])

    @property
    def name(self) -> str:
        """The name that it had."""
        return paths.parse(self.was)[-1]


def note(visit: Visit, was: str, now: str) -> dict[str, str]:
    """Return what the address of the page after a move says of it."""
    return {"was": was, "now": now, "mark": visit.mark(_text(was, now))}


def noted(visit: Visit) -> Moved | None:
    """Return what was moved by what this page's address says; None for what this server has not said itself."""
    query = visit.query()
    was, now = query.exact("was"), query.exact("now")
    right = visit.mark(_text(was, now)).encode()
    known = bool(was and now) and hmac.compare_digest(right, query["mark"].encode("utf-8", "replace"))
    return Moved(was, now) if known else None


def _text(was: str, now: str) -> str:
    return f"move {was}\0{now}"
