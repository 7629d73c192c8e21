"""What administrators see and do: the checklist, users, groups, folders and rights, organizations, sessions.

Each form becomes one operation; the keeper decides whether this person may ask it. Must stay true: which organization
is administered comes from the session, or is chosen by somebody who runs the node, and is checked by the keeper.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sealane.doors.http.problems import status_of
from sealane.doors.web import forms
from sealane.doors.web.account import columns_of
from sealane.errors import Invalid, Missing, SealaneError, SessionEnded
from sealane.operations import accounts, administering, browser
from sealane.operations.envelope import Answer, Done
from sealane.operations.exposures import Forecast, ForecastIs
from sealane.operations.failures import ProofWanted
from sealane.operations.passkeys import ListPasskeys

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.responses import Response

    from sealane.doors.web.forms import Form
    from sealane.doors.web.visits import Visit
    from sealane.operations.accounts import Role
    from sealane.operations.administering import Administrable

ROLES = ("member", "officer", "auditor", "admin")
RIGHTS = ("list", "read", "write", "delete", "admin")
_MEGABYTE = 1_000_000
_QUOTA_DIGITS_MAX = 12
_SCOPES = frozenset({"read", "write", "admin"})


def organization_of(visit: Visit) -> str:
    """Return which organization is administered: one's own, or another that somebody who runs the node has chosen."""
    wanted = visit.query()["organization"]
    return wanted if wanted and visit.signed.administers == "node" else visit.signed.organization


async def rows(visit: Visit, operation: Administrable) -> list[dict[str, object]]:
    """Return a listing."""
    return columns_of(await visit.administer(operation, accounts.RowsAre))


async def _organizations(visit: Visit) -> list[str]:
    if visit.signed.administers != "node":
        return []
    return [str(row["name"]) for row in await rows(visit, accounts.ListOrganizations())]


async def _done(visit: Visit, operation: Administrable) -> None:
    await visit.administer(operation, Done)


async def _or_again(
    show: Callable[[Visit, SealaneError | None, int], Awaitable[Response]], visit: Visit, doing: Awaitable[Response]
) -> Response:
    """Do it; where it fails for what was typed, show the page again with the reason."""
    try:
        return await doing
    except (SessionEnded, ProofWanted):
        raise
    except SealaneError as failure:
        return await show(visit, failure, status_of(failure))


# --- the first steps -------------------------------------------------------------------------------------------------


async def show_checklist(visit: Visit) -> Response:
    """Show what is safe, what is still open, and the button or command for each."""
    organization = visit.signed.organization
    users = await rows(visit, accounts.ListUsers(organization=organization))
    folders = await rows(visit, accounts.ListFolders(organization=organization))
    recovery = await rows(visit, administering.ListRecovery(organization=organization))
    settings = visit.settings
    keys = await visit.ask(ListPasskeys(handle=""), accounts.RowsAre)
    steps = {
        "second_factor": visit.signed.second_factor or bool(keys.rows),
        "second_admin": sum(row["role"] == "admin" and row["disabled"] is None for row in users) > 1,
        "users": len(users) > 1,
        "folder": bool(folders),
        "recovery": bool(recovery),
        "tls": visit.exchange.scope["scheme"] == "https",
        "witness": bool(settings.witnesses),
        "mail": bool(settings.smtp and settings.public_url),
    }
    return visit.page("admin_checklist.html", steps=steps, organization=organization)


async def show_recovery(visit: Visit) -> Response:
    """Show the organization's recovery keys and how to make one."""
    return await _recovery(visit, None, 200)


async def _recovery(visit: Visit, failure: SealaneError | None, status: int) -> Response:
    organization = organization_of(visit)
    found = await rows(visit, administering.ListRecovery(organization=organization))
    return visit.page("admin_recovery.html", status, keys=found, organization=organization, failure=failure)


async def set_recovery(visit: Visit) -> Response:
    """Add or remove the public half of a recovery key."""
    form = await visit.take_form()
    organization = form["organization"] or visit.signed.organization

    async def doing() -> Response:
        await _done(
            visit,
            accounts.SetRecovery(
                organization=organization, recipient=form["recipient"], present=form["do"] != "remove"
            ),
        )
        return visit.go(forms.address("/admin/recovery", organization=organization, said="saved"))

    return await _or_again(_recovery, visit, doing())


# --- users -----------------------------------------------------------------------------------------------------------


async def show_users(visit: Visit) -> Response:
    """Show the users of an organization."""
    return await _users(visit, None, 200)


async def _users(visit: Visit, failure: SealaneError | None, status: int) -> Response:
    organization = organization_of(visit)
    search = visit.query()["q"]
    found = await rows(visit, accounts.ListUsers(organization=organization))
    wanted = search.casefold()
    shown = [row for row in found if wanted in f"{row['user']} {row['email']}".casefold()]
    return visit.page(
        "admin_users.html",
        status,
        users=shown[: visit.settings.web_page_rows],
        more=len(shown) > visit.settings.web_page_rows,
        search=search,
        organization=organization,
        organizations=await _organizations(visit),
        roles=ROLES,
        failure=failure,
    )


async def add_user(visit: Visit) -> Response:
    """Make a user, and show the link by which they set their password."""
    form = await visit.take_form()
    organization = form["organization"] or visit.signed.organization
    user = f"{form['name']}@{organization}"

    async def doing() -> Response:
        await _done(visit, accounts.AddUser(user=user, role=_role(form["role"]), email=form["email"]))
        return await _password_link(visit, user)

    return await _or_again(_users, visit, doing())


async def _password_link(visit: Visit, user: str) -> Response:
    link = await visit.administer(browser.NewPasswordLink(user=user), browser.LinkIs)
    base = visit.settings.public_url.rstrip("/")
    return visit.page(
        "admin_link.html",
        user=user,
        path=f"/welcome/{link.secret}",
        base=base,
        days=max(1, visit.settings.link_seconds // 86400),
    )


def _role(text: str) -> Role:
    if text not in ROLES:
        raise Invalid("The role is not one of member, officer, auditor, admin.")
    return cast("Role", text)


async def show_user(visit: Visit) -> Response:
    """Show one user: what they may see, how they sign in, where they are signed in."""
    return await _user(visit, None, 200)


def _named(visit: Visit) -> str:
    return visit.query()["user"]


async def _user(visit: Visit, failure: SealaneError | None, status: int, token: str = "") -> Response:
    name = _named(visit)
    found = await rows(visit, accounts.ListUsers(organization=name.partition("@")[2] or "-"))
    user = next((row for row in found if row["user"] == name), None)
    if user is None:
        raise Missing("There is no such user.")
    groups = await rows(visit, accounts.ListGroups(organization=name.partition("@")[2]))
    return visit.page(
        "admin_user.html",
        status,
        user=user,
        rights=await rows(visit, administering.RightsOfUser(user=name)),
        keys=await rows(visit, accounts.ListSshKeys(user=name)),
        tokens=[row for row in await rows(visit, accounts.ListTokens(user=name)) if row["revoked"] is None],
        sessions=await rows(visit, accounts.ListSessions(user=name)),
        groups=[row["group"] for row in groups if name in cast("tuple[str, ...]", row["members"])],
        roles=ROLES,
        new_token=token,
        failure=failure,
    )


async def change_user(visit: Visit) -> Response:
    """Do what one of the buttons on a user's page says."""
    form = await visit.take_form()
    user = _named(visit)
    if form["do"] == "link":
        return await _password_link(visit, user)

    async def doing() -> Response:
        if form["do"] == "token":
            scopes = tuple(scope for scope in form.every("scope") if scope in _SCOPES)
            wanted = accounts.AddToken(user=user, scopes=cast("tuple[accounts.Scope, ...]", scopes), expires=None)
            made = await visit.administer(wanted, accounts.TokenIs)
            return await _user(visit, None, 200, made.token)
        await visit.administer(_change(form, user), Answer)
        return visit.go(forms.address("/admin/user", user=user, said="saved"))

    return await _or_again(_user, visit, doing())


def _change(form: Form, user: str) -> Administrable:
    """Return the operation that a button on a user's page stands for."""
    changes: dict[str, Callable[[], Administrable]] = {
        "disable": lambda: accounts.DisableUser(user=user),
        "enable": lambda: accounts.EnableUser(user=user),
        "role": lambda: accounts.SetRole(user=user, role=_role(form["role"])),
        "second-factor": lambda: browser.RemoveSecondFactorOf(user=user),
        "key": lambda: accounts.RemoveSshKey(user=user, fingerprint=form["fingerprint"]),
        "revoke": lambda: accounts.RevokeToken(user=user, name=form["name"]),
        "session": lambda: accounts.EndSession(session=form["session"]),
    }
    change = changes.get(form["do"])
    if change is None:
        raise Invalid("The form does not say what to do.")
    return change()


# --- groups ----------------------------------------------------------------------------------------------------------


async def show_groups(visit: Visit) -> Response:
    """Show groups and their members."""
    return await _groups(visit, None, 200)


async def _groups(visit: Visit, failure: SealaneError | None, status: int) -> Response:
    organization = organization_of(visit)
    users = await rows(visit, accounts.ListUsers(organization=organization))
    return visit.page(
        "admin_groups.html",
        status,
        groups=await rows(visit, accounts.ListGroups(organization=organization)),
        users=[row["user"] for row in users],
        organization=organization,
        organizations=await _organizations(visit),
        failure=failure,
    )


async def change_groups(visit: Visit) -> Response:
    """Make a group, put somebody in, take somebody out."""
    form = await visit.take_form()
    organization = form["organization"] or visit.signed.organization

    async def doing() -> Response:
        if form["do"] == "add":
            await _done(visit, accounts.AddGroup(group=f"{form['name']}@{organization}"))
        else:
            member = form["do"] == "join"
            await _done(visit, accounts.SetMembership(group=form["group"], user=form["user"], member=member))
        return visit.go(forms.address("/admin/groups", organization=organization, said="saved"))

    return await _or_again(_groups, visit, doing())


# --- folders and rights ----------------------------------------------------------------------------------------------


async def show_folders(visit: Visit) -> Response:
    """Show the folders of an organization, and who has which rights on each."""
    return await _folders(visit, None, 200)


async def _folders(visit: Visit, failure: SealaneError | None, status: int) -> Response:
    organization = organization_of(visit)
    found = await rows(visit, accounts.ListFolders(organization=organization))
    limit = visit.settings.web_page_rows
    sealed = {str(row["folder"]) for row in await rows(visit, accounts.ListSealed(organization=organization))}
    return visit.page(
        "admin_folders.html",
        status,
        folders=found[:limit],
        more=len(found) > limit,
        sealed=sealed,
        organization=organization,
        organizations=await _organizations(visit),
        failure=failure,
    )


async def add_folder(visit: Visit) -> Response:
    """Make a folder."""
    form = await visit.take_form()
    organization = form["organization"] or visit.signed.organization
    folder = f"{organization}:/{form['path'].lstrip('/')}"

    async def doing() -> Response:
        await _done(visit, accounts.AddFolder(folder=folder, sealed=form["sealed"] == "yes"))
        return visit.go(forms.address("/admin/folder", folder=folder, said="made"))

    return await _or_again(_folders, visit, doing())


async def show_folder(visit: Visit) -> Response:
    """Show one folder: its grants, and who may see it by all of them."""
    return await _folder(visit, None, 200)


async def _folder(visit: Visit, failure: SealaneError | None, status: int) -> Response:
    name = visit.query()["folder"]
    organization = name.partition(":")[0]
    found = await rows(visit, accounts.ListFolders(organization=organization or "-"))
    folder = next((row for row in found if row["folder"] == name), None)
    if folder is None:
        raise Missing
    users = await rows(visit, accounts.ListUsers(organization=organization))
    groups = await rows(visit, accounts.ListGroups(organization=organization))
    return visit.page(
        "admin_folder.html",
        status,
        folder=folder,
        who=await rows(visit, administering.RightsOnFolder(folder=name)),
        known=[str(row["user"]) for row in users] + [f"group:{row['group']}" for row in groups],
        rights=RIGHTS,
        reach=await _reach(visit, name),
        failure=failure,
    )


async def _reach(visit: Visit, folder: str) -> ForecastIs | None:
    """Return what a theft of a folder would reach, by what was read; None for another organization's."""
    organization, _, path = folder.partition(":")
    if organization != visit.signed.organization:
        return None
    return await visit.ask(Forecast(handle="", path=path), ForecastIs)


async def change_folder(visit: Visit) -> Response:
    """Grant or revoke rights on a folder."""
    form = await visit.take_form()
    folder = visit.query()["folder"]

    async def doing() -> Response:
        await _done(visit, _grant(form, folder))
        return visit.go(forms.address("/admin/folder", folder=folder, said="saved"))

    return await _or_again(_folder, visit, doing())


def _quota(text: str, unit: int) -> int:
    """Return a quota that was typed, in bytes or files; empty is none."""
    if text and not (text.isascii() and text.isdigit() and len(text) <= _QUOTA_DIGITS_MAX):
        raise Invalid("A limit is a number, or empty for none.")
    return int(text or 0) * unit


def _grant(form: Form, folder: str) -> Administrable:
    if form["do"] == "quota":
        return accounts.SetFolderQuota(
            folder=folder,
            quota_bytes=_quota(form["megabytes"], _MEGABYTE),
            quota_files=_quota(form["files"], 1),
        )
    if form["do"] == "revoke":
        return accounts.RevokeFolder(folder=folder, grantee=form["grantee"])
    wanted = tuple(right for right in RIGHTS if right in form.every("right"))
    return accounts.GrantFolder(
        folder=folder,
        grantee=form["grantee"],
        rights=cast("tuple[accounts.RightName, ...]", wanted),
        shown_as=form["shown_as"],
    )


# --- organizations and sessions --------------------------------------------------------------------------------------


async def show_organizations(visit: Visit) -> Response:
    """Show all organizations, to whoever runs the node."""
    return await _all_organizations(visit, None, 200)


async def _all_organizations(visit: Visit, failure: SealaneError | None, status: int) -> Response:
    found = await rows(visit, accounts.ListOrganizations())
    return visit.page("admin_organizations.html", status, organizations=found, failure=failure)


async def add_organization(visit: Visit) -> Response:
    """Make an organization."""
    form = await visit.take_form()

    async def doing() -> Response:
        await _done(visit, accounts.AddOrganization(name=form["name"]))
        return visit.go("/admin/organizations?said=made")

    return await _or_again(_all_organizations, visit, doing())


async def show_sessions(visit: Visit) -> Response:
    """Show who is signed in."""
    organization = organization_of(visit)
    found = await rows(visit, accounts.ListSessions(organization=organization))
    limit = visit.settings.web_page_rows
    return visit.page(
        "admin_sessions.html",
        sessions=found[-limit:][::-1],
        more=len(found) > limit,
        organization=organization,
        organizations=await _organizations(visit),
    )


async def end_session(visit: Visit) -> Response:
    """End somebody's session."""
    form = await visit.take_form()
    await _done(visit, accounts.EndSession(session=form["session"]))
    return visit.go(forms.address("/admin/sessions", organization=form["organization"], said="session-ended"))
