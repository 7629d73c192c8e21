"""Code that has taken over a door, with its connection and the sessions' handles: what it can ask, and what not.

It speaks to the keeper as the door does. What accounts, files and memory keep from it is the system's side.
"""

import json

import pytest

from sealane.domain.table import ACTS
from sealane.errors import Missing, NotAllowed, OperationRefused, SealaneError, SessionEnded
from sealane.operations import accounts, audit, files, signing, uploads
from sealane.operations.envelope import Asker, Operation

pytestmark = pytest.mark.slow  # it tries every operation there is; together they take longer than make check may


def made_of(kind):
    """An operation of this class with some values in its fields."""
    import typing

    import msgspec

    values = {}
    for field in msgspec.structs.fields(kind):
        if not field.required:
            continue
        hint = typing.get_type_hints(kind)[field.name]
        origin = typing.get_origin(hint)
        if hint is str or origin is typing.Literal:
            values[field.name] = typing.get_args(hint)[0] if origin is typing.Literal else "anna@clinic"
        elif hint is int:
            values[field.name] = 1
        elif hint is bytes:
            values[field.name] = b"x"
        elif hint is bool:
            values[field.name] = True
        elif origin is tuple:
            values[field.name] = ()
        else:
            values[field.name] = None
    return kind(**values)


FOREIGN = sorted((kind for kind in ACTS if Asker.DOOR not in kind.askers), key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", FOREIGN, ids=lambda kind: kind.__name__)
def test_it_cannot_ask_what_is_the_administrators_the_inspectors_or_the_jobs(world, kind):
    before = len(world.home.admin(audit.ReadLedger(limit=2000)).entries)
    with pytest.raises(OperationRefused):
        world.home.door().ask_now(made_of(kind))
    entries = world.home.admin(audit.ReadLedger(limit=2000)).entries
    assert len(entries) == before + 1
    refused = json.loads(entries[-1].body)
    assert (refused["kind"], refused["operation"], refused["code"]) == (
        "request_refused", kind.__name__, "operation-refused",
    )  # fmt: skip


def test_it_cannot_write_read_or_sign_the_ledger(world):
    door = world.home.door()
    for operation in (
        audit.ReadLedger(),
        audit.Checkpoint(),
        audit.RecordCosignature(witness="w1", size=1, line="x"),
        audit.ForwardedUpTo(seq=1),
        audit.WhatToForward(),
    ):
        with pytest.raises(OperationRefused):
            door.ask_now(operation)


def test_it_receives_no_file_without_a_record_that_is_there_first(world, anna):
    anna.put(b"x" * 10, "/in/file")
    opened = anna.ask(files.OpenVersion, path="/in/file")
    begun = [json.loads(entry.body) for entry in world.home.admin(audit.ReadLedger(kind="download_begun")).entries]
    assert begun[-1]["download_id"] == opened.download
    assert begun[-1]["key_ids"] == sorted(opened.keys)


def test_it_reads_no_other_sessions_files(world, anna, carl):
    """Of the sessions that are in it, each may what its user may; one that is elsewhere cannot be guessed."""
    anna.put(b"x", "/in/file")
    for operation in (
        files.OpenVersion(handle=carl.handle, path="/in/file"),
        files.Look(handle=carl.handle, path="/in/file"),
        audit.ProveReceipt(handle=carl.handle, path="/in/file"),
    ):
        with pytest.raises(Missing):
            world.home.door().ask_now(operation)
    for handle in ("", "x" * 43, anna.handle[:-1] + ("A" if anna.handle[-1] != "A" else "B"), anna.name):
        with pytest.raises(SessionEnded):
            world.home.door().ask_now(files.OpenVersion(handle=handle, path="/in/file"))


def test_it_takes_no_other_users_upload(world, anna, carl):
    writing = anna.begin()
    writing.write(0, b"x" * 60)
    writing.record()
    for operation in (
        uploads.LookUpload(handle=carl.handle, upload=writing.upload),
        uploads.TakeUpload(handle=carl.handle, upload=writing.upload),
    ):
        with pytest.raises(Missing):
            world.home.door().ask_now(operation)


def test_it_grants_itself_nothing(world, carl):
    grant = accounts.GrantFolder(folder="clinic:/in", grantee="carl@insurer", rights=("list", "read", "write"))
    with pytest.raises(OperationRefused):
        world.home.door().ask_now(grant)
    with pytest.raises(NotAllowed):
        world.home.door().ask_now(audit.ReadOwnLedger(handle=carl.handle))
    with pytest.raises(NotAllowed):
        world.home.door().ask_now(audit.ReadTile(handle=carl.handle, level=0, number=0, width=1))


def test_it_gets_no_hash_no_key_of_the_node_and_no_signature_but_over_an_exchange(world):
    door = world.home.door()
    for answer in (door.ask_now(signing.HostKeys()),):
        assert all(b"PRIVATE" not in blob for blob in answer.keys)
    for text in (b"", b"sealane/signing-key/v1\nx", b"x" * 31, b"x" * 33):
        with pytest.raises(SealaneError):
            door.ask_now(
                signing.SignExchange(exchange_hash=text, algorithm="ssh-ed25519", address="192.0.2.1", first=True)
            )
    told = {name for kind in ACTS if Asker.DOOR in kind.askers for name in kind.answer.__struct_fields__}
    assert not {name for name in told if "password" in name or "wrapped" in name or "hash" in name.split("_")}


def test_every_operation_says_who_may_ask_it():
    for kind in ACTS:
        assert issubclass(kind, Operation)
        assert kind.askers
    assert len(FOREIGN) > 30
