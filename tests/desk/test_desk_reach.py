"""What rights would have reached: the ledger's record of grants, groups, roles, sessions; clocks that disagree."""

from datetime import UTC, datetime, timedelta

import hypothesis
import pytest
from hypothesis import strategies as st

from sealane.desk import clocks, taking
from sealane.desk.clocks import SetBack
from sealane.desk.incidents import answering, records, scoping
from sealane.desk.incidents.records import Scope, Scoped
from sealane.desk.rights import is_below
from sealane.ledger import events
from sealane.ledger.events import OPERATOR, Who
from tests.desk.worlds import START, person
from tests.tries import tries

pytestmark = pytest.mark.slow  # together they take longer than make check may

STOLEN = START + timedelta(days=29)
WINDOW = {"since": STOLEN, "until": STOLEN + timedelta(days=1)}
THIEF = 7


class Told:
    """A world with a thief in it, and what it comes to under a scope."""

    def __init__(self, desk, world):
        self.desk, self.world = desk, world
        world.organization("plan")
        self.number = records.open_(
            desk, "x", occurred=STOLEN, discovered=STOLEN + timedelta(days=9), now=STOLEN + timedelta(days=10)
        )

    def user(self, name="thief@plan", number=THIEF, role="member"):
        self.world.record(
            events.UserAdded(account_id=number, account_name=name, owner_organization_id=1, role=role, email="")
        )

    def grant(self, path, grantee="thief@plan", rights=("list", "read"), *, folder=1, account=THIEF, group=None):
        self.world.record(
            events.RightGranted(
                who=OPERATOR, folder_id=folder, owner_organization_id=1, path=path, grantee=grantee, rights=rights,
                account_id=None if group else account, group_id=group,
            )
        )  # fmt: skip

    def revoke(self, path, *, folder=1):
        self.world.record(
            events.RightRevoked(
                who=OPERATOR, folder_id=folder, owner_organization_id=1, path=path, grantee="thief@plan",
                account_id=THIEF,
            )
        )  # fmt: skip

    def sign_in(self, session, *, address="203.0.113.9", scopes=("read", "write")):
        who = Who(door="http", user_id=THIEF, user_name="thief@plan", session_id=session, address=address)
        self.world.record(events.SignedIn(who=who, method="password", scopes=scopes))

    def sign_out(self, session):
        self.world.record(
            events.SessionEnded(
                who=Who(door="http"), ended_session_id=session, account_id=THIEF, reason="signed out"
            )
        )  # fmt: skip

    def exposed(self, **scope):
        taken = taking.sync(self.desk, self.world.publish()).taken
        records.add(self.desk, self.number, Scoped(at=START, scope=Scope(**(WINDOW | scope))))
        self.incident = records.load(self.desk, self.number)
        self.figures = answering.look(taken, self.incident).figures
        self.taken = taken
        return {version: kind.value for version, kind in scoping.exposed(self.incident, taken.history).items()}


@pytest.fixture
def told(desk, world):
    return Told(desk, world)


def test_what_a_stolen_account_could_have_read_stands_beside_what_it_took_and_is_not_counted(told):
    told.user()
    told.grant("plan:/claims")
    took = told.world.file("plan:/claims/a.csv", [person(1), person(2)])
    could = told.world.file("plan:/claims/deep/b.csv", [person(2), person(3)])
    told.world.file("plan:/rolls/c.csv", [person(4)])
    told.world.file("plan:/claims2/d.csv", [person(5)])
    told.world.at(STOLEN).download(took, "plan:/claims/a.csv")
    assert told.exposed(users=("thief@plan",)) == {took: "exfiltrated", could: "reachable"}
    assert told.figures.people["strict"] == 2
    assert told.figures.people_by_evidence == {"exfiltrated": 2, "reachable": 1, "sealed": 0}
    assert (told.figures.files, told.figures.counted) == (1, ("exfiltrated",))
    assert set(scoping.to_notify(told.incident, told.taken.history)) == {took}
    told.exposed(users=("thief@plan",), record_doubted=True)
    assert told.figures.people["strict"] == 3
    assert told.figures.files == 2


@pytest.mark.parametrize(
    ("change", "reached"),
    [
        (lambda told: told.revoke("plan:/claims"), False),
        (lambda told: told.grant("plan:/claims", rights=("list", "write")), False),
        (lambda told: told.grant("plan:/claims", rights=("read",)), True),
        (lambda told: told.world.record(events.UserDisabled(account_id=THIEF, account_name="thief@plan",
                                                            owner_organization_id=1)), False),
    ],
)  # fmt: skip
def test_only_rights_that_held_in_the_window_reach(told, change, reached):
    told.user()
    told.grant("plan:/claims")
    version = told.world.file("plan:/claims/a.csv", [person(1)])
    told.world.at(STOLEN - timedelta(days=1))
    change(told)
    told.world.at(STOLEN + timedelta(days=3))
    told.grant("plan:/claims")
    assert told.exposed(users=("thief@plan",)) == ({version: "reachable"} if reached else {})


def test_a_folder_of_the_scope_narrows_what_rights_reach(told):
    told.user()
    told.grant("plan:/claims")
    told.world.file("plan:/claims/a.csv", [person(1)])
    deep = told.world.file("plan:/claims/deep/b.csv", [person(2)])
    assert told.exposed(users=("thief@plan",), folders=("/claims/deep",)) == {deep: "reachable"}


def test_what_a_group_may_read_its_members_reach_while_they_are_in_it(told):
    told.user()
    told.world.record(events.GroupAdded(group_id=3, group_name="nurses@plan", owner_organization_id=1))
    told.grant("plan:/wards", "group:nurses@plan", group=3, folder=2)
    version = told.world.file("plan:/wards/a.csv", [person(1)])
    assert told.exposed(users=("thief@plan",)) == {}
    told.world.at(STOLEN).record(
        events.MembershipSet(
            account_id=THIEF, account_name="thief@plan", owner_organization_id=1, group_id=3, group_name="nurses@plan",
            member=True,
        )
    )  # fmt: skip
    assert told.exposed(users=("thief@plan",)) == {version: "reachable"}


def test_a_group_whose_members_are_not_told_is_taken_to_have_everyone_of_its_organization(told):
    told.grant("plan:/shared", "group:clerks@partner", group=9, folder=2)
    version = told.world.file("plan:/shared/a.csv", [person(1)])
    assert told.exposed(users=("thief@partner",)) == {version: "reachable"}
    assert told.exposed(users=("thief@other",)) == {}


def test_an_administrator_could_have_granted_themselves_everything_of_the_organization(told):
    told.user(role="admin")
    version = told.world.file("plan:/anything/a.csv", [person(1)])
    told.world.file("other:/x/b.csv", [person(2)])
    assert told.exposed(users=("thief@plan",)) == {version: "reachable"}


def test_a_folder_that_moves_takes_its_grants_and_its_files_along(told):
    told.user()
    told.grant("plan:/in/claims")
    version = told.world.file("plan:/in/claims/a.csv", [person(1)])
    left = told.world.file("plan:/in/rolls/b.csv", [person(2)])
    told.world.record(
        events.FolderMoved(
            who=OPERATOR, folder_id=4, owner_organization_id=1, path="plan:/in/claims", target="plan:/old/claims"
        )
    )
    told.world.at(STOLEN)
    assert told.exposed(users=("thief@plan",)) == {version: "reachable"}
    assert told.exposed(folders=("/old",)) == {version: "reachable"}
    assert set(told.exposed(folders=("/in",))) == {left}


def test_a_session_reaches_what_its_scopes_let_it_while_it_was_open(told):
    told.user()
    told.grant("plan:/claims")
    version = told.world.file("plan:/claims/a.csv", [person(1)])
    told.world.at(STOLEN)
    told.sign_in("s1")
    told.sign_in("s2", scopes=("write",), address="198.51.100.7")
    told.world.at(STOLEN + timedelta(hours=1))
    told.sign_out("s1")
    later = told.world.at(STOLEN + timedelta(hours=2)).file("plan:/claims/b.csv", [person(2)])
    assert told.exposed(sessions=("s1",)) == {version: "reachable"}
    assert told.exposed(sessions=("s2",)) == {}
    assert told.exposed(addresses=("203.0.113.9",)) == {version: "reachable"}
    assert set(told.exposed(users=("thief@plan",))) == {version, later}


def test_a_file_whose_key_was_destroyed_within_the_window_is_not_sealed(told):
    told.user()
    told.grant("plan:/claims")
    early = told.world.file("plan:/claims/a.csv", [person(1)], sealed_folder=True)
    late = told.world.at(STOLEN + timedelta(hours=1)).file("plan:/claims/b.csv", [person(2)], sealed_folder=True)
    untouched = told.world.at(STOLEN - timedelta(hours=1)).file("plan:/claims/c.csv", [person(3)], sealed_folder=True)
    told.world.at(STOLEN + timedelta(hours=2)).download(early, "plan:/claims/a.csv")
    told.world.download(late, "plan:/claims/b.csv")
    found = told.exposed(users=("thief@plan",))
    assert (found[early], found[late]) == ("sealed", "exfiltrated")
    assert untouched not in found or found[untouched] == "reachable"  # the clock was set back around it


def test_what_lay_sealed_where_rights_reached_is_told_of_only_where_the_record_is_doubted(told):
    told.user()
    told.grant("plan:/claims")
    version = told.world.file("plan:/claims/a.csv", [person(1)], sealed_folder=True)
    assert told.exposed(users=("thief@plan",)) == {}
    assert told.exposed(users=("thief@plan",), record_doubted=True) == {version: "sealed"}
    assert told.figures.people["strict"] == 0
    assert (told.figures.files, told.figures.coverage["complete"]) == (1, 1)  # shown, though nobody in it counts


# --- clocks that disagree --------------------------------------------------------------------------------------------


def test_a_download_under_a_clock_that_was_set_back_is_still_in_the_window(told):
    version = told.world.file("plan:/claims/a.csv", [person(1)])
    told.world.at(STOLEN).file("plan:/claims/b.csv", [person(2)])
    told.world.at(STOLEN - timedelta(days=20)).download(version, "plan:/claims/a.csv")
    told.world.at(STOLEN + timedelta(days=2)).file("plan:/claims/c.csv", [person(3)])
    assert told.exposed(users=("thief@plan",))[version] == "exfiltrated"
    (step,) = told.taken.history.clock_set_back
    assert step.by.days >= 19
    assert "set back once" in clocks.in_words(told.taken.history.clock_set_back)


def test_a_download_before_a_clock_was_put_right_may_have_been_earlier(told):
    version = told.world.file("plan:/claims/a.csv", [person(1)])
    told.world.at(STOLEN + timedelta(days=300)).download(version, "plan:/claims/a.csv")
    told.world.at(STOLEN).file("plan:/claims/b.csv", [person(2)])
    assert told.exposed(users=("thief@plan",))[version] == "exfiltrated"


def test_a_slight_step_back_is_what_clocks_do():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert clocks.in_words([SetBack(5, now, now - timedelta(milliseconds=3))]) == ""
    assert clocks.is_ahead(now + timedelta(hours=1), now)
    assert not clocks.is_ahead(now, now)
    assert not clocks.is_ahead(None, now)


@hypothesis.given(st.lists(st.integers(-50, 50), min_size=1, max_size=30))
@hypothesis.settings(max_examples=tries(60))
def test_time_only_widens_where_a_clock_steps_back(steps):
    start, at, highest = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), None
    back = []
    for step in steps:
        before, at = at, at + timedelta(seconds=step)
        highest = max(before, highest or before)
        if at < before:
            back.append(SetBack(1, before, at))
        span = clocks.spread(back, at)
        assert span.since == at
        assert span.until == max([at, *(one.before for one in back)])
        assert span.until <= max(highest, at)
    assert start.tzinfo is not None


@pytest.mark.parametrize(
    ("path", "folder", "is_in"),
    [("a:/b/c", "a:/b", True), ("a:/b", "a:/b/", True), ("a:/bc", "a:/b", False), ("a:/b", "", True), ("", "a:/", True),
     ("a:/x", "a:/", True), ("ab:/x", "a:/", False)],
)  # fmt: skip
def test_a_path_is_below_a_folder_or_it(path, folder, is_in):
    assert is_below(path, folder) is is_in
