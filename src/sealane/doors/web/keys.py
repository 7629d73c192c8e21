"""One's own keys for sealed files: which public keys the server knows, adding one, and the programs that seal.

Private keys are made, read and used by the browser's sealing program alone; nothing here ever sees one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.doors.http.problems import status_of
from sealane.errors import SealaneError, SessionEnded
from sealane.operations.browser import ListOwnRecipients, OwnRecipientsAre, SetOwnRecipient
from sealane.operations.envelope import Done
from sealane.operations.failures import ProofWanted

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealane.doors.web.visits import Visit

PROGRAMS = ("sealane.js", "sealer.js", "handing.js", "htmx.js")
"""What a browser runs."""


async def show_keys(visit: Visit) -> Response:
    """Show the keys."""
    return await _keys(visit, None)


async def _keys(visit: Visit, failure: SealaneError | None, status: int = 200) -> Response:
    own = await visit.ask(ListOwnRecipients(handle=""), OwnRecipientsAre)
    return visit.page(
        "keys.html",
        status,
        recipients=own.recipients,
        work_factor=visit.settings.web_passphrase_work_factor,
        failure=failure,
    )


async def set_key(visit: Visit) -> Response:
    """Add a public key, or take one away."""
    form = await visit.take_form()
    present = form["do"] == "add"
    try:
        await visit.ask(SetOwnRecipient(handle="", recipient=form["recipient"], present=present), Done)
    except (SessionEnded, ProofWanted):
        raise
    except SealaneError as failure:
        return await _keys(visit, failure, status_of(failure))
    return visit.go("/keys?said=key-added" if present else "/keys?said=key-removed")


async def show_programs(visit: Visit) -> Response:
    """Show what a browser runs, with digests to compare."""
    return visit.page("programs.html", programs=[(name, visit.wall.assets[name]) for name in PROGRAMS])
