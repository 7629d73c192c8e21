"""The pages of the first start: by the setup link, an organization and its first administrator, who is signed in then.

They sign in by a password or by a passkey. A passkey needs the server's address and a browser that runs the program;
where the address is not set the page says so. After it comes the sheet of the recovery key, then the list of steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.doors.http.problems import status_of
from sealane.doors.web.passkeys import options_or_why
from sealane.doors.web.signing_in import check_same, look_link, secret_of
from sealane.errors import SealaneError
from sealane.operations.browser import SetUp
from sealane.operations.failures import LinkOver
from sealane.operations.passkeys import BeginPasskeySetUp, PasskeyOptions, SetUpWithPasskey
from sealane.operations.signing import SignedIn

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealane.doors.web.forms import Form
    from sealane.doors.web.visits import Visit

AFTERWARDS = "/admin/recovery?step=first"
_TYPED = ("organization", "name", "email")


async def show(visit: Visit) -> Response:
    """Show the page."""
    await look_link(visit, "setup")
    return _page(visit, by_passkey=visit.query()["with"] == "passkey")


def _page(visit: Visit, *, by_passkey: bool, form: Form | None = None, failure: SealaneError | None = None) -> Response:
    typed = {name: "" if form is None else form[name] for name in _TYPED}
    status = 200 if failure is None else status_of(failure)
    return visit.page(
        "setup.html", status, failure=failure, by_passkey=by_passkey, here_first=f"/setup/{secret_of(visit)}", **typed
    )


async def set_up(visit: Visit) -> Response:
    """Make the organization and its administrator by name and password, and sign them in."""
    form = await visit.take_form()
    try:
        check_same(form.exact("password"), form.exact("again"))
        asked = SetUp(
            secret=secret_of(visit),
            password=form.exact("password"),
            address=visit.exchange.address,
            **{name: form[name] for name in _TYPED},
        )
        signed = await visit.ask_as_stranger(asked, SignedIn)
    except LinkOver:
        raise
    except SealaneError as failure:
        return _page(visit, by_passkey=False, form=form, failure=failure)
    visit.remember(signed)
    return visit.go(AFTERWARDS)


async def begin_passkey(visit: Visit) -> Response:
    """Tell what an authenticator is to be asked; what speaks against the names is told before it is."""
    form = await visit.take_form()
    asked = BeginPasskeySetUp(
        secret=secret_of(visit),
        organization=form["organization"],
        name=form["name"],
        browser=visit.before,
        address=visit.exchange.address,
    )
    return await options_or_why(visit, visit.ask_as_stranger(asked, PasskeyOptions))


async def set_up_with_passkey(visit: Visit) -> Response:
    """Make the organization and its administrator by the authenticator's answer, and sign them in."""
    form = await visit.take_form()
    asked = SetUpWithPasskey(
        secret=secret_of(visit),
        response=form["response"],
        browser=visit.before,
        address=visit.exchange.address,
        **{name: form[name] for name in _TYPED},
    )
    try:
        signed = await visit.ask_as_stranger(asked, SignedIn)
    except LinkOver:
        raise
    except SealaneError as failure:
        return _page(visit, by_passkey=True, form=form, failure=failure)
    visit.remember(signed)
    return visit.go(AFTERWARDS)
