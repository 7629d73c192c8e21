"""What the REST API says and takes as JSON. These classes are also its description in OpenAPI."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  # pydantic reads the annotations
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


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
    sha256: str | None = Field(None, description="Hexadecimal; absent while it is still being computed.")


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


class TransferIs(_Said):
    """Who sent or fetched the bytes of a receipt."""

    kind: Literal["upload", "download"]
    at: datetime
    user: str
    door: str
    bytes: int
    entry: int = Field(description="Sequence number in the ledger.")
    leaf: str = Field(description="The entry's leaf hash in the ledger, hexadecimal.")


class ReceiptFor(_Said):
    """Who sent and who fetched exactly these bytes."""

    path: str
    version: str
    size: int
    sha256: str | None
    transfers: tuple[TransferIs, ...]


class Me(_Said):
    """Who the token speaks for."""

    user: str
    scopes: tuple[str, ...]
    session: str = Field(description="Names this session in the ledger.")
    expires: datetime
