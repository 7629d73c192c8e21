"""Rights: one function decides, and its whole table is checked in, so that a change of who may what shows in review.

`python -m tests.domain.test_rights > docs/rights-matrix.txt` prints it anew.
"""

import itertools
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealane.domain import rights
from sealane.domain.rights import ALL_RIGHTS, NO_RIGHTS, SCOPES, Act, Right, may
from sealane.domain.work import Caller
from sealane.errors import Missing, NotAllowed

MATRIX = Path(__file__).parent.parent.parent / "docs" / "rights-matrix.txt"
ROLES = ("admin", "auditor", "officer", "member")
EVERY_GRANT = [Right(number) for number in range(int(ALL_RIGHTS) + 1)]
EVERY_SCOPES = [
    frozenset(chosen) for count in range(len(SCOPES) + 1) for chosen in itertools.combinations(sorted(SCOPES), count)
]


def caller(role="member", scopes=frozenset(SCOPES)) -> Caller:
    return Caller(
        user_id=1,
        organization_id=1,
        name="anna@clinic",
        role=role,
        groups=frozenset(),
        scopes=frozenset(scopes),
        session="s",
        door="sftp",
        address="192.0.2.1",
        expires=datetime(2026, 1, 1, tzinfo=UTC),
    )


def table(role: str, scopes: frozenset[str]) -> str:
    """One line a grant: the letters of the rights granted, then a mark for each act that it allows."""
    lines = []
    for granted in EVERY_GRANT:
        letters = "".join(right.name[0].lower() if right in granted and right.name else "-" for right in Right)
        marks = "  ".join("yes" if may(caller(role, scopes), act, granted) else " . " for act in Act)
        lines.append(f"  {letters}   {marks}".rstrip())
    return "\n".join(lines)


def matrix() -> str:
    """Sections are sets of roles and scopes whose tables are the same."""
    sections: dict[str, list[str]] = {}
    for scopes in EVERY_SCOPES:
        for role in ROLES:
            sections.setdefault(table(role, scopes), []).append(f"{role} with {','.join(sorted(scopes)) or 'no scope'}")
    head = [
        "Who may do what. Printed by tests/domain/test_rights.py; a change here is a change of who may do what.",
        "Each line is a grant: l list, r read, w write, d delete, a admin. Columns are the acts, in this order:",
        "",
    ]
    head += [f"  {number:2} {act.value}" for number, act in enumerate(Act, start=1)]
    numbers = "  ".join(f"{number:>2} " for number in range(1, len(Act) + 1))
    body = [
        "\n".join(["", *(f"# {who}" for who in heads), f"          {numbers}".rstrip(), lines])
        for lines, heads in sections.items()
    ]
    return "\n".join([*head, *body]) + "\n"


def test_the_matrix_that_is_checked_in_is_the_one_that_decides():
    assert MATRIX.read_text() == matrix()


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_alone_gives_no_right_at_all(role, act):
    assert not may(caller(role), act, NO_RIGHTS)


def test_a_role_changes_no_decision():
    for act, granted in itertools.product(Act, EVERY_GRANT):
        assert len({may(caller(role), act, granted) for role in ROLES}) == 1


@given(st.sampled_from(list(Act)), st.sampled_from(EVERY_GRANT), st.sampled_from(EVERY_SCOPES))
def test_a_scope_never_gives_what_was_not_granted_and_no_scope_gives_nothing(act, granted, scopes):
    if may(caller(scopes=scopes), act, granted):
        assert may(caller(), act, granted)
    assert not may(caller(scopes=()), act, granted)


@given(st.sampled_from(list(Act)), st.sampled_from(EVERY_GRANT), st.sampled_from(EVERY_GRANT))
def test_more_rights_never_allow_less(act, granted, more):
    if may(caller(), act, granted):
        assert may(caller(), act, granted | more)


@given(st.sampled_from(EVERY_GRANT))
def test_only_the_right_to_read_reads(granted):
    assert may(caller(), Act.READ_FILE, granted) == (Right.READ in granted)
    assert not may(caller(scopes={"write", "admin"}), Act.READ_FILE, granted)


def test_a_refusal_says_not_allowed_only_about_what_can_be_seen():
    with pytest.raises(Missing):
        rights.demand(caller(), Act.READ_FILE, NO_RIGHTS)
    with pytest.raises(NotAllowed):
        rights.demand(caller(), Act.READ_FILE, Right.LIST)
    rights.demand(caller(), Act.READ_FILE, Right.READ)


@given(st.sampled_from(EVERY_GRANT))
def test_the_names_of_rights_are_read_back(granted):
    assert rights.parse(rights.names(granted)) == granted


if __name__ == "__main__":
    sys.stdout.write(matrix())
