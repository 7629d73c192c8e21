"""Folders for administrators: who has which rights, quotas, when files are shown, what a theft would reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sealane.doors.web import forms
from sealane.doors.web.administration import (
    MEGABYTE,
    done,
    number_of,
    or_again,
    organization_of,
    organizations_of,
    rows,
)
from sealane.doors.web.parts import part_of, some
from sealane.errors import Missing
from sealane.operations import accounts, administering
from sealane.operations.exposures import Forecast, ForecastIs, LookReading, SetReading

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealane.doors.web.forms import Form
    from sealane.doors.web.visits import Visit
    from sealane.errors import SealaneError
    from sealane.operations.administering import Administrable

RIGHTS = ("list", "read", "write", "delete", "admin")
_MINUTE_SECONDS = 60
_KNOWN_MAX = 200
"""Users, and groups, that a page offers to choose from; others are typed."""


async def show_folders(visit: Visit) -> Response:
    """Show the folders of an organization, and who has which rights on each."""
    return await _folders(visit, None, 200)


async def _folders(visit: Visit, failure: SealaneError | None, status: int) -> Response:
    organization, part = organization_of(visit), part_of(visit)
    return visit.page(
        "admin_folders.html",
        status,
        folders=await some(visit, accounts.ListFolders(organization=organization, part=part), part),
        organization=organization,
        organizations=await organizations_of(visit),
        failure=failure,
    )


async def add_folder(visit: Visit) -> Response:
    """Make a folder."""
    form = await visit.take_form()
    organization = form["organization"] or visit.signed.organization
    folder = f"{organization}:/{form['path'].lstrip('/')}"

    async def doing() -> Response:
        await done(visit, accounts.AddFolder(folder=folder, sealed=form["sealed"] == "yes"))
        return visit.go(forms.address("/admin/folder", folder=folder, said="made"))

    return await or_again(_folders, visit, doing())


async def show_folder(visit: Visit) -> Response:
    """Show one folder: its grants, and who may see it by all of them."""
    return await _folder(visit, None, 200)


async def _folder(visit: Visit, failure: SealaneError | None, status: int) -> Response:
    name = visit.query()["folder"]
    organization = name.partition(":")[0]
    found = await rows(visit, accounts.ListFolders(organization=organization or "-", folder=name))
    if not found:
        raise Missing
    part, few = part_of(visit), accounts.Part(limit=_KNOWN_MAX)
    users = await rows(visit, accounts.ListUsers(organization=organization, part=few))
    groups = await rows(visit, accounts.ListGroups(organization=organization, part=few))
    said = await rows(visit, LookReading(folder=name))
    granted = cast("tuple[accounts.Granted, ...]", found[0]["rights"])
    wanted = part.search.casefold()
    return visit.page(
        "admin_folder.html",
        status,
        folder=found[0],
        grants=[one for one in granted if wanted in one.grantee.casefold()][: part.limit],
        who=await some(visit, administering.RightsOnFolder(folder=name, part=part), part),
        known=[str(row["user"]) for row in users] + [f"group:{row['group']}" for row in groups],
        rights=RIGHTS,
        sealed=found[0]["sealed"],
        reading=said[0] if said else None,
        reach=await _reach(visit, name),
        failure=failure,
    )


async def _reach(visit: Visit, folder: str) -> ForecastIs | None:
    """Return what a theft of a folder would reach, by what was read; None for another organization's."""
    organization, _, path = folder.partition(":")
    if organization != visit.signed.organization:
        return None
    return await visit.ask(Forecast(handle="", path=path), ForecastIs)


async def change_folder(visit: Visit) -> Response:
    """Do what one of the buttons on a folder's page says."""
    form = await visit.take_form()
    folder = visit.query()["folder"]

    async def doing() -> Response:
        await done(visit, _change(form, folder))
        return visit.go(forms.address("/admin/folder", folder=folder, said="saved"))

    return await or_again(_folder, visit, doing())


def _change(form: Form, folder: str) -> Administrable:
    """Return the operation that a button on a folder's page stands for."""
    if form["do"] == "reading":
        publish = "after-reading" if form["publish"] == "after-reading" else "at-once"
        waits = number_of(form["unread_minutes"], _MINUTE_SECONDS)
        return SetReading(folder=folder, publish=publish, unread_after_seconds=waits)
    if form["do"] == "quota":
        return accounts.SetFolderQuota(
            folder=folder,
            quota_bytes=number_of(form["megabytes"], MEGABYTE),
            quota_files=number_of(form["files"]),
        )
    if form["do"] == "revoke":
        return accounts.RevokeFolder(folder=folder, grantee=form["grantee"])
    wanted = tuple(right for right in RIGHTS if right in form.every("right"))
    return accounts.GrantFolder(
        folder=folder,
        grantee=form["grantee"],
        rights=cast("tuple[accounts.RightName, ...]", wanted),
        shown_as=form["shown_as"],
    )
