"""Users and groups, for administrators: what each may see, how they sign in, where they are signed in."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, cast

from sealane.doors.web import forms
from sealane.doors.web.account import columns_of
from sealane.doors.web.administration import done, number_of, or_again, organization_of, organizations_of, rows
from sealane.doors.web.parts import part_of, some
from sealane.errors import Invalid, Missing
from sealane.operations import accounts, administering, browser
from sealane.operations.envelope import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.responses import Response

    from sealane.doors.web.forms import Form
    from sealane.doors.web.visits import Visit
    from sealane.errors import SealaneError
    from sealane.operations.accounts import Role
    from sealane.operations.administering import Administrable

ROLES = ("member", "officer", "auditor", "admin")
_SCOPES = frozenset({"read", "write", "admin"})
_KNOWN_MAX = 200
"""Users whom a page offers to choose from; others are typed."""
_GROUPS_A_PAGE = 20
_TOKEN_DAYS_MAX = 3650


async def show_users(visit: Visit) -> Response:
    """Show the users of an organization."""
    return await _users(visit, None, 200)


async def _users(visit: Visit, failure: SealaneError | None, status: int) -> Response:
    organization, part = organization_of(visit), part_of(visit)
    return visit.page(
        "admin_users.html",
        status,
        users=await some(visit, accounts.ListUsers(organization=organization, part=part), part),
        organization=organization,
        organizations=await organizations_of(visit),
        roles=ROLES,
        failure=failure,
    )


async def add_user(visit: Visit) -> Response:
    """Make a user, and show the link by which they set their password."""
    form = await visit.take_form()
    organization = form["organization"] or visit.signed.organization
    user = f"{form['name']}@{organization}"

    async def doing() -> Response:
        await done(visit, accounts.AddUser(user=user, role=_role(form["role"]), email=form["email"]))
        return await _password_link(visit, user)

    return await or_again(_users, visit, doing())


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
    organization = name.partition("@")[2]
    found = await rows(visit, accounts.ListUsers(organization=organization or "-", user=name))
    if not found:
        raise Missing("There is no such user.")
    part, newest = part_of(visit), accounts.Part(limit=visit.settings.web_page_rows)
    sessions = await visit.administer(accounts.ListSessions(user=name, part=newest), accounts.RowsAre)
    groups = await rows(visit, accounts.ListGroups(organization=organization, member=name))
    return visit.page(
        "admin_user.html",
        status,
        user=found[0],
        rights=await some(visit, administering.RightsOfUser(user=name, part=part), part),
        keys=await rows(visit, accounts.ListSshKeys(user=name)),
        tokens=[row for row in await rows(visit, accounts.ListTokens(user=name)) if row["revoked"] is None],
        sessions=columns_of(sessions),
        more_sessions=sessions.total - len(sessions.rows),
        groups=[row["group"] for row in groups],
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
            days = number_of(form["days"])
            if days > _TOKEN_DAYS_MAX:
                raise Invalid(f"A token lasts {_TOKEN_DAYS_MAX} days at most, or, left empty, until it is revoked.")
            until = visit.exchange.door.clock.now() + timedelta(days=days) if days else None
            wanted = accounts.AddToken(user=user, scopes=cast("tuple[accounts.Scope, ...]", scopes), expires=until)
            made = await visit.administer(wanted, accounts.TokenIs)
            return await _user(visit, None, 200, made.token)
        await visit.administer(_change(form, user), Answer)
        return visit.go(forms.address("/admin/user", user=user, said="saved"))

    return await or_again(_user, visit, doing())


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
    organization, part = organization_of(visit), part_of(visit)
    part = accounts.Part(search=part.search, start=part.start, limit=_GROUPS_A_PAGE)
    few = accounts.Part(limit=_KNOWN_MAX)
    users = await rows(visit, accounts.ListUsers(organization=organization, part=few))
    groups = await some(visit, accounts.ListGroups(organization=organization, part=part), part)
    for group in groups.rows:
        group["shown"] = _found(group["members"], part.search)[: visit.settings.web_page_rows]
        group["hidden"] = len(group["members"]) - len(group["shown"])
    return visit.page(
        "admin_groups.html",
        status,
        groups=groups,
        users=[row["user"] for row in users],
        organization=organization,
        organizations=await organizations_of(visit),
        failure=failure,
    )


def _found(members: Sequence[str], search: str) -> Sequence[str]:
    """Return the members that a search has found; all of them where it has found the group by its own name."""
    return [member for member in members if search.casefold() in member.casefold()] or members


async def change_groups(visit: Visit) -> Response:
    """Make a group, put somebody in, take somebody out."""
    form = await visit.take_form()
    organization = form["organization"] or visit.signed.organization

    async def doing() -> Response:
        if form["do"] == "add":
            await done(visit, accounts.AddGroup(group=f"{form['name']}@{organization}"))
        else:
            member = form["do"] == "join"
            await done(visit, accounts.SetMembership(group=form["group"], user=form["user"], member=member))
        return visit.go(forms.address("/admin/groups", organization=organization, said="saved"))

    return await or_again(_groups, visit, doing())
