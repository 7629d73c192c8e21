"""A whole house for SFTP tests: a keeper in this process, a store on disk, the SFTP door on a free port of 127.0.0.1.

Two organizations: `clinic` owns `/in` (everybody may do everything) and `/drop` (write only); `lab` has `bob`, who sees
`/in` of the clinic as `/clinic`. `ann` and `carl` are the clinic's. Keys and a known-hosts file are ready on disk.
"""

import asyncio
import contextlib
import dataclasses
import os
import shutil
import socket
import tempfile
from pathlib import Path

import asyncssh
import pytest

from sealane.clock import Clock
from sealane.doors.sftp.door import SftpDoor
from sealane.doors.sftp.handles import WritingFile
from sealane.doors.sftp.scp import Scp
from sealane.doors.sftp.server import open_listener
from sealane.doors.sftp.session import SftpSpeaker
from sealane.operations.accounts import AddFolder, AddOrganization, AddUser, GrantFolder
from sealane.operations.signing import HostKeys
from sealane.settings import Settings
from sealane.vault.local import LocalStore
from tests.keeper_in_process import KeeperInProcess

PASSWORD = "correct horse battery staple"
ALL = ("list", "read", "write", "delete")
PATHS = {"express": 1, "asyncssh": 0}
"""The setting `sftp_express` of each path that data can take."""
ONE_PATH = pytest.mark.parametrize("data_path", ["express"])
"""For a test of what comes before the first data packet, or is not about them: both paths are the same there."""


class House:
    """Everything, for one test."""

    def __init__(self, home: Path, settings: Settings, *, like: Path | None = None, clock: Clock | None = None) -> None:
        """Begin in `home`, empty or as a copy of another house."""
        self.home = home
        if like is not None:
            shutil.copytree(like, home, dirs_exist_ok=True)
        self.settings = dataclasses.replace(settings, ssh_rsa_host_key_bits=0)
        self.keeper = KeeperInProcess(home / "data", self.settings, clock)
        self.asking = self.keeper.door()
        self.store = LocalStore(home / "blobs")
        self.door = SftpDoor(self.asking.ask, self.store, self.settings, line=self.asking)
        self.asking.on_notice(self.door.notice)
        self.port = 0
        self.listener = None

    async def open(self) -> None:
        """Listen, on a free port; again after a drain on another one."""
        self.listener = await open_listener(self.door)
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setblocking(False)
        self.port = listening.getsockname()[1]
        await self.listener.listen(listening)
        (host_key, *_) = (await self.asking.ask(HostKeys())).keys
        line = asyncssh.import_public_key(_openssh(host_key)).export_public_key().decode().strip()
        (self.home / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {line}\n127.0.0.1 {line}\n")

    async def close(self) -> None:
        for connection in tuple(self.door.connections):
            connection.end("The test is over.")
        if self.listener is not None:
            await self.listener.drain()
        self.keeper.close()
        self.store.close()

    def key(self, name: str) -> Path:
        """Return the private key file of a user."""
        path = self.home / f"{name}.key"
        if not path.exists():
            key = asyncssh.generate_private_key("ssh-ed25519")
            path.touch(mode=0o600)
            path.write_bytes(key.export_private_key())
            path.with_suffix(".pub").write_bytes(key.export_public_key())
        return path

    def people(self) -> None:
        """Make organizations, users, folders and grants."""
        admin = self.keeper.admin
        admin(AddOrganization(name="clinic"))
        admin(AddOrganization(name="lab"))
        for user in ("ann@clinic", "carl@clinic", "bob@lab"):
            line = self.key(user.partition("@")[0]).with_suffix(".pub").read_text().strip()
            admin(AddUser(user=user, password=PASSWORD, ssh_keys=(line,)))
        admin(AddFolder(folder="clinic:/in"))
        admin(AddFolder(folder="clinic:/drop"))
        for user in ("ann@clinic", "carl@clinic"):
            admin(GrantFolder(folder="clinic:/in", grantee=user, rights=ALL))
        admin(GrantFolder(folder="clinic:/in", grantee="bob@lab", rights=ALL, shown_as="clinic"))
        admin(GrantFolder(folder="clinic:/drop", grantee="bob@lab", rights=("list", "write"), shown_as="drop"))

    def writing(self) -> list[WritingFile]:
        """Return the files that clients are writing now."""
        speakers = [session._speaker for connection in self.door.connections for session in connection._sessions]
        files = [opened for speaker in speakers if isinstance(speaker, SftpSpeaker) for opened in speaker._handles]
        files += [speaker._writing for speaker in speakers if isinstance(speaker, Scp)]
        return [opened for opened in files if isinstance(opened, WritingFile)]

    # --- clients ----------------------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def ssh(self, name: str = "ann", **options):
        """Connect by asyncssh with the user's key."""
        chosen = {
            "username": name,
            "client_keys": [str(self.key(name))],
            "known_hosts": str(self.home / "known_hosts"),
            "agent_path": None,
            "config": None,
        } | options
        async with asyncssh.connect("127.0.0.1", self.port, **chosen) as connection:
            yield connection

    @contextlib.asynccontextmanager
    async def sftp(self, name: str = "ann", **options):
        """Speak SFTP by asyncssh."""
        async with self.ssh(name, **options) as connection, connection.start_sftp_client() as client:
            yield client

    def ssh_options(self, name: str = "ann") -> list[str]:
        """Return options for OpenSSH's programs."""
        given = {
            "IdentityFile": self.key(name),
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": self.home / "known_hosts",
            "StrictHostKeyChecking": "yes",
            "User": name,
            "LogLevel": "ERROR",
        }
        return ["-F", "none", *(word for key, value in given.items() for word in ("-o", f"{key}={value}"))]

    async def run(self, *words, stdin: bytes = b"", check: bool = True, seconds: float = 60, env=None):
        """Run a client and return (exit status, output); the door serves meanwhile in this process.

        The output goes through a file: asyncio may let go of a pipe when the process ends, with its last 64 KiB unread.
        """
        with tempfile.TemporaryFile() as output:
            process = await asyncio.create_subprocess_exec(
                *map(str, words),
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                cwd=self.home,
                env={**os.environ, "HOME": str(self.home), "LC_ALL": "C.UTF-8", **(env or {})},
            )
            ended = True
            try:
                await asyncio.wait_for(process.communicate(stdin), seconds)
            except TimeoutError:
                ended = False
                process.kill()
                await process.wait()
            output.seek(0)
            told = output.read().decode(errors="replace")
        assert ended, f"{words[0]} did not end: {told}"
        if check:
            assert process.returncode == 0, f"{' '.join(map(str, words))}: {told}"
        return process.returncode, told

    async def sftp_batch(self, commands: str, name: str = "ann", *, check: bool = True, options: tuple = ()):
        """Run OpenSSH's sftp with a batch of commands."""
        words = ["sftp", *self.ssh_options(name), "-P", self.port, *options, "-b", "-", "127.0.0.1"]
        return await self.run(*words, stdin=commands.encode(), check=check)

    async def content(self, path: str, name: str = "ann") -> bytes:
        """Read a file through the door."""
        async with self.sftp(name) as client, client.open(path, "rb") as file:
            return await file.read()


def _openssh(blob: bytes) -> bytes:
    """Return a public key blob as a line."""
    import base64

    length = int.from_bytes(blob[:4], "big")
    return blob[4 : 4 + length] + b" " + base64.b64encode(blob)


async def until(holds) -> None:
    """Wait until something holds; the test's own time limit ends it otherwise."""
    while not holds():  # noqa: ASYNC110 - what holds is the state of the house, which sets no event
        await asyncio.sleep(0.005)  # the door runs in this very loop: each turn it does what there is to do


async def settled(house: House) -> None:
    """Wait until every connection is gone and what it left is suspended."""
    await until(lambda: not house.door.connections and not house.door._tasks)
