"""The one place where a right is decided.

A caller has granted rights on a folder: the union of all grants to them and to their groups on that folder and on the
folders above it. `may` says whether these suffice for an act, given the scopes of the caller's session. Nothing else
gives a right: not a role, not belonging to the organization that owns the folder. docs/rights-matrix.txt is the whole
table, printed by a test.

Not here: finding out what was granted (`grants.py`), or which folder a path names (`places.py`).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sealane.errors import Missing, NotAllowed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealane.domain.work import Caller


class Right(enum.IntFlag):
    """What can be granted on a folder and all below it. Stored as this number."""

    LIST = 1
    """See the names, sizes and times of what is in it."""
    READ = 2
    """Receive the contents of files."""
    WRITE = 4
    """Make files and folders in it, write a name anew, rename within it."""
    DELETE = 8
    """Remove what is in it, or move it elsewhere."""
    ADMIN = 16
    """Move and remove folders that carry grants of their own."""


NO_RIGHTS = Right(0)
GUESTS_RIGHTS = {False: Right.LIST | Right.READ, True: Right.WRITE}
"""What a share lets guests do of what its sender may: False a package, True a request for files."""
ALL_RIGHTS = Right.LIST | Right.READ | Right.WRITE | Right.DELETE | Right.ADMIN

SCOPES = {
    "read": Right.LIST | Right.READ,
    "write": Right.LIST | Right.WRITE | Right.DELETE,
    "admin": Right.ADMIN,
}
"""What a session's scope lets through of the rights that its user was granted."""
ALL_SCOPES = frozenset(SCOPES)


@dataclass(frozen=True, slots=True)
class Need:
    """What an act needs: all of `every`, or any of `any_of` if that is not empty, within the session's scopes.

    `granted` must have been granted to the user, also where the session's scopes do not let it through.
    """

    every: Right = NO_RIGHTS
    any_of: Right = NO_RIGHTS
    granted: Right = NO_RIGHTS


class Act(enum.Enum):
    """Everything that is done to a folder, or to what is directly in it, by a signed-in user."""

    SEE = "see"
    """Learn that a name is there, its kind, size and time."""
    LIST_FOLDER = "list-folder"
    """See all names in it."""
    LEARN_DIGEST = "learn-digest"
    """Learn the digest of a file, and its receipt."""
    READ_FILE = "read-file"
    """Receive a file's content."""
    SEE_EARLIER = "see-earlier"
    """Learn which versions stood at a name before, and were written over or removed. Whoever was granted to read only
    has what stands there now: what was taken back is taken back from them."""
    WRITE_FILE = "write-file"
    """Make a file, or a new version of one."""
    MAKE_FOLDER = "make-folder"
    SET_TIME = "set-time"
    """Set the modification time that is shown."""
    RENAME = "rename"
    """Give another name within the same folder."""
    REMOVE = "remove"
    """Remove a file or an empty folder from it."""
    MOVE_AWAY = "move-away"
    """Move out of this folder into another one. Whoever was not granted to read here could otherwise read there."""
    REMOVE_SHARED = "remove-shared"
    """Remove or move a folder that has grants of its own, on it or below."""


NEEDS: dict[Act, Need] = {
    Act.SEE: Need(any_of=ALL_RIGHTS),
    Act.LIST_FOLDER: Need(every=Right.LIST),
    Act.LEARN_DIGEST: Need(any_of=Right.LIST | Right.READ),
    Act.READ_FILE: Need(every=Right.READ),
    Act.SEE_EARLIER: Need(any_of=Right.LIST | Right.READ, granted=Right.WRITE),
    Act.WRITE_FILE: Need(every=Right.WRITE),
    Act.MAKE_FOLDER: Need(every=Right.WRITE),
    Act.SET_TIME: Need(every=Right.WRITE),
    Act.RENAME: Need(every=Right.WRITE),
    Act.REMOVE: Need(every=Right.DELETE),
    Act.MOVE_AWAY: Need(every=Right.DELETE, granted=Right.READ),
    Act.REMOVE_SHARED: Need(every=Right.DELETE | Right.ADMIN),
}


@cache  # every decision there is: 8 sets of scopes, 32 of rights, one row an act; flags are slow to reckon with
def effective(scopes: frozenset[str], granted: Right) -> Right:
    """Return what of the granted rights a session with these scopes has."""
    mask = NO_RIGHTS
    for scope in scopes:
        mask |= SCOPES[scope]
    return granted & mask


def may(caller: Caller, act: Act, granted: Right) -> bool:
    """Return whether this caller, granted these rights on a folder, may do this act there. Pure; the only judge."""
    return _suffices(caller.scopes, act, granted)


@cache
def _suffices(scopes: frozenset[str], act: Act, granted: Right) -> bool:
    need = NEEDS[act]
    has = effective(scopes, granted)
    if need.any_of and not has & need.any_of:
        return False
    return has & need.every == need.every and granted & need.granted == need.granted


def demand(caller: Caller, act: Act, granted: Right, *, known: bool = False) -> None:
    """Raise unless the caller may: `NotAllowed` where they see the thing (or `known` says so), else `Missing`."""
    if may(caller, act, granted):
        return
    if known or may(caller, Act.SEE, granted):
        raise NotAllowed
    raise Missing


AUDITING_ROLES = frozenset({"admin", "auditor", "officer"})
"""Who may read what the ledger says of their own organization. It names files and people; it opens nothing."""


def may_audit(caller: Caller) -> bool:
    """Return whether this caller may read their organization's part of the ledger."""
    return caller.role in AUDITING_ROLES and "read" in caller.scopes


def demand_audit(caller: Caller) -> None:
    """Raise `NotAllowed` unless the caller may read their organization's part of the ledger."""
    if not may_audit(caller):
        raise NotAllowed("Only an auditor, officer or administrator may read the ledger.")


@cache
def names(rights: Right) -> tuple[str, ...]:
    """Return the rights' names as operations spell them, in fixed order."""
    return tuple(right.name.lower() for right in Right if right in rights and right.name is not None)


def parse(rights: Iterable[str]) -> Right:
    """Return the rights that these names spell; the type of the operation has checked them."""
    result = NO_RIGHTS
    for name in rights:
        result |= Right[name.upper()]
    return result
