"""Doctor says whether anybody outside speaks for the ledger, and since when not."""

from datetime import UTC, datetime, timedelta

import pytest

from sealane.cli import ledger_checks
from sealane.errors import Missing
from sealane.operations.audit import EntriesAre, LedgerEntry, LedgerIs, LookLedger

NOW = datetime.now(UTC)


def found(*, size, cosigned, age=timedelta(0)):
    at = (NOW - age).replace(tzinfo=None).isoformat(timespec="microseconds")
    entry = LedgerEntry(seq=cosigned + 1, body=f'{{"at":"{at}Z"}}'.encode(), leaf=b"", openings=None)

    def ask(operation, wanted):
        if isinstance(operation, LookLedger):
            return LedgerIs(size=size, signed=size, origin="sealane/test", key="", cosigned=cosigned)
        assert (operation.after, operation.limit) == (cosigned, 1)
        assert wanted is EntriesAre
        return EntriesAre(entries=(entry,), after=0)

    (finding,) = ledger_checks.check_witnesses(ask)
    return finding


def test_a_ledger_that_nobody_witnesses_is_a_warning_that_says_what_to_do():
    told = found(size=9, cosigned=0)
    assert told.state == "warning"
    assert "'witnesses'" in told.sentence
    assert "sealane audit checkpoint" in told.sentence


@pytest.mark.parametrize(("cosigned", "age"), [(9, timedelta(0)), (5, timedelta(minutes=50)), (9, timedelta(days=9))])
def test_witnesses_that_sign_in_time_are_well(cosigned, age):
    told = found(size=9, cosigned=cosigned, age=age)
    assert (told.state, told.sentence) == ("ok", f"Witnesses speak for entries 1 to {cosigned} of 9.")


def test_witnesses_that_fell_silent_are_a_warning_with_the_time():
    told = found(size=9, cosigned=5, age=timedelta(hours=2))
    assert told.state == "warning"
    assert "entries 1 to 5 of 9; what came later waits since" in told.sentence


def test_where_nothing_has_happened_there_is_nothing_to_say():
    def ask(operation, wanted):
        raise Missing("The ledger has no entries yet.")

    assert list(ledger_checks.check_witnesses(ask)) == []
