"""The keeper as a real process of its own, killed and started as the test wants it."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from sealane.operations.caller import KeeperCaller, ask_once
from sealane.operations.signing import Health
from sealane.process import settings_json

ROOT = Path(__file__).parent.parent.parent


class KeeperProcess:
    """`python -m sealane.keeper` on a data directory."""

    def __init__(self, data_dir, settings):
        self.data_dir = data_dir
        self.run_dir = data_dir / "run"
        self.settings = settings
        self.log = data_dir.parent / "keeper.log"
        self.process = None

    def start(self):
        self.run_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.data_dir.chmod(0o700)
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sealane.keeper", "--data", str(self.data_dir)],
                stdin=subprocess.PIPE,
                stderr=log,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src")},
            )
        self.process.stdin.write(settings_json(self.settings))
        self.process.stdin.close()

    @contextlib.contextmanager
    def running(self):
        self.start()
        try:
            yield self
        finally:
            self.kill()

    def kill(self):
        self.process.kill()
        return self.process.wait(30)

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def caller(self, name="doors"):
        return KeeperCaller(self.run_dir, name, self.settings)

    def ask(self, operation, name="admin"):
        return ask_once(self.run_dir, name, operation, self.settings)

    async def ready(self):
        caller = self.caller()
        await caller.ask(Health())
        await caller.close()
