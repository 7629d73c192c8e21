"""Pages of the ledger are exactly what fits, however often the clock was set and by whatever way they are found."""

import contextlib
import itertools
import json
import shutil
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealane.database.engine import Database
from sealane.ledger import reader, spans
from sealane.ledger.reader import Question
from sealane.ledger.writer import LedgerWriter
from tests.ledger.book import AT, refused
from tests.tries import tries

pytestmark = pytest.mark.slow  # properties over a database


@pytest.fixture(scope="module")
def empty(empty_catalogue, tmp_path_factory):
    """An empty catalogue; what is written there is rolled back."""
    path = tmp_path_factory.mktemp("reader") / "catalogue.sqlite"
    shutil.copy(empty_catalogue, path)
    database = Database.open(f"sqlite:///{path}")
    yield database
    database.close()


@contextlib.contextmanager
def holding(database, events):
    """A transaction in which these are recorded and nothing else."""
    transaction = database.begin()
    try:
        LedgerWriter().append(transaction, events)
        yield transaction
    finally:
        transaction.rollback()


@given(
    seconds=st.lists(st.integers(0, 12), min_size=1, max_size=25),
    since=st.none() | st.integers(-1, 13),
    until=st.none() | st.integers(-1, 13),
    after=st.integers(0, 26),
    limit=st.integers(1, 30),
    most=st.sampled_from([1, 2, 200]),
)
@settings(max_examples=tries(120), deadline=None)
def test_a_span_of_time_is_exact(empty, seconds, since, until, after, limit, most):
    question = Question(
        since=None if since is None else AT + timedelta(seconds=since),
        until=None if until is None else AT + timedelta(seconds=until),
    )
    events = [(AT + timedelta(seconds=at), refused(at)) for at in seconds]
    with pytest.MonkeyPatch.context() as patch, holding(empty, events) as transaction:
        patch.setattr(spans, "STRETCHES_MAX", most)
        found = [entry.seq for entry in reader.page(transaction, question, after=after, limit=limit)]
        whole = reader.page(transaction, reader.EVERYTHING, limit=100)
    said = [json.loads(entry.body) for entry in whole]
    falls = sum(later < earlier for earlier, later in itertools.pairwise(seconds))
    assert [body["kind"] for body in said].count("clock_set_back") == falls
    assert len(said) == len(seconds) + falls
    fitting = [
        seq
        for seq, at in enumerate((datetime.fromisoformat(body["at"]) for body in said), 1)
        if seq > after
        and (question.since is None or at >= question.since)
        and (question.until is None or at <= question.until)
    ]
    assert found == fitting[:limit]


@given(
    numbers=st.lists(st.integers(0, 5), min_size=1, max_size=30),
    wanted=st.lists(st.integers(0, 6), min_size=1, max_size=5),
    limit=st.integers(1, 12),
)
@settings(max_examples=tries(60), deadline=None)
def test_several_ways_to_fit_give_each_entry_once_and_in_order(empty, numbers, wanted, limit):
    question = Question(paths=tuple(f"north:/{number}" for number in wanted), user_id=2)
    found, after = [], 0
    with (
        pytest.MonkeyPatch.context() as patch,
        holding(empty, [(AT, refused(number)) for number in numbers]) as transaction,
    ):
        patch.setattr(reader, "_NUMBERS_A_WAY_MIN", 1)
        while page := reader.page(transaction, question, after=after, limit=limit):
            assert len(page) <= limit
            found += [entry.seq for entry in page]
            after = found[-1]
    assert found == [seq for seq, number in enumerate(numbers, 1) if number in wanted]
