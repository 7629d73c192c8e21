"""An SSH exchange is signed once and opens one session, however long somebody waits."""

from datetime import timedelta

import pytest

from sealane.domain import sign_in
from sealane.errors import ExchangeKnown


def sign(office, exchange_hash):
    office.do(lambda work: sign_in.remember_exchange(work, exchange_hash))


def test_an_exchange_is_never_signed_again_so_that_a_recorded_signature_stays_worthless(office):
    sign(office, b"h" * 32)
    assert office.do(lambda work: sign_in._use_exchange(work, b"h" * 32))
    for days in (0, 1, 400):
        office.clock.advance(timedelta(seconds=office.settings.login_grace_seconds, days=days))
        office.do(sign_in.forget_exchanges)
        with pytest.raises(ExchangeKnown):
            sign(office, b"h" * 32)
        assert not office.do(lambda work: sign_in._use_exchange(work, b"h" * 32))


def test_an_exchange_nobody_used_is_remembered_for_its_time(office):
    sign(office, b"u" * 32)
    office.clock.advance(timedelta(seconds=office.settings.unused_exchange_keep_seconds - 60))
    assert office.do(sign_in.forget_exchanges) == 0
    with pytest.raises(ExchangeKnown):
        sign(office, b"u" * 32)
    office.clock.advance(timedelta(seconds=120))
    assert office.do(sign_in.forget_exchanges) == 1
