"""The envelope of operations and the table of who may ask what.

A frame is a 4-byte big-endian length and a MessagePack array: `[number, operation]` up, `[number, answer]` down.
Numbers are chosen by the caller and only pair a request with its answer; answers come in any order.
Number 0 is never used by a caller: the keeper pushes notices with it.
"""

from __future__ import annotations

import enum
from typing import ClassVar

import msgspec

NOTICE = 0
"""The number of what the keeper pushes by itself."""


class Asker(enum.Flag):
    """The keeper's sockets. Which one a connection came in by is all that the keeper believes about a process."""

    DOOR = enum.auto()
    INSPECTOR = enum.auto()
    ADMIN = enum.auto()
    """The administrator's command line on this machine, and the supervisor."""
    JOBS = enum.auto()
    """What talks to witnesses and to log collectors."""


class Answer(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Base of every answer."""


class Operation(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Base of every request. `askers` says on which sockets it is understood."""

    askers: ClassVar[Asker] = Asker.DOOR
    answer: ClassVar[type[Answer]]
    """What it is answered with, unless it fails."""
    repeatable: ClassVar[bool] = True
    """Asked again after a broken connection, it does no harm and gives an answer as good as the first one.

    One that is not fails with `OutcomeUnknown` when the keeper, or its database, went away while it was under way.
    """
    after_the_end: ClassVar[bool] = False
    """Also heard from a session that has ended: it gives nothing and only completes the record, or lets go."""
    for_guests: ClassVar[bool] = False
    """Also heard from a guest (`domain/guests.py`); whatever does not say so is refused to them."""


class Done(Answer, frozen=True):
    """It is done and durable; there is nothing to tell."""


class Failed(Answer, frozen=True):
    """It was not done. See `errors.py` for the codes."""

    failure_code: str
    sentence: str


class WatchesEnded(Answer, frozen=True):
    """Pushed to a door: what it was told with these watches may be so no more.

    Watches are numbered upwards as long as a keeper runs; every one up to `up_to` has ended too. The notice is written
    before anybody else is answered of the change, and behind what this connection was answered before it.
    """

    watches: tuple[int, ...]
    up_to: int = 0
    told: int = 0
    """The count of this notice, as it stands at this connection's place (`told.py`)."""


class PlaceIs(Answer, frozen=True):
    """Pushed to a door when it connects: where it sees how often it was told that watches have ended (`told.py`)."""

    place: int
    told: int


class SettingsInForce(Answer, frozen=True):
    """Pushed to every door when it connects and when one was changed: the settings that can be changed at a page."""

    values: dict[str, int]


class SessionsEnded(Answer, frozen=True):
    """Pushed to every door: what runs for these sessions ends now. Names are session ids, never handles."""

    sessions: tuple[str, ...]
