"""One's own account: sessions, password, one-time codes."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import segno
from markupsafe import Markup

from sealane.doors.http.problems import status_of
from sealane.doors.web.signing_in import PASSWORDS_DIFFER
from sealane.errors import Invalid, SealaneError, SessionEnded
from sealane.operations.accounts import RowsAre
from sealane.operations.browser import (
    BeginSecondFactor,
    ChangeOwnPassword,
    ConfirmSecondFactor,
    EndOwnSession,
    ListOwnSessions,
    RecoveryCodesAre,
    RemoveSecondFactor,
    SecondFactorBegun,
)
from sealane.operations.envelope import Done
from sealane.operations.passkeys import ListPasskeys

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealane.doors.web.visits import Visit

_ISSUER = "Sealane"


def columns_of(rows: RowsAre) -> list[dict[str, object]]:
    """Return each row of a listing by the names of its columns."""
    return [dict(zip(row.columns, row.values, strict=True)) for row in rows.rows]


async def show_account(visit: Visit) -> Response:
    """Show the account."""
    return await _account(visit, None)


async def _account(visit: Visit, failure: SealaneError | None, status: int = 200) -> Response:
    found = await visit.ask(ListOwnSessions(handle=""), RowsAre)
    keys = await visit.ask(ListPasskeys(handle=""), RowsAre)
    return visit.page(
        "account.html",
        status,
        sessions=columns_of(found),
        passkeys=columns_of(keys),
        failure=failure,
    )


async def end_session(visit: Visit) -> Response:
    """End one of one's own sessions."""
    form = await visit.take_form()
    await visit.ask(EndOwnSession(handle="", session=form["session"]), Done)
    return visit.go("/account?said=session-ended")


async def change_password(visit: Visit) -> Response:
    """Change one's own password."""
    form = await visit.take_form()
    try:
        if form.exact("new") != form.exact("again"):
            raise Invalid(PASSWORDS_DIFFER)
        asked = ChangeOwnPassword(handle="", password=form.exact("password"), new_password=form.exact("new"))
        await visit.ask(asked, Done)
    except SessionEnded:
        raise
    except SealaneError as failure:
        return await _account(visit, failure, status_of(failure))
    return visit.go("/account?said=password-set")


async def begin_second_factor(visit: Visit) -> Response:
    """Show a fresh secret for an authenticator app."""
    await visit.take_form()
    begun = await visit.ask(BeginSecondFactor(handle=""), SecondFactorBegun)
    return _secret_page(visit, begun.secret, None)


def _secret_page(visit: Visit, secret: str, failure: SealaneError | None, status: int = 200) -> Response:
    label = quote(f"{_ISSUER}:{visit.signed.user}")
    address = f"otpauth://totp/{label}?secret={secret}&issuer={_ISSUER}"
    drawing = segno.make(address, error="m").svg_inline(scale=4, omitsize=True, svgclass=None, lineclass=None)
    return visit.page(
        "second_factor.html",
        status,
        secret=secret,
        groups=[secret[place : place + 4] for place in range(0, len(secret), 4)],
        drawing=Markup(drawing),  # noqa: S704  # drawn here from base32 and a percent-encoded name
        failure=failure,
    )


async def confirm_second_factor(visit: Visit) -> Response:
    """Switch one-time codes on by the first code, and show the recovery codes once."""
    form = await visit.take_form()
    try:
        told = await visit.ask(ConfirmSecondFactor(handle="", code=form["code"]), RecoveryCodesAre)
    except SessionEnded:
        raise
    except SealaneError as failure:
        return _secret_page(visit, _base32(form["secret"]), failure, status_of(failure))
    return visit.page("recovery_codes.html", codes=told.codes)


def _base32(text: str) -> str:
    """Return the secret that the form carries along, only what a secret can be: it is shown again, never believed."""
    return "".join(letter for letter in text.upper() if letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")[:64]


async def remove_second_factor(visit: Visit) -> Response:
    """Switch one-time codes off."""
    await visit.take_form()
    await visit.ask(RemoveSecondFactor(handle=""), Done)
    return visit.go("/account?said=code-off")
