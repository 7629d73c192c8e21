from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sealane import errors
from sealane.client import failures
from sealane.client.patience import Patience, Stop, is_passing
from sealane.clock import ManualClock
from sealane.settings import ClientSettings

SETTINGS = replace(ClientSettings(), give_up_seconds=100, pause_seconds_max=8)


class StopOfManualClock(Stop):
    """Moves the clock instead of sleeping."""

    def __init__(self, clock):
        super().__init__()
        self.clock = clock
        self.paused = []

    def pause(self, seconds):
        self.check()
        self.paused.append(seconds)
        self.clock.advance(timedelta(seconds=seconds))


@pytest.fixture
def patience():
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    told = []
    made = Patience("a", settings=SETTINGS, clock=clock, stop=StopOfManualClock(clock), tell=told.append)
    made.told = told
    return made


@pytest.mark.parametrize(
    "error",
    [
        failures.Unreachable(),
        errors.Unavailable(),
        errors.KeeperAway(),
        errors.OutcomeUnknown(),
        errors.InternalFailure(),
        errors.UploadBusy(),
        errors.OffsetConflict(),
        errors.TooMany(),
    ],
)
def test_what_may_pass_is_tried_again(error, patience):
    patience.wait_after(error)
    assert len(patience._stop.paused) == 1
    assert patience.told[0].sentence == error.sentence


@pytest.mark.parametrize(
    "error",
    [
        errors.NotSignedIn(),
        errors.NotAllowed(),
        errors.Missing(),
        errors.QuotaExceeded(),
        errors.StoreFull(),
        errors.DigestMismatch(),
        failures.CertificateRefused(),
        failures.AnswerInvalid(),
        failures.NotVerified(),
        failures.LocalFailure("x"),
    ],
)
def test_what_will_not_pass_is_said_at_once(error, patience):
    assert not is_passing(error)
    with pytest.raises(type(error)):
        patience.wait_after(error)
    assert patience._stop.paused == []


def test_pauses_double_up_to_a_limit_with_jitter_and_an_end(patience):
    def try_for_ever():
        while True:
            patience.wait_after(failures.Unreachable())

    with pytest.raises(failures.Unreachable):
        try_for_ever()
    paused = patience._stop.paused
    assert SETTINGS.give_up_seconds <= sum(paused) <= SETTINGS.give_up_seconds + 2 * SETTINGS.pause_seconds_max
    for number, seconds in enumerate(paused):
        whole = min(0.25 * 2**number, SETTINGS.pause_seconds_max)
        assert whole / 2 <= seconds <= whole


def test_bytes_that_move_give_new_patience(patience):
    for _ in range(200):
        patience.wait_after(failures.Unreachable())
        patience.moved()
    assert max(patience._stop.paused) <= 0.25


def test_a_stopped_run_waits_for_nothing(patience):
    patience._stop.now()
    with pytest.raises(failures.Interrupted):
        patience.wait_after(failures.Unreachable())
    stop = Stop()
    stop.now()
    with pytest.raises(failures.Interrupted):
        stop.pause(3600)
