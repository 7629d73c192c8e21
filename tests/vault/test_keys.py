"""The key chain: what wraps opens again for its own, for nobody else, and after every rotation."""

import errno
import os
import secrets
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealane.errors import Integrity, KeyFileInvalid, StoreFull
from sealane.ids import FileId, KeyId, OrganizationId, VersionId, new_segment_id
from sealane.vault.disk import Disk, make_durably
from sealane.vault.keys import AuthenticatedSegment, NodeKeys
from tests.tries import tries

CLINIC, LAB = OrganizationId(1), OrganizationId(2)
VERSION, FILE = VersionId("v"), FileId(5)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "keys"


@pytest.fixture
def keys(folder):
    return NodeKeys.open(folder)


def test_the_first_start_makes_a_key_file_that_only_its_owner_reads(folder, keys):
    (file,) = folder.iterdir()
    assert file.name == "node-1.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o400
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert keys.generation == 1


def test_keys_open_again_after_a_restart(folder, keys):
    wrapped = keys.new_organization(CLINIC)
    upload, wrapped_upload = keys.organization(CLINIC, wrapped).new_upload_key()
    again = NodeKeys.open(folder, may_create=False)
    assert again.organization(CLINIC, wrapped).unwrap_upload_key(wrapped_upload) == upload
    assert len(upload) == 32


def test_a_lost_key_file_is_told_and_not_replaced(folder, keys):
    wrapped = keys.new_organization(CLINIC)
    (folder / "node-1.key").unlink()
    with pytest.raises(KeyFileInvalid):
        NodeKeys.open(folder, may_create=False)
    other = NodeKeys.open(folder)
    with pytest.raises(Integrity):
        other.organization(CLINIC, wrapped)


def test_what_was_wrapped_by_a_generation_that_is_gone_is_told(folder, keys):
    keys.rotate()
    wrapped = keys.new_organization(CLINIC)
    (folder / "node-2.key").unlink()
    with pytest.raises(KeyFileInvalid, match="Node key 2"):
        NodeKeys.open(folder).organization(CLINIC, wrapped)


def test_an_organizations_key_opens_for_that_organization_only(keys):
    wrapped = keys.new_organization(CLINIC)
    with pytest.raises(Integrity):
        keys.organization(LAB, wrapped)


def test_an_upload_key_opens_in_its_own_organization_only(keys):
    clinic = keys.organization(CLINIC, keys.new_organization(CLINIC))
    lab = keys.organization(LAB, keys.new_organization(LAB))
    _, wrapped = clinic.new_upload_key()
    with pytest.raises(Integrity):
        lab.unwrap_upload_key(wrapped)


def test_a_secret_of_the_node_opens_under_its_own_name_only(keys):
    wrapped = keys.wrap_secret("ssh host key", b"private")
    assert keys.unwrap_secret("ssh host key", wrapped) == b"private"
    assert b"private" not in wrapped
    with pytest.raises(Integrity):
        keys.unwrap_secret("another", wrapped)
    with pytest.raises(Integrity):
        keys.organization(CLINIC, wrapped)


@given(at=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255), cut=st.integers(0, 60))
@settings(max_examples=tries(60), deadline=None)
def test_a_wrapped_key_that_was_altered_or_cut_opens_nothing(tmp_path_factory, at, flip, cut):
    keys = NodeKeys.open(tmp_path_factory.mktemp("keys"))
    for wrapped, opens in (
        (keys.new_organization(CLINIC), lambda blob: keys.organization(CLINIC, blob)),
        (keys.wrap_secret("name", b"x" * 40), lambda blob: keys.unwrap_secret("name", blob)),
    ):
        altered = bytearray(wrapped)
        altered[int(at * len(altered))] ^= flip
        for blob in (bytes(altered), wrapped[:cut], b""):
            with pytest.raises((Integrity, KeyFileInvalid)):
                opens(blob)


@given(at=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255), cut=st.integers(0, 60))
@settings(max_examples=tries(60), deadline=None)
def test_a_wrapped_upload_key_that_was_altered_or_cut_opens_nothing(tmp_path_factory, at, flip, cut):
    keys = NodeKeys.open(tmp_path_factory.mktemp("keys"))
    clinic = keys.organization(CLINIC, keys.new_organization(CLINIC))
    _, wrapped = clinic.new_upload_key()
    altered = bytearray(wrapped)
    altered[int(at * len(altered))] ^= flip
    for blob in (bytes(altered), wrapped[:cut]):
        with pytest.raises(Integrity):
            clinic.unwrap_upload_key(blob)


def test_rotating_the_node_key_wraps_anew_and_changes_no_key_below(folder, keys):
    wrapped = keys.new_organization(CLINIC)
    upload, wrapped_upload = keys.organization(CLINIC, wrapped).new_upload_key()
    assert keys.rotate() == 2
    again = keys.rewrap_organization(CLINIC, wrapped)
    assert again != wrapped
    assert keys.organization(CLINIC, wrapped).unwrap_upload_key(wrapped_upload) == upload
    assert keys.organization(CLINIC, again).unwrap_upload_key(wrapped_upload) == upload
    (folder / "node-1.key").unlink()
    after = NodeKeys.open(folder, may_create=False)
    assert after.generation == 2
    assert after.organization(CLINIC, again).unwrap_upload_key(wrapped_upload) == upload
    with pytest.raises(KeyFileInvalid):
        after.organization(CLINIC, wrapped)


def test_rotating_an_organizations_key_wraps_upload_keys_anew_and_keeps_its_versions_voice(keys):
    old = keys.organization(CLINIC, keys.new_organization(CLINIC))
    upload, wrapped_upload = old.new_upload_key()
    voice = old.authenticate(VERSION, FILE, 0, b"", ())
    rotated = old.rotated()
    new = keys.organization(CLINIC, keys.wrap_organization(rotated))
    with pytest.raises(Integrity):
        new.unwrap_upload_key(wrapped_upload)
    assert new.unwrap_upload_key(new.wrap_upload_key(old.unwrap_upload_key(wrapped_upload))) == upload
    new.check(voice, version=VERSION, file=FILE, size=0, extents=b"", segments=())


def segment(key_id=1, length=10):
    return AuthenticatedSegment(new_segment_id(), KeyId(key_id), length, secrets.token_bytes(32))


def test_the_authenticator_binds_everything_it_names(keys):
    clinic = keys.organization(CLINIC, keys.new_organization(CLINIC))
    one, two = segment(), segment(2, 20)
    told = {"version": VERSION, "file": FILE, "size": 30, "extents": b"packed", "segments": [one, two]}
    authenticator = clinic.authenticate(*told.values())
    clinic.check(authenticator, **told)
    clinic.check(authenticator, **told | {"segments": [two, one]})
    changes = [
        {"version": VersionId("w")},
        {"file": FileId(6)},
        {"size": 31},
        {"extents": b"packee"},
        {"extents": b""},
        {"segments": [one]},
        {"segments": [one, two, segment()]},
        {"segments": [one, two._replace(length=21)]},
        {"segments": [one, two._replace(key_id=KeyId(3))]},
        {"segments": [one, two._replace(tags_digest=bytes(32))]},
        {"segments": [one, two._replace(segment=new_segment_id())]},
    ]
    for change in changes:
        with pytest.raises(Integrity):
            clinic.check(authenticator, **told | change)
    lab = keys.organization(LAB, keys.new_organization(LAB))
    with pytest.raises(Integrity):
        lab.check(authenticator, **told)
    for altered in (authenticator[:-1], b"", bytes(32)):
        with pytest.raises(Integrity):
            clinic.check(altered, **told)


def test_no_key_is_printed(keys):
    wrapped = keys.new_organization(CLINIC)
    clinic = keys.organization(CLINIC, wrapped)
    assert repr(keys) == "NodeKeys(generation=1)"
    assert repr(clinic) == "OrganizationKey(organization=1)"


@pytest.mark.parametrize(
    "content", [b"", b"sealane node key 1\n", b"x" * 84, b"sealane node key 1\n" + b"0" * 62 + b"\n", b"\xff" * 84]
)
def test_a_damaged_key_file_is_refused(folder, keys, content):
    path = folder / "node-1.key"
    path.chmod(0o600)
    path.write_bytes(content)
    path.chmod(0o400)
    with pytest.raises(KeyFileInvalid, match="damaged"):
        NodeKeys.open(folder)


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o420])
def test_a_key_file_that_is_open_to_others_is_refused(folder, keys, mode):
    (folder / "node-1.key").chmod(mode)
    with pytest.raises(KeyFileInvalid, match="open to others"):
        NodeKeys.open(folder)


def test_a_key_file_behind_a_symbolic_link_is_refused(folder, keys):
    path = folder / "node-1.key"
    path.rename(folder / "elsewhere")
    path.symlink_to("elsewhere")
    with pytest.raises(KeyFileInvalid):
        NodeKeys.open(folder)


def test_a_half_made_key_file_is_cleared_away(folder, keys):
    wrapped = keys.new_organization(CLINIC)
    (folder / "node-2.key.part").write_bytes(b"half")
    (folder / "tls.key.part").write_bytes(b"of somebody else")
    again = NodeKeys.open(folder)
    assert again.organization(CLINIC, wrapped)
    assert {path.name for path in folder.iterdir()} == {"node-1.key", "tls.key.part"}
    assert again.rotate() == 2


@pytest.mark.parametrize("name", ["node-2.key", "node-2.key.part"])
def test_a_key_that_another_process_makes_is_not_replaced(folder, keys, name):
    (folder / name).write_bytes(b"of another process")
    with pytest.raises(KeyFileInvalid, match="another process"):
        keys.rotate()
    assert (folder / name).read_bytes() == b"of another process"
    assert {path.name for path in folder.iterdir()} == {"node-1.key", name}
    assert keys.generation == 1


def test_a_full_disk_is_told_as_one(folder, keys, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(Disk, "write", full)
    with pytest.raises(StoreFull):
        keys.rotate()
    assert [path.name for path in folder.iterdir()] == ["node-1.key"]


def test_the_names_of_the_folders_of_a_new_node_are_made_durable(tmp_path, monkeypatch):
    synced = set()
    real = os.fsync

    def noted(descriptor):
        synced.add(Path(f"/proc/self/fd/{descriptor}").readlink())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    make_durably(tmp_path / "srv" / "sealane")
    assert synced >= {tmp_path / "srv", tmp_path}
    assert stat.S_IMODE((tmp_path / "srv" / "sealane").stat().st_mode) == 0o700
    synced.clear()
    make_durably(tmp_path / "srv" / "sealane")
    assert tmp_path / "srv" in synced


def test_more_organizations_than_are_kept_unwrapped_still_open(keys):
    wrapped = {OrganizationId(number): keys.new_organization(OrganizationId(number)) for number in range(1, 300)}
    for _ in range(2):
        for organization, blob in wrapped.items():
            assert keys.organization(organization, blob).organization == organization
    assert len(keys._unwrapped) == 256
