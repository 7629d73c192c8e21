"""What an entry is found by: the columns beside its body, made from the event when written, and checked when read.

The columns prove nothing; but an intruder who could change them unnoticed could hide an entry from every search. So
each entry that is read is compared with its body again.
"""

from __future__ import annotations

from functools import cache, lru_cache
from hashlib import sha256
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from sealane.database.columns import moment_of
from sealane.ledger.bodies import NOT_OURS, PATH_DIGEST_BYTES, path_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sealane.ledger.events import Event


class FiledEntry(NamedTuple):
    """An entry's body and what it is found by."""

    body: bytes
    at: str
    """As the body says it."""
    kind: str
    organization_id: int | None
    user_id: int | None
    session_id: str | None
    folder_id: int | None
    file_id: int | None
    version_id: str | None
    door: str
    path_digest: bytes | None
    target_digest: bytes | None
    address_digest: bytes | None


class FiledBody(msgspec.Struct):
    """The fields of a body by which its entry is filed."""

    at: str
    kind: str
    door: str = ""
    organization_id: int | None = None
    owner_organization_id: int | None = None
    user_id: int | None = None
    account_id: int | None = None
    session_id: str | None = None
    ended_session_id: str | None = None
    folder_id: int | None = None
    file_id: int | None = None
    version_id: str | None = None

    def columns(self) -> tuple[object, ...]:
        """Return what stands in the columns from `kind` to `door`, in their order."""
        return (
            self.kind,
            self.owner_organization_id or self.organization_id,
            self.user_id or self.account_id,
            self.ended_session_id or self.session_id,
            self.folder_id,
            self.file_id,
            self.version_id,
            self.door,
        )


_decoder = msgspec.json.Decoder(FiledBody)
_COLUMNS = slice(FiledEntry._fields.index("kind"), FiledEntry._fields.index("door") + 1)


def filed_event(event: Event) -> tuple[object, ...]:
    """Return an event's columns from `organization_id` to `door`, in their order.

    Whose place or account it is goes before who did it, and who did it before whom.
    """
    who = event.who
    owner, account, ended, folder, file, version = _filed_of(type(event))(event)
    return (
        owner or who.organization_id,
        who.user_id or account,
        ended or who.session_id or None,
        folder,
        file,
        version or None,
        who.door,
    )


@cache
def _filed_of(kind: type[Event]) -> Callable[[object], tuple[Any, ...]]:
    """Return what gets the fields by which events of this class are filed, None for those that it has not."""
    names = ("owner_organization_id", "account_id", "ended_session_id", "folder_id", "file_id", "version_id")
    return attrgetter(*(name if name in kind.__struct_fields__ else "absent" for name in names))


def misfiled(row: FiledEntry, openings: Mapping[str, tuple[str, str]]) -> bool:
    """Return whether the columns of this entry are not what its body, and the paths among its openings, say."""
    try:
        body = _decoder.decode(row.body)
    except NOT_OURS:
        return True
    return (
        row[_COLUMNS] != body.columns()
        or row.at != body.at
        or (row.path_digest, row.target_digest, row.address_digest) != digests(openings)
    )


def stored_moment(microseconds: int) -> str:
    """Return a stored time as a body says it. Raises `OverflowError`."""
    second, rest = divmod(microseconds, 1_000_000)
    return f"{_second(second)}.{rest:06}Z"


@lru_cache(maxsize=1024)
def _second(second: int) -> str:
    return moment_of(second * 1_000_000).replace(tzinfo=None).isoformat(timespec="seconds")


def digests(openings: Mapping[str, tuple[str, str]]) -> tuple[bytes | None, bytes | None, bytes | None]:
    """Return by what paths and addresses an entry with these openings is found: path, target, address."""
    path, target, address = openings.get("path"), openings.get("target"), openings.get("address")
    return (
        None if path is None else sha256(path[1].encode()).digest()[:PATH_DIGEST_BYTES],  # mostly one not seen before
        None if target is None else sha256(target[1].encode()).digest()[:PATH_DIGEST_BYTES],
        None if address is None else path_digest(address[1]),  # the same few again and again
    )
