"""Who is writing what is remembered as long as its transaction, its session and its connection stand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealane.domain.holds import Hold, Holds
from sealane.errors import UploadBusy
from sealane.keeper.core import Request
from sealane.operations import uploads as operations
from sealane.operations.envelope import Asker
from tests.tries import tries

pytestmark = pytest.mark.slow  # together they take longer than make check may

ONE, OTHER = Hold("doors-1", "s1"), Hold("doors-2", "s2")


@settings(deadline=None, max_examples=tries(50))
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([ONE, OTHER, None]))),
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([ONE, OTHER, None]))),
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([ONE, OTHER, None]))),
)
def test_what_is_rolled_back_was_never_so(stands, stays, goes):
    holds = Holds()

    def change(changes):
        for upload, hold in changes:
            if hold is None:
                holds.let_go(upload)
            else:
                holds.take(upload, hold)
        return {upload: holds.of(upload) for upload in "abc"}

    committed = change(stands)
    holds.committed()
    after = change(stays)
    mark = holds.mark()
    change(goes)
    holds.rolled_back(mark)
    assert {upload: holds.of(upload) for upload in "abc"} == after
    holds.rolled_back()
    assert {upload: holds.of(upload) for upload in "abc"} == committed


def test_a_broken_connection_holds_and_leases_nothing():
    holds = Holds()
    holds.take("a", ONE)
    holds.take("b", OTHER)
    holds.lease("v", "inspector-1")
    holds.lease("w", "inspector-2")
    assert holds.open_arrival("inspector-1", "v") is None
    holds.close("doors-1")
    holds.close("inspector-1")
    assert (holds.of("a"), holds.of("b")) == (None, OTHER)
    assert (holds.leaseholder("v"), holds.leaseholder("w")) == (None, "inspector-2")
    assert holds.open_arrival("inspector-1", "w") is None


def test_a_take_over_that_was_not_committed_leaves_the_upload_free(world, anna):
    writing = anna.begin()
    writing.suspend()

    def fails(work):
        raise KeyError(work)

    keeper = world.home.keeper
    broken = Request(operations.TakeUpload(anna.handle, writing.upload), Asker.DOOR, "doors-9")
    append = keeper._ledger.append
    keeper._ledger.append = fails  # the batch as a whole cannot be committed
    try:
        keeper.perform_batch([broken])
    finally:
        keeper._ledger.append = append
    fresh = world.session("anna@clinic").take(writing.upload)
    assert fresh.generation == 2


def test_of_two_that_take_an_upload_in_one_batch_one_is_refused(world, anna):
    writing = anna.begin()
    writing.suspend()
    other = world.session("anna@clinic")
    batch = world.home.keeper.perform_batch(
        [
            Request(operations.TakeUpload(session.handle, writing.upload), Asker.DOOR, session.asking.name)
            for session in (anna, other)
        ]
    )
    assert batch.outcomes[0].generation == 2
    assert isinstance(batch.outcomes[1], UploadBusy)
