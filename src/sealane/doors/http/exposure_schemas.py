"""What the API says of whose data is in files, as its description has it."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  # pydantic reads the annotations
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True)


class UnreadableIs(_Said):
    """A part of a file that could not be read."""

    part: str = Field(description="Its name within the file.")
    why: str


class ExposureOf(_Said):
    """Whose data is in a version, in counts."""

    format: str
    coverage: Literal["complete", "partial", "unreadable"]
    unreadable: tuple[UnreadableIs, ...]
    records: int
    people: int
    classes: dict[str, int] = Field(description="Of how many individuals each class of data is told.")


class FileExposure(_Said):
    """What is known of whose data is in a file."""

    path: str
    version: str
    state: Literal["read", "waiting", "not-read"]
    sealed: bool = Field(description="Only its readers can open it.")
    listed: bool = Field(description="There is a sealed list of the individuals, for the officer.")
    exposure: ExposureOf | None


class ReachIs(_Said):
    """A pile of files, and how many individuals are in them at most."""

    files: int
    people_at_most: int = Field(description="Who is in several files counts in each.")
    classes: dict[str, int]
    coverage: dict[str, int] = Field(description="Files by how much of them was read.")


class ForecastOf(_Said):
    """What a theft would reach today."""

    open: ReachIs = Field(description="Files that whoever takes over the server could read.")
    sealed: ReachIs = Field(description="Files of which they would get what they cannot open.")
    kept: ReachIs = Field(description="Earlier versions that are kept for their time.")


class PeopleListIs(_Said):
    """A people list, and what is known in clear of its file."""

    number: int
    version: str
    file: int
    path: str
    made: datetime
    size: int = Field(description="Bytes of the age file after its header.")
    digest: str = Field(description="SHA-256 of what follows the header, hexadecimal; the ledger has it too.")
    header: str = Field(description="The age header, base64.")
    recipients: tuple[str, ...]
    lacking: tuple[str, ...] = Field(description="Present recipients whom the header does not name.")
    extra: tuple[str, ...] = Field(description="Whom it names and who is none any more.")
    exposure: ExposureOf
    sent: bool = Field(description="Made by the sender of a sealed file.")


class PeopleListPage(_Said):
    """A page of people lists."""

    lists: tuple[PeopleListIs, ...]
    after: int = Field(description="Ask for the next page with this; 0 at the end.")


class ListRecipientsIs(_Said):
    """To whom people lists are sealed."""

    recipients: tuple[str, ...]
    reading: bool = Field(description="Whether whose data it is is wanted there at all.")
    owner: str = Field("", description="Whose people they are, where a file does not tell.")


class NewListHeader(_Said):
    """A header that an officer made anew."""

    header: str = Field(description="Base64.")
    recipients: tuple[str, ...] = Field(max_length=64)


class FolderReading(_Said):
    """How a folder is read with all below it, and when its files are visible to others."""

    path: str
    reading: bool = Field(description="Whether whose data is in it is read at all.")
    publish: Literal["at-once", "after-reading"]
    unread_after_seconds: int = Field(description="What waits to be read is published unread after so long; 0: never.")
    said_here: bool = Field(description="Said of this folder itself, and not only of one above it.")


class NewFolderReading(_Said):
    """What is to change; what is absent stays as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    publish: Literal["at-once", "after-reading"] | None = None
    unread_after_seconds: int | None = Field(None, ge=0, le=366 * 86400)


class BacklogTold(_Said):
    """How much waits to be read on this node."""

    waiting_files: int = Field(description="Not read yet, or to be read before they are visible.")
    waiting_since: datetime | None
    held_files: int = Field(description="Of these the ones that are acknowledged and not visible to others.")
    held_bytes: int
    held_since: datetime | None
    behind: bool = Field(description="Folders that publish after reading take no new upload now (`reading-behind`).")
