"""A receipt in words: what is not known yet is not told as nothing."""

import contextlib
import json
from datetime import UTC, datetime

from click.testing import CliRunner

from sealane.cli import remote as commands
from sealane.client import remote
from sealane.client.remote import RemoteReceipt, RemoteTransfer

AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def transfer(kind, user, size, entry, **more):
    return RemoteTransfer(kind=kind, at=AT, user=user, door="http", bytes=size, entry=entry, leaf="00", **more)


def told(monkeypatch, *words):
    found = RemoteReceipt(
        path="/in/a", version="v", size=5, sha256=None,
        transfers=(
            transfer("upload", "anna@clinic", 5, 7),
            transfer("download", "carl@insurer", 3, 8, ended=True),
            transfer("download", "dora@insurer", 0, 9, ended=False),
        ),
    )  # fmt: skip
    monkeypatch.setattr(commands, "present_server", contextlib.nullcontext)
    monkeypatch.setattr(remote, "receipt", lambda *_: found)
    done = CliRunner().invoke(commands.receipt, ["/in/a", *words], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_a_download_without_an_end_is_told_as_running_and_not_as_nothing_sent(monkeypatch):
    sent, fetched, running = told(monkeypatch).splitlines()[2:]
    assert sent.endswith("sent by anna@clinic over http, 5 bytes, ledger entry 7")
    assert fetched.endswith("fetched by carl@insurer over http, 3 bytes, ledger entry 8")
    assert running.endswith("fetched by dora@insurer over http, still running (no end on record), ledger entry 9")


def test_json_says_which_transfers_have_ended(monkeypatch):
    transfers = json.loads(told(monkeypatch, "--json"))["transfers"]
    assert [one["ended"] for one in transfers] == [True, True, False]
