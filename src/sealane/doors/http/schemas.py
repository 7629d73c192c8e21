"""What the REST API says and takes as JSON. These classes are also its description in OpenAPI."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  # pydantic reads the annotations
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Problem(_Said):
    """A problem document (RFC 9457)."""

    title: str
    status: int
    code: str = Field(description="Stable; programs decide by it.")
    detail: str = Field(description="A sentence for the person.")
    reference: str | None = Field(None, description="Finds an unexpected failure in the server's log.")


class EntryIs(_Said):
    """One line of a listing."""

    name: str
    kind: Literal["file", "folder"]
    size: int
    modified: datetime
    rights: tuple[str, ...] = Field(description="What you may do here: of list, read, write, delete, admin.")
    version: str = Field("", description="The file's ETag, without quotes; empty for a folder.")
    sha256: str | None = Field(None, description="Hexadecimal, of the plaintext; absent while it is still computed.")
    sealed: bool = Field(False, description="It opens with its recipients' keys only.")  # noqa: FBT003  # pydantic
    plaintext_length: int | None = Field(None, description="Of a sealed file; `size` is what the name stands for.")


class RecipientIs(_Said):
    """One public key that files are sealed to."""

    recipient: str
    user: str | None = Field(description="Whose it is.")
    recovery: bool = Field(description="It is an off-line recovery key of the organization.")


class RecipientsOf(_Said):
    """To whom files of a folder are sealed."""

    sealed: bool
    recipients: tuple[RecipientIs, ...]
    without_key: tuple[str, ...] = Field(description="Readers who could not open what arrives now.")


class HeaderOf(_Said):
    """A sealed file's header and whom it is for."""

    version: str
    path: str = Field(description="As you see it, without .age.")
    header: str = Field(description="Base64, without the nonce that follows it.")
    recipients: tuple[str, ...]
    lacking: tuple[str, ...] = Field(description="Present recipients of the folder whom it does not name.")
    extra: tuple[str, ...] = Field(description="Whom it names and who is no recipient any more.")


class HeadersPage(_Said):
    """A page of headers."""

    files: tuple[HeaderOf, ...]
    after: str = Field(description="Ask for the next page with this; empty at the end.")


class NewHeaderIs(_Said):
    """A header made anew."""

    version: str
    header: str = Field(description="Base64.")
    recipients: tuple[str, ...] = Field(description="One for each stanza, in any order.")


class NewHeadersAre(_Said):
    """Headers made anew."""

    headers: tuple[NewHeaderIs, ...] = Field(max_length=500)


class RefusedHeader(_Said):
    """A header that was not replaced, and why."""

    version: str
    code: str


class ReplacedHeaders(_Said):
    """What became of headers that were sent."""

    replaced: int
    refused: tuple[RefusedHeader, ...]


class Listing(_Said):
    """A page of a folder."""

    path: str
    entries: tuple[EntryIs, ...] = Field(description="Files and folders together, ordered by the code points of names.")
    after: str = Field(description="Ask for the next page with this; empty at the end.")


class MoveTo(_Said):
    """What to move where."""

    source: str
    target: str
    replace: bool = Field(False, description="An existing file (or empty folder) gives way.")  # noqa: FBT003  # pydantic


class VersionIs(_Said):
    """One version that stands at a path, or stood there and is still kept."""

    version: str
    present: bool = Field(description="It stands there now.")
    size: int = Field(description="Bytes of what the path names.")
    modified: datetime
    made: datetime = Field(description="When its sender was told that it is kept.")
    sender: str = Field(description="NAME@ORGANIZATION.")
    replaced: datetime | None = Field(description="When it was written over or removed.")
    kept_until: datetime | None = Field(description="When it is cleared at the latest.")
    sha256: str | None = Field(description="Hexadecimal, of the plaintext; absent while it is not known.")
    sealed: bool
    plaintext_length: int | None = Field(description="Of a sealed one.")
    damaged: bool = Field(description="It cannot be had: what is stored is not what was sent.")


class VersionsOf(_Said):
    """A page of the versions of a path."""

    path: str
    versions: tuple[VersionIs, ...] = Field(description="The present one first, then earlier ones, the newest first.")
    after: str = Field(description="Ask for the next page with this; empty at the end.")


class RestoreTo(_Said):
    """Which version is to stand at a path again."""

    path: str
    version: str


class RemovedIs(_Said):
    """A file that was removed and can be had back."""

    name: str
    versions: int
    removed: datetime


class RemovedPage(_Said):
    """A page of the files that were removed from a folder."""

    path: str
    files: tuple[RemovedIs, ...]
    after: str = Field(description="Ask for the next page with this; empty at the end.")


class TransferIs(_Said):
    """Who sent or fetched the bytes of a receipt."""

    kind: Literal["upload", "download"]
    at: datetime
    user: str
    door: str
    bytes: int
    entry: int = Field(description="Sequence number in the ledger.")
    leaf: str = Field(description="The entry's leaf hash in the ledger, hexadecimal.")
    ended: bool = Field(description="False of a download whose end is not on record yet; its bytes say 0 until then.")


class ReceiptFor(_Said):
    """Who sent and who fetched exactly these bytes."""

    path: str
    version: str
    size: int
    sha256: str | None
    payload_sha256: str | None = Field(
        description="Of a sealed file: of the bytes after its header, which are the same whoever may open it."
        " Null until it is worked out, which asking for the receipt begins."
    )
    transfers: tuple[TransferIs, ...]


class LedgerEntryIs(_Said):
    """An entry of the ledger (docs/formats/ledger.md)."""

    seq: int
    body: str = Field(description="The exact text that was hashed.")
    leaf: str = Field(description="Its leaf hash, hexadecimal.")
    openings: dict[str, tuple[str, str]] = Field(description="By field: the salt in hexadecimal and the value.")


class LedgerSearch(_Said):
    """Which entries of the ledger are wanted: those that fit everything given. An unknown name is refused."""

    after: int = Field(0, description="Begin after this entry.", ge=0, le=2**53 - 1)
    limit: int = Field(500, description="Entries of one page.", ge=1)
    since: AwareDatetime | None = Field(None, description="From this time on (RFC 3339, with its zone).")
    until: AwareDatetime | None = Field(None, description="Up to this time.")
    user: str = Field("", description="NAME@ORG of your organization.", max_length=512)
    path: str = Field("", description="A file or folder: ORG:/PATH of your organization.", max_length=4096)
    folder: str = Field("", description="ORG:/PATH of your organization, with all below it.", max_length=4096)
    session: str = Field("", description="A session's id.", max_length=64)
    address: str = Field("", description="Where it came from.", max_length=64)
    door: str = Field("", description="sftp, http, web, admin, inspector or keeper.", max_length=16)
    kind: str = Field("", description="A kind of entry, as docs/formats/ledger.md names them.", max_length=64)
    outcome: Literal["", "done", "refused", "damaged"] = Field("", description="How it ended.")


class LedgerPage(_Said):
    """A page of entries."""

    entries: tuple[LedgerEntryIs, ...]
    after: int = Field(description="Ask for the next page with this; 0 at the end.")


class ProofIs(_Said):
    """What proves one entry."""

    entry: int
    proof: str = Field(description="C2SP tlog-proof; its extra data are the entry's body and openings.")


class ProofPage(_Said):
    """A page of proofs."""

    proofs: tuple[ProofIs, ...]
    after: int = Field(description="Ask for the next page with this; 0 at the end.")


class Me(_Said):
    """Who the token speaks for."""

    user: str
    scopes: tuple[str, ...]
    session: str = Field(description="Names this session in the ledger.")
    expires: datetime
