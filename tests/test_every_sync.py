"""Every sync that the program makes has its test: taking any one of them out makes a test fail.

Those of the blob store and of the node's keys are taken out by the power-cut models of tests/vault; all others are
listed here, each with what has to happen before and after it.
"""

import ast
import collections
import contextlib
import io
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

import sealane
from sealane.app import certificate
from sealane.cli.files import new_file
from sealane.client import identities, journals, opening, unfinished
from sealane.desk.folder import _keep
from sealane.ids import SegmentId
from sealane.jobs.witness import _put
from sealane.vault.age import files
from sealane.vault.age.x25519 import X25519Identity
from sealane.vault.disk import make_durably, sync_folder
from sealane.vault.local import LocalStore

pytestmark = pytest.mark.slow  # it imports every room, which is not for make check

SOURCE = Path(sealane.__file__).parent
CONTENT = b"what is to last"


@pytest.fixture
def calls(monkeypatch):
    """What was made durable and what got its name, in order: a file with what was in it, a folder, a name."""
    made = []

    def synced(descriptor):
        path = Path(f"/proc/self/fd/{descriptor}").resolve()
        made.append(("sync", path.name) if path.is_dir() else ("sync", path.read_bytes()))

    def noted(name):
        real = getattr(os, name)

        def call(source, target, **given):
            made.append((name, Path(target).name))
            return real(source, target, **given)

        return call

    monkeypatch.setattr(os, "fsync", synced)
    for name in ("replace", "link", "rename"):
        monkeypatch.setattr(os, name, noted(name))
    return made


def put_by_a_witness(folder):
    _put(folder, "state", CONTENT)
    return [("sync", CONTENT), ("replace", "state"), ("sync", folder.name)]


def written_certificate(folder):
    certificate._write(folder / "tls.crt", CONTENT, 0o400, None)
    return [("sync", CONTENT), ("replace", "tls.crt"), ("sync", folder.name)]


def kept_at_the_desk(folder):
    _keep(folder / "record", CONTENT)
    return [("sync", CONTENT), ("link", "record"), ("sync", folder.name)]


def new_file_of_the_operator(folder):
    with new_file(folder / "export") as file:
        file.write(CONTENT.decode())
    return [("sync", CONTENT), ("sync", folder.name)]


def opened_age_file(folder):
    identity = X25519Identity.new()
    sealed = files.seal(CONTENT, [identity.recipient()])
    opening.open_to_file(io.BytesIO(sealed), [identity], folder / "plain")
    return [("sync", CONTENT), ("link", "plain"), ("sync", folder.name)]


def kept_identity(folder):
    identities.keep(folder / "key", CONTENT)
    return [("sync", CONTENT), ("link", "key"), ("sync", folder.name)]


def wiped_key(folder):
    (folder / "key").write_bytes(CONTENT)
    descriptor = os.open(folder / "key", os.O_RDONLY)
    journals.wipe(folder / "key")
    assert os.read(descriptor, 100) == bytes(len(CONTENT))
    os.close(descriptor)
    return [("sync", bytes(len(CONTENT)))]


def named_download(folder):
    (folder / "part").write_bytes(CONTENT)
    descriptor = os.open(folder / "part", os.O_RDWR)
    unfinished.give_name(descriptor, unfinished.Place(folder / "whole", folder / "part"), datetime.now(UTC))
    os.close(descriptor)
    return [("sync", CONTENT), ("replace", "whole"), ("sync", folder.name)]


def synced_folder(folder):
    sync_folder(folder)
    return [("sync", folder.name)]


ACTS = {
    ("jobs/witness.py", "_put"): put_by_a_witness,
    ("app/certificate.py", "_write"): written_certificate,
    ("desk/folder.py", "_keep"): kept_at_the_desk,
    ("cli/files.py", "new_file"): new_file_of_the_operator,
    ("client/opening.py", "open_to_file"): opened_age_file,
    ("client/identities.py", "keep"): kept_identity,
    ("client/journals.py", "wipe"): wiped_key,
    ("client/unfinished.py", "give_name"): named_download,
    ("vault/disk.py", "sync_folder"): synced_folder,
}
BY_POWER_CUTS = {
    ("vault/disk.py", "open_root"),
    ("vault/local.py", "__init__"),
    ("vault/local.py", "delete"),
    ("vault/local.py", "commit"),
    ("vault/keys.py", "generations"),
    ("vault/keys.py", "write"),
    ("vault/keys.py", "_fill"),
}
"""Of the blob store and the keys: tests/vault/test_power_cut.py takes each out."""
ELSEWHERE = {
    ("vault/disk.py", "sync"),  # below
    ("vault/disk.py", "make_durably"),  # likewise
    ("cli/audit_export.py", "exported"),  # tests/ledger/test_standalone.py
}


@pytest.mark.parametrize("act", ACTS.values(), ids=[" ".join(place) for place in ACTS])
def test_what_is_to_last_is_synced_before_it_has_its_name_and_the_name_after(act, tmp_path, calls):
    folder = tmp_path / "folder"
    folder.mkdir()
    expected = act(folder)
    assert calls == expected


def test_what_the_power_cut_models_stand_for_is_what_the_system_is_asked(tmp_path, calls):
    store = LocalStore(tmp_path / "blobs")
    del calls[:]
    name = SegmentId("ab" * 16)
    writer = store.create(name)
    writer.append(CONTENT)
    writer.commit()
    assert calls == [("sync", CONTENT), ("rename", name), ("sync", "ab")]
    store.close()


def test_each_new_folder_s_name_is_synced(tmp_path, calls):
    make_durably(tmp_path / "above" / "data")
    assert calls[:2] == [("sync", "above"), ("sync", tmp_path.name)]


def syncs_in(path):
    """The functions of a module that make something durable, each as often as it does."""
    tree = ast.parse(path.read_text())
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and _syncs(call.func):
                    yield str(path.relative_to(SOURCE)), function.name


def _syncs(called):
    if isinstance(called, ast.Name):
        return called.id == "sync_folder"
    if not isinstance(called, ast.Attribute):
        return False
    of_disk = isinstance(called.value, ast.Attribute | ast.Name) and ast.unparse(called.value).endswith("disk")
    return called.attr in {"fsync", "fdatasync"} or (called.attr == "sync" and (of_disk or _is_os(called.value)))


def _is_os(value):
    return isinstance(value, ast.Name) and value.id == "os"


def test_no_sync_is_made_that_is_not_listed_here():
    found = collections.Counter(place for path in sorted(SOURCE.rglob("*.py")) for place in syncs_in(path))
    assert set(found) == {*ACTS, *BY_POWER_CUTS, *ELSEWHERE}
    with contextlib.suppress(KeyError):
        del found["vault/local.py", "commit"]
    assert all(count <= 2 for count in found.values()), found
