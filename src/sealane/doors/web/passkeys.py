"""Passkeys on pages: signing in, proving again, one's own list. The browser's program asks the authenticator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from sealane.doors.http.problems import status_of
from sealane.doors.web import forms
from sealane.doors.web.words import words_of
from sealane.errors import Invalid, SealaneError, SessionEnded
from sealane.operations.envelope import Done
from sealane.operations.failures import LinkOver, ProofWanted
from sealane.operations.passkeys import (
    AddPasskey,
    BeginPasskey,
    BeginPasskeyProof,
    BeginPasskeySignIn,
    PasskeyOptions,
    ProveByPasskey,
    RemovePasskey,
    RenamePasskey,
    SignInWithPasskey,
)
from sealane.operations.signing import SignedIn

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from sealane.doors.web.visits import Visit

_DIGITS_MAX = 15


async def options_or_why(visit: Visit, asking: Awaitable[PasskeyOptions]) -> Response:
    """Return what the program hands to the authenticator, or the sentence to show; no page, so nothing can be run."""
    try:
        options = await asking
    except (SessionEnded, ProofWanted, LinkOver):
        raise
    except SealaneError as failure:
        sentence = words_of(visit.language).say(failure.sentence)
        return JSONResponse({"problem": sentence}, status_of(failure))
    return Response(options.options, media_type="application/json")


async def begin_sign_in(visit: Visit) -> Response:
    """Tell what whatever authenticator is there is to be asked."""
    await visit.take_form()
    asked = BeginPasskeySignIn(browser=visit.before, address=visit.exchange.address)
    return await options_or_why(visit, visit.ask_as_stranger(asked, PasskeyOptions))


async def sign_in(visit: Visit) -> Response:
    """Take the authenticator's answer."""
    form = await visit.take_form()
    onward = forms.local_address(form["next"])
    asked = SignInWithPasskey(response=form["response"], browser=visit.before, address=visit.exchange.address)
    try:
        signed = await visit.ask_as_stranger(asked, SignedIn)
    except SealaneError as failure:
        return visit.page("sign_in.html", status_of(failure), next=onward, name="", failure=failure)
    visit.remember(signed)
    return visit.go(onward)


async def begin_proof(visit: Visit) -> Response:
    """Tell what one of one's own authenticators is to be asked."""
    await visit.take_form()
    return await options_or_why(visit, visit.ask(BeginPasskeyProof(handle=""), PasskeyOptions))


async def prove(visit: Visit) -> Response:
    """Take its answer: dangerous steps are open for a while."""
    form = await visit.take_form()
    onward = forms.local_address(form["next"])
    try:
        await visit.ask(ProveByPasskey(handle="", response=form["response"]), Done)
    except SessionEnded:
        raise
    except SealaneError as failure:
        return visit.page("prove.html", status_of(failure), next=onward, failure=failure)
    return visit.go(onward)


async def begin_adding(visit: Visit) -> Response:
    """Tell what an authenticator is to be asked for a new passkey."""
    await visit.take_form()
    return await options_or_why(visit, visit.ask(BeginPasskey(handle=""), PasskeyOptions))


async def add(visit: Visit) -> Response:
    """Take the new passkey."""
    form = await visit.take_form()
    await visit.ask(AddPasskey(handle="", response=form["response"], name=form["name"]), Done)
    return visit.go("/account?said=saved")


def _passkey(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise Invalid
    return int(text)


async def rename(visit: Visit) -> Response:
    """Give one another name."""
    form = await visit.take_form()
    await visit.ask(RenamePasskey(handle="", passkey=_passkey(form["passkey"]), name=form["name"]), Done)
    return visit.go("/account?said=saved")


async def remove(visit: Visit) -> Response:
    """Remove one."""
    form = await visit.take_form()
    await visit.ask(RemovePasskey(handle="", passkey=_passkey(form["passkey"])), Done)
    return visit.go("/account?said=removed-passkey")
