"""Sending and requesting, the sender's pages: the form, the links to pass on, what was sent, recalling it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sealane.doors.http.problems import status_of
from sealane.doors.web import forms
from sealane.doors.web.files import crumbs_of, place_of
from sealane.doors.web.parts import Some, part_of
from sealane.errors import Invalid, Missing, SealaneError, SessionEnded
from sealane.operations.envelope import Done
from sealane.operations.files import Look, Seen
from sealane.operations.sharing import ListShares, LookShare, MakeShare, RecallShare, ShareIs, ShareMade, SharesAre

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealane.doors.web.forms import Form
    from sealane.doors.web.visits import Visit
    from sealane.operations.sharing import ShareKind

_DAYS: Final = (1, 7, 14, 30, 90)
_DAY_SECONDS: Final = 86400
_MEGABYTE: Final = 1_000_000
_DIGITS_MAX: Final = 9
_TYPED: Final = (
    "title",
    "note",
    "mailboxes",
    "downloads_max",
    "files_max",
    "megabytes_max",
    "endings",
    "days",
    "replies_to",
)


def _kind(text: str) -> ShareKind:
    return "request" if text == "request" else "package"


async def show_form(visit: Visit) -> Response:
    """Show the form for sending what is in a folder, or for asking for files into it."""
    return await _form(visit, _kind(visit.query()["kind"]), None)


async def _form(
    visit: Visit, kind: ShareKind, failure: SealaneError | None, typed: Form | None = None, status: int = 200
) -> Response:
    path = place_of(visit)
    entry = (await visit.ask(Look(handle="", path=path), Seen)).entry
    if entry.kind != "folder":
        raise Missing("There is no such folder.")
    settings = visit.settings
    return visit.page(
        "send.html",
        status,
        kind=kind,
        path=path,
        crumbs=crumbs_of(path),
        folder=entry,
        days=[days for days in _DAYS if days * _DAY_SECONDS <= settings.share_seconds_max],
        usual_days=settings.share_seconds // _DAY_SECONDS,
        mail_is_on=bool(settings.smtp and settings.public_url),
        guests_max=settings.share_guests_max,
        note_max=settings.note_characters_max,
        password_min=settings.password_characters_min,
        typed={name: "" if typed is None else typed[name] for name in _TYPED},
        failure=failure,
    )


async def make(visit: Visit) -> Response:
    """Make the package or request; show the links, or say that they are on their way."""
    form = await visit.take_form()
    kind, path = _kind(form["kind"]), place_of(visit)
    try:
        made = await visit.ask(_wanted(visit, form, kind, path), ShareMade)
    except SessionEnded:
        raise
    except SealaneError as failure:
        return await _form(visit, kind, failure, form, status_of(failure))
    base = visit.settings.public_url.rstrip("/")
    return visit.page("share_made.html", kind=kind, made=made, base=base, title=form["title"])


def _wanted(visit: Visit, form: Form, kind: ShareKind, path: str) -> MakeShare:
    days = _number(form["days"])
    return MakeShare(
        handle="",
        kind=kind,
        folder=path,
        title=form["title"],
        note=form["note"].replace("\r\n", "\n"),
        mailboxes=tuple(form["mailboxes"].replace(",", " ").replace(";", " ").split()),
        password=form.exact("password"),
        expires=visit.exchange.door.clock.now() + timedelta(days=days) if days else None,
        downloads_max=_number(form["downloads_max"]),
        bytes_max=_number(form["megabytes_max"]) * _MEGABYTE,
        files_max=_number(form["files_max"]),
        endings=tuple(form["endings"].lower().replace(",", " ").split()),
        language=visit.language,
        replies_to=form["replies_to"] if kind == "package" else "",
    )


def _number(text: str) -> int:
    if text and not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise Invalid("A limit is a number, or empty for none.")
    return int(text or 0)


async def show_sent(visit: Visit) -> Response:
    """Show what one has sent and asked for."""
    part = part_of(visit)
    told = await visit.ask(ListShares(handle="", start=part.start, limit=part.limit), SharesAre)
    return visit.page("sent.html", shares=Some(told.shares, part.start, told.total, part.limit, search=""))


def _share(visit: Visit) -> str:
    return str(visit.exchange.scope["path_params"]["share"])


async def show_share(visit: Visit) -> Response:
    """Show one of it: to whom, who has come, what they answered."""
    told = await visit.ask(LookShare(handle="", share=_share(visit)), ShareIs)
    return visit.page("share.html", share=told)


async def recall(visit: Visit) -> Response:
    """Close one of it."""
    await visit.take_form()
    await visit.ask(RecallShare(handle="", share=_share(visit)), Done)
    return visit.go(forms.address(f"/sent/{_share(visit)}", said="recalled"))
