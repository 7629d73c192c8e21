"""Listings for administrators in parts: searched, a page at a time, of one organization and never of another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealane.domain import rows
from sealane.operations import accounts, administering
from sealane.operations.accounts import AddGroup, Part, SetMembership
from sealane.operations.failures import OrganizationMissing

pytestmark = pytest.mark.slow


@given(
    found=st.lists(st.text("abAB", max_size=3), max_size=20),
    search=st.text("ab", max_size=2),
    start=st.integers(-3, 25),
    limit=st.integers(1, 7),
)
def test_pages_one_after_the_other_are_the_whole_once(found, search, start, limit):
    whole, total = rows.cut(found, Part(search=search), str)
    assert list(whole) == [one for one in found if search in one.lower()]
    assert total == len(whole)
    pages = [rows.cut(found, Part(search, at, limit), str) for at in range(0, len(found) + 1, limit)]
    assert [one for page, _ in pages for one in page] == list(whole)
    assert {told for _, told in pages} == {total}
    page, _ = rows.cut(found, Part(search, start, limit), str)
    assert list(page) == list(whole)[max(0, start) : max(0, start) + limit]


@pytest.fixture
def furnished(office):
    for name in ("anna@clinic", "bert@clinic", "carl@clinic", "anna@lab"):
        office.user(name)
    for name in ("a", "b/anna", "c"):
        office.folder(f"clinic:/{name}", "anna@clinic: list", "bert@clinic: list,read")
    office.folder("lab:/a", "anna@clinic: list: /from-lab")
    inside = {"all@clinic": ("anna@clinic", "bert@clinic"), "none@clinic": (), "few@lab": ("anna@lab",)}
    for group, members in inside.items():
        office.admin(AddGroup(group=group))
        for member in members:
            office.admin(SetMembership(group=group, user=member, member=True))
    return office


def firsts(office, kind, **given):
    operation = getattr(administering if kind.startswith("Rights") else accounts, kind)
    return [row.values[0] for row in office.admin(operation(**given)).rows]


def test_folders_come_in_parts_with_their_grants(furnished):
    assert firsts(furnished, "ListFolders", organization="clinic", part=Part(start=1, limit=2)) == [
        "clinic:/b",
        "clinic:/b/anna",
    ]
    (row,) = furnished.rows("ListFolders", organization="clinic", part=Part(search="ANNA", limit=9))
    assert row.values[0] == "clinic:/b/anna"
    assert [one.grantee for one in row.values[1]] == ["anna@clinic", "bert@clinic"]
    assert firsts(furnished, "ListFolders", part=Part(search="clinic", limit=9)) == []  # not by the organization's name
    assert firsts(furnished, "ListFolders", organization="clinic", folder="clinic:/c") == ["clinic:/c"]
    assert firsts(furnished, "ListFolders", organization="lab", folder="clinic:/c") == []
    assert len(firsts(furnished, "ListFolders")) == 5


def test_users_are_found_by_name_role_and_one_by_one(furnished):
    assert firsts(furnished, "ListUsers", organization="clinic", part=Part(start=1, limit=1)) == ["bert@clinic"]
    assert firsts(furnished, "ListUsers", part=Part(search="anna")) == ["anna@clinic", "anna@lab"]
    assert firsts(furnished, "ListUsers", organization="clinic", user="anna@clinic") == ["anna@clinic"]
    for organization, user in (("lab", "bert@clinic"), ("clinic", "anna@lab")):
        assert firsts(furnished, "ListUsers", organization=organization, user=user) == []
    assert firsts(furnished, "ListUsers", organization="clinic", role="admin") == []
    with pytest.raises(OrganizationMissing):
        furnished.rows("ListUsers", organization="no such")


def test_groups_are_found_by_their_own_names_and_their_members(furnished):
    assert firsts(furnished, "ListGroups", organization="clinic", part=Part(search="BERT", limit=9)) == ["all@clinic"]
    assert firsts(furnished, "ListGroups", organization="clinic", part=Part(start=1, limit=1)) == ["none@clinic"]
    assert [row.values for row in furnished.rows("ListGroups", organization="clinic", member="anna@clinic")] == [
        ("all@clinic", ("anna@clinic",))
    ]
    assert firsts(furnished, "ListGroups", organization="lab", member="anna@clinic") == []


def test_sessions_come_newest_first_in_parts(furnished):
    whole = firsts(furnished, "ListSessions", organization="clinic")
    assert firsts(furnished, "ListSessions", organization="clinic", part=Part(limit=2)) == whole[::-1][:2]
    assert len(firsts(furnished, "ListSessions", organization="clinic", part=Part(search="bert", limit=9))) == 1
    assert len(firsts(furnished, "ListSessions", organization="clinic", part=Part(search="192.0.2", limit=9))) == 3
    assert len(firsts(furnished, "ListSessions", user="anna@lab")) == 1
    assert firsts(furnished, "ListSessions", organization="clinic", user="anna@lab") == []


def test_who_may_and_what_one_may_come_in_parts(furnished):
    assert firsts(furnished, "RightsOfUser", user="anna@clinic", part=Part(start=1, limit=2)) == [
        "clinic:/b/anna",
        "clinic:/c",
    ]
    assert firsts(furnished, "RightsOfUser", user="anna@clinic", part=Part(search="b/", limit=2)) == ["clinic:/b/anna"]
    assert firsts(furnished, "RightsOnFolder", folder="clinic:/a", part=Part(start=1, limit=5)) == ["bert@clinic"]
    assert firsts(furnished, "RightsOnFolder", folder="clinic:/a", part=Part(search="nobody", limit=5)) == []
