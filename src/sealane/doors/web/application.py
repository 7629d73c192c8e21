"""All pages and where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from starlette.responses import RedirectResponse
from starlette.routing import Route, Router

from sealane.doors.http.exchange import exchange_of
from sealane.doors.http.problems import RouteMissing
from sealane.doors.web import (
    account,
    details,
    files,
    first_start,
    first_steps,
    folder_rights,
    guests,
    keys,
    ledger,
    node_settings,
    organizations,
    passkeys,
    people,
    sharing,
    signing_in,
)
from sealane.doors.web.assets import BASE, Assets
from sealane.doors.web.orders import Orders
from sealane.doors.web.pages import Page, told
from sealane.doors.web.rendering import Rendering
from sealane.doors.web.visits import Visit, Wall

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from sealane.doors.http.exchange import HttpDoor
    from sealane.doors.web.pages import Guests, Shows

_Pages: TypeAlias = "list[tuple[str, dict[str, Shows]]]"
_EVERYBODY: Final[_Pages] = [
    ("/sign-in", {"GET": signing_in.show_sign_in, "POST": signing_in.sign_in}),
    ("/sign-in/code", {"POST": signing_in.sign_in_with_code}),
    ("/setup/{secret}", {"GET": first_start.show, "POST": first_start.set_up}),
    ("/setup/{secret}/passkey/begin", {"POST": first_start.begin_passkey}),
    ("/setup/{secret}/passkey", {"POST": first_start.set_up_with_passkey}),
    (
        "/welcome/{secret}",
        {"GET": signing_in.show_password_link, "POST": signing_in.set_password_by_link},
    ),
    ("/sign-in/passkey/begin", {"POST": passkeys.begin_sign_in}),
    ("/sign-in/passkey", {"POST": passkeys.sign_in}),
    ("/language", {"POST": signing_in.set_language}),
    ("/programs", {"GET": keys.show_programs}),
    ("/p/{secret}", {"GET": guests.show_invitation}),
    ("/p/{secret}/code", {"POST": guests.ask_code}),
    ("/p/{secret}/enter", {"POST": guests.enter}),
]
_OF_SHARES: Final[_Pages] = [
    ("/guest", {"GET": guests.show_share}),
    ("/guest/files/{path:path}", {"GET": guests.show_folder}),
    ("/guest/download/{path:path}", {"GET": guests.download, "HEAD": guests.download}),
    ("/guest/reply", {"POST": guests.reply}),
    ("/guest/leave", {"POST": guests.leave}),
]
_MEMBERS: Final[_Pages] = [
    ("/", {"GET": files.show_home}),
    ("/files", {"GET": files.show_folder}),
    ("/files/{path:path}", {"GET": files.show_folder}),
    ("/details/{path:path}", {"GET": details.show_details}),
    ("/removed/{path:path}", {"GET": details.show_removed}),
    ("/download/{path:path}", {"GET": files.download, "HEAD": files.download}),
    ("/archive", {"POST": files.download_selection}),
    ("/archive/{path:path}", {"POST": files.download_selection}),
    ("/new-folder", {"POST": files.make_folder}),
    ("/new-folder/{path:path}", {"POST": files.make_folder}),
    ("/remove/{path:path}", {"GET": files.show_removal, "POST": files.remove}),
    ("/restore/{path:path}", {"POST": details.restore}),
    ("/move/{path:path}", {"POST": details.move}),
    ("/send/{path:path}", {"GET": sharing.show_form, "POST": sharing.make}),
    ("/sent", {"GET": sharing.show_sent}),
    ("/sent/{share}", {"GET": sharing.show_share}),
    ("/sent/{share}/recall", {"POST": sharing.recall}),
    ("/sign-out", {"POST": signing_in.sign_out}),
    ("/prove", {"GET": signing_in.show_proof, "POST": signing_in.prove}),
    ("/prove/passkey/begin", {"POST": passkeys.begin_proof}),
    ("/prove/passkey", {"POST": passkeys.prove}),
    ("/account/passkeys/begin", {"POST": passkeys.begin_adding}),
    ("/account/passkeys/add", {"POST": passkeys.add}),
    ("/account/passkeys/rename", {"POST": passkeys.rename}),
    ("/account/passkeys/remove", {"POST": passkeys.remove}),
    ("/keys", {"GET": keys.show_keys, "POST": keys.set_key}),
    ("/account", {"GET": account.show_account}),
    ("/account/session", {"POST": account.end_session}),
    ("/account/password", {"POST": account.change_password}),
    ("/account/code", {"POST": account.begin_second_factor}),
    ("/account/code/confirm", {"POST": account.confirm_second_factor}),
    ("/account/code/off", {"POST": account.remove_second_factor}),
    ("/ledger", {"GET": ledger.show_ledger}),
    ("/ledger/proof", {"GET": ledger.show_proof, "POST": ledger.begin_proof}),
]
_ADMINISTRATORS: Final[_Pages] = [
    ("/admin", {"GET": first_steps.show_checklist}),
    ("/admin/settings", {"GET": node_settings.show_settings, "POST": node_settings.change_setting}),
    ("/admin/recovery", {"GET": first_steps.show_recovery, "POST": first_steps.set_recovery}),
    ("/admin/users", {"GET": people.show_users, "POST": people.add_user}),
    ("/admin/user", {"GET": people.show_user, "POST": people.change_user}),
    ("/admin/groups", {"GET": people.show_groups, "POST": people.change_groups}),
    ("/admin/folders", {"GET": folder_rights.show_folders, "POST": folder_rights.add_folder}),
    ("/admin/folder", {"GET": folder_rights.show_folder, "POST": folder_rights.change_folder}),
    (
        "/admin/organizations",
        {"GET": organizations.show_organizations, "POST": organizations.change_organizations},
    ),
    ("/admin/sessions", {"GET": organizations.show_sessions, "POST": organizations.end_session}),
]


class Pages:
    """The ASGI application of the pages. It runs behind the HTTP door's gate."""

    def __init__(self, door: HttpDoor) -> None:
        """Read templates and assets; the exchange of each request has the door."""
        del door
        assets = Assets()
        self._wall = Wall(assets, Rendering(assets), Orders())
        self._router = Router(self._routes(), redirect_slashes=False, default=self._nothing_there)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; an address that ends in a slash is the one without it."""
        path: str = scope["path"]
        if path != "/" and path.endswith("/") and scope["method"] in {"GET", "HEAD"}:
            query = scope["query_string"].decode("latin-1")
            onward = "/" + path.strip("/") + (f"?{query}" if query else "")
            await RedirectResponse(onward, 308)(scope, receive, send)
            return
        await self._router(scope, receive, send)

    async def _nothing_there(self, scope: Scope, receive: Receive, send: Send) -> None:
        visit = Visit(exchange_of(scope), self._wall)
        await (await told(visit, RouteMissing("There is no such page.")))(scope, receive, send)

    def _routes(self) -> list[Route]:
        everything: _Pages = [(f"{BASE}{{name}}", {"GET": self._wall.assets.serve})]
        groups: list[tuple[Guests, _Pages]] = [
            ("everything", everything),
            ("anybody", _EVERYBODY),
            ("guests", _OF_SHARES),
            ("signed in", _MEMBERS),
            ("administrators", _ADMINISTRATORS),
        ]
        return [
            Route(address, Page(shows, wall=self._wall, guests=who))
            for who, pages in groups
            for address, shows in pages
        ]
