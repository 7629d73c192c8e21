"""A receipt is shown, and proven with one file that knows nothing of the server."""

import subprocess
import sys

import pytest

from sealane.ledger import standalone

pytestmark = pytest.mark.slow


def test_the_proofs_of_a_receipt_are_proven_without_us(anna, tmp_path, whole_server):
    sent = anna.file("claims.csv", 3000)
    assert anna.run("put", sent, f"{anna.folder}/").exit_code == 0
    place = f"{anna.folder}/claims.csv"
    assert anna.run("get", place, tmp_path / "got.csv").exit_code == 0
    out = tmp_path / "proofs"
    done = anna.run("receipt", place, "--proofs", out)
    assert done.exit_code == 0, done.output
    assert "sent by anna@clinic" in done.stdout
    proofs = sorted(out.glob("entry-*.tlog-proof"))
    assert len(proofs) >= 2
    key = whole_server.sealane("audit", "key").strip()
    told = subprocess.run(
        [sys.executable, standalone.__file__, "--key", key, "proof", *proofs],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert "kind=upload_finished" in told.stdout
    assert "kind=download_begun" in told.stdout
    assert f"path=clinic:{place}" in told.stdout
    again = anna.run("receipt", place, "--proofs", out)
    assert again.exit_code == 1, "nothing is overwritten"
