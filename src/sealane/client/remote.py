"""What is at the server: looking, making, removing, receipts.

What comes in pages is in `listings.py`; what concerns keys (to whom a folder seals, headers) in `sealed_remote.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

import msgspec

from sealane import paths
from sealane.client import byteranges
from sealane.client.answers import decoded
from sealane.client.failures import AnswerInvalid, BeingSealed, ChangedThere, Unreachable
from sealane.client.server import (
    AGE_TYPE,
    API,
    PAYLOAD_DIGEST,
    PLAINTEXT_DIGEST,
    PLAINTEXT_LENGTH,
    digest_of,
    etag_of,
    modified_of,
    target_of,
    version_of,
)
from sealane.errors import Conflict, IsAFolder, Missing, NotAFolder, NotAllowed

if TYPE_CHECKING:
    import httpx

    from sealane.client.server import Server

_DIGITS_MAX = 18
_NO_VERSION_YET = '""'
"""The `ETag` by which the sender of a file that is still to be sealed is told that it is there."""
_PARTIAL_CONTENT = 206


class RemoteEntry(msgspec.Struct, frozen=True):
    """One line of a listing."""

    name: str
    kind: Literal["file", "folder"]
    size: int
    modified: datetime
    rights: tuple[str, ...] = ()
    version: str = ""
    sha256: str | None = None
    """Hexadecimal, of the file itself; None while it is owed, or is not known of a sealed one."""
    sealed: bool = False
    """`size` is that of the age file."""
    plaintext_length: int | None = None
    """Of a sealed file, where it is known."""

    @property
    def plain_size(self) -> int:
        """The bytes of the file itself, sealed or not, as far as that is known."""
        return self.size if self.plaintext_length is None else self.plaintext_length


class RemoteTransfer(msgspec.Struct, frozen=True):
    """Who sent or fetched the bytes of a receipt."""

    kind: Literal["upload", "download"]
    at: datetime
    user: str
    door: str
    bytes: int
    entry: int
    leaf: str
    ended: bool = True


class RemoteReceipt(msgspec.Struct, frozen=True):
    """Who sent and who fetched exactly these bytes."""

    path: str
    version: str
    size: int
    sha256: str | None
    transfers: tuple[RemoteTransfer, ...]
    payload_sha256: str | None = None
    """Of a sealed file: of the bytes after its header, which are the same whoever may open it."""


class _Me(msgspec.Struct, frozen=True):
    user: str


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """The present version of a file."""

    path: paths.Path
    version: str
    etag: str
    """Of the bytes that are handed out: of a sealed file it changes with the header, and the version does not."""
    size: int
    """Of the bytes that are handed out."""
    modified: datetime | None
    sha256: str | None
    """Of the file itself, hexadecimal; None while it is owed, or is not known of a sealed one."""
    sealed: bool
    plain_size: int
    """The bytes of the file itself, as the server says."""
    payload_sha256: str | None
    """Of a sealed file, of the bytes after its header; hexadecimal."""
    earlier: bool = False
    """It was asked for by its version, and need not be the one that stands there."""

    @property
    def target(self) -> str:
        """Where its bytes are had."""
        return _content_of(self.path, self.version if self.earlier else "")


def _content_of(path: paths.Path, version: str) -> str:
    return target_of("content", path) + (f"?version={quote(version, safe='')}" if version else "")


def look(server: Server, path: paths.Path, version: str = "") -> RemoteFile:
    """Return what is known of a file, or of one version of it.

    Raises `IsAFolder`, `Missing`, `BeingSealed` and whatever the server answers.
    """
    if not path:
        raise IsAFolder
    try:
        reply = server.ask("HEAD", _content_of(path, version))
    except Conflict:
        # The answer to HEAD has no body that names the failure; a folder is the only conflict there is.
        raise IsAFolder from None
    if reply.headers.get("etag") == _NO_VERSION_YET:
        raise BeingSealed
    sealed = reply.headers.get("content-type", "").partition(";")[0].strip() == AGE_TYPE
    sealed = sealed and PLAINTEXT_LENGTH in reply.headers
    size = _number(reply.headers.get("content-length", ""))
    return _file_of(path, reply.headers, size, sealed=sealed, earlier=bool(version))


def _file_of(path: paths.Path, headers: httpx.Headers, size: int, *, sealed: bool, earlier: bool = False) -> RemoteFile:
    digest = digest_of(headers, PLAINTEXT_DIGEST if sealed else "Repr-Digest")
    payload = digest_of(headers, PAYLOAD_DIGEST) if sealed else None
    return RemoteFile(
        path=path,
        version=version_of(headers),
        etag=etag_of(headers),
        size=size,
        modified=modified_of(headers),
        sha256=None if digest is None else digest.hex(),
        sealed=sealed,
        plain_size=_number(headers[PLAINTEXT_LENGTH]) if sealed else size,
        payload_sha256=None if payload is None else payload.hex(),
        earlier=earlier,
    )


def ends(server: Server, path: paths.Path, begin: int, end: int) -> tuple[RemoteFile, bytes, bytes] | None:
    """Return what is known of a sealed file with its first `begin` and its last `end` bytes, all by one request.

    None where it is not sealed, or so short that they meet.
    """
    reply = server.ask("GET", target_of("content", path), headers={"Range": f"bytes=0-{begin - 1},-{end}"})
    several = reply.headers.get("content-type", "").startswith("multipart/")
    if reply.status != _PARTIAL_CONTENT or not several or PLAINTEXT_LENGTH not in reply.headers:
        return None
    pieces = byteranges.pieces_of(reply.headers["content-type"], reply.body)
    told = [(piece.first, piece.past, piece.total) for piece in pieces]
    size = pieces[0].total if pieces else 0
    if told != [(0, begin, size), (size - end, size, size)]:
        raise AnswerInvalid
    return _file_of(path, reply.headers, size, sealed=True), pieces[0].content, pieces[1].content


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS_MAX:
        raise AnswerInvalid
    return int(text)


def range_of(server: Server, file: RemoteFile, first: int, past: int) -> bytes:
    """Return bytes of this very file, whole. Raises `ChangedThere` where another stands there now."""
    if first >= past:
        return b""
    headers = {"Range": f"bytes={first}-{past - 1}", "If-Match": file.etag}
    with server.stream("GET", file.target, headers=headers) as response:
        must_be_range(response, file, first=first, past=past)
        content = bytearray()
        for block in response.iter_raw():
            content += block
            if len(content) > past - first:
                raise AnswerInvalid
    if len(content) < past - first:
        raise Unreachable
    return bytes(content)


def must_be_range(response: httpx.Response, file: RemoteFile, *, first: int, past: int) -> None:
    """Refuse an answer that is not exactly the range asked for."""
    size = file.size
    whole = first == 0 and past == size
    if response.status_code == _PARTIAL_CONTENT:
        said, _, whole_size = response.headers.get("content-range", "").partition("/")
        if said != f"bytes {first}-{past - 1}":
            raise AnswerInvalid
        if whole_size != str(size):
            # Of a sealed file the header may have changed, and its length with it.
            raise ChangedThere if file.sealed else AnswerInvalid
    elif not whole:
        raise AnswerInvalid
    if "content-encoding" in response.headers:
        raise AnswerInvalid


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
    return decoded(server.ask("GET", f"{API}/me").body, _Me).user


def entry_of(file: RemoteFile) -> RemoteEntry:
    """Return a file as a line of a listing."""
    modified = file.modified
    if modified is None:
        raise AnswerInvalid
    length = file.plain_size if file.sealed else None
    return RemoteEntry(file.path[-1], "file", file.size, modified, (), file.version, file.sha256, file.sealed, length)


def receipt(server: Server, path: paths.Path, version: str = "") -> RemoteReceipt:
    """Return who sent and who fetched the bytes that are at this path now, or those of one version.

    Of a sealed file the digest of its payload is worked out once somebody has asked for this.
    """
    params = {"version": version} if version else {}
    return decoded(server.ask("GET", target_of("receipts", path), params=params).body, RemoteReceipt)


def restore(server: Server, path: paths.Path, version: str) -> RemoteEntry:
    """Let an earlier version stand at its path again."""
    content = msgspec.json.encode({"path": paths.show(path), "version": version})
    headers = {"Content-Type": "application/json"}
    return decoded(server.ask("POST", f"{API}/restore", headers=headers, content=content).body, RemoteEntry)
