"""Every entry comes to the collector, in order, over TLS to the one that is known; a broken line leaves nothing out."""

import asyncio
import contextlib
import dataclasses
import re
import ssl
from datetime import UTC, datetime

import pytest

from sealane.app import certificate
from sealane.errors import Invalid, NotAllowed
from sealane.jobs import collecting
from sealane.jobs.collecting import Collecting, framed
from sealane.operations.accounts import AddOrganization
from sealane.operations.audit import ForwardedUpTo, LookLedger, WhatToForward
from tests.keeper_in_process import SETTINGS, KeeperInProcess

pytestmark = pytest.mark.slow  # together they take longer than make check may


class Collector:
    """A syslog server over TLS; it can break its line after so many messages."""

    def __init__(self, folder, name="127.0.0.1"):
        folder.mkdir(mode=0o700)
        self.cert, key = certificate.ensured(folder, [name], datetime.now(UTC))
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(self.cert, key)
        self.got = []
        self.break_after = None
        self.more = asyncio.Event()

    @contextlib.asynccontextmanager
    async def serving(self):
        server = await asyncio.start_server(self.take, "127.0.0.1", 0, ssl=self.context)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()

    async def take(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = int(await reader.readuntil(b" "))
                message = (await reader.readexactly(length)).decode()
                self.got.append(int(re.search(r'seq="(\d+)"', message)[1]))
                self.more.set()
                if self.break_after is not None and len(self.got) >= self.break_after:
                    self.break_after = None
                    break
        writer.close()

    async def until(self, seq):
        async with asyncio.timeout(20):
            while seq not in self.got:
                self.more.clear()
                await self.more.wait()


class Line:
    """A ledger of some entries and what sends it."""

    def __init__(self, folder, port, ca):
        self.settings = dataclasses.replace(SETTINGS, syslog=f"127.0.0.1:{port}", syslog_ca=str(ca))
        self.home = KeeperInProcess(folder, self.settings)
        self.stop = asyncio.Event()

    def grow(self, *names):
        for name in names:
            self.home.admin(AddOrganization(name=name))
        return self.home.admin(LookLedger()).size

    @contextlib.asynccontextmanager
    async def sending(self):
        self.stop.clear()
        task = asyncio.create_task(Collecting(self.home.jobs().ask, self.settings).run(self.stop))
        try:
            yield
        finally:
            self.stop.set()
            await asyncio.wait_for(task, 10)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(collecting, "_IDLE_SECONDS", 0.01)
    monkeypatch.setattr(collecting, "_BATCH_ENTRIES", 3)
    monkeypatch.setattr(collecting, "_HELD_SECONDS", 0.3)


@pytest.mark.slow
async def test_every_entry_comes_in_order_and_what_is_new_follows(tmp_path):
    collector = Collector(tmp_path / "tls")
    async with collector.serving() as port:
        line = Line(tmp_path / "data", port, collector.cert)
        last = line.grow(*"abcdefgh")
        async with line.sending():
            await collector.until(last)
            last = line.grow("later")
            await collector.until(last)
        assert collector.got == list(range(1, last + 1))
        async with line.sending():  # a new process goes on where the line had held, or earlier
            last = line.grow("again")
            await collector.until(last)
        assert sorted(set(collector.got)) == list(range(1, last + 1))
        line.home.close()


@pytest.mark.slow
async def test_a_line_that_breaks_leaves_nothing_out(tmp_path):
    collector = Collector(tmp_path / "tls")
    async with collector.serving() as port:
        line = Line(tmp_path / "data", port, collector.cert)
        last = line.grow(*(f"o{number}" for number in range(20)))
        collector.break_after = 7
        async with line.sending():
            await collector.until(last)
        assert sorted(set(collector.got)) == list(range(1, last + 1))
        line.home.close()


@pytest.mark.slow
async def test_a_collector_that_is_not_the_one_that_is_known_gets_nothing(tmp_path):
    collector, known = Collector(tmp_path / "tls"), Collector(tmp_path / "known")
    async with collector.serving() as port:
        line = Line(tmp_path / "data", port, known.cert)
        line.grow("a")
        with pytest.raises(ssl.SSLCertVerificationError):
            await Collecting(line.home.jobs().ask, line.settings)._send(line.stop)
        assert collector.got == []
        line.home.close()


@pytest.mark.slow
async def test_what_the_line_has_held_for_is_remembered(tmp_path):
    collector = Collector(tmp_path / "tls")
    async with collector.serving() as port:
        line = Line(tmp_path / "data", port, collector.cert)
        last = line.grow("a", "b")
        async with line.sending(), asyncio.timeout(20):
            while line.home.jobs().ask_now(WhatToForward()).entries:  # noqa: ASYNC110  # the keeper has no event for it
                await asyncio.sleep(0)
        assert collector.got == list(range(1, last + 1))
        line.home.close()


def test_only_as_much_as_there_is_counts_as_sent_and_never_back(tmp_path):
    line = Line.__new__(Line)
    line.settings = dataclasses.replace(SETTINGS, syslog="127.0.0.1:6514")
    line.home = KeeperInProcess(tmp_path / "data", line.settings)
    last = line.grow("a", "b", "c")
    jobs = line.home.jobs()
    jobs.ask_now(ForwardedUpTo(seq=2))
    jobs.ask_now(ForwardedUpTo(seq=1))
    assert [entry.seq for entry in jobs.ask_now(WhatToForward()).entries] == list(range(3, last + 1))
    with pytest.raises(Invalid):
        jobs.ask_now(ForwardedUpTo(seq=last + 1))
    line.home.close()


def test_without_the_setting_the_ledger_goes_nowhere(tmp_path):
    home = KeeperInProcess(tmp_path / "data", SETTINGS)
    home.admin(AddOrganization(name="a"))
    with pytest.raises(NotAllowed):
        home.jobs().ask_now(WhatToForward())
    home.close()


def test_a_message_has_its_length_in_octets_before_it():
    assert framed("é") == b"2 \xc3\xa9"


@pytest.mark.parametrize("text", ["", "host", ":6514", "host:", "host:0", "host:65536", "host:x", "host:\u0661"])
def test_a_setting_that_names_no_collector_is_refused(text):
    with pytest.raises(Invalid):
        collecting.collector(text)
