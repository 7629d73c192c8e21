"""Which files a scope comes to, and by what evidence. Pure.

Evidence is one of three, and never one count: *exfiltrated*, the ledger has a session of the scope receiving it;
*reachable*, it could have been read, and nothing shows that it left, or not; *sealed*, only ciphertext could leave,
since the server had destroyed the key before the window began. What a door reported of ranges takes nothing out: a file
whose first byte may have left has left.

A scope of a place, or of everything, is the worst case of a compromised server: what lay there could be read, whatever
its record says. A scope of accounts, sessions or addresses believes the record: what they received has left, what their
rights would have reached beside it is shown apart, and counts only where the scope says that the record is doubted.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

from sealane.desk.rights import NEVER, Reach, Span, Whose, is_below

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealane.desk.history import Access, History, StoredVersion
    from sealane.desk.incidents.records import Incident, Scope


class Evidence(enum.StrEnum):
    """What shows that a file was exposed."""

    EXFILTRATED = "exfiltrated"
    REACHABLE = "reachable"
    SEALED = "sealed"


def counted(scope: Scope) -> frozenset[Evidence]:
    """Return the evidence by which an individual counts as affected under a scope."""
    if scope.is_of_somebody and not scope.record_doubted:
        return frozenset({Evidence.EXFILTRATED})
    return frozenset({Evidence.EXFILTRATED, Evidence.REACHABLE})


def to_notify(incident: Incident, history: History) -> dict[str, Evidence]:
    """Return the exposed versions whose individuals count as affected."""
    kinds = counted(incident.scope)
    return {version: kind for version, kind in exposed(incident, history).items() if kind in kinds}


def exposed(incident: Incident, history: History) -> dict[str, Evidence]:
    """Return the exposed versions and their evidence, by version in order of name."""
    scope = incident.scope
    since = min(scope.since or incident.occurred, scope.everything_at or NEVER)
    found: dict[str, Evidence] = {}
    if scope.everything_at is not None or not scope.is_of_somebody:
        for version in _lay_there(scope, Span(since, scope.until or incident.discovered), history):
            found[version.version_id] = Evidence.SEALED if version.is_ciphertext(since) else Evidence.REACHABLE
    window = Span(since, scope.until or NEVER)
    if scope.is_of_somebody:
        for version in _by_rights(scope, window, history):
            if not version.is_ciphertext(since):
                found[version.version_id] = Evidence.REACHABLE
            elif scope.record_doubted:
                found[version.version_id] = Evidence.SEALED
    for access in history.accesses:
        version = history.versions.get(access.version_id)
        if _is_of(scope, access, window, version):
            sealed = version is not None and version.is_ciphertext(since)
            found[access.version_id] = Evidence.SEALED if sealed else Evidence.EXFILTRATED
    return dict(sorted(found.items()))


def _lay_there(scope: Scope, window: Span, history: History) -> Iterator[StoredVersion]:
    """Yield what lay in the scope's folders then, or at any time of the window.

    What was removed in the very moment in which the window opens lay there: which came first, nobody knows.
    """
    at = scope.everything_at
    span = window if at is None else Span(at, at)
    for version in history.versions.values():
        for path, lay in version.places():
            if lay.within(span) is not None and _in_folders(scope, path):
                yield version
                break


def _by_rights(scope: Scope, window: Span, history: History) -> Iterator[StoredVersion]:
    """Yield what the rights of whoever the scope is of would have reached."""
    reaches: dict[str, list[Span]] = {}
    for reach in _reaches(scope, window, history):
        reaches.setdefault(reach.path.rstrip("/"), []).append(reach.span)
    for version in history.versions.values():
        for path, lay in version.places():
            spans = [span for folder in _above(path, reaches) for span in reaches[folder]]
            if _in_folders(scope, path) and any(lay.within(span) for span in spans):
                yield version
                break


def _above(path: str, reaches: dict[str, list[Span]]) -> list[str]:
    """Return those of the folders that a path is in; an erased path may be in any."""
    if not path:
        return list(reaches)
    found = [""] if "" in reaches else []
    while True:
        path = path.rstrip("/")
        if path in reaches:
            found.append(path)
        path, slash, _ = path.rpartition("/")
        if not slash:
            return found


def _reaches(scope: Scope, window: Span, history: History) -> Iterator[Reach]:
    for whose in _whose(scope, window, history):
        yield from history.rights.reach(whose)


_READ: Final = "read"


def _whose(scope: Scope, window: Span, history: History) -> Iterator[Whose]:
    """Yield whose rights are asked for: the users', or those of the sessions, for as long as these were open."""
    if not scope.sessions and not scope.addresses:
        for user in scope.users:
            yield Whose(user, window)
        return
    for session in history.rights.sessions.values():
        both = session.span.within(window)
        if both is not None and _fits(scope, session.user, session.session_id, session.address):
            yield Whose(session.user, both, not session.scopes or _READ in session.scopes)
    for access in history.accesses:
        if access.session not in history.rights.sessions and _fits(scope, access.user, access.session, access.address):
            yield Whose(access.user, window)


def _fits(scope: Scope, user: str, session: str, address: str) -> bool:
    return (
        (not scope.users or user in scope.users)
        and (not scope.sessions or session in scope.sessions)
        and (not scope.addresses or address in scope.addresses)
    )


def _is_of(scope: Scope, access: Access, window: Span, version: StoredVersion | None) -> bool:
    path = access.path or (version.path if version is not None else "")
    return (
        scope.is_of_somebody
        and access.when.within(window) is not None
        and _fits(scope, access.user, access.session, access.address)
        and _in_folders(scope, path)
    )


def _in_folders(scope: Scope, path: str) -> bool:
    """Tell whether a path lies in one of the scope's folders; `/P` is of any organization, `ORG:/P` of one.

    A path that was erased may lie anywhere, and is taken in.
    """
    return not scope.folders or _in_one(scope.folders, path)


def _in_one(folders: Sequence[str], path: str) -> bool:
    _, _, inside = path.partition(":")
    return any(is_below(path if ":/" in folder else inside, folder) for folder in folders)
