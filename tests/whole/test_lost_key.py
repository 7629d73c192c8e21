"""The drill of docs/lost-keys.md, run as it stands there."""

import re
import shlex
import subprocess
import sys

import pytest

from tests.running_server import ROOT, RunningServer

pytestmark = pytest.mark.slow
PAGE = ROOT / "docs" / "lost-keys.md"


def test_the_drill_in_the_docs_gives_back_what_was_lost(tmp_path):
    (drill,) = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    desk = tmp_path / "desk"
    desk.mkdir()
    with RunningServer.started(tmp_path) as server:
        server.sealane("org", "add", "clinic")
        program = f"{shlex.quote(sys.executable)} -c 'from sealane.cli.main import main; main()'"
        script = f'set -eu\numask 077\nsealane() {{ {program} "$@"; }}\n{drill}'
        environ = server.environ() | {"HOME": str(desk), "SEALANE_URL": f"http://127.0.0.1:{server.http_port}"}
        done = subprocess.run(
            ["sh", "-c", script], cwd=desk, env=environ, capture_output=True, text=True, timeout=200, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Kept sealed, as NAME.age: 1 file" in done.stdout
        assert "Wrapped: 1 of 1 files" in done.stdout
        assert not list(desk.glob("recovered*"))
        server.verify_ledger()
