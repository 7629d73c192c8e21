"""What is safe and what is still open, with the button or command for each; the organization's recovery keys."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from sealane.doors.web import forms
from sealane.doors.web.administration import done, or_again, organization_of, rows
from sealane.operations import accounts, administering
from sealane.operations.exposures import ListOfficers
from sealane.operations.failures import ProofWanted
from sealane.operations.passkeys import ListPasskeys

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealane.doors.web.visits import Visit
    from sealane.errors import SealaneError


async def show_checklist(visit: Visit) -> Response:
    """Show what is safe, what is still open, and the button or command for each."""
    organization = visit.signed.organization
    one = accounts.Part(limit=1)
    users = await visit.administer(accounts.ListUsers(organization=organization, part=one), accounts.RowsAre)
    admins = await rows(visit, accounts.ListUsers(organization=organization, role="admin"))
    folders = await rows(visit, accounts.ListFolders(organization=organization, part=one))
    recovery = await rows(visit, administering.ListRecovery(organization=organization))
    officers = await rows(visit, ListOfficers(organization=organization))
    settings = visit.settings
    keys = await visit.ask(ListPasskeys(handle=""), accounts.RowsAre)
    steps = {
        "second_factor": visit.signed.second_factor or bool(keys.rows),
        "second_admin": sum(row["disabled"] is None for row in admins) > 1,
        "users": users.total > 1,
        "folder": bool(folders),
        "recovery": bool(recovery),
        "officer": any(row["recipients"] for row in officers),
        "tls": visit.exchange.scope["scheme"] == "https",
        "witness": bool(settings.witnesses),
        "mail": bool(settings.smtp and settings.public_url),
    }
    return visit.page("admin_checklist.html", steps=steps, organization=organization)


async def show_recovery(visit: Visit) -> Response:
    """Show the organization's recovery keys, and make one in the browser or elsewhere."""
    return await _recovery(visit, None, 200)


async def _recovery(visit: Visit, failure: SealaneError | None, status: int) -> Response:
    organization = organization_of(visit)
    found = await rows(visit, administering.ListRecovery(organization=organization))
    return visit.page(
        "admin_recovery.html",
        status,
        keys=found,
        organization=organization,
        today=visit.exchange.door.clock.now(),
        recipient=_printed(visit),
        step="first" if visit.query()["step"] == "first" else "",
        failure=failure,
    )


def _printed(visit: Visit) -> str:
    """Return the key whose sheets were printed before a proof was asked for; never one that another page names."""
    recipient, mark = visit.query()["recipient"], visit.query()["mark"]
    return recipient if hmac.compare_digest(visit.mark(recipient).encode(), mark.encode("utf-8", "replace")) else ""


async def set_recovery(visit: Visit) -> Response:
    """Add or remove the public half of a recovery key; the private half never comes here."""
    form = await visit.take_form()
    organization = form["organization"] or visit.signed.organization

    async def doing() -> Response:
        await done(
            visit,
            accounts.SetRecovery(
                organization=organization, recipient=form["recipient"], present=form["do"] != "remove"
            ),
        )
        if form["step"] == "first":
            return visit.go("/admin?said=saved")
        return visit.go(forms.address("/admin/recovery", organization=organization, said="saved"))

    try:
        return await or_again(_recovery, visit, doing())
    except ProofWanted:  # the sheets are printed: what belongs to them comes along
        kept = form["recipient"] if form["do"] != "remove" else ""
        query = {"organization": organization, "step": form["step"], "recipient": kept, "mark": visit.mark(kept)}
        back = forms.address("/admin/recovery", **query)
        return visit.go(forms.address("/prove", next=back))
