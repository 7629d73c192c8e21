"""The REST API of whose data is in files: counts for those who may see them, sealed people lists for officers."""

# ruff: noqa: FAST003  # the path is a parameter of `Place`, which ruff does not follow through the alias

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ValidationError
from starlette.responses import Response, StreamingResponse

from sealane.doors.http.api import Asked, Place  # noqa: TC001  # FastAPI reads the annotations
from sealane.doors.http.exposure_schemas import (
    BacklogTold,
    ExposureOf,
    FileExposure,
    FolderReading,
    ForecastOf,
    ListRecipientsIs,
    NewFolderReading,
    NewListHeader,
    PeopleListIs,
    PeopleListPage,
    ReachIs,
    UnreadableIs,
)
from sealane.doors.http.problems import MediaTypeUnsupported
from sealane.doors.listing import LINE_BYTES_MAX, ListTaker
from sealane.errors import Invalid
from sealane.ids import SegmentId
from sealane.operations.envelope import Done
from sealane.operations.exposures import (
    BacklogIs,
    ExposureIs,
    FolderReadingIs,
    Forecast,
    ForecastIs,
    KeepPeopleList,
    ListOf,
    ListPeopleLists,
    ListRecipientsAre,
    ListRecipientsOf,
    ListsAre,
    LookFolderReading,
    LookOwnBacklog,
    OpenPeopleList,
    PeopleListOpened,
    Reach,
    ReplaceListHeader,
    SetFolderPublishing,
    ShowExposure,
)
from sealane.paths import parse, show
from sealane.vault import blobs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sealane.doors.http.exchange import Exchange
    from sealane.operations.inspection import Exposed

AGE_MEDIA_TYPE: Final = "application/age"
_NUMBER_MAX: Final = 2**53 - 1
_BLOCK_BYTES: Final = 1 << 20
_JSON_BYTES_MAX: Final = 256 * 1024
_VERSION_CHARACTERS_MAX: Final = 64
FormT = TypeVar("FormT", bound=BaseModel)
router = APIRouter(prefix="/api/v1/exposure")

Version = Annotated[str, Path(description="The file's version.", max_length=_VERSION_CHARACTERS_MAX)]


@router.get("/files/{path:path}", summary="Whose data is in a file, in counts")
async def show_file(exchange: Asked, place: Place) -> FileExposure:
    """Say how many individuals a file speaks of, which classes of data, and what of it could not be read."""
    told = await exchange.ask(ShowExposure(handle="", path=place), ExposureIs)
    return FileExposure(
        path=told.path,
        version=told.version,
        state=told.state,
        sealed=told.sealed,
        listed=told.listed,
        exposure=None if told.exposed is None else _exposure(told.exposed),
    )


@router.get("/forecast", summary="What a theft would reach today")
async def forecast(
    exchange: Asked,
    folder: Annotated[str, Query(description="A folder of your organization, with all below.", max_length=4096)] = "",
    user: Annotated[str, Query(description="NAME@ORG: all that this user may read.", max_length=512)] = "",
) -> ForecastOf:
    """Say how many individuals at most are in a folder, in what a user may read, or in your whole organization."""
    path = show(parse(folder)) if folder else ""
    told = await exchange.ask(Forecast(handle="", path=path, user=user), ForecastIs)
    return ForecastOf(open=_reach(told.open), sealed=_reach(told.sealed), kept=_reach(told.kept))


@router.get("/folders/{path:path}", summary="How a folder is read, and when it publishes")
async def show_folder(exchange: Asked, place: Place) -> FolderReading:
    """Say how a folder of your organization is read. For administrators."""
    return _folder(await exchange.ask(LookFolderReading(handle="", path=place), FolderReadingIs))


@router.patch(
    "/folders/{path:path}",
    summary="Say when a folder publishes",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewFolderReading"}}},
        }
    },
)
async def set_folder(exchange: Asked, place: Place) -> FolderReading:
    """Have a folder and all below it publish at once or after reading. For administrators, with the scope `admin`."""
    wanted = await _wanted(exchange, NewFolderReading)
    operation = SetFolderPublishing(
        handle="", path=place, publish=wanted.publish, unread_after_seconds=wanted.unread_after_seconds
    )
    return _folder(await exchange.ask(operation, FolderReadingIs))


@router.get("/queue", summary="How much waits to be read")
async def queue(exchange: Asked) -> BacklogTold:
    """Say how far reading is behind, in numbers of the whole node. For administrators."""
    told = await exchange.ask(LookOwnBacklog(handle=""), BacklogIs)
    return BacklogTold(
        waiting_files=told.waiting_files,
        waiting_since=told.waiting_since,
        held_files=told.held_files,
        held_bytes=told.held_bytes,
        held_since=told.held_since,
        behind=told.behind,
    )


@router.get("/recipients/{path:path}", summary="To whom the people list of a file is sealed")
async def recipients_of_file(exchange: Asked, place: Place) -> ListRecipientsIs:
    """Say to whom a client seals the people list of a file that it seals itself."""
    told = await exchange.ask(ListRecipientsOf(handle="", path=place), ListRecipientsAre)
    return ListRecipientsIs(recipients=told.recipients, reading=told.reading, owner=told.owner)


@router.get("/recipients", summary="To whom people lists are sealed")
async def recipients(exchange: Asked) -> ListRecipientsIs:
    """Say to whom your organization's people lists are sealed now. For officers."""
    told = await exchange.ask(ListRecipientsOf(handle=""), ListRecipientsAre)
    return ListRecipientsIs(recipients=told.recipients, reading=told.reading)


@router.get("/lists", summary="Your organization's people lists")
async def list_lists(
    exchange: Asked,
    after: Annotated[int, Query(description="Begin after this number.", ge=0, le=_NUMBER_MAX)] = 0,
    limit: Annotated[int, Query(description="Lists of one page.", ge=1)] = 100,
) -> PeopleListPage:
    """Page through sealed people lists in the order in which they were made. For officers."""
    told = await exchange.ask(ListPeopleLists(handle="", after=after, limit=min(limit, _NUMBER_MAX)), ListsAre)
    return PeopleListPage(lists=tuple(map(_list, told.lists)), after=told.after)


@router.get("/lists/{version}", summary="A sealed people list", response_class=Response)
async def fetch_list(exchange: Asked, version: Version) -> Response:
    """Return the age file of who is in a version. For officers; that it goes out is on record before it does."""
    told = await exchange.ask(OpenPeopleList(handle="", version=version), PeopleListOpened)
    headers = {
        "Content-Length": str(len(told.header) + told.size),
        "Sealane-Payload-Digest": f"sha-256=:{base64.b64encode(told.digest).decode()}:",
        "ETag": f'"{told.version}-{told.revision}"',
    }
    return StreamingResponse(_pieces(exchange, told), headers=headers, media_type=AGE_MEDIA_TYPE)


async def _pieces(exchange: Exchange, told: PeopleListOpened) -> AsyncIterator[bytes]:
    yield told.header
    if told.inline is not None:
        yield told.inline
        return
    plane = exchange.door.plane
    for offset in range(0, told.size, _BLOCK_BYTES):
        length = min(_BLOCK_BYTES, told.size - offset)
        block = await plane.run(
            lambda offset=offset, length=length: blobs.read(plane.store, SegmentId(told.blob), offset, length)
        )
        yield bytes(block)


@router.put("/lists/{version}", summary="The people list of a file that you sealed yourself", status_code=204)
async def send_list(exchange: Asked, version: Version) -> None:
    """Take a people list made on the sender's machine: a line of JSON (counts, coverage, recipients), then an age file.

    The line: `{"format", "coverage", "records", "people", "classes", "unreadable": [{"part", "why"}], "recipients"}`.
    """
    await exchange.sign_in()
    settings, plane = exchange.door.settings, exchange.door.plane
    taker = ListTaker(plane.store, settings)
    try:
        async for piece in exchange.body().pieces(settings.people_list_bytes_max + LINE_BYTES_MAX):
            await plane.run(lambda piece=piece: taker.take(piece))
        exposed = await plane.run(taker.finish)
        await exchange.ask(KeepPeopleList(handle="", version=version, exposed=exposed), Done)
    finally:
        await plane.run(taker.abort)


@router.put(
    "/lists/{version}/header",
    summary="Replace the header of a people list",
    status_code=204,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewListHeader"}}},
        }
    },
)
async def replace_header(exchange: Asked, version: Version) -> None:
    """Put a header for the present recipients in the place of a list's. For officers, who can open it."""
    wanted = await _wanted(exchange, NewListHeader)
    try:
        header = base64.b64decode(wanted.header.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise Invalid("The header is not base64.") from None
    operation = ReplaceListHeader(handle="", version=version, header=header, recipients=wanted.recipients)
    await exchange.ask(operation, Done)


async def _wanted(exchange: Exchange, form: type[FormT]) -> FormT:
    """Return the JSON body of a request, checked. Raises `Invalid`, `MediaTypeUnsupported`."""
    await exchange.sign_in()
    if exchange.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise MediaTypeUnsupported
    try:
        return form.model_validate_json(await exchange.small_body(_JSON_BYTES_MAX))
    except ValidationError:
        raise Invalid(f"The body is not of the form {form.__name__} of /api/v1/openapi.json.") from None


def _folder(told: FolderReadingIs) -> FolderReading:
    return FolderReading(
        path=told.path,
        reading=told.reading,
        publish=told.publish,
        unread_after_seconds=told.unread_after_seconds,
        said_here=told.said_here,
    )


def _exposure(exposed: Exposed) -> ExposureOf:
    return ExposureOf(
        format=exposed.format,
        coverage=exposed.coverage,  # type: ignore[arg-type]  # pyrefly: ignore  # the keeper knows no other
        unreadable=tuple(UnreadableIs(part=one.part, why=one.why) for one in exposed.unreadable),
        records=exposed.records,
        people=exposed.people,
        classes=exposed.classes,
    )


def _reach(reach: Reach) -> ReachIs:
    return ReachIs(files=reach.files, people_at_most=reach.people, classes=reach.classes, coverage=reach.coverage)


def _list(one: ListOf) -> PeopleListIs:
    return PeopleListIs(
        number=one.number,
        version=one.version,
        file=one.file,
        path=one.path,
        made=one.made,
        size=one.size,
        digest=one.digest.hex(),
        header=base64.b64encode(one.header).decode("ascii"),
        recipients=one.recipients,
        lacking=one.lacking,
        extra=one.extra,
        exposure=_exposure(one.exposed),
        sent=one.sent,
    )
