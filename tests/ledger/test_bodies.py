"""Events become canonical JSON in which nothing private can be read, and each commitment opens to its value alone."""

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealane.errors import Invalid, TooLarge
from sealane.ledger import bodies, limits
from sealane.ledger.bodies import commitment, moment, opened, path_digest, sealed
from sealane.ledger.events import FileMoved, Kind, RequestRefused, StrangersRefused, Who
from tests.ledger.strategies import events, every_class, fields, moments
from tests.tries import tries

QUICK = settings(max_examples=tries(120), deadline=None, suppress_health_check=[HealthCheck.too_slow])
AT = datetime(2026, 3, 1, 9, 30, 0, 5, tzinfo=UTC)
WHO = Who(door="sftp", organization_id=1, user_id=2, session_id="s1", user_name="anna@north", address="192.0.2.7")


def test_every_kind_has_one_class_and_every_class_one_kind():
    kinds = [kind.kind for kind in every_class()]
    assert sorted(kind.value for kind in kinds) == sorted(kind.value for kind in Kind)
    assert len(set(kinds)) == len(kinds)
    assert all(len(kind.value) <= 32 for kind in Kind)


def test_no_field_of_an_event_hides_one_of_who_or_of_the_envelope():
    taken = set(fields(Who)) | {"at", "kind", "v", "private"}
    for kind in every_class():
        assert not taken & (set(fields(kind)) - {"who"}), kind


@given(event=events(), at=moments)
@QUICK
def test_the_body_is_what_rfc_8785_prescribes(event, at):
    body = sealed(event, at).body
    assert body == rfc8785.dumps(json.loads(body))


@given(
    value=st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**53) + 1, 2**53 - 1)
        | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: st.lists(inner, max_size=4),
        max_leaves=20,
    )
)
@QUICK
def test_the_fast_encoder_and_the_reference_agree_on_all_that_bodies_are_made_of(value):
    assert bodies._encoder.encode(value) == rfc8785.dumps(value)


def test_no_salt_is_given_twice():
    salts = bodies.Salts()
    drawn = b"".join(salts.next(count) for count in (0, 1, 3, 60, 3, 63, 1, 64, 65, 1, 200, 2))
    given_out = {drawn[start : start + bodies.SALT_BYTES] for start in range(0, len(drawn), bodies.SALT_BYTES)}
    assert len(given_out) == len(drawn) // bodies.SALT_BYTES


@given(event=events(), at=moments)
@QUICK
def test_the_body_says_what_the_event_says_and_the_openings_the_rest(event, at):
    written = sealed(event, at)
    body, openings = json.loads(written.body), opened(written.openings)
    assert (body.pop("at"), body.pop("kind"), body.pop("v")) == (moment(at), event.kind.value, event.version)
    commitments = body.pop("private", {})
    assert set(openings) == set(commitments)
    for part in (event.who, event):
        for name in part.__struct_fields__:
            value = getattr(part, name)
            if name == "who":
                continue
            if name in openings:
                assert openings[name][1] == value
            elif value in (None, ""):
                assert name not in body
            else:
                assert body.pop(name) == json.loads(
                    msgspec.json.encode(moment(value) if isinstance(value, datetime) else value)
                )
    assert body == {}
    for name, (salt, value) in openings.items():
        assert commitments[name] == commitment(name, value, bytes.fromhex(salt)).hex()


def test_the_commitment_is_the_documented_one():
    salt = bytes(range(16))
    by_hand = hashlib.sha256(b"\x02" + salt + b"\x04path" + "north:/caf\u00e9".encode()).digest()
    assert commitment("path", "north:/caf\u00e9", salt) == by_hand


def test_the_body_is_the_documented_one():
    event = RequestRefused(who=Who(door="sftp", user_id=2), operation="OpenVersion", code="missing", omitted=3)
    assert sealed(event, AT).body == (
        b'{"at":"2026-03-01T09:30:00.000005Z","code":"missing","door":"sftp","kind":"request_refused",'
        b'"omitted":3,"operation":"OpenVersion","user_id":2,"v":1}'
    )


def test_nothing_private_can_be_read_in_a_body():
    event = FileMoved(
        who=WHO, file_id=3, version_id="v", owner_organization_id=1, folder_id=4, target_folder_id=5,
        path="north:/claims/jane-doe.pdf", target="north:/done/jane-doe.pdf",
    )  # fmt: skip
    body = sealed(event, AT).body
    for secret in (b"jane", b"anna", b"north", b"192.0.2", b"claims"):
        assert secret not in body
    assert body.count(b'"private"') == 1


def test_equal_values_have_unequal_commitments():
    """Otherwise whoever holds the ledger could guess a name and see where it appears."""
    event = RequestRefused(who=WHO, operation="Look", code="missing", path="north:/a", target="north:/a")
    seen = set()
    for _ in range(50):
        commitments = json.loads(sealed(event, AT).body)["private"]
        seen.update(commitments.values())
    assert len(seen) == 50 * 4


def test_entries_are_found_by_path_and_by_target():
    event = RequestRefused(who=WHO, operation="Move", code="missing", path="north:/a", target="north:/b")
    written = sealed(event, AT)
    assert (written.path_digest, written.target_digest) == (path_digest("north:/a"), path_digest("north:/b"))
    bare = sealed(RequestRefused(who=Who(door="sftp"), operation="Look", code="missing"), AT)
    assert (bare.path_digest, bare.target_digest, bare.openings) == (None, None, b"{}")


@pytest.mark.parametrize("value", [2**53, -(2**53), 2**70])
def test_a_number_that_json_readers_would_round_is_refused_when_the_event_is_made(value):
    with pytest.raises(Invalid):
        RequestRefused(who=WHO, operation="Look", code="missing", omitted=value)
    with pytest.raises(Invalid):
        Who(door="sftp", user_id=value)


@pytest.mark.parametrize("accepted", [2**53 - 1, -(2**53) + 1])
def test_the_largest_number_is_written_whole(accepted):
    event = RequestRefused(who=WHO, operation="Look", code="missing", omitted=accepted)
    body = sealed(event, AT).body
    assert rfc8785.dumps(json.loads(body)) == body
    assert f'"omitted":{accepted}'.encode() in body


def test_text_has_a_limit_and_must_be_unicode():
    at_limit = "\u00e9" * (limits.TEXT_BYTES_MAX // 2)
    assert RequestRefused(who=WHO, operation="Look", code="missing", path=at_limit).path == at_limit
    for refused in (at_limit + "a", "a" * (limits.TEXT_BYTES_MAX + 1), "lone \ud800 surrogate"):
        with pytest.raises(Invalid):
            RequestRefused(who=WHO, operation="Look", code="missing", path=refused)


def test_a_list_has_a_limit():
    from sealane.ledger.events import DownloadEnded

    ranges = ((0, 1),) * limits.ITEMS_MAX
    ended = DownloadEnded(who=WHO, download_id=1, version_id="v", sent=1, ranges=ranges, whole=False)
    assert len(json.loads(sealed(ended, AT).body)["ranges"]) == limits.ITEMS_MAX


def test_a_body_fits_a_bundle_of_entries_or_is_refused():
    from sealane.ledger.events import DownloadEnded

    def of(ranges):
        return sealed(DownloadEnded(who=WHO, download_id=1, version_id="v", ranges=ranges, whole=False), AT).body

    short = len(of(((10, 11),) * 1000)) - 1000 * len("[10,11],")
    fitting = (limits.BODY_BYTES_MAX - short) // len("[10,11],")
    assert limits.BODY_BYTES_MAX - 8 < len(of(((10, 11),) * fitting)) <= limits.BODY_BYTES_MAX
    with pytest.raises(TooLarge):
        of(((10, 11),) * (fitting + 1))


def test_a_list_past_its_limit_is_refused():
    from sealane.ledger.events import DownloadEnded

    ranges = ((0, 1),) * limits.ITEMS_MAX
    with pytest.raises(Invalid):
        DownloadEnded(who=WHO, download_id=1, version_id="v", sent=1, ranges=(*ranges, (0, 1)), whole=False)
    with pytest.raises(Invalid):
        DownloadEnded(who=WHO, download_id=1, version_id="v", sent=1, ranges=((0, 2**60),), whole=False)


def test_times_are_utc_or_refused():
    assert moment(datetime(2026, 1, 2, tzinfo=UTC)) == "2026-01-02T00:00:00.000000Z"
    for wrong in (datetime(2026, 1, 2), datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=1)))):  # noqa: DTZ001 - the wrong ones
        with pytest.raises(ValueError, match="UTC"):
            moment(wrong)


@given(several=st.lists(events(), min_size=1, max_size=5), at=moments)
@QUICK
def test_each_commitment_of_a_batch_has_a_salt_of_its_own(several, at):
    salts = bodies.Salts()
    used = [salt for event in several for salt, _ in bodies.opened(bodies.sealed(event, at, salts).openings).values()]
    assert len(set(used)) == len(used)


def test_a_time_within_an_event_is_written_like_its_own():
    event = StrangersRefused(who=Who(door="sftp"), address_range="192.0.2.0/24", minute=AT, count=7)
    assert json.loads(sealed(event, AT).body)["minute"] == moment(AT)


def test_every_kind_and_field_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "formats" / "ledger.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| ([^|]*) \|$", page, re.MULTILINE))
    for kind in every_class():
        private = bodies.shape_of(kind).private
        names = [f"*{name}*" if name in private else name for name in kind.__struct_fields__ if name != "who"]
        assert rows.pop(kind.kind.value) == (", ".join(names) or "none"), kind
    assert set(rows) <= {"at", "kind", "v", "door", "private"}
