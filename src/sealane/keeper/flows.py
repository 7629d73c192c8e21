"""What takes more than one transaction: signing in, signing an exchange, new passwords. Pure: others do the steps.

A flow is a generator of steps; `walked` takes them one after the other (the command line, tests), the server takes them
on its event loop, with the slow ones in pools of their own. Must stay true: a refused sign-in is answered only after
what was counted of it is durable, and after its wait; no password is hashed in a transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sealane.domain import (
    administering,
    audit,
    browsing,
    first_start,
    links,
    passkeys,
    passwords,
    sessions,
    sharing,
    sign_in,
    users,
    visits,
)
from sealane.domain.table import ACTS
from sealane.errors import SealaneError
from sealane.operations.accounts import AddUser, SetPassword
from sealane.operations.administering import Administer, Administered
from sealane.operations.audit import Checkpoint
from sealane.operations.browser import (
    ChangeOwnPassword,
    LookLink,
    ProveAgain,
    SetPasswordByLink,
    SetUp,
    SignInAtPage,
    SignInWithCode,
)
from sealane.operations.envelope import Answer
from sealane.operations.passkeys import (
    AddPasskey,
    BeginPasskeySetUp,
    BeginPasskeySignIn,
    ProveByPasskey,
    SetUpWithPasskey,
    SignInWithPasskey,
)
from sealane.operations.sharing import AskCode, EnterWithCode, EnterWithLink, LookInvitation, MakeShare
from sealane.operations.signing import (
    ExchangeSigned,
    Health,
    HostKeys,
    HostKeysAre,
    SignExchange,
    SignInWithKey,
    SignInWithPassword,
    SignInWithToken,
)

if TYPE_CHECKING:
    from sealane.domain.outcomes import Outcome
    from sealane.domain.work import Work
    from sealane.keeper.host_keys import HostKeys as OurHostKeys
    from sealane.operations.envelope import Operation


@dataclass(frozen=True, slots=True)
class InTransaction:
    """Do this in the keeper's next transaction; the result comes once that is durable."""

    act: Callable[[Work], Any]


@dataclass(frozen=True, slots=True)
class InPool:
    """Do this slow work in a pool of threads."""

    pool: Literal["passwords", "signatures"]
    work: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Wait:
    """Go on after this many seconds."""

    seconds: float


Step = InTransaction | InPool | Wait
Flow = Generator[Step, Any, Answer]


_SINGLE = frozenset({*ACTS, Health}) - {Administer}
"""What a single act does, whatever is in it: most of what is asked."""


def flow_of(operation: Operation, host_keys: OurHostKeys) -> Flow | None:
    """Return the flow of an operation, or None for one that is done by a single act."""
    if type(operation) in _SINGLE:
        return None
    steps: Flow | None
    match operation:
        case SignInWithPassword():
            steps = _with_password(operation)
        case SignInWithKey():
            steps = _with_proof(lambda work: sign_in.sign_in_with_key(work, operation))
        case SignInWithToken():
            steps = _with_proof(lambda work: sign_in.sign_in_with_token(work, operation))
        case SignExchange():
            steps = _exchange(operation, host_keys)
        case HostKeys():
            steps = _told(HostKeysAre(keys=host_keys.blobs))
        case AddUser():
            steps = _new_user(operation)
        case SetPassword():
            steps = _new_password(operation)
        case Checkpoint():
            steps = _checkpoint()
        case _:
            steps = _flow_of_a_browser(operation)
    return steps


def _flow_of_a_browser(operation: Operation) -> Flow | None:
    """Return the flow of what somebody at a browser asks, or None likewise."""
    steps: Flow | None
    match operation:
        case SignInAtPage():
            steps = _with_page_password(operation)
        case SignInWithCode():
            steps = _with_proof(lambda work: sign_in.sign_in_with_code(work, operation))
        case ProveAgain():
            steps = _with_own_password(operation)
        case ChangeOwnPassword():
            steps = _own_password(operation)
        case LookLink():
            steps = _with_proof(lambda work: links.look_link(work, operation))
        case SetUp():
            steps = _by_link(
                operation.password,
                lambda work: first_start.check_set_up(work, operation),
                lambda work, hashed: first_start.finish_set_up(work, operation, hashed),
            )
        case SetPasswordByLink():
            steps = _by_link(
                operation.password,
                lambda work: links.check_password_by_link(work, operation),
                lambda work, hashed: links.finish_password_by_link(work, operation, hashed),
            )
        case Administer(operation=AddUser() as wanted):
            steps = _new_user_by_a_person(operation, wanted)
        case _:
            steps = _flow_of_a_share(operation)
    return steps


def _flow_of_a_share(operation: Operation) -> Flow | None:
    """Return the flow of what senders and guests ask, or None likewise."""
    steps: Flow | None
    match operation:
        case MakeShare():
            steps = _share(operation)
        case LookInvitation():
            steps = _with_proof(lambda work: visits.look_invitation(work, operation))
        case AskCode():
            steps = _with_proof(lambda work: visits.ask_code(work, operation))
        case EnterWithCode():
            steps = _with_proof(lambda work: visits.enter_with_code(work, operation))
        case EnterWithLink():
            steps = _with_link(operation)
        case _:
            steps = _flow_of_a_passkey(operation)
    return steps


def _flow_of_a_passkey(operation: Operation) -> Flow | None:
    """Return the flow of what an authenticator answers, or None likewise."""
    steps: Flow | None
    match operation:
        case AddPasskey():
            steps = _with_proof(lambda work: passkeys.add(work, sessions.caller_of(work, operation.handle), operation))
        case ProveByPasskey():
            steps = _with_proof(
                lambda work: passkeys.prove(work, sessions.caller_of(work, operation.handle), operation)
            )
        case BeginPasskeySignIn():
            steps = _with_proof(lambda work: passkeys.begin_sign_in(work, operation))
        case SignInWithPasskey():
            steps = _with_proof(lambda work: passkeys.sign_in(work, operation))
        case BeginPasskeySetUp():
            steps = _with_proof(lambda work: first_start.begin_passkey(work, operation))
        case SetUpWithPasskey():
            steps = _with_proof(lambda work: first_start.set_up_with_passkey(work, operation))
        case _:
            steps = None
    return steps


def walked(steps: Flow, in_transaction: Callable[[Callable[[Work], Any]], Any]) -> Answer:
    """Take a flow's steps here and now. Waits are left out: they slow down strangers, not the operator or a test."""
    result: Any = None
    while True:
        try:
            step = steps.send(result)
        except StopIteration as end:
            return end.value
        match step:
            case InTransaction(act):
                result = in_transaction(act)
            case InPool(_, work):
                result = work()
            case Wait():
                result = None


def _checked(operation: SignInWithPassword | SignInAtPage) -> Generator[Step, Any, tuple[str | None, bool]]:
    """Return the hash that a password was held against, if there is one, and whether it was right."""
    checked: str | None = yield InTransaction(lambda work: sign_in.password_to_check(work, operation))
    right = False
    if checked is not None:
        right = yield InPool("passwords", lambda: passwords.is_right(checked, operation.password))
    return checked, right


def _with_password(operation: SignInWithPassword) -> Flow:
    checked, right = yield from _checked(operation)
    outcome: Outcome = yield InTransaction(
        lambda work: sign_in.finish_password(work, operation, checked=checked, right=right)
    )
    return (yield from _ended(outcome))


def _with_page_password(operation: SignInAtPage) -> Flow:
    checked, right = yield from _checked(operation)
    outcome: Outcome = yield InTransaction(
        lambda work: sign_in.finish_page_password(work, operation, checked=checked, right=right)
    )
    return (yield from _ended(outcome))


def _with_own_password(operation: ProveAgain) -> Flow:
    checked: str | None = yield InTransaction(lambda work: browsing.own_password_to_check(work, operation.handle))
    right = False
    if checked is not None:
        right = yield InPool("passwords", lambda: passwords.is_right(checked, operation.password))
    outcome: Outcome = yield InTransaction(
        lambda work: browsing.finish_proof(work, operation, checked=checked, right=right)
    )
    return (yield from _ended(outcome))


def _own_password(operation: ChangeOwnPassword) -> Flow:
    yield InTransaction(lambda work: browsing.check_own_password(work, operation))
    checked: str | None = yield InTransaction(lambda work: browsing.own_password_to_check(work, operation.handle))
    right, hashed = False, None
    if checked is not None:
        right = yield InPool("passwords", lambda: passwords.is_right(checked, operation.password))
    if right:
        hashed = yield InPool("passwords", lambda: passwords.hashed(operation.new_password))
    outcome: Outcome = yield InTransaction(
        lambda work: browsing.finish_own_password(work, operation, checked=checked, right=right, hashed=hashed)
    )
    return (yield from _ended(outcome))


def _by_link(password: str, check: Callable[[Work], Outcome | None], finish: Callable[[Work, str], Outcome]) -> Flow:
    """Hash a password that comes with a one-time link, between two looks at the link."""
    refused: Outcome | None = yield InTransaction(check)
    if refused is not None:
        return (yield from _ended(refused))
    hashed: str = yield InPool("passwords", lambda: passwords.hashed(password))
    outcome: Outcome = yield InTransaction(lambda work: finish(work, hashed))
    return (yield from _ended(outcome))


def _new_user_by_a_person(operation: Administer, wanted: AddUser) -> Flow:
    def allowed(work: Work) -> None:
        administering.allow(work, sessions.caller_of(work, operation.handle), wanted)

    def check(work: Work) -> None:
        allowed(work)
        users.check_new_user(work, wanted)

    def add(work: Work) -> Answer:
        allowed(work)
        return Administered(told=users.add_user(work, wanted, hashed))

    yield InTransaction(check)
    password, hashed = wanted.password, None
    if password is not None:
        hashed = yield InPool("passwords", lambda: passwords.hashed(password))
    return (yield InTransaction(add))


def _share(operation: MakeShare) -> Flow:
    def check(work: Work) -> None:
        sharing.check(work, sessions.caller_of(work, operation.handle), operation)

    def make(work: Work) -> Answer:
        return sharing.make(work, sessions.caller_of(work, operation.handle), operation, hashed)

    yield InTransaction(check)
    hashed: str | None = None
    if operation.password:
        hashed = yield InPool("passwords", lambda: passwords.hashed(operation.password))
    return (yield InTransaction(make))


def _with_link(operation: EnterWithLink) -> Flow:
    checked: str | Outcome | None = yield InTransaction(lambda work: visits.password_to_check(work, operation))
    if checked is not None and not isinstance(checked, str):
        return (yield from _ended(checked))
    right = False
    if checked is not None:
        right = yield InPool("passwords", lambda: passwords.is_right(checked, operation.password))
    outcome: Outcome = yield InTransaction(
        lambda work: visits.enter_with_link(work, operation, checked=checked, right=right)
    )
    return (yield from _ended(outcome))


def _with_proof(act: Callable[[Work], Outcome]) -> Flow:
    outcome: Outcome = yield InTransaction(act)
    return (yield from _ended(outcome))


def _ended(outcome: Outcome) -> Flow:
    if outcome.wait_seconds > 0:
        yield Wait(outcome.wait_seconds)
    if isinstance(outcome.answer, SealaneError):
        raise outcome.answer
    return outcome.answer


def _exchange(operation: SignExchange, host_keys: OurHostKeys) -> Flow:
    if operation.first:
        yield InTransaction(lambda work: sign_in.remember_exchange(work, operation.exchange_hash))
    signature: bytes = yield InPool("signatures", lambda: host_keys.sign(operation.algorithm, operation.exchange_hash))
    return ExchangeSigned(signature=signature)


def _new_user(operation: AddUser) -> Flow:
    yield InTransaction(lambda work: users.check_new_user(work, operation))
    password, hashed = operation.password, None
    if password is not None:
        hashed = yield InPool("passwords", lambda: passwords.hashed(password))
    return (yield InTransaction(lambda work: users.add_user(work, operation, hashed)))


def _new_password(operation: SetPassword) -> Flow:
    yield InTransaction(lambda work: users.check_new_password(work, operation))
    hashed = yield InPool("passwords", lambda: passwords.hashed(operation.password))
    return (yield InTransaction(lambda work: users.set_password(work, operation, hashed)))


def _checkpoint() -> Flow:
    yield InTransaction(audit.want_checkpoint)
    return (yield InTransaction(audit.checkpoint))


def _told(answer: Answer) -> Flow:
    yield from ()
    return answer
