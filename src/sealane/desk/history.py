"""What the ledger says of files: stored when and where, sealed or not, who received them, who could read them.

Pure: entries in, tables out; entries of kinds that say nothing of this are passed over. What doors reported of ranges
adds to the evidence (`Access.sent`, `whole`) and never takes a file out of it. The order of entries is proven and their
times are not: where a clock was set back, what was written around it may have been at either time (`clocks.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from sealane.desk.clocks import SetBack, spread
from sealane.desk.failures import LedgerForked
from sealane.desk.rights import NEVER, Rights, Span, is_below
from sealane.ledger.bodies import NOT_OURS, commitment
from sealane.ledger.tree import leaf_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sealane.operations.audit import LedgerEntry


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One content of a file, and how long it lay on the server."""

    version_id: str
    path: str
    """`ORGANIZATION:/PATH`, the latest; empty where it was erased."""
    organization: str
    size: int
    seq: int
    """The entry by which it was finished."""
    stored: datetime
    gone: datetime = NEVER
    sealed: datetime | None = None
    """From when on the server could not open it: its keys were destroyed, or it came sealed."""
    moved: tuple[tuple[str, datetime], ...] = ()
    """Where it lay before, each with when it was moved away from there."""

    def places(self) -> Iterator[tuple[str, Span]]:
        """Yield each path that it lay at, and from when until when."""
        since = self.stored
        for path, until in self.moved:
            yield path, Span(since, until)
            since = until
        yield self.path, Span(since, self.gone)

    def was_there(self, at: datetime) -> bool:
        """Tell whether it lay on the server then."""
        return self.stored <= at < self.gone

    def is_ciphertext(self, since: datetime) -> bool:
        """Tell whether the server had had no key of it before something began; in the very moment is not before."""
        return self.sealed is not None and self.sealed < since


@dataclass(frozen=True, slots=True)
class Access:
    """A session was about to receive a version; recorded before its first byte left."""

    seq: int
    at: datetime
    version_id: str
    download_id: int
    user: str
    session: str
    address: str
    path: str
    sent: int | None = None
    """Bytes that the door says it sent, where it said so."""
    whole: bool | None = None
    earliest: datetime | None = None
    latest: datetime | None = None
    """When it may have been, where a clock was set back; else it was at `at`."""

    @property
    def when(self) -> Span:
        """Return the time within which it was."""
        return Span(self.earliest or self.at, self.latest or self.at)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the ledger says of the last time that a version was read."""

    coverage: str
    """Empty: not told."""
    people: int
    list_digest: str
    """SHA-256 of the payload of its sealed people list; empty: it has none."""


@dataclass(slots=True)
class History:
    """What was folded so far."""

    size: int = 0
    last_at: datetime | None = None
    clock_set_back: tuple[SetBack, ...] = ()
    """Where the server's clock was set back."""
    rights: Rights = field(default_factory=Rights)
    formats: dict[str, str] = field(default_factory=dict)
    """The format in which each version was read."""
    organizations: dict[int, str] = field(default_factory=dict)
    versions: dict[str, StoredVersion] = field(default_factory=dict)
    accesses: list[Access] = field(default_factory=list)
    readings: dict[str, Reading] = field(default_factory=dict)
    """Of each version that was read."""
    _downloads: dict[int, int] = field(default_factory=dict)


class Body(msgspec.Struct):
    """What is read of a body."""

    at: str
    kind: str
    private: dict[str, str] = {}
    session_id: str = ""
    ended_session_id: str = ""
    user_id: int = 0
    account_id: int = 0
    group_id: int = 0
    folder_id: int = 0
    owner_organization_id: int = 0
    role: str = ""
    rights: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    member: bool = False
    format: str = ""
    file_id: int = 0
    version_id: str = ""
    replaced_version_id: str = ""
    download_id: int = 0
    size: int = 0
    sent: int | None = None
    whole: bool | None = None
    list_digest: str = ""
    coverage: str = ""
    people: int = 0


_decoder = msgspec.json.Decoder(Body)


def fold(history: History, entries: Iterable[LedgerEntry]) -> None:
    """Take further entries into the history. Raises `LedgerForked` for one that is not what its leaf says."""
    for entry in entries:
        if leaf_of(entry.body) != entry.leaf:
            raise LedgerForked(f"Entry {entry.seq} of the ledger is not the one that its leaf was made of.")
        try:
            body = _decoder.decode(entry.body)
            at = datetime.fromisoformat(body.at)
        except NOT_OURS:
            raise LedgerForked(f"Entry {entry.seq} of the ledger cannot be read.") from None
        if history.last_at is not None and at < history.last_at:
            _set_back(history, SetBack(entry.seq, history.last_at, at))
        history.last_at, history.size = at, entry.seq
        take = _TAKEN.get(body.kind)
        if take is not None:
            take(history, entry.seq, at, body, _opened(entry, body))
        if body.format and body.version_id:
            history.formats[body.version_id] = body.format


def _set_back(history: History, found: SetBack) -> None:
    """Keep that a clock was set back, and that what was written before may have been as early as it says now."""
    history.clock_set_back += (found,)
    for place, access in enumerate(history.accesses):
        if access.when.until > found.to:
            history.accesses[place] = replace(access, earliest=min(access.when.since, found.to))
    for name, version in history.versions.items():
        if version.stored > found.to:
            history.versions[name] = replace(version, stored=found.to)


def _opened(entry: LedgerEntry, body: Body) -> dict[str, str]:
    told: dict[str, str] = {}
    for name, (salt, value) in (entry.openings or {}).items():
        try:
            fits = commitment(name, value, bytes.fromhex(salt)).hex() == body.private.get(name)
        except ValueError:
            fits = False
        if not fits:
            raise LedgerForked(f"A name beside entry {entry.seq} of the ledger is not the one that was recorded.")
        told[name] = value
    return told


def _organization(history: History, _seq: int, _at: datetime, body: Body, told: dict[str, str]) -> None:
    history.organizations[body.owner_organization_id] = told.get("organization_name", "")


def _finished(history: History, seq: int, at: datetime, body: Body, told: dict[str, str]) -> None:
    if not body.version_id:
        return
    path = told.get("path", "")
    owner = path.partition(":/")[0] or history.organizations.get(body.owner_organization_id, "")
    history.versions[body.version_id] = StoredVersion(body.version_id, path, owner, body.size, seq, at)


def _sealed(history: History, _seq: int, at: datetime, body: Body, _told: dict[str, str]) -> None:
    found = history.versions.get(body.version_id)
    if found is not None:
        history.versions[body.version_id] = replace(found, sealed=spread(history.clock_set_back, at).until)


def _expired(history: History, _seq: int, at: datetime, body: Body, _told: dict[str, str]) -> None:
    found = history.versions.get(body.version_id)
    if found is not None:
        history.versions[body.version_id] = replace(found, gone=spread(history.clock_set_back, at).until)


def _moved(history: History, _seq: int, at: datetime, body: Body, told: dict[str, str]) -> None:
    found = history.versions.get(body.version_id)
    if found is not None and told.get("target"):
        history.versions[body.version_id] = _placed(found, told["target"], at)


def _placed(version: StoredVersion, path: str, at: datetime) -> StoredVersion:
    return replace(version, path=path, moved=(*version.moved, (version.path, at)))


def _folder_moved(history: History, _seq: int, at: datetime, _body: Body, told: dict[str, str]) -> None:
    path, target = told.get("path", ""), told.get("target", "")
    if not path or not target:
        return
    history.rights.folder_moved(at, path, target)
    for name, version in history.versions.items():
        if version.path and is_below(version.path, path):
            history.versions[name] = _placed(version, target + version.path[len(path) :], at)


def _begun(history: History, seq: int, at: datetime, body: Body, told: dict[str, str]) -> None:
    when = spread(history.clock_set_back, at)
    history._downloads[body.download_id] = len(history.accesses)  # noqa: SLF001  our own module's
    history.rights.know(body.user_id, told.get("user_name", ""))
    history.accesses.append(
        Access(
            seq=seq,
            at=at,
            version_id=body.version_id,
            download_id=body.download_id,
            user=told.get("user_name", ""),
            session=body.session_id,
            address=told.get("address", ""),
            path=told.get("path", ""),
            latest=when.until if when.until > at else None,
        )
    )


def _ended(history: History, _seq: int, _at: datetime, body: Body, _told: dict[str, str]) -> None:
    place = history._downloads.pop(body.download_id, None)  # noqa: SLF001  our own module's
    if place is not None:
        history.accesses[place] = replace(history.accesses[place], sent=body.sent, whole=body.whole)


def _read(history: History, _seq: int, _at: datetime, body: Body, _told: dict[str, str]) -> None:
    history.readings[body.version_id] = Reading(body.coverage, body.people, body.list_digest)


def _right(history: History, _seq: int, at: datetime, body: Body, told: dict[str, str]) -> None:
    history.rights.granted(at, body, told)


def _user(history: History, _seq: int, at: datetime, body: Body, told: dict[str, str]) -> None:
    history.rights.role(at, body, told.get("account_name", ""))


def _disabled(history: History, _seq: int, at: datetime, body: Body, _told: dict[str, str]) -> None:
    history.rights.disabled(at, body, on=body.kind == "user_disabled")


def _group(history: History, _seq: int, _at: datetime, body: Body, _told: dict[str, str]) -> None:
    history.rights.group_added(body.group_id)


def _member(history: History, _seq: int, at: datetime, body: Body, told: dict[str, str]) -> None:
    history.rights.know(body.account_id, told.get("account_name", ""))
    history.rights.member(at, body)


def _signed_in(history: History, _seq: int, at: datetime, body: Body, told: dict[str, str]) -> None:
    history.rights.signed_in(at, body, told)


def _session_ended(history: History, _seq: int, at: datetime, body: Body, _told: dict[str, str]) -> None:
    history.rights.session_ended(spread(history.clock_set_back, at).until, body.ended_session_id)


_TAKEN: Final = {
    "organization_added": _organization,
    "upload_finished": _finished,
    "file_sealed": _sealed,
    "version_expired": _expired,
    "file_moved": _moved,
    "folder_moved": _folder_moved,
    "download_begun": _begun,
    "download_ended": _ended,
    "exposure_recorded": _read,
    "right_granted": _right,
    "right_revoked": _right,
    "user_added": _user,
    "role_set": _user,
    "user_disabled": _disabled,
    "user_enabled": _disabled,
    "group_added": _group,
    "membership_set": _member,
    "sign_in": _signed_in,
    "session_ended": _session_ended,
}
