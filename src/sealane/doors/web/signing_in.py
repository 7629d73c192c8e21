"""Signing in and out, proving again who one is, a password set by link, the language of the pages."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sealane.doors.http.problems import status_of
from sealane.doors.web import forms
from sealane.errors import Invalid, SealaneError, SessionEnded
from sealane.operations.browser import (
    LinkSays,
    LookLink,
    ProveAgain,
    SetPasswordByLink,
    SignInAtPage,
    SignInStep,
    SignInWithCode,
)
from sealane.operations.envelope import Done
from sealane.operations.failures import LinkOver
from sealane.operations.signing import SignedIn, SignOut

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealane.doors.web.visits import Visit
    from sealane.operations.browser import LinkPurpose

PASSWORDS_DIFFER = "The two passwords are not the same."


async def show_sign_in(visit: Visit) -> Response:
    """Show the sign-in page; whoever has signed in is led on."""
    if visit.session is not None:
        return visit.go(forms.local_address(visit.query()["next"]))
    return visit.page("sign_in.html", next=forms.local_address(visit.query()["next"]), name="", failure=None)


async def sign_in(visit: Visit) -> Response:
    """Take name and password; go on, or ask for the one-time code."""
    if visit.session is not None:
        return visit.go("/")
    form = await visit.take_form()
    onward = forms.local_address(form["next"])
    asked = SignInAtPage(name=form["name"], password=form.exact("password"), address=visit.exchange.address)
    try:
        step = await visit.ask_as_stranger(asked, SignInStep)
    except SealaneError as failure:
        return visit.page("sign_in.html", status_of(failure), next=onward, name=form["name"], failure=failure)
    if step.signed is None:
        return visit.page("code.html", next=onward, ticket=step.ticket, failure=None)
    visit.remember(step.signed)
    return visit.go(onward)


async def sign_in_with_code(visit: Visit) -> Response:
    """Take the one-time code."""
    form = await visit.take_form()
    onward = forms.local_address(form["next"])
    asked = SignInWithCode(ticket=form["ticket"], code=form["code"], address=visit.exchange.address)
    try:
        signed = await visit.ask_as_stranger(asked, SignedIn)
    except SealaneError as failure:
        return visit.page("code.html", status_of(failure), next=onward, ticket=form["ticket"], failure=failure)
    visit.remember(signed)
    return visit.go(onward)


async def sign_out(visit: Visit) -> Response:
    """End the session."""
    await visit.take_form()
    with contextlib.suppress(SessionEnded):  # that is what was wanted
        await visit.ask(SignOut(handle=""), Done)
    visit.forget()
    return visit.go("/sign-in?said=signed-out")


async def show_proof(visit: Visit) -> Response:
    """Ask for the password again."""
    return visit.page("prove.html", next=forms.local_address(visit.query()["next"]), failure=None)


async def prove(visit: Visit) -> Response:
    """Take the password (and code) again."""
    form = await visit.take_form()
    onward = forms.local_address(form["next"])
    try:
        await visit.ask(ProveAgain(handle="", password=form.exact("password"), code=form["code"]), Done)
    except SessionEnded:
        raise
    except SealaneError as failure:
        return visit.page("prove.html", status_of(failure), next=onward, failure=failure)
    return visit.go(onward)


# --- links that count once -------------------------------------------------------------------------------------------


def secret_of(visit: Visit) -> str:
    """Return the secret of the link that was opened."""
    return str(visit.exchange.scope["path_params"]["secret"])


async def look_link(visit: Visit, purpose: LinkPurpose) -> LinkSays:
    """Return what a link is for. Raises `LinkOver` for one of another purpose too."""
    says = await visit.ask_as_stranger(LookLink(secret=secret_of(visit), address=visit.exchange.address), LinkSays)
    if says.purpose != purpose:
        raise LinkOver
    return says


async def show_password_link(visit: Visit) -> Response:
    """Show the page on which somebody sets their own password."""
    says = await look_link(visit, "password")
    return visit.page("password_link.html", failure=None, user=says.user)


async def set_password_by_link(visit: Visit) -> Response:
    """Set the password."""
    form = await visit.take_form()
    try:
        check_same(form.exact("password"), form.exact("again"))
        asked = SetPasswordByLink(
            secret=secret_of(visit), password=form.exact("password"), address=visit.exchange.address
        )
        await visit.ask_as_stranger(asked, Done)
    except SealaneError as failure:
        if isinstance(failure, LinkOver):
            raise
        return visit.page("password_link.html", status_of(failure), failure=failure, user=form["user"])
    visit.forget()
    return visit.go("/sign-in?said=password-set")


def check_same(password: str, again: str) -> None:
    """Raise `Invalid` where a password was not typed twice alike."""
    if password != again:
        raise Invalid(PASSWORDS_DIFFER)


async def set_language(visit: Visit) -> Response:
    """Remember the language that somebody wants."""
    form = await visit.take_form()
    visit.speak(form["language"])
    return visit.go(forms.local_address(form["next"]))
