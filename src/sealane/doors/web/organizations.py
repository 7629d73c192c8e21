"""Organizations and their quotas, for who runs the node; who is signed in, for administrators."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from sealane.operations import accounts

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealane.doors.web.visits import Visit
    from sealane.errors import SealaneError


async def show_organizations(visit: Visit) -> Response:
    """Show all organizations, to whoever runs the node."""
    return await _all_organizations(visit, None, 200)


async def _all_organizations(visit: Visit, failure: SealaneError | None, status: int) -> Response:
    found = await rows(visit, accounts.ListOrganizations())
    return visit.page("admin_organizations.html", status, organizations=found, failure=failure)


async def change_organizations(visit: Visit) -> Response:
    """Make an organization, or set the quota of one."""
    form = await visit.take_form()

    async def doing() -> Response:
        if form["do"] == "quota":
            wanted = accounts.SetOrganizationQuota(
                name=form["name"],
                quota_bytes=number_of(form["megabytes"], MEGABYTE),
                quota_files=number_of(form["files"]),
            )
            await done(visit, wanted)
            return visit.go("/admin/organizations?said=saved")
        await done(visit, accounts.AddOrganization(name=form["name"]))
        return visit.go("/admin/organizations?said=made")

    return await or_again(_all_organizations, visit, doing())


async def show_sessions(visit: Visit) -> Response:
    """Show who is signed in."""
    organization, part = organization_of(visit), part_of(visit)
    return visit.page(
        "admin_sessions.html",
        sessions=await some(visit, accounts.ListSessions(organization=organization, part=part), part),
        organization=organization,
        organizations=await organizations_of(visit),
    )


async def end_session(visit: Visit) -> Response:
    """End somebody's session."""
    form = await visit.take_form()
    await done(visit, accounts.EndSession(session=form["session"]))
    return visit.go(forms.address("/admin/sessions", organization=form["organization"], said="session-ended"))
