"""The page of one file or folder: what is known of it, who opened it and when, its versions; moving, having back.

A version that stood there before has the same page, and so has a file that was removed as long as versions are kept.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from sealane import paths
from sealane.doors.http.sealed import AGE_SUFFIX
from sealane.doors.web import forms, moves
from sealane.doors.web.files import crumbs_of, parent_of, place_of
from sealane.errors import Invalid, Missing, NotAllowed, Refused, SealaneError
from sealane.operations.envelope import Done
from sealane.operations.exposures import ExposureIs, ShowExposure
from sealane.operations.files import Look, Move, Receipt, ReceiptIs, RestoreFile, Seen
from sealane.operations.versions import (
    ListRemoved,
    ListVersions,
    LookVersion,
    RemovedAre,
    RestoreVersion,
    VersionsAre,
)

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealane.doors.web.visits import Visit
    from sealane.operations.files import Entry

_VERSIONS: Final = 50
"""Versions on one page."""
_NO_VERSIONS: Final = VersionsAre(versions=(), after="")


async def show_details(visit: Visit) -> Response:
    """Show what is known of one file or folder, or of a version that stood there before."""
    query = visit.query()
    return await _shown(visit, place_of(visit), version=query["version"], after=query["after"])


async def _shown(
    visit: Visit, path: str, *, version: str = "", after: str = "", failure: SealaneError | None = None
) -> Response:
    present = await _present(visit, path)
    told = await _versions(visit, path, present, after)
    is_left = False
    if version and (present is None or version != present.version):
        seen = await visit.ask(LookVersion(handle="", path=path, version=version), Seen)
        entry, is_left = seen.entry, seen.left_behind
    elif present is not None:
        entry = present
    else:
        entry, is_left = told.versions[0].entry, told.versions[0].left_behind
    receipt: ReceiptIs | None = None
    if entry.kind == "file" and entry.version:
        try:
            receipt = await visit.ask(Receipt(handle="", path=path, version=entry.version), ReceiptIs)
        except (NotAllowed, Missing):
            receipt = None
    is_earlier = present is None or entry.version != present.version
    return visit.page(
        "drawer.html" if visit.query()["part"] == "drawer" else "details.html",
        200 if failure is None else 409,
        path=path,
        parent=parent_of(path),
        crumbs=crumbs_of(path),
        entry=entry,
        is_there=present is not None,
        is_earlier=is_earlier,
        is_left=is_left,
        is_damaged=any(one.damaged for one in told.versions if one.entry.version == entry.version),
        versions=told.versions,
        after=told.after,
        is_later_page=bool(after),
        plain_name=entry.name.removesuffix(AGE_SUFFIX),
        receipt=receipt,
        exposure=None if is_earlier else await exposure_of(visit, path, entry),
        failure=failure,
    )


async def exposure_of(visit: Visit, path: str, entry: Entry) -> ExposureIs | None:
    """Return what is known of whose data is in what stands at a path; None where it is not to be told."""
    if entry.kind != "file" or not entry.version:
        return None
    try:
        told = await visit.ask(ShowExposure(handle="", path=path), ExposureIs)
    except (NotAllowed, Missing):
        return None
    return told if told.version == entry.version else None  # an auditor's path may lead to a file that is hidden here


async def _present(visit: Visit, path: str) -> Entry | None:
    """Return what stands at a path; None where nothing does."""
    try:
        return (await visit.ask(Look(handle="", path=path), Seen)).entry
    except Missing:
        return None


async def _versions(visit: Visit, path: str, present: Entry | None, after: str) -> VersionsAre:
    """Return a page of the versions of a path. Raises `Missing` where nothing stands there, and nothing did."""
    if present is not None and (present.kind == "folder" or not present.version):
        return _NO_VERSIONS
    try:
        told = await visit.ask(ListVersions(handle="", path=path, after=after, limit=_VERSIONS), VersionsAre)
    except (NotAllowed, Missing):
        told = _NO_VERSIONS
    if present is None and not told.versions:
        raise Missing
    return told


async def show_removed(visit: Visit) -> Response:
    """Show which files were removed from a folder and can be had back."""
    path = place_of(visit)
    listing = ListRemoved(handle="", path=path, after=visit.query().exact("after"), limit=visit.settings.web_page_rows)
    told = await visit.ask(listing, RemovedAre)
    return visit.page("removed.html", path=path, crumbs=crumbs_of(path), files=told.files, after=told.after)


async def restore(visit: Visit) -> Response:
    """Let an earlier version stand there again; or undo a removal of the visitor's own, by the note of it."""
    path = place_of(visit)
    form = await visit.take_form()
    if form["version"]:
        try:
            await visit.ask(RestoreVersion(handle="", path=path, version=form["version"]), Seen)
        except SealaneError as failure:
            if isinstance(failure, Refused | Missing):
                raise
            return await _shown(visit, path, failure=failure)
        return visit.go(forms.address("/details", path, said="restored"))
    try:
        note = base64.urlsafe_b64decode(form["note"].encode("ascii"))
    except ValueError:
        raise Invalid("This is not what undoes a removal.") from None
    await visit.ask(RestoreFile(handle="", path=path, note=note), Seen)
    return visit.go(forms.address("/files", parent_of(path), said="restored"))


async def move(visit: Visit) -> Response:
    """Rename, or move to another folder. What is there already is never replaced."""
    path = place_of(visit)
    form = await visit.take_form()
    try:
        target = paths.show((*paths.parse(form["folder"] or "/"), paths.check_name(form["name"])))
        if target != path:
            await visit.ask(Move(handle="", source=path, target=target), Done)
    except SealaneError as failure:
        if isinstance(failure, Refused):
            raise
        return await _shown(visit, path, failure=failure)
    return visit.go(forms.address("/files", parent_of(target), **moves.note(visit, path, target)))
