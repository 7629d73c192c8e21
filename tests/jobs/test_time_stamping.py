"""Time stamps of the ledger (RFC 3161) by a real authority: asked, proven, kept, exported; liars get nowhere."""

import asyncio
import dataclasses
import logging
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealane.cli import audit_export, audit_time_stamps, audit_verify
from sealane.clock import ManualClock
from sealane.errors import Invalid, Missing, TooLarge
from sealane.jobs import authorities, posting
from sealane.jobs.time_stamping import AuthorityRefused, TimeStamping
from sealane.ledger import standalone, time_stamps
from sealane.ledger.verdicts import Why
from sealane.operations.accounts import AddOrganization
from sealane.operations.audit import Checkpoint, ReadTimeStamps, RecordTimeStamp, WhatToTimeStamp
from sealane.operations.failures import TimeStampWrong
from tests.keeper_in_process import SETTINGS, KeeperInProcess
from tests.peers.time_stamping import Authority

pytestmark = pytest.mark.slow  # a keeper, and openssl for every answer

TEXT = "sealane/test\n7\naeIlUII5gTylr3C7x2BJuVs4qv0Ud34TPP5Ds4Nki7k=\n"
STARTED = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority") / "ours")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority") / "other", name="stranger.example")


class Place:
    """A ledger, and the line to an authority."""

    def __init__(self, folder, authority):
        self.clock = ManualClock(STARTED)
        self.settings = dataclasses.replace(
            SETTINGS,
            time_stamps="https://stamps.example/tsa",
            time_stamps_ca=str(authority.ca),
            time_stamp_seconds=3600,
        )
        self.home = KeeperInProcess(folder / "data", self.settings, self.clock)
        self.jobs = self.home.jobs()
        self.answer = lambda request: stamped(authority.answer(request.content))
        self.number = 0

    def grow(self):
        self.number += 1
        self.home.admin(AddOrganization(name=f"org{self.number}"))
        self.clock.advance(timedelta(seconds=3600))
        return self.home.admin(Checkpoint()).size

    def ask(self, operation, wanted):
        answer = self.home.admin(operation)
        assert isinstance(answer, wanted)
        return answer

    def round(self):
        async def one():
            transport = httpx.MockTransport(self.answer)
            async with posting.client(5, transport) as line:
                await TimeStamping(self.jobs.ask, self.settings, transport, self.clock).stamp(line)

        asyncio.run(one())

    def kept(self):
        return dict(audit_time_stamps.kept(self.ask))

    def told(self, ca=None):
        verdict = audit_verify.proven(self.ask, [], show=False)
        settings = dataclasses.replace(self.settings, time_stamps_ca=str(ca or ""))
        return audit_time_stamps.proven(self.ask, verdict, audit_time_stamps.trusted(settings, None))

    def change(self, sql, *arguments):
        self.home.keeper._database._driver.change(sql, arguments)


@pytest.fixture
def place(tmp_path_factory, authority):
    made = Place(tmp_path_factory.mktemp("stamped"), authority)
    yield made
    made.home.close()


def stamped(content, status=200, kind="application/timestamp-reply"):
    return httpx.Response(status, content=content, headers={"content-type": kind})


def test_a_checkpoint_is_stamped_proven_and_exported(place, authority, tmp_path, caplog):
    size = place.grow()
    with caplog.at_level(logging.ERROR):
        place.round()
    assert "seconds off that of the time-stamping authority" in caplog.text  # the test's clock is of last March
    verdict, told = place.told(authority.ca)
    assert (told.proven, told.size, told.unproven, told.wrong) == (1, size, 0, None)
    (said,) = audit_time_stamps.in_words(told, verdict)
    assert said.startswith(f"Time-stamped up to entry {size}, which was there at {told.at:%Y-%m-%dT%H}")
    assert audit_time_stamps.row_of(told)["time_stamped"]["size"] == size
    out = tmp_path / "out"
    audit_export.exported(place.ask, out, show=False)
    response, text = (out / "time-stamps" / f"{size}{kind}" for kind in (".tsr", ".txt"))
    assert authority.verifies(response, text)
    assert any("There are time stamps" in line for line in standalone.prove_export(out, None, [], []))
    text.write_text(text.read_text().replace(f"\n{size}\n", f"\n{size + 1}\n"))
    assert not authority.verifies(response, text)
    with pytest.raises(standalone.Wrong, match="not of a checkpoint of this ledger"):
        standalone.prove_export(out, None, [], [])


def test_a_stamp_is_asked_for_when_the_ledger_has_grown_and_the_last_is_old_enough(place):
    place.grow()
    place.round()
    with pytest.raises(Missing, match="nothing new"):
        place.round()
    place.home.admin(AddOrganization(name="quick"))
    place.home.admin(Checkpoint())
    with pytest.raises(Missing, match="young enough"):
        place.round()
    place.clock.advance(-timedelta(days=2))  # a clock that was set back holds up no stamp
    place.round()
    place.clock.advance(timedelta(days=2))


def test_an_authority_that_lies_or_babbles_is_not_believed(place, authority, stranger):
    place.grow()
    before = place.kept()
    query = time_stamps.query(TEXT)
    for answer, problem in {
        "of something else": (lambda _: stamped(authority.answer(query.body)), TimeStampWrong),
        "by somebody else": (lambda request: stamped(stranger.answer(request.content)), TimeStampWrong),
        "an old one of this": (lambda request: stamped(authority.answer(_asked_again(request))), TimeStampWrong),
        "garbage": (lambda _: stamped(b"\x30\x82garbage"), TimeStampWrong),
        "nothing": (lambda _: stamped(b""), TimeStampWrong),
        "a refusal": (lambda _: stamped(b"\x30\x05\x30\x03\x02\x01\x02"), TimeStampWrong),
        "too much": (lambda _: stamped(bytes(posting.ANSWER_BYTES_MAX + 1)), AuthorityRefused),
        "a page": (lambda _: stamped(b"<html>", kind="text/html"), AuthorityRefused),
        "an error": (lambda _: stamped(b"", status=500), AuthorityRefused),
        "a detour": (lambda _: httpx.Response(302, headers={"location": "http://127.0.0.1/"}), AuthorityRefused),
        "squeezed": (lambda _: httpx.Response(200, headers={"content-encoding": "gzip"}), AuthorityRefused),
    }.values():
        place.answer, rightly = answer, place.answer
        with pytest.raises(problem):
            place.round()
        place.answer = rightly
    assert place.kept() == before
    place.round()
    assert len(place.kept()) == len(before) + 1


def _asked_again(request):
    """A query for the same digest with another nonce: what an answer of an earlier question is."""
    query = bytearray(request.content)
    assert query[-3:] == b"\x01\x01\xff"  # that certificates are wanted; the nonce stands before it
    query[-4] ^= 0x01
    return bytes(query)


async def test_who_answers_slowly_is_not_waited_for():
    class Dripping(httpx.AsyncByteStream):
        async def __aiter__(self):
            while True:
                yield b""
                await asyncio.sleep(0)

    async with posting.client(5, httpx.MockTransport(lambda _: httpx.Response(200, stream=Dripping()))) as line:
        with pytest.raises(AuthorityRefused, match="too long"):
            await posting.posted(line, "http://x.example", b"", kind="", seconds=0.05, refused=AuthorityRefused)


def test_the_keeper_keeps_only_what_is_of_its_checkpoint(place, authority):
    size = place.grow()
    due = place.jobs.ask_now(WhatToTimeStamp())
    response = authority.answer(time_stamps.query(due.text).body)
    for what, problem in {
        RecordTimeStamp(size=size, response=authority.answer(time_stamps.query(TEXT).body)): TimeStampWrong,
        RecordTimeStamp(size=size, response=b"garbage"): TimeStampWrong,
        RecordTimeStamp(size=size, response=bytes(time_stamps.RESPONSE_BYTES_MAX + 1)): TooLarge,
        RecordTimeStamp(size=size + 1, response=response): Missing,
    }.items():
        with pytest.raises(problem):
            place.jobs.ask_now(what)
    for _ in range(2):
        place.jobs.ask_now(RecordTimeStamp(size=size, response=response))
    place.grow()
    place.round()
    page = place.home.admin(ReadTimeStamps(limit=1))
    assert (len(page.sizes), page.after) == (1, page.sizes[0])
    assert place.kept()[size] == response


def test_what_the_certificates_do_not_prove_is_said_and_what_is_of_something_else_is_damage(place, stranger):
    for _ in range(2):
        place.grow()
        place.round()
    verdict, told = place.told()
    assert told.proven == 0
    assert told.unproven == len(place.kept())
    assert "not proven by the certificates given" in audit_time_stamps.in_words(told, verdict)[0]
    assert place.told(stranger.ca)[1].unproven == told.unproven
    sizes = list(place.kept())
    place.change(
        "UPDATE ledger_time_stamps SET response = (SELECT response FROM ledger_time_stamps WHERE size = ?)"
        " WHERE size = ?",
        sizes[0],
        sizes[1],
    )
    verdict, told = place.told(stranger.ca)
    assert (verdict.damage.seq, verdict.damage.why) == (sizes[1], Why.TIME_STAMP)
    assert audit_time_stamps.in_words(told, verdict) == []
    place.change("UPDATE ledger_time_stamps SET response = 'text' WHERE size = ?", sizes[1])
    assert place.told(stranger.ca)[0].damage.seq == sizes[1]
    place.change("DELETE FROM ledger_time_stamps WHERE size = ?", sizes[1])
    assert place.told(stranger.ca)[0].whole


@pytest.fixture(scope="module")
def answered(authority):
    query = time_stamps.query(TEXT)
    return query, authority.answer(query.body), time_stamps.certificates(authority.ca.read_bytes())


@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=3), st.integers(0, 4000))
def test_whatever_is_changed_in_an_answer_it_says_the_same_or_nothing(answered, changes, end):
    query, response, trusted = answered
    changed = bytearray(response)
    for place, value in changes:
        changed[place % len(changed)] = value
    try:
        at = time_stamps.proven(TEXT, bytes(changed[: end + 1] if end < 900 else changed), trusted, nonce=query.nonce)
    except TimeStampWrong:
        return
    assert at == time_stamps.proven(TEXT, response, trusted)


@pytest.mark.parametrize(
    "url", ["stamps.example", "ftp://stamps.example", "https://", "http://a:b@c.example", "http://[::1", "http://x/ü"]
)
def test_settings_that_name_no_authority_are_refused(url):
    with pytest.raises(Invalid):
        authorities.check(dataclasses.replace(SETTINGS, time_stamps=url, time_stamps_ca="x"))


def test_an_authority_needs_certificates(tmp_path):
    settings = dataclasses.replace(SETTINGS, time_stamps="http://stamps.example")
    with pytest.raises(Invalid, match="time_stamps_ca"):
        authorities.check(settings)
    for content in (None, "no certificate"):
        path = tmp_path / "ca.pem"
        if content is not None:
            path.write_text(content)
        with pytest.raises(Invalid, match="time_stamps_ca"):
            TimeStamping(None, dataclasses.replace(settings, time_stamps_ca=str(path)))
