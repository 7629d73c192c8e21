"""Users and groups: made, disabled, their roles and passwords, who is in which group.

Not here: hashing passwords (the keeper's pool, between a check and the change that it was made for).
Must stay true: what ends a user's way in also ends what they are doing (`sessions.end_of_user`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.domain import (
    accounts,
    credentials,
    names,
    passkeys,
    passwords,
    recipients,
    rows,
    second_factor,
    sessions,
    ssh_keys,
)
from sealane.domain.queries import accounts as statements
from sealane.domain.queries import sealed_folders as sealed_queries
from sealane.errors import AlreadyExists, Invalid
from sealane.ids import GroupId, UserId
from sealane.ledger import events
from sealane.operations.envelope import Done
from sealane.operations.failures import CredentialMissing, UserMissing

if TYPE_CHECKING:
    from sealane.domain.queries.accounts import OrganizationRow, UserRow
    from sealane.domain.work import Work
    from sealane.operations.accounts import (
        AddGroup,
        AddUser,
        DisableUser,
        EnableUser,
        ListGroups,
        ListRecipients,
        ListUsers,
        RowsAre,
        SetMembership,
        SetPassword,
        SetRecipient,
        SetRole,
    )
    from sealane.operations.browser import RemoveSecondFactorOf

EMAIL_CHARACTERS_MAX = 320


def check_new_user(work: Work, op: AddUser) -> None:
    """Raise what speaks against this user, so that no password is hashed in vain; `add_user` asks again."""
    _free_name(work, op)
    _checked_email(op.email)
    for line in op.ssh_keys:
        ssh_keys.parse_line(line)
    for recipient in op.recipients:
        recipients.checked(recipient)
    if op.password is not None:
        passwords.check(op.password, work.settings)


def add_user(work: Work, op: AddUser, password_hash: str | None) -> Done:
    """Make a user with what they sign in with. `password_hash` is that of the password, if they get one."""
    assert (password_hash is None) == (op.password is None)
    organization, name = _free_name(work, op)
    user_id = UserId(
        work.transaction.insert(
            statements.ADD_USER,
            organization_id=organization.id,
            name=name,
            role=op.role,
            email=_checked_email(op.email),
            password_hash=password_hash,
            made=work.now,
        )
    )
    user = accounts.find_user(work, f"{name}@{organization.name}")
    full_name = f"{name}@{organization.name}"
    work.record(
        events.UserAdded(
            account_id=user_id,
            account_name=full_name,
            owner_organization_id=organization.id,
            role=op.role,
            email=op.email,
        )
    )
    for line in op.ssh_keys:
        credentials.enroll(work, user, full_name, line)
    for recipient in op.recipients:
        _add_recipient(work, user, full_name, recipient)
    return Done()


def list_users(work: Work, op: ListUsers) -> RowsAre:
    """List users, of one organization or of all."""
    if op.organization:
        accounts.find_organization(work, op.organization)
    name, _, organization = op.user.rpartition("@")
    if op.user and op.organization not in {"", organization}:
        return rows.listing((), ())
    wanted = op.organization or organization
    found = work.transaction.all(statements.USERS, organization=wanted, role=op.role, user=name)
    part, total = rows.cut(found, op.part, lambda row: f"{row.name}@{row.organization} {row.email}")
    return rows.listing(
        ("user", "role", "email", "password", "keys", "tokens", "made", "disabled"),
        (
            (
                f"{row.name}@{row.organization}",
                row.role,
                row.email,
                bool(row.has_password),
                row.keys,
                row.tokens,
                row.made,
                row.disabled,
            )
            for row in part
        ),
        total=total,
    )


def disable_user(work: Work, op: DisableUser) -> Done:
    """Disable a user: no more sign-in, and everything they are doing ends."""
    user = accounts.find_user(work, op.user)
    work.transaction.run(statements.SET_DISABLED, user_id=user.id, at=work.now)
    sessions.end_of_user(work, user.id, who=events.OPERATOR, reason="disabled")
    work.record(
        events.UserDisabled(account_id=user.id, account_name=op.user, owner_organization_id=user.organization_id)
    )
    return Done()


def enable_user(work: Work, op: EnableUser) -> Done:
    """Let a disabled user sign in again."""
    user = accounts.find_user(work, op.user)
    work.transaction.run(statements.SET_DISABLED, user_id=user.id, at=None)
    work.record(
        events.UserEnabled(account_id=user.id, account_name=op.user, owner_organization_id=user.organization_id)
    )
    return Done()


def check_new_password(work: Work, op: SetPassword) -> None:
    """Raise what speaks against this password, so that it is not hashed in vain; `set_password` asks again."""
    accounts.find_user(work, op.user)
    passwords.check(op.password, work.settings)


def set_password(work: Work, op: SetPassword, password_hash: str) -> Done:
    """Set a user's password by its hash; all their sessions end."""
    user = accounts.find_user(work, op.user)
    work.transaction.run(statements.SET_PASSWORD, user_id=user.id, hashed=password_hash)
    sessions.end_of_user(work, user.id, who=events.OPERATOR, reason="password set")
    work.record(
        events.PasswordSet(account_id=user.id, account_name=op.user, owner_organization_id=user.organization_id)
    )
    return Done()


def set_role(work: Work, op: SetRole) -> Done:
    """Change a user's role; all their sessions end, since they carry the old one."""
    user = accounts.find_user(work, op.user)
    work.transaction.run(statements.SET_ROLE, user_id=user.id, new_role=op.role)
    sessions.end_of_user(work, user.id, who=events.OPERATOR, reason="role set")
    work.record(
        events.RoleSet(
            account_id=user.id,
            account_name=op.user,
            owner_organization_id=user.organization_id,
            role=op.role,
            previous_role=user.role,
        )
    )
    return Done()


def add_group(work: Work, op: AddGroup) -> Done:
    """Make a group, empty."""
    wanted = names.parse_account(op.group.removeprefix(names.GROUP_PREFIX))
    organization = accounts.find_organization(work, wanted.organization)
    name = names.check_account_name(wanted.name, work.settings)
    taken = (row.name for row in work.transaction.all(statements.GROUP_NAMES, organization_id=organization.id))
    if names.taken_otherwise_cased(name, taken):
        raise AlreadyExists("There is a group of this name in the organization, or of one that differs only in case.")
    group_id = GroupId(
        work.transaction.insert(statements.ADD_GROUP, organization_id=organization.id, name=name, made=work.now)
    )
    work.record(
        events.GroupAdded(
            group_id=group_id, group_name=f"{name}@{organization.name}", owner_organization_id=organization.id
        )
    )
    return Done()


def list_groups(work: Work, op: ListGroups) -> RowsAre:
    """List groups and their members, of one organization or of all."""
    if op.organization:
        accounts.find_organization(work, op.organization)
    members: dict[str, list[str]] = {}
    member = op.member.rpartition("@")
    if op.member and op.organization not in {"", member[2]}:
        return rows.listing((), ())
    wanted = op.organization or member[2]
    for row in work.transaction.all(statements.GROUPS, organization=wanted, user=member[0]):
        inside = members.setdefault(f"{row.name}@{row.organization}", [])
        if row.user is not None:
            inside.append(f"{row.user}@{row.organization}")
    part, total = rows.cut(list(members), op.part, lambda group: " ".join((group, *members[group])))
    return rows.listing(("group", "members"), ((group, tuple(members[group])) for group in part), total=total)


def set_membership(work: Work, op: SetMembership) -> Done:
    """Put a user of the same organization into a group or out of it. Out of it, their sessions end."""
    name = op.group.removeprefix(names.GROUP_PREFIX)
    group, user = accounts.find_group(work, name), accounts.find_user(work, op.user)
    if group.organization_id != user.organization_id:
        raise Invalid("A group has members of its own organization only. Grant the folder to the other's group too.")
    changed = work.transaction.run(statements.REMOVE_MEMBER, group_id=group.id, user_id=user.id)
    if op.member:
        work.transaction.run(statements.ADD_MEMBER, group_id=group.id, user_id=user.id)
    elif not changed:
        raise UserMissing("The user is not in this group.")
    else:
        sessions.end_of_user(work, user.id, who=events.OPERATOR, reason="taken out of a group")
    work.views.forget()
    work.record(
        events.MembershipSet(
            account_id=user.id,
            account_name=op.user,
            owner_organization_id=user.organization_id,
            group_id=group.id,
            group_name=name,
            member=op.member,
        )
    )
    return Done()


def _free_name(work: Work, op: AddUser) -> tuple[OrganizationRow, str]:
    """Return the organization of a user to be, and their name in it. Raises what speaks against the name."""
    wanted = names.parse_account(op.user)
    organization = accounts.find_organization(work, wanted.organization)
    name = names.check_account_name(wanted.name, work.settings)
    taken = (row.name for row in work.transaction.all(statements.USER_NAMES, organization_id=organization.id))
    if names.taken_otherwise_cased(name, taken):
        raise AlreadyExists("There is a user of this name in the organization, or of one that differs only in case.")
    return organization, name


def set_recipient(work: Work, op: SetRecipient) -> Done:
    """Add an age recipient to a user, or take it away: what arrives from now on is sealed so."""
    user = accounts.find_user(work, op.user)
    recipient = recipients.checked(op.recipient)
    there = {row.recipient for row in work.transaction.all(sealed_queries.KEYS_OF, users=[user.id])}
    if op.present:
        if recipient in there:
            raise AlreadyExists("The user already has this key.")
        _add_recipient(work, user, op.user, recipient)
        return Done()
    if not work.transaction.run(sealed_queries.REMOVE_RECIPIENT, user=user.id, gone=recipient):
        raise CredentialMissing
    work.record(
        events.RecipientRemoved(
            account_id=user.id,
            account_name=op.user,
            owner_organization_id=user.organization_id,
            recipient=recipient,
        )
    )
    return Done()


def list_recipients(work: Work, op: ListRecipients) -> RowsAre:
    """List a user's age recipients."""
    user = accounts.find_user(work, op.user)
    found = work.transaction.all(sealed_queries.KEYS_OF, users=[user.id])
    return rows.listing(("recipient",), ((row.recipient,) for row in found))


def _add_recipient(work: Work, user: UserRow, full_name: str, recipient: str) -> None:
    """Keep an age recipient."""
    recipient = recipients.checked(recipient)
    work.transaction.run(statements.ADD_RECIPIENT, user_id=user.id, recipient=recipient, made=work.now)
    work.record(
        events.RecipientAdded(
            account_id=user.id,
            account_name=full_name,
            owner_organization_id=user.organization_id,
            recipient=recipient,
        )
    )


def number_of(work: Work, user: str) -> int:
    """Return the number by which the ledger knows a user. Raises `UserMissing`."""
    wanted = names.parse_account(user)
    row = work.transaction.first(statements.NUMBER_OF, name=wanted.name, organization=wanted.organization)
    if row is None:
        raise UserMissing
    return row.id


def remove_second_factor_of(work: Work, op: RemoveSecondFactorOf) -> Done:
    """Let a user who has lost their authenticator sign in without a one-time code; all their sessions end."""
    user = accounts.find_user(work, op.user)
    sessions.end_of_user(work, user.id, who=work.operator, reason="second factor removed")
    if passkeys.remove_of_user(work, user.id):
        work.record(
            events.PasskeyRemoved(
                who=work.operator,
                account_id=user.id,
                account_name=op.user,
                owner_organization_id=user.organization_id,
                passkey_id=0,
            )
        )
    second_factor.remove(work, user.id, who=work.operator, account_name=op.user, organization_id=user.organization_id)
    return Done()


def _checked_email(email: str) -> str:
    local, _, domain = email.rpartition("@")
    if email and not (local and domain and len(email) <= EMAIL_CHARACTERS_MAX and email.isprintable()):
        raise Invalid("The e-mail address is not valid.")
    return email
