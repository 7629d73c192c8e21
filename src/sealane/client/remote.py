"""What is at the server: looking, listing, making, removing, receipts. Names from there are checked again here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec

from sealane import paths
from sealane.client.failures import AnswerInvalid
from sealane.client.server import API, digest_of, modified_of, target_of, version_of
from sealane.errors import Conflict, IsAFolder, Missing, NotAFolder, NotAllowed, TooMany

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealane.client.server import Server
    from sealane.settings import ClientSettings


ThingT = TypeVar("ThingT")


class RemoteEntry(msgspec.Struct, frozen=True):
    """One line of a listing."""

    name: str
    kind: Literal["file", "folder"]
    size: int
    modified: datetime
    rights: tuple[str, ...] = ()
    version: str = ""
    sha256: str | None = None
    """Hexadecimal; None while it is owed."""


class RemoteTransfer(msgspec.Struct, frozen=True):
    """Who sent or fetched the bytes of a receipt."""

    kind: Literal["upload", "download"]
    at: datetime
    user: str
    door: str
    bytes: int
    entry: int
    leaf: str


class RemoteReceipt(msgspec.Struct, frozen=True):
    """Who sent and who fetched exactly these bytes."""

    path: str
    version: str
    size: int
    sha256: str | None
    transfers: tuple[RemoteTransfer, ...]


class _Me(msgspec.Struct, frozen=True):
    user: str


class _Page(msgspec.Struct, frozen=True):
    entries: tuple[RemoteEntry, ...]
    after: str = ""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """The present version of a file."""

    path: paths.Path
    version: str
    size: int
    modified: datetime | None
    sha256: str | None
    """Hexadecimal; None while it is owed."""


def look(server: Server, path: paths.Path) -> RemoteFile:
    """Return what is known of a file. Raises `IsAFolder`, `Missing` and whatever else the server answers."""
    if not path:
        raise IsAFolder
    try:
        reply = server.ask("HEAD", target_of("content", path))
    except Conflict:
        # The answer to HEAD has no body that names the failure; a folder is the only conflict there is.
        raise IsAFolder from None
    digest = digest_of(reply.headers)
    try:
        size = int(reply.headers["content-length"])
    except (KeyError, ValueError):
        raise AnswerInvalid from None
    return RemoteFile(
        path=path,
        version=version_of(reply.headers),
        size=size,
        modified=modified_of(reply.headers),
        sha256=None if digest is None else digest.hex(),
    )


Sight = Literal["listable", "closed", "none"]


def sight_of(server: Server, path: paths.Path) -> Sight:
    """Say whether a folder is there that may be listed, or is closed (a drop folder), or that there is none."""
    try:
        server.ask("GET", target_of("folders", path), params={"limit": "1"})
    except (Missing, NotAFolder):
        return "none"
    except NotAllowed:
        return "closed"
    return "listable"


def entries(server: Server, path: paths.Path, settings: ClientSettings) -> Iterator[RemoteEntry]:
    """Yield a folder's entries in the server's order. A name that breaks the rules ends it with `PathInvalid`."""
    after, count = "", 0
    while True:
        params = {"limit": str(settings.page_entries)} | ({"after": after} if after else {})
        page = _decoded(server.ask("GET", target_of("folders", path), params=params).body, _Page)
        for entry in page.entries:
            if paths.check_name(entry.name) != entry.name:
                raise AnswerInvalid
            yield entry
        count += len(page.entries)
        if count > settings.listing_entries_max:
            raise TooMany
        if not page.after:
            return
        if page.after <= after:
            raise AnswerInvalid
        after = page.after


def make_folder(server: Server, path: paths.Path) -> None:
    """Make one folder inside an existing one."""
    server.ask("POST", target_of("folders", path))


def remove(server: Server, path: paths.Path) -> None:
    """Remove a file, or an empty folder."""
    try:
        server.ask("DELETE", target_of("content", path))
    except IsAFolder:
        server.ask("DELETE", target_of("folders", path))


def signed_in_user(server: Server) -> str:
    """Return who the server says that the login's token is: `name@organization`."""
    return _decoded(server.ask("GET", f"{API}/me").body, _Me).user


def entry_of(file: RemoteFile) -> RemoteEntry:
    """Return a file as a line of a listing."""
    modified = file.modified
    if modified is None:
        raise AnswerInvalid
    return RemoteEntry(file.path[-1], "file", file.size, modified, (), file.version, file.sha256)


def receipt(server: Server, path: paths.Path) -> RemoteReceipt:
    """Return who sent and who fetched the bytes that are at this path now."""
    return _decoded(server.ask("GET", target_of("receipts", path)).body, RemoteReceipt)


def _decoded(body: bytes, kind: type[ThingT]) -> ThingT:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError:
        raise AnswerInvalid from None
