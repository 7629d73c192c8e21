"""What the ledger says of files: which were stored when, which were sealed, and who received them.

Pure: entries in, tables out; entries of kinds that say nothing of this are passed over. What doors reported of ranges
adds to the evidence (`Access.sent`, `whole`) and never takes a file out of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from sealane.desk.failures import LedgerForked
from sealane.ledger.bodies import NOT_OURS, commitment
from sealane.ledger.tree import leaf_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealane.operations.audit import LedgerEntry

NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One content of a file, and how long it lay on the server."""

    version_id: str
    path: str
    """`ORGANIZATION:/PATH`; empty where it was erased."""
    organization: str
    size: int
    seq: int
    """The entry by which it was finished."""
    stored: datetime
    gone: datetime = NEVER
    sealed: datetime | None = None
    """From when on the server could not open it: its keys were destroyed, or it came sealed."""

    def was_there(self, at: datetime) -> bool:
        """Tell whether it lay on the server then."""
        return self.stored <= at < self.gone

    def is_ciphertext(self, since: datetime) -> bool:
        """Tell whether the server had had no key of it already when something began."""
        return self.sealed is not None and self.sealed <= since


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


@dataclass(slots=True)
class History:
    """What was folded so far."""

    size: int = 0
    last_at: datetime | None = None
    clock_set_back: tuple[int, ...] = ()
    """Entries with an earlier time than the one before them."""
    organizations: dict[int, str] = field(default_factory=dict)
    versions: dict[str, StoredVersion] = field(default_factory=dict)
    accesses: list[Access] = field(default_factory=list)
    list_digests: dict[str, str] = field(default_factory=dict)
    """SHA-256 of the payload of each version's sealed people list, as the ledger names it."""
    _downloads: dict[int, int] = field(default_factory=dict)

    def until(self, size: int) -> History:
        """Return what can be said of accesses and versions by the first `size` entries alone."""
        kept = History(size=size, organizations=self.organizations, list_digests=self.list_digests)
        kept.versions = {name: one for name, one in self.versions.items() if one.seq <= size}
        kept.accesses = [one for one in self.accesses if one.seq <= size]
        return kept


class _Body(msgspec.Struct):
    """What is read of a body."""

    at: str
    kind: str
    private: dict[str, str] = {}
    session_id: str = ""
    owner_organization_id: int = 0
    file_id: int = 0
    version_id: str = ""
    replaced_version_id: str = ""
    download_id: int = 0
    size: int = 0
    sent: int | None = None
    whole: bool | None = None
    list_digest: str = ""


_decoder = msgspec.json.Decoder(_Body)


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
            history.clock_set_back += (entry.seq,)
        history.last_at, history.size = at, entry.seq
        take = _TAKEN.get(body.kind)
        if take is not None:
            take(history, entry.seq, at, body, _opened(entry, body))
        if body.list_digest and body.version_id:
            history.list_digests[body.version_id] = body.list_digest


def _opened(entry: LedgerEntry, body: _Body) -> dict[str, str]:
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


def _organization(history: History, _seq: int, _at: datetime, body: _Body, told: dict[str, str]) -> None:
    history.organizations[body.owner_organization_id] = told.get("organization_name", "")


def _finished(history: History, seq: int, at: datetime, body: _Body, told: dict[str, str]) -> None:
    if not body.version_id:
        return
    path = told.get("path", "")
    owner = path.partition(":/")[0] or history.organizations.get(body.owner_organization_id, "")
    history.versions[body.version_id] = StoredVersion(body.version_id, path, owner, body.size, seq, at)


def _sealed(history: History, _seq: int, at: datetime, body: _Body, _told: dict[str, str]) -> None:
    found = history.versions.get(body.version_id)
    if found is not None:
        history.versions[body.version_id] = replace(found, sealed=at)


def _expired(history: History, _seq: int, at: datetime, body: _Body, _told: dict[str, str]) -> None:
    found = history.versions.get(body.version_id)
    if found is not None:
        history.versions[body.version_id] = replace(found, gone=at)


def _moved(history: History, _seq: int, _at: datetime, body: _Body, told: dict[str, str]) -> None:
    found = history.versions.get(body.version_id)
    if found is not None and told.get("target"):
        history.versions[body.version_id] = replace(found, path=told["target"])


def _begun(history: History, seq: int, at: datetime, body: _Body, told: dict[str, str]) -> None:
    history._downloads[body.download_id] = len(history.accesses)  # noqa: SLF001  our own module's
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
        )
    )


def _ended(history: History, _seq: int, _at: datetime, body: _Body, _told: dict[str, str]) -> None:
    place = history._downloads.pop(body.download_id, None)  # noqa: SLF001  our own module's
    if place is not None:
        history.accesses[place] = replace(history.accesses[place], sent=body.sent, whole=body.whole)


_TAKEN: Final = {
    "organization_added": _organization,
    "upload_finished": _finished,
    "file_sealed": _sealed,
    "version_expired": _expired,
    "file_moved": _moved,
    "download_begun": _begun,
    "download_ended": _ended,
}
