"""Nobody ever sees what no grant leads to: random trees, groups and grants against a model that is a few lines long."""

from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealane.domain import rights
from sealane.errors import AlreadyExists, Missing, MoveIntoItself, NotAllowed
from sealane.operations.accounts import AddFolder, AddGroup, RevokeFolder, SetMembership
from sealane.operations.files import ListFolder, Look, Move

pytestmark = pytest.mark.slow  # together they take longer than make check may


ORGANIZATIONS = ("clinic", "lab")
USERS = ("anna@clinic", "carl@clinic", "bert@lab")
GROUPS = ("group:team@clinic", "group:team@lab")
PATHS = ("/a", "/a/b", "/a/b/c", "/a/d", "/e", "/e/f")
PLACES = [f"{organization}:{path}" for organization in ORGANIZATIONS for path in PATHS]

right_sets = st.sets(st.sampled_from(["list", "read", "write", "delete", "admin"]), min_size=1)
grants = st.dictionaries(
    st.tuples(st.sampled_from([f"{name}:/" for name in ORGANIZATIONS] + PLACES), st.sampled_from(USERS + GROUPS)),
    right_sets,
    max_size=6,
)
memberships = st.sets(
    st.sampled_from(
        [("group:team@clinic", "anna@clinic"), ("group:team@clinic", "carl@clinic"), ("group:team@lab", "bert@lab")]
    )
)


@dataclass
class Model:
    """Rights by definition: the union over every grant on a folder or above it."""

    grants: dict = field(default_factory=dict)
    members: set = field(default_factory=set)

    def rights(self, user, place):
        found = set()
        for (granted, grantee), given_rights in self.grants.items():
            if self.is_of(user, grantee) and (place == granted or place.startswith(granted.rstrip("/") + "/")):
                found |= given_rights
        return found

    def is_of(self, user, grantee):
        return grantee == user or (grantee, user) in self.members

    def leads_on(self, user, place):
        below = place.rstrip("/") + "/"
        return any(
            self.is_of(user, grantee) and (granted == place or granted.startswith(below))
            for granted, grantee in self.grants
        )

    def sees(self, user, place):
        return bool(self.rights(user, place)) or self.leads_on(user, place)


def shown(user, place):
    """How a user writes a place."""
    organization, _, path = place.partition(":")
    return path if user.endswith(f"@{organization}") else f"/@{organization}{path.rstrip('/')}"


def walk(office, caller, path="/"):
    """Everything that listing shows from here down."""
    after = ""
    while True:
        try:
            page = office.ask(caller, ListFolder(handle="", path=path, limit=3, after=after))
        except NotAllowed:
            return
        assert len(page.entries) <= 3
        for entry in page.entries:
            below = f"{path.rstrip('/')}/{entry.name}"
            yield below, entry
            if entry.kind == "folder":
                yield from walk(office, caller, below)
        after = page.after
        if not after:
            return


def check(office, model):
    for user in USERS:
        caller = office.session(user)
        listed = dict(walk(office, caller))
        everything = {shown(user, place): place for place in PLACES}
        everything |= {shown(user, f"{name}:/"): f"{name}:/" for name in ORGANIZATIONS if not user.endswith(name)}
        for path, place in everything.items():
            if model.sees(user, place):
                entry = office.ask(caller, Look(handle="", path=path)).entry
                expected = model.rights(user, place)
                if place.endswith(":/"):
                    expected &= {"list"}
                assert entry.rights == rights.names(rights.parse(expected)), (user, place)
                content = f"{path}/content"
                if model.rights(user, place) and not place.endswith(":/"):
                    assert office.ask(caller, Look(handle="", path=content)).entry.kind == "file"
                else:
                    assert_missing(office, caller, content)
            else:
                assert path not in listed
                assert_missing(office, caller, path)
                assert_missing(office, caller, f"{path}/content")
        for path in listed:
            place = everything.get(path.removesuffix("/content"))
            assert place is not None, f"{user} was shown {path}"
            if path.endswith("/content"):
                assert "list" in model.rights(user, place)
            else:
                assert model.sees(user, place)


def assert_missing(office, caller, path):
    with pytest.raises(Missing) as missing:
        office.ask(caller, Look(handle="", path=path))
    assert (type(missing.value), missing.value.sentence) == (Missing, Missing.default), path


def build(office):
    for user in USERS:
        office.user(user)
    for group in GROUPS:
        office.admin(AddGroup(group=group))
    for place in PLACES:
        office.admin(AddFolder(folder=place))
        office.file(place, "content")


def give(office, model):
    for group, user in model.members:
        office.admin(SetMembership(group=group, user=user, member=True))
    for (place, grantee), given_rights in model.grants.items():
        office.grant(place, grantee, ",".join(sorted(given_rights)))


def clear(office, model):
    for place, grantee in model.grants:
        office.admin(RevokeFolder(folder=place, grantee=grantee))
    for group, user in model.members:
        office.admin(SetMembership(group=group, user=user, member=False))


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(grants, memberships)
def test_every_user_sees_exactly_what_grants_lead_to(office, granted, members):
    model = Model(granted, members)
    if office.rows("ListUsers") == ():
        build(office)
    give(office, model)
    check(office, model)
    clear(office, model)
    check(office, Model())


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(PATHS), st.sampled_from(PATHS)), min_size=1, max_size=4), st.data())
def test_after_folders_were_moved_everyone_sees_what_their_grants_lead_to_now(office, moves, data):
    """The views of where grants lead are kept in memory; a move changes them. The model moves the grants along."""
    top = f"t{len(office.events)}"
    for user in USERS:
        if user not in {row.values[0] for row in office.rows("ListUsers")}:
            office.user(user)
    places = {path: f"/{top}{path}" for path in PATHS}
    for path in PATHS:
        office.admin(AddFolder(folder=f"clinic:{places[path]}"))
    office.grant(f"clinic:/{top}", "anna@clinic", "list,read,write,delete,admin")
    target = data.draw(st.sampled_from(PATHS))
    office.grant(f"clinic:{places[target]}", "bert@lab", "list")
    anna, bert = office.session("anna@clinic"), office.session("bert@lab")
    at = places[target]
    for number, (source, into) in enumerate(moves):
        seen = office.ask(bert, Look(handle="", path=f"/@clinic{at}")).entry
        assert seen.rights == ("list",)
        old, new = places[source], f"{places[into]}/m{number}"
        try:
            office.ask(anna, Move(handle="", source=old, target=new))
        except (Missing, AlreadyExists, NotAllowed, MoveIntoItself):
            continue
        if at == old or at.startswith(old + "/"):
            assert_missing(office, bert, f"/@clinic{at}")
            at = new + at.removeprefix(old)
    assert office.ask(bert, Look(handle="", path=f"/@clinic{at}")).entry.rights == ("list",)
    shown_to_bert = [path for path, _ in walk(office, bert, f"/@clinic/{top}")]
    assert all(f"/@clinic{at}".startswith(path) or path.startswith(f"/@clinic{at}/") for path in shown_to_bert)
