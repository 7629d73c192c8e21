"""Which files a scope comes to, and by what evidence. Pure.

Evidence is one of three, and never one count: *exfiltrated*, the ledger has a session of the scope receiving it;
*reachable*, it lay within reach and nothing shows that it left, or not; *sealed*, only ciphertext could leave, since
the server had destroyed the key before the intrusion began. What a door reported of ranges takes nothing out: a file
whose first byte may have left has left.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from sealane.desk.history import Access, History, StoredVersion
    from sealane.desk.incidents.records import Incident, Scope


class Evidence(enum.StrEnum):
    """What shows that a file was exposed."""

    EXFILTRATED = "exfiltrated"
    REACHABLE = "reachable"
    SEALED = "sealed"


def exposed(incident: Incident, history: History) -> dict[str, Evidence]:
    """Return the exposed versions and their evidence, by version in order of name."""
    scope = incident.scope
    since = scope.since or incident.occurred
    until = scope.until
    found: dict[str, Evidence] = {}
    for version in _within_reach(scope, since, until or incident.discovered, history):
        found[version.version_id] = Evidence.SEALED if version.is_ciphertext(since) else Evidence.REACHABLE
    for access in history.accesses:
        version = history.versions.get(access.version_id)
        if _is_of(scope, access, since, until, version):
            sealed = version is not None and version.is_ciphertext(access.at)
            found[access.version_id] = Evidence.SEALED if sealed else Evidence.EXFILTRATED
    return dict(sorted(found.items()))


def _within_reach(scope: Scope, since: datetime, until: datetime, history: History) -> list[StoredVersion]:
    """Return what lay within reach where the scope is of a place or of everything, and not of somebody's sessions."""
    if scope.everything_at is not None:
        at = scope.everything_at
        return [one for one in history.versions.values() if one.was_there(at) and _in_folders(scope, one.path)]
    if scope.users or scope.sessions or scope.addresses:
        return []
    return [
        one
        for one in history.versions.values()
        if one.stored <= until and one.gone > since and _in_folders(scope, one.path)
    ]


def _is_of(
    scope: Scope, access: Access, since: datetime, until: datetime | None, version: StoredVersion | None
) -> bool:
    if not (scope.users or scope.sessions or scope.addresses):
        return False
    if access.at < since or (until is not None and access.at > until):
        return False
    path = access.path or (version.path if version is not None else "")
    return (
        (not scope.users or access.user in scope.users)
        and (not scope.sessions or access.session in scope.sessions)
        and (not scope.addresses or access.address in scope.addresses)
        and _in_folders(scope, path)
    )


def _in_folders(scope: Scope, path: str) -> bool:
    """Tell whether a path lies in one of the scope's folders; `/P` is of any organization, `ORG:/P` of one.

    A path that was erased may lie anywhere, and is taken in.
    """
    if not scope.folders or not path:
        return True
    _, _, inside = path.partition(":")
    for folder in scope.folders:
        whole = (path if ":/" in folder else inside).rstrip("/") + "/"
        if whole.startswith(folder.rstrip("/") + "/"):
            return True
    return False
