"""What collectors of logs are given: OCSF by its published schema, CEF and syslog by their grammars."""

import functools
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from sealane.errors import Integrity
from sealane.ledger import exports, tree
from sealane.ledger.bodies import opened, sealed
from sealane.ledger.events import DownloadBegun, RequestRefused, SignedIn, SignInRefused, UploadFinished, Who
from sealane.operations.audit import LedgerEntry
from tests.ledger.strategies import events, every_class, moments

pytestmark = pytest.mark.slow  # the published schema alone takes a second to read

AT = datetime(2026, 3, 1, 9, 30, 0, 250, tzinfo=UTC)
WHO = Who(door="sftp", organization_id=1, user_id=2, session_id="s1", user_name="anna@north", address="192.0.2.7")
QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
FETCHED = DownloadBegun(
    who=WHO, download_id=1, version_id="v1", file_id=9, owner_organization_id=3, folder_id=7,
    path='east:/cl|a=i"m]s\\/café\n.csv', size=1048576, key_ids=(11,),
)  # fmt: skip


def entry_of(event, at=AT, seq=7):
    one = sealed(event, at)
    return LedgerEntry(seq, one.body, tree.leaf_of(one.body), opened(one.openings))


@functools.cache
def schema():
    return OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.5.0"))


@functools.cache
def validator(class_uid):
    name = schema().lookup_class_name_from_uid(class_uid=class_uid)
    return Draft202012Validator(schema().get_class_schema(class_name=name, profiles=[]))


def check_ocsf(line):
    event = json.loads(line)
    problems = [f"{error.json_path}: {error.message}" for error in validator(event["class_uid"]).iter_errors(event)]
    assert problems == [], event
    return event


@given(event=events(), at=moments.filter(lambda at: at.year > 1970))
@QUICK
def test_every_event_is_ocsf_by_the_published_schema(event, at):
    told = check_ocsf(exports.ocsf(entry_of(event, at)))
    assert told["type_uid"] == told["class_uid"] * 100 + told["activity_id"]
    assert told["metadata"]["event_code"] == event.kind.value
    assert told["time"] == (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def test_every_class_that_is_named_is_one_of_the_published_schema():
    for kind, filed in exports._CLASSES.items():
        activities = validator(filed.uid).schema["properties"]["activity_id"]["enum"]
        assert filed.activity in activities, kind


def test_the_validator_would_find_what_is_wrong():
    event = json.loads(exports.ocsf(entry_of(FETCHED)))
    del event["metadata"]
    assert list(validator(event["class_uid"]).iter_errors(event))


def test_a_download_says_who_what_and_where_it_stands_in_the_ledger():
    entry = entry_of(FETCHED)
    told = check_ocsf(exports.ocsf(entry))
    assert (told["class_uid"], told["activity_id"]) == (6006, 2)
    assert told["actor"]["user"] == {"name": "anna@north", "uid": "2"}
    assert told["src_endpoint"] == {"ip": "192.0.2.7"}
    assert told["file"]["size"] == 1048576
    assert told["metadata"]["uid"] == f"7:{entry.leaf.hex()}"


def test_a_refusal_failed_and_is_more_severe():
    refused = SignInRefused(who=Who(door="http"), account_id=2, account_name="bo@x", method="key", reason="disabled")
    told = check_ocsf(exports.ocsf(entry_of(refused)))
    assert (told["status_id"], told["severity_id"], told["status_detail"]) == (2, 2, "disabled")
    assert told["user"] == {"name": "bo@x", "uid": "2"}
    assert check_ocsf(exports.ocsf(entry_of(SignedIn(who=WHO, method="key"))))["status_id"] == 1


def test_erased_names_leave_an_event_that_still_fits():
    from msgspec.structs import replace

    for event in (FETCHED, SignedIn(who=WHO, method="key")):
        bare = replace(entry_of(event), openings=None)
        told = check_ocsf(exports.ocsf(bare))
        assert "anna" not in str(told)
        assert exports.cef(bare)
        assert exports.syslog(bare)


# --- CEF --------------------------------------------------------------------------------------------------------------

CEF = re.compile(r"CEF:0((?:\|(?:[^|\\]|\\[|\\])*){5})\|([0-9]|10)\|(.*)")
EXTENSION = re.compile(r"([A-Za-z0-9]+)=((?:[^=\\]|\\[=\\nr])*?)(?= [A-Za-z0-9]+=|$)")


def cef_of(line):
    """Read a line of CEF by its grammar."""
    found = CEF.fullmatch(line)
    assert found is not None, line
    words = dict(EXTENSION.findall(found[3]))
    assert " ".join(f"{name}={value}" for name, value in words.items()) == found[3]
    back = {"=": "=", "\\": "\\", "n": "\n", "r": "\r"}
    return {name: re.sub(r"\\(.)", lambda one: back[one[1]], value) for name, value in words.items()}


@given(event=events(), at=moments.filter(lambda at: at.year > 1970))
@QUICK
def test_every_event_is_cef(event, at):
    line = exports.cef(entry_of(event, at))
    assert line.isprintable() or not any(ord(letter) < 32 for letter in line)
    assert cef_of(line)["externalId"] == "7"


def test_what_would_break_a_line_of_cef_is_escaped():
    words = cef_of(exports.cef(entry_of(FETCHED)))
    assert words["filePath"] == FETCHED.path
    assert (words["suser"], words["src"], words["app"], words["fsize"]) == (
        "anna@north",
        "192.0.2.7",
        "sftp",
        "1048576",
    )


# --- syslog -----------------------------------------------------------------------------------------------------------

SYSLOG = re.compile(
    r"<([0-9]{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) - sealane - ([!-~]{1,32}) "
    r"\[sealane@32473((?: [!-<>-\\^-~]{1,32}=\"(?:[^\"\\\]]|\\[\"\\\]])*\")*)\] (.*)"
)


def syslog_of(line):
    """Read a message of RFC 5424 by its grammar (section 6)."""
    found = SYSLOG.fullmatch(line)
    assert found is not None, line
    words = re.findall(r' ([^= ]+)="((?:[^"\\\]]|\\["\\\]])*)"', found[4])
    return int(found[1]), found[3], {name: re.sub(r"\\(.)", r"\1", value) for name, value in words}


@given(event=events(), at=moments.filter(lambda at: at.year > 1970))
@QUICK
def test_every_event_is_one_message_of_syslog(event, at):
    priority, kind, words = syslog_of(exports.syslog(entry_of(event, at)))
    assert (priority // 8, kind, words["seq"]) == (13, event.kind.value, "7")


def test_what_would_break_a_message_is_escaped():
    _, _, words = syslog_of(exports.syslog(entry_of(FETCHED)))
    assert words["path"] == FETCHED.path.replace("\n", " ")
    assert words["user_name"] == "anna@north"


def test_names_of_fields_fit_syslog():
    for kind in every_class():
        assert all(len(name) <= 32 for name in kind.__struct_fields__)


def test_what_is_no_entry_is_said():
    for body in (b"", b"[]", b"{}", b'{"at":"x","kind":"sign_in"}', b'{"at":"2026-01-01T00:00:00Z","kind":"new"}'):
        with pytest.raises(Integrity, match="entry 3"):
            exports.told(LedgerEntry(3, body, b"", None))


def test_a_digest_is_told_as_a_digest():
    sent = UploadFinished(who=WHO, upload_id="u", owner_organization_id=1, path="n:/a", size=1, digest="ab" * 32)
    assert check_ocsf(exports.ocsf(entry_of(sent)))["file"]["hashes"] == [{"algorithm_id": 3, "value": "ab" * 32}]
    refused = RequestRefused(who=WHO, operation="Look", code="missing")
    assert check_ocsf(exports.ocsf(entry_of(refused)))["class_uid"] == 0
