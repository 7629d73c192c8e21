"""What guests have begun to send: it counts against their share's limits, on all links and visits, until its end."""

import itertools
import json
import shutil
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealane.domain import sessions, sweep
from sealane.domain.queries import folders as folder_statements
from sealane.domain.queries import uploads as upload_statements
from sealane.errors import QuotaExceeded, SessionEnded, UploadMissing
from sealane.ids import UploadId
from sealane.operations.accounts import AddFolder, DisableUser, GrantFolder, SetRecipient
from sealane.operations.audit import ReadLedger
from sealane.operations.sharing import EnterWithLink, LookShare, LookVisit, RecallShare
from sealane.operations.signing import SignOut
from sealane.operations.uploads import AbandonUpload, BeginUpload, FinishUpload, LookUpload, RecordSegments, TakeUpload
from sealane.vault.age.x25519 import X25519Identity
from tests.keeper.test_forgetting import DAY, perform, rows
from tests.keeper.test_sharing import (  # noqa: F401  # fixtures
    ADA,
    PASSWORD,
    START,
    THERE,
    Desk,
    furnish,
    furnished,
    quick_passwords,
)
from tests.tries import tries

pytestmark = pytest.mark.slow  # each test opens a whole keeper

BOB = "bob@partner.example"


def visit(desk, made, number=0, password="", name=""):
    return desk.ask(EnterWithLink(made.links[number].secret, password, name, THERE)).handle


def begin(desk, guest, name, size=0, room="share", **given):
    return desk.ask(BeginUpload(guest, f"/{room}/{name}", mode="create", declared=size, **given))


def finish(desk, guest, opened, size=0):
    return desk.ask(FinishUpload(guest, opened.upload, opened.generation, (), (), size, None, begin=opened.begin))


def refused(desk, guest, name, size=0, **given):
    with pytest.raises(QuotaExceeded):
        begin(desk, guest, name, size, **given)


def pending_bytes(desk):
    (root,) = [row for row in rows(desk, folder_statements.LISTED, organization="clinic") if row.parent_id is None]
    return perform(desk, lambda work: work.tree.folder(work.transaction, root.id).pending_bytes)


def test_what_is_begun_counts_on_all_links_and_visits_and_no_more_once_it_is_given_up(desk):
    made = desk.share("request", mailboxes=(ADA, BOB), password=PASSWORD, files_max=2, bytes_max=10)
    ada, again, bob = visit(desk, made, 0, PASSWORD), visit(desk, made, 0, PASSWORD), visit(desk, made, 1, PASSWORD)
    first = begin(desk, ada, "a", 6)
    for guest in (ada, again, bob):
        refused(desk, guest, "b", 5)
    begin(desk, bob, "b", 4)
    for guest in (ada, again, bob):
        refused(desk, guest, "c", 0)
    assert [(desk.ask(LookVisit(guest)).files_left) for guest in (ada, again, bob)] == [1, 0, 1]
    assert [(desk.ask(LookVisit(guest)).bytes_left) for guest in (ada, again, bob)] == [6, 0, 4]
    desk.ask(AbandonUpload(ada, first.upload))
    refused(desk, again, "c", 7)
    begin(desk, again, "c", 6)


def test_of_what_was_begun_before_any_of_it_was_kept_no_more_is_kept_than_there_is_room_for(desk):
    made = desk.share("request", mailboxes=(), files_max=2, bytes_max=10)
    ada, bob = visit(desk, made), visit(desk, made)
    promised = [begin(desk, guest, "a", 6, lasting=False) for guest in (ada, bob)]
    small = begin(desk, bob, "b", 0, lasting=False)

    def record(guest, opened):
        desk.ask(RecordSegments(guest, opened.upload, opened.generation, 1, (), (), begin=opened.begin))

    record(ada, promised[0])
    with pytest.raises(QuotaExceeded):
        record(bob, promised[1])
    begin(desk, bob, "c", 4)
    with pytest.raises(QuotaExceeded):  # it would take the place of one that is on its way
        finish(desk, bob, small)
    assert desk.ask(LookShare(desk.anna, made.share)).came_files == 0


def test_what_was_begun_in_time_finishes_whatever_others_try(desk):
    made = desk.share("request", mailboxes=(), files_max=1)
    ada, bob = visit(desk, made), visit(desk, made)
    opened = begin(desk, ada, "a")
    refused(desk, bob, "b")
    finish(desk, ada, opened)
    refused(desk, ada, "b")
    assert desk.ask(LookShare(desk.anna, made.share)).came_files == 1


def _leave(desk, made, guest):
    desk.ask(SignOut(guest))


def _recall(desk, made, guest):
    desk.ask(RecallShare(desk.anna, made.share))


def _wait(desk, made, guest):
    desk.later(3601)
    perform(desk, sessions.end_expired)


def _expire(desk, made, guest):
    desk.later(14 * DAY)
    perform(desk, sessions.end_expired)


def _disable(desk, made, guest):
    desk.admin(DisableUser("anna@clinic"))


@pytest.mark.parametrize("end", [_leave, _recall, _wait, _expire, _disable])
def test_what_a_visit_has_left_unfinished_holds_nothing_once_it_is_over(desk, end):
    made = desk.share("request", mailboxes=(), files_max=1, bytes_max=5000)
    guest = visit(desk, made)
    own = desk.ask(BeginUpload(desk.anna, "/in/own", mode="create", declared=700))
    opened = begin(desk, guest, "a", 5000)
    assert pending_bytes(desk) == 5700
    end(desk, made, guest)
    with pytest.raises(SessionEnded):
        desk.ask(LookUpload(guest, opened.upload))
    perform(desk, sweep.clear)
    desk.later(1)
    perform(desk, sweep.clear)
    assert pending_bytes(desk) == (0 if end is _expire else 700)  # a member's own stays its time
    gone = [json.loads(entry.body) for entry in desk.admin(ReadLedger(kind="upload_removed", limit=100)).entries]
    assert opened.upload in {one["upload_id"] for one in gone}
    assert own.upload not in {one["upload_id"] for one in gone} or end is _expire


def test_a_visit_that_is_over_leaves_room_for_the_next_at_once_and_nobody_goes_on_with_what_it_left(desk):
    made = desk.share("request", mailboxes=(), files_max=1, bytes_max=5)
    guest = visit(desk, made)
    opened = begin(desk, guest, "a", 5)
    later = visit(desk, made)
    refused(desk, later, "b", 1)
    desk.ask(SignOut(guest))
    for operation in (LookUpload(later, opened.upload), TakeUpload(later, opened.upload)):
        with pytest.raises(UploadMissing):
            desk.ask(operation)
    finish(desk, later, begin(desk, later, "b"))


def test_a_visit_ends_with_its_share_however_lately_it_was_used(desk):
    made = desk.share("request", mailboxes=(), expires=START + timedelta(minutes=90))
    guest = visit(desk, made)
    begin(desk, guest, "a", 5)
    desk.later(40 * 60)
    desk.ask(LookVisit(guest))  # it is used, and would live on for an hour
    desk.later(51 * 60)
    perform(desk, sessions.end_expired)
    desk.later(1)
    perform(desk, sweep.clear)
    assert pending_bytes(desk) == 0
    desk.anna = desk.sign_in("anna@clinic")
    short = desk.share(mailboxes=(), expires=desk.clock.now() + timedelta(minutes=10))
    entered = desk.ask(EnterWithLink(short.links[0].secret, "", "", THERE))
    assert entered.expires == desk.clock.now() + timedelta(minutes=10)


def test_a_member_who_signs_out_keeps_what_was_begun(desk):
    opened = desk.ask(BeginUpload(desk.anna, "/in/own", mode="create", declared=7))
    desk.ask(SignOut(desk.anna))
    perform(desk, sweep.clear)
    assert desk.ask(LookUpload(desk.sign_in("anna@clinic"), opened.upload)).declared == 7


def test_what_came_into_a_sealed_folder_counts_once_and_stays_when_its_visit_is_over(desk):
    desk.admin(AddFolder("clinic:/shut", sealed=True, settle_seconds=600))
    desk.admin(GrantFolder("clinic:/shut", "anna@clinic", ("list", "read", "write")))
    desk.admin(SetRecipient("anna@clinic", str(X25519Identity(b"\x61" * 32).recipient()), present=True))
    desk.anna = desk.sign_in("anna@clinic")
    made = desk.share("request", "/shut", mailboxes=(), files_max=3)
    guest = visit(desk, made)
    closed = begin(desk, guest, "a")
    desk.ask(FinishUpload(guest, closed.upload, closed.generation, (), (), 0, None, settles=True))
    again = desk.ask(TakeUpload(guest, closed.upload))  # whoever did not hear the answer asks for the end once more
    desk.ask(FinishUpload(guest, again.upload, again.generation, (), (), 0, None, settles=True))
    begin(desk, guest, "b")
    begin(desk, guest, "c")  # the closed one has come, and is not on its way too
    refused(desk, guest, "d")
    assert desk.ask(LookVisit(guest)).files_left == 2
    desk.ask(SignOut(guest))
    desk.later(1)
    perform(desk, sweep.clear)
    (kept,) = rows(desk, upload_statements.UPLOAD, upload=UploadId(closed.upload))
    assert (kept.state, kept.name) == ("open", "a")


def test_replies_with_files_hold_to_their_limits_together_and_are_let_go_of(desk):
    desk.admin(AddFolder("clinic:/back"))
    desk.admin(GrantFolder("clinic:/back", "anna@clinic", ("list", "read", "write")))
    desk.anna = desk.sign_in("anna@clinic")
    made = desk.share(mailboxes=(), replies_to="/back", files_max=1)
    ada, bob = visit(desk, made), visit(desk, made)
    begin(desk, ada, "a", room="reply")
    refused(desk, bob, "b", room="reply")
    desk.ask(SignOut(ada))
    finish(desk, bob, begin(desk, bob, "b", room="reply"))
    assert [desk.ask(LookVisit(bob)).files_left] == [0]
    assert not desk.ask(LookVisit(bob)).replied  # no words that another reply would take the place of


def test_on_postgresql_it_is_the_same(tmp_path, postgres_server):
    with postgres_server.database() as url:
        furnish(Desk(tmp_path / "data", database=url))
        desk = Desk(tmp_path / "data", database=url)
        desk.anna = desk.sign_in("anna@clinic")
        made = desk.share("request", mailboxes=(), files_max=2, bytes_max=10)
        ada, bob = visit(desk, made), visit(desk, made)
        begin(desk, ada, "a", 6)
        refused(desk, bob, "b", 5)
        begin(desk, bob, "b", 4)
        assert desk.ask(LookVisit(bob)).bytes_left == 4
        desk.ask(SignOut(ada))
        finish(desk, bob, begin(desk, bob, "c"))
        desk.later(1)
        perform(desk, sweep.clear)
        assert pending_bytes(desk) == 4
        desk.keeper.close()


@pytest.fixture(scope="module")
def long_desk(tmp_path_factory, furnished):  # noqa: F811
    folder = tmp_path_factory.mktemp("long")
    shutil.copytree(furnished, folder / "data")
    made = Desk(folder / "data")
    made.set(shares_per_user_max=10_000, share_visits_per_hour_max=10_000, sessions_per_user_max=10_000)
    made.anna = made.sign_in("anna@clinic")
    yield made
    made.keeper.close()


STEPS = st.lists(
    st.tuples(st.sampled_from(["begin", "begin", "promise", "finish", "abandon", "leave"]), st.integers(0, 2)),
    max_size=14,
)


@settings(max_examples=tries(24))
@given(steps=STEPS, files_max=st.integers(1, 3))
def test_whatever_guests_do_what_came_and_what_is_on_its_way_is_never_more_than_is_taken(long_desk, steps, files_max):
    """Against a model: a begin that lasts is refused exactly where the limit is reached, an end of one never is."""
    desk = long_desk
    made = desk.share("request", mailboxes=(), files_max=files_max)
    names = (f"{made.share[:12]} {number}" for number in itertools.count())
    guests = [visit(desk, made, name=next(names)) for _ in range(3)]
    lasting, promised, came = [[], [], []], [[], [], []], 0
    for step, (act, who) in enumerate(steps):
        begun = sum(map(len, lasting))
        full = came + begun >= files_max
        if act in {"begin", "promise"}:
            try:
                opened = begin(desk, guests[who], f"f{step}", lasting=act == "begin")
            except QuotaExceeded:
                assert full
                continue
            assert not full
            (lasting if act == "begin" else promised)[who].append(opened)
        elif act == "finish" and lasting[who]:
            finish(desk, guests[who], lasting[who].pop())
            came += 1
        elif act == "finish" and promised[who]:
            try:
                finish(desk, guests[who], promised[who].pop())
            except QuotaExceeded:
                assert full
            else:
                assert not full
                came += 1
        elif act == "abandon" and lasting[who]:
            desk.ask(AbandonUpload(guests[who], lasting[who].pop().upload))
        elif act == "leave":
            desk.ask(SignOut(guests[who]))
            guests[who], lasting[who], promised[who] = visit(desk, made, name=next(names)), [], []
        assert desk.ask(LookShare(desk.anna, made.share)).came_files == came
        assert came + sum(map(len, lasting)) <= files_max
