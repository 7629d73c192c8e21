"""The clients that drive the servers: OpenSSH sftp, rclone, lftp, curl, ours; each pinned to the client's core."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

from bench import machine
from bench.servers import SEALANE

if TYPE_CHECKING:
    from pathlib import Path

    from bench.servers import Server

SSH_OPTIONS = (
    "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes",
    "-o", "BatchMode=yes", "-o", "LogLevel=ERROR",
)  # fmt: skip
GCM = ("-c", "aes128-gcm@openssh.com")


def _run(command: list[str], *, stdin: str | None = None, seconds: float = 600, **environ: str) -> float:
    """Run a client on its core to its end; return the seconds it took."""
    began = time.monotonic()
    done = subprocess.run(
        [*machine.pinned(machine.CLIENT_CORE), *command],
        input=stdin,
        text=True,
        capture_output=True,
        timeout=seconds,
        check=False,
        env=os.environ | environ,
    )
    taken = time.monotonic() - began
    if done.returncode:
        msg = f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}{done.stdout[-500:]}"
        raise RuntimeError(msg)
    return taken


def sftp_command(server: Server, made: Path) -> list[str]:
    return [
        "sftp", "-q", "-b", "-", *GCM, "-i", str(made / "user_key"), "-P", str(server.port), *SSH_OPTIONS,
        f"{server.user}@127.0.0.1",
    ]  # fmt: skip


def openssh(server: Server, made: Path, batch: str) -> float:
    """Run a batch of OpenSSH sftp commands."""
    return _run(sftp_command(server, made), stdin=batch)


def ssh_sign_in(server: Server, made: Path) -> float:
    """Sign in, open the sftp subsystem, leave."""
    return _run(
        [
            "ssh",
            *GCM,
            "-i",
            str(made / "user_key"),
            "-p",
            str(server.port),
            *SSH_OPTIONS,
            "-s",
            f"{server.user}@127.0.0.1",
            "sftp",
        ],
        stdin="",
    )


def ssh_idle(server: Server, made: Path) -> subprocess.Popen:
    """Open a connection with an sftp session that says nothing."""
    command = ["ssh", *GCM, "-i", str(made / "user_key"), "-p", str(server.port), *SSH_OPTIONS]
    return subprocess.Popen(
        [*machine.pinned(machine.CLIENT_CORE), *command, "-s", f"{server.user}@127.0.0.1", "sftp"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def rclone_sftp(server: Server, made: Path, source: str, target: str) -> float:
    """Copy one file with rclone; `remote:` stands for the server."""
    remote = (
        f":sftp,host=127.0.0.1,port={server.port},user='{server.user}',key_file={made}/user_key,"
        "shell_type=none,md5sum_command=none,sha1sum_command=none,ciphers='aes128-gcm@openssh.com':"
    )
    words = [word.replace("remote:", remote) for word in (source, target)]
    return _run(["/usr/bin/rclone", "copyto", "--ignore-checksum", "--ignore-times", "--config", "/dev/null", *words])


def lftp(server: Server, made: Path, commands: str) -> float:
    """Run lftp commands over sftp."""
    connect = f"ssh -a -x {' '.join(GCM)} {' '.join(SSH_OPTIONS)} -i {made}/user_key"
    script = f'set sftp:connect-program "{connect}"; set net:max-retries 1; open -u {server.user},x -p {server.port} sftp://127.0.0.1; {commands}'
    return _run(["lftp", "-c", script])


def _curl_words(server: Server, made: Path) -> list[str]:
    headers = [word for name, value in server.headers.items() for word in ("-H", f"{name}: {value}")]
    return ["curl", "-sS", "-f", "--http1.1", "--cacert", str(made / "tls.crt"), *headers]


def curl(server: Server, made: Path, *words: str) -> float:
    """Run curl with the server's certificate and credentials."""
    return _run([*_curl_words(server, made), *words])


def curl_each(
    server: Server, made: Path, count: int, name: str, *, send: Path | None = None, rate: int | None = None
) -> float:
    """Fetch NAME0, NAME1, … all at once, or send one file under these names; each at `rate` bytes a second."""
    words = ["-Z", "--parallel-immediate", "--parallel-max", str(count)]
    words += [] if rate is None else ["--limit-rate", str(rate)]
    # What is fetched and what is answered goes to one place that keeps nothing.
    words += ["-o", "/dev/null"] if send is None else ["-H", "Expect:", "-o", "/dev/null", "-T", str(send)]
    return _run([*_curl_words(server, made), *words, server.content_url(f"{name}[0-{count - 1}]")])


def sealane(server: Server, made: Path, port: int, *words: str) -> float:
    """Run our client against the server behind `port`."""
    environ = {
        "SEALANE_URL": f"https://127.0.0.1:{port}",
        "SEALANE_TOKEN": server.token,
        "SEALANE_CA": str(made / "tls.crt"),
        "HOME": str(made),
    }
    return _run([SEALANE, *words], **environ)
