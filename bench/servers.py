"""The servers that are measured: ours and its peers, each on a free port of 127.0.0.1, pinned to the server's core."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench import machine
from sealane.vault.age.x25519 import X25519Identity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEALANE = str(__import__("pathlib").Path(sys.executable).parent / "sealane")
RCLONE = "/usr/bin/rclone"


@dataclass
class Server:
    """A running server: where it listens, how to sign in, which process tree to count."""

    name: str
    pid: int
    port: int
    user: str = ""
    root: str = ""
    """What stands before a name: the remote folder of SFTP, the path of a URL."""
    password: str = ""
    http_port: int = 0
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    sync: str = "-f "
    """What OpenSSH's `put` is told so that a file is durable when it is acknowledged; ours needs no telling."""

    def content_url(self, name: str) -> str:
        """Return where a file is put and fetched over HTTPS."""
        door = "/api/v1/content" if self.token else ""
        return f"https://127.0.0.1:{self.http_port or self.port}{door}{self.root}/{name}"


def keys(folder: Path) -> Path:
    """Make a user's SSH key, a host key and a TLS certificate for the whole run; return the folder."""
    for name in ("user_key", "host_key"):
        if not (folder / name).exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    rsa = folder / "host_rsa"
    if not rsa.exists():
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "rsa", "-b", "3072", "-m", "PEM", "-N", "", "-f", str(rsa)], check=True
        )
    if not (folder / "tls.crt").exists():
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.crt"), "-subj", "/CN=127.0.0.1",
             "-addext", "subjectAltName=IP:127.0.0.1"],
            check=True, capture_output=True,
        )  # fmt: skip
    return folder


def _start(command: list[str], log: Path, **environ: str) -> subprocess.Popen:
    with log.open("a") as output:
        return subprocess.Popen(
            [*machine.pinned(machine.SERVER_CORE), *command], stdout=output, stderr=output, stdin=subprocess.DEVNULL,
            env=os.environ | environ,
        )  # fmt: skip


def _wait_until_ready(url: str, made: Path, seconds: float = 60) -> None:
    """Return once the server says that it serves: its ports are open before its keeper is there."""
    words = ["curl", "-sf", "-m", "10", "-o", "/dev/null", "--cacert", str(made / "tls.crt"), url]
    deadline = time.monotonic() + seconds
    while subprocess.run(words, check=False).returncode:
        if time.monotonic() > deadline:
            msg = f"{url} was not ready within {seconds} seconds"
            raise TimeoutError(msg)
        time.sleep(0.1)


@contextlib.contextmanager
def sealane(folder: Path, made: Path, *, workers: int = 1) -> Iterator[Server]:
    """Ours, with rights, quota, encryption at rest, digest of record and ledger; SFTP and HTTPS.

    Whose data is in a file is not read: no peer does that, and `python -m bench.exposure` measures it.
    """
    data = folder / "sealane-data"
    port, http_port = machine.free_port(), machine.free_port()
    process = _start(
        [SEALANE, "serve", "--data", str(data), "--http", f"127.0.0.1:{http_port}", "--sftp", f"127.0.0.1:{port}",
         "--workers", str(workers), "--tls-cert", str(made / "tls.crt"), "--tls-key", str(made / "tls.key")],
        folder / "sealane.log", SEALANE_QUOTA_BYTES=str(1 << 50), SEALANE_EXPOSURE_READ="0",
    )  # fmt: skip
    try:
        machine.wait_for_port(port)
        machine.wait_for_port(http_port)
        _wait_until_ready(f"https://127.0.0.1:{http_port}/readyz", made)

        def tell(*words: str) -> str:
            done = subprocess.run([SEALANE, *words, "--data", str(data)], capture_output=True, text=True, check=True)
            return done.stdout.strip()

        tell("org", "add", "bench")
        recipient = str(X25519Identity.new().recipient())
        tell("user", "add", "bench@bench", "--ssh-key", str(made / "user_key.pub"), "--recipient", recipient)
        tell("folder", "add", "bench:/sealed", "--sealed", "--settle", "0s")
        tell("folder", "grant", "bench:/sealed", "bench@bench", "--rights", "list,read,write,delete")
        tell("folder", "add", "bench:/work")
        tell("folder", "grant", "bench:/work", "bench@bench", "--rights", "list,read,write,delete")
        token = tell("token", "add", "bench@bench", "--scope", "read", "--scope", "write").splitlines()[-1]
        yield Server(
            "sealane", process.pid, port, user="bench@bench", root="/work", http_port=http_port, token=token,
            headers={"Authorization": f"Bearer {token}"}, sync="",
        )  # fmt: skip
    finally:
        machine.end(process)
        shutil.rmtree(data, ignore_errors=True)


@contextlib.contextmanager
def openssh(folder: Path, made: Path) -> Iterator[Server]:
    """OpenSSH's own server with internal-sftp."""
    port = machine.free_port()
    files = folder / "openssh"
    files.mkdir()
    with contextlib.suppress(OSError):
        os.makedirs("/run/sshd", exist_ok=True)  # noqa: PTH103 # as its init script does
    config = folder / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {made}/host_key\nAuthorizedKeysFile {made}/user_key.pub\n"
        f"PidFile {folder}/sshd.pid\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nMaxStartups 200\nMaxSessions 200\n"
        "Subsystem sftp internal-sftp\n"
    )
    process = _start(["/usr/sbin/sshd", "-D", "-e", "-f", str(config)], folder / "sshd.log")
    try:
        machine.wait_for_port(port)
        yield Server("openssh-server", process.pid, port, user=getpass.getuser(), root=str(files))
    finally:
        machine.end(process)
        shutil.rmtree(files, ignore_errors=True)


@contextlib.contextmanager
def proftpd(folder: Path, made: Path) -> Iterator[Server]:
    """ProFTPD with mod_sftp."""
    port = machine.free_port()
    files = folder / "proftpd"
    files.mkdir()
    public = subprocess.run(
        ["ssh-keygen", "-e", "-f", str(made / "user_key.pub")], capture_output=True, text=True, check=True
    ).stdout
    (folder / "proftpd.keys").write_text(public)
    config = folder / "proftpd.conf"
    user = getpass.getuser()
    config.write_text(
        f"LoadModule mod_sftp.c\nServerType standalone\nPort {port}\nDefaultAddress 127.0.0.1\nPidFile {folder}/proftpd.pid\n"
        f"ScoreboardFile {folder}/proftpd.score\nDelayTable {folder}/proftpd.delay\nUser {user}\nGroup {user}\n"
        "UseReverseDNS off\nRequireValidShell off\nUseFtpUsers off\nRootLogin on\nAllowOverwrite on\nAllowStoreRestart on\n"
        f"SFTPEngine on\nSFTPHostKey {made}/host_rsa\nSFTPAuthorizedUserKeys file:{folder}/proftpd.keys\n"
        "SFTPAuthMethods publickey\n"
    )
    process = _start(["/usr/sbin/proftpd", "--nodaemon", "--config", str(config)], folder / "proftpd.log")
    try:
        machine.wait_for_port(port)
        yield Server("proftpd-mod_sftp", process.pid, port, user=user, root=str(files))
    finally:
        machine.end(process)
        shutil.rmtree(files, ignore_errors=True)


@contextlib.contextmanager
def rclone_sftp(folder: Path, made: Path) -> Iterator[Server]:
    """`rclone serve sftp` (the Go stack)."""
    port = machine.free_port()
    files = folder / "rclone-sftp"
    files.mkdir()
    process = _start(
        [RCLONE, "serve", "sftp", str(files), "--addr", f"127.0.0.1:{port}", "--authorized-keys", str(made / "user_key.pub"),
         "--key", str(made / "host_key"), "--vfs-cache-mode", "off"],
        folder / "rclone-sftp.log",
    )  # fmt: skip
    try:
        machine.wait_for_port(port)
        yield Server("rclone-serve-sftp", process.pid, port, user="bench", root="")
    finally:
        machine.end(process)
        shutil.rmtree(files, ignore_errors=True)


@contextlib.contextmanager
def rclone_webdav(folder: Path, made: Path) -> Iterator[Server]:
    """`rclone serve webdav` with TLS."""
    port = machine.free_port()
    files = folder / "rclone-webdav"
    files.mkdir()
    process = _start(
        [RCLONE, "serve", "webdav", str(files), "--addr", f"127.0.0.1:{port}", "--cert", str(made / "tls.crt"),
         "--key", str(made / "tls.key"), "--vfs-cache-mode", "off"],
        folder / "rclone-webdav.log",
    )  # fmt: skip
    try:
        machine.wait_for_port(port)
        yield Server("rclone-serve-webdav", process.pid, port)
    finally:
        machine.end(process)
        shutil.rmtree(files, ignore_errors=True)


@contextlib.contextmanager
def nginx(folder: Path, made: Path) -> Iterator[Server]:
    """nginx: WebDAV PUT and sendfile, TLS 1.3, one worker."""
    port = machine.free_port()
    files = folder / "nginx"
    files.mkdir()
    (folder / "nginx-temporary").mkdir(exist_ok=True)
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; user {getpass.getuser()}; worker_processes 1;\n"
        "events { worker_connections 1024; }\n"
        f"http {{ access_log off; sendfile on; client_max_body_size 0; client_body_temp_path {folder}/nginx-temporary;\n"
        f" output_buffers 2 256k; server {{ listen 127.0.0.1:{port} ssl http2; ssl_certificate {made}/tls.crt;\n"
        f"  ssl_certificate_key {made}/tls.key; ssl_protocols TLSv1.3; root {files};\n"
        "  location / { dav_methods PUT DELETE; create_full_put_path on; } } }\n"
    )
    process = _start(["/usr/sbin/nginx", "-c", str(config)], folder / "nginx-start.log")
    try:
        machine.wait_for_port(port)
        yield Server("nginx", process.pid, port)
    finally:
        machine.end(process)
        shutil.rmtree(files, ignore_errors=True)
