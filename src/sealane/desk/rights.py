"""Who might read where, and from when until when: what the ledger has on record of grants, groups, roles and sessions.

Pure. Where the record leaves something open (a group of another organization, whose members are not told; a session
whose sign-in is not; a name that was erased), the wider reading is taken: what is left open never narrows a reach.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sealane.desk.history import Body

EVER: Final = datetime.min.replace(tzinfo=UTC)
NEVER: Final = datetime.max.replace(tzinfo=UTC)
_READ: Final = "read"
_ADMINISTRATOR: Final = "admin"
_GROUP: Final = "group:"


class Span(NamedTuple):
    """From when until when something held."""

    since: datetime
    until: datetime

    def within(self, other: Span) -> Span | None:
        """Return what is in both, if anything is."""
        both = Span(max(self.since, other.since), min(self.until, other.until))
        return both if both.since <= both.until else None


ALWAYS: Final = Span(EVER, NEVER)


class Reach(NamedTuple):
    """A folder with all below it that could be read for a while; the empty path is everything."""

    path: str
    span: Span


@dataclass(frozen=True, slots=True)
class _Grant:
    """That somebody may read at a path. A grant that is narrowed, or whose folder moves, ends and begins anew."""

    path: str
    account_id: int
    group_id: int
    grantee: str
    since: datetime
    until: datetime = NEVER


@dataclass(frozen=True, slots=True)
class Session:
    """A session that signed in."""

    session_id: str
    user_id: int
    user: str
    address: str
    scopes: tuple[str, ...]
    span: Span


class Whose(NamedTuple):
    """Whose rights are asked for, and when they could be used. `may_read`: whether the session's scopes let it."""

    user: str
    span: Span
    may_read: bool = True


@dataclass(slots=True)
class Rights:
    """What was folded so far."""

    sessions: dict[str, Session] = field(default_factory=dict)
    _names: dict[int, str] = field(default_factory=dict)
    """Accounts' names by their number."""
    _grants: list[_Grant] = field(default_factory=list)
    _open: dict[tuple[int, int, int], int] = field(default_factory=dict)
    """Where the grant of a folder to an account or group stands that is in force."""
    _groups: set[int] = field(default_factory=set)
    """Groups of which the ledger tells who is in them."""
    _members: dict[tuple[int, int], list[Span]] = field(default_factory=dict)
    """By account and group."""
    _administers: dict[int, list[Span]] = field(default_factory=dict)
    _disabled: dict[int, list[Span]] = field(default_factory=dict)

    # --- what the ledger tells ----------------------------------------------------------------------------------------

    def know(self, user_id: int, name: str) -> None:
        """Keep how an account is called."""
        if user_id and name:
            self._names[user_id] = name

    def granted(self, at: datetime, body: Body, told: Mapping[str, str]) -> None:
        """Take in that rights were granted, or taken back where there are none."""
        key = (body.folder_id, body.account_id, body.group_id)
        self._close(key, at)
        if _READ in body.rights:
            self._open[key] = len(self._grants)
            self._grants.append(
                _Grant(told.get("path", ""), body.account_id, body.group_id, told.get("grantee", ""), at)
            )
        if not told.get("grantee", "").startswith(_GROUP):
            self.know(body.account_id, told.get("grantee", ""))

    def folder_moved(self, at: datetime, path: str, target: str) -> None:
        """Take in that a folder stands elsewhere, with the grants on it and below."""
        for key, place in list(self._open.items()):
            grant = self._grants[place]
            if path and target and is_below(grant.path, path):
                self._close(key, at)
                self._open[key] = len(self._grants)
                self._grants.append(replace(grant, path=target + grant.path[len(path) :], since=at))

    def _close(self, key: tuple[int, int, int], at: datetime) -> None:
        place = self._open.pop(key, None)
        if place is not None:
            self._grants[place] = replace(self._grants[place], until=at)

    def member(self, at: datetime, body: Body) -> None:
        """Take in that somebody was put into a group or out of it."""
        self._groups.add(body.group_id)
        _switch(self._members.setdefault((body.account_id, body.group_id), []), at, on=body.member)

    def group_added(self, group_id: int) -> None:
        """Take in that there is a group: the ledger tells of everyone who is put into it."""
        self._groups.add(group_id)

    def role(self, at: datetime, body: Body, name: str) -> None:
        """Take in which role somebody has."""
        self.know(body.account_id, name)
        _switch(self._administers.setdefault(body.account_id, []), at, on=body.role == _ADMINISTRATOR)

    def disabled(self, at: datetime, body: Body, *, on: bool) -> None:
        """Take in that an account was disabled, or enabled again."""
        _switch(self._disabled.setdefault(body.account_id, []), at, on=on)

    def signed_in(self, at: datetime, body: Body, told: Mapping[str, str]) -> None:
        """Take in that a session began."""
        self.know(body.user_id, told.get("user_name", ""))
        self.sessions[body.session_id] = Session(
            body.session_id, body.user_id, told.get("user_name", ""), told.get("address", ""), body.scopes,
            Span(at, NEVER),
        )  # fmt: skip

    def session_ended(self, at: datetime, session_id: str) -> None:
        """Take in that a session ended."""
        found = self.sessions.get(session_id)
        if found is not None:
            self.sessions[session_id] = replace(found, span=Span(found.span.since, at))

    # --- what follows from it -----------------------------------------------------------------------------------------

    def reach(self, whose: Whose) -> Iterator[Reach]:
        """Yield the folders that somebody could read, each for as long as they could."""
        if not whose.may_read:
            return
        numbers = {number for number, name in self._names.items() if name == whose.user}
        for number in numbers:
            for span in self._administers.get(number, ()):
                both = span.within(whose.span)
                if both is not None:  # an administrator may grant themselves whatever their organization has
                    yield Reach(f"{whose.user.rpartition('@')[2]}:/", both)
        shut = [span for number in numbers for span in self._disabled.get(number, ())]
        for grant in self._grants:
            for span in self._held(grant, whose.user, numbers):
                both = span.within(Span(grant.since, grant.until))
                both = both.within(whose.span) if both is not None else None
                if both is not None and not any(one.since <= both.since and both.until <= one.until for one in shut):
                    yield Reach(grant.path, both)

    def _held(self, grant: _Grant, user: str, numbers: set[int]) -> list[Span]:
        """Return when a grant was somebody's: their own, or by a group that they were in."""
        if not grant.group_id:
            unnamed = not grant.grantee and grant.account_id not in self._names
            return [ALWAYS] if grant.account_id in numbers or grant.grantee == user or unnamed else []
        if grant.group_id in self._groups:
            return [span for number in numbers for span in self._members.get((number, grant.group_id), ())]
        elsewhere = grant.grantee.rpartition("@")[2]
        return [ALWAYS] if elsewhere in {"", user.rpartition("@")[2]} else []


def is_below(path: str, folder: str) -> bool:
    """Tell whether a path is a folder or lies below it, both as `ORGANIZATION:/PATH`; the empty folder has everything.

    A path that was erased may lie anywhere.
    """
    return not folder or not path or (path.rstrip("/") + "/").startswith(folder.rstrip("/") + "/")


def _switch(spans: list[Span], at: datetime, *, on: bool) -> None:
    """Begin or end a span, unless it is so already."""
    holds = bool(spans) and spans[-1].until == NEVER
    if on and not holds:
        spans.append(Span(at, NEVER))
    elif not on and holds:
        spans[-1] = Span(spans[-1].since, at)
