"""The first start: by the setup link, the organization that runs the node and its first administrator.

They choose how they sign in: by a password, which is judged, or by a passkey, for which the node must know its address
(`public_url`). Must stay true: the link is looked at again in the transaction that uses it up, and opens nothing once
there is any user; a passkey answers only the challenge that was given to this browser for this link.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

from sealane.domain import accounts, links, names, organizations, passkeys, passwords, sessions, users
from sealane.domain.outcomes import Outcome
from sealane.domain.queries import accounts as account_statements
from sealane.domain.queries import browser as statements
from sealane.domain.queries import sign_in as sign_in_statements
from sealane.ledger import events
from sealane.operations.accounts import AddOrganization, AddUser
from sealane.operations.failures import PasskeyWrong

if TYPE_CHECKING:
    from sealane.domain.queries.sign_in import AccountRow
    from sealane.domain.work import Work
    from sealane.operations.browser import SetUp
    from sealane.operations.passkeys import BeginPasskeySetUp, SetUpWithPasskey

_FIRST_PASSKEY: Final = "first start"
"""What the first administrator's passkey is called until they name it."""


def check_set_up(work: Work, op: SetUp) -> Outcome | None:
    """Return the refusal of a setup link, or None; raise what speaks against the names or the password."""
    found = links.look_up(work, op.secret, op.address, purpose=links.SETUP)
    if isinstance(found, Outcome):
        return found
    passwords.check_strength(op.password, work.settings, op.organization, op.name, op.email)
    return None


def finish_set_up(work: Work, op: SetUp, password_hash: str) -> Outcome:
    """Make the organization that runs the node, and its administrator, who is signed in with that."""
    found = links.look_up(work, op.secret, op.address, purpose=links.SETUP)
    if isinstance(found, Outcome):
        return found
    account = _founded(work, op, op.password, password_hash)
    opened = sessions.begin_on_record(work, account, method=sessions.LINK, door=sessions.WEB, address=op.address)
    return Outcome(opened, 0.0)


def begin_passkey(work: Work, op: BeginPasskeySetUp) -> Outcome:
    """Return what an authenticator is to be asked, to whoever has the setup link."""
    found = links.look_up(work, op.secret, op.address, purpose=links.SETUP)
    if isinstance(found, Outcome):
        return found
    name = "@".join(names.check_account_name(one, work.settings) for one in (op.name, op.organization))
    owner = sha256(f"sealane first start {op.secret}".encode()).digest()
    return Outcome(passkeys.ask_for_new(work, bound=_bound(op), owner=owner, name=name, known=[]), 0.0)


def set_up_with_passkey(work: Work, op: SetUpWithPasskey) -> Outcome:
    """Make the organization and its administrator, who signs in by the passkey and by nothing else so far."""
    found = links.look_up(work, op.secret, op.address, purpose=links.SETUP)
    if isinstance(found, Outcome):
        return found
    told = passkeys.made_anew(work, bound=_bound(op), response=op.response)
    if told is None:
        return Outcome(PasskeyWrong(), 0.0)
    account = _founded(work, op, None, None)
    passkey = passkeys.keep(work, account.id, told, _FIRST_PASSKEY)
    who = events.Who(
        door=sessions.WEB,
        organization_id=account.organization_id,
        user_id=account.id,
        user_name=f"{account.name}@{account.organization}",
        address=op.address,
    )
    work.record(
        events.PasskeyAdded(
            who=who,
            account_id=account.id,
            account_name=who.user_name,
            owner_organization_id=account.organization_id,
            passkey_id=passkey,
        )
    )
    opened = sessions.begin_on_record(
        work,
        account,
        method=passkeys.METHOD,
        door=sessions.WEB,
        address=op.address,
        credential=passkeys.credential(passkey),
    )
    return Outcome(opened, 0.0)


def _bound(op: BeginPasskeySetUp | SetUpWithPasskey) -> str:
    """Return for whom a challenge of the first start is: this browser, with this link."""
    return f"first start {op.secret} {op.browser}"


def _founded(work: Work, op: SetUp | SetUpWithPasskey, password: str | None, password_hash: str | None) -> AccountRow:
    """Make the organization that runs the node and its administrator; the link is used up. Returns their account."""
    if work.transaction.first(account_statements.ORGANIZATION, name=op.organization) is None:
        organizations.add_organization(work, AddOrganization(name=op.organization))
    organization = accounts.find_organization(work, op.organization)
    full_name = f"{op.name}@{organization.name}"
    users.add_user(work, AddUser(user=full_name, role="admin", email=op.email, password=password), password_hash)
    if work.transaction.first(statements.RUNS_NODE, organization_id=organization.id) is None:
        work.transaction.run(statements.LET_RUN_NODE, organization_id=organization.id)
        work.record(events.NodeOrganizationSet(owner_organization_id=organization.id))
    links.used_up(work, links.SETUP, None)
    account = work.transaction.first(sign_in_statements.BY_ID, user_id=accounts.find_user(work, full_name).id)
    assert account is not None
    return account
