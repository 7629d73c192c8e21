"""What guests see: the page that a link leads to, the code from their mail, the package or the request itself.

Must stay true: before somebody has proved who they are, a page says nothing of what was sent, by whom or to whom.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sealane.doors.http import browser, delivery
from sealane.doors.http.browser import OriginRefused
from sealane.doors.http.problems import status_of
from sealane.doors.web import forms
from sealane.doors.web.files import crumbs_of, place_of
from sealane.doors.web.listings import Asked, listing
from sealane.errors import SealaneError, SessionEnded
from sealane.operations.envelope import Done
from sealane.operations.failures import LinkOver
from sealane.operations.sharing import (
    AskCode,
    CodeAsked,
    EnterWithCode,
    EnterWithLink,
    InvitationIs,
    LookInvitation,
    LookVisit,
    ReplyToShare,
    VisitIs,
)
from sealane.operations.signing import SignedIn, SignOut

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealane.doors.web.visits import Visit


def _secret(visit: Visit) -> str:
    return str(visit.exchange.scope["path_params"]["secret"])


async def _invitation(visit: Visit) -> InvitationIs:
    asked = LookInvitation(secret=_secret(visit), address=visit.exchange.address)
    return await visit.ask_as_stranger(asked, InvitationIs)


async def show_invitation(visit: Visit) -> Response:
    """Show what the link's bearer is to prove."""
    return _asking(visit, await _invitation(visit), None)


def _asking(
    visit: Visit, told: InvitationIs, failure: SealaneError | None, ticket: str = "", name: str = ""
) -> Response:
    status = 200 if failure is None else status_of(failure)
    return visit.page(
        "invitation.html", status, invitation=told, secret=_secret(visit), ticket=ticket, name=name, failure=failure
    )


async def ask_code(visit: Visit) -> Response:
    """Have a code sent to the mailbox that was typed, and ask for it."""
    form = await visit.take_form()
    told = await _invitation(visit)
    asked = AskCode(
        secret=_secret(visit), mailbox=form["mailbox"], browser=visit.before, address=visit.exchange.address
    )
    try:
        ticket = (await visit.ask_as_stranger(asked, CodeAsked)).ticket
    except LinkOver:
        raise
    except SealaneError as failure:
        return _asking(visit, told, failure)
    return _asking(visit, told, None, ticket)


async def enter(visit: Visit) -> Response:
    """Let somebody in by the code, the password, or the link alone."""
    form = await visit.take_form()
    told = await _invitation(visit)
    ticket, name, address = form["ticket"], form["name"], visit.exchange.address
    try:
        if told.proof == "code":
            by_code = EnterWithCode(ticket=ticket, code=form["code"], browser=visit.before, name=name, address=address)
            signed = await visit.ask_as_stranger(by_code, SignedIn)
        else:
            by_link = EnterWithLink(secret=_secret(visit), password=form.exact("password"), name=name, address=address)
            signed = await visit.ask_as_stranger(by_link, SignedIn)
    except LinkOver:
        raise
    except SealaneError as failure:
        return _asking(visit, told, failure, ticket, name)
    visit.remember_guest(signed)
    return visit.go("/guest")


async def show_share(visit: Visit) -> Response:
    """Show the package, or where to send files."""
    told = await visit.ask(LookVisit(handle=""), VisitIs)
    return await _shown(visit, told, told.path, None)


async def show_folder(visit: Visit) -> Response:
    """Show a folder of a package."""
    told = await visit.ask(LookVisit(handle=""), VisitIs)
    return await _shown(visit, told, place_of(visit), None)


async def _shown(visit: Visit, told: VisitIs, path: str, failure: SealaneError | None) -> Response:
    status = 200 if failure is None else status_of(failure)
    if told.kind == "request":
        return visit.page("guest_request.html", status, share=told, failure=failure)
    start = visit.query()["start"]
    place = int(start) if start.isascii() and start.isdigit() and len(start) < 10 else 0  # noqa: PLR2004  # a place in a listing
    found = await listing(visit, path, Asked(start=place, down=False, after=visit.query().exact("after")))
    crumbs = crumbs_of(path)[1:]
    return visit.page(
        "guest_package.html", status, share=told, path=path, crumbs=crumbs, listing=found, failure=failure
    )


async def download(visit: Visit) -> Response | None:
    """Send a file of the package, if our own page or the person themselves asked for it."""
    try:
        browser.check_origin("GET", visit.exchange.headers, "")
    except OriginRefused:
        return visit.go("/guest")
    if visit.exchange.method == "HEAD":
        return await delivery.head(visit.exchange)
    return await delivery.get(visit.exchange)


async def reply(visit: Visit) -> Response:
    """Send the sender an answer."""
    form = await visit.take_form()
    told = await visit.ask(LookVisit(handle=""), VisitIs)
    try:
        await visit.ask(ReplyToShare(handle="", text=form["text"].replace("\r\n", "\n")), Done)
    except SessionEnded:
        raise
    except SealaneError as failure:
        return await _shown(visit, told, told.path, failure)
    return visit.go(forms.address("/guest", said="replied"))


async def leave(visit: Visit) -> Response:
    """End the visit."""
    await visit.take_form()
    with contextlib.suppress(SessionEnded):  # that is what was wanted
        await visit.ask(SignOut(handle=""), Done)
    visit.forget_guest()
    return visit.page("guest_left.html")
