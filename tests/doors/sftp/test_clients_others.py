"""Other people's clients: sshfs, lftp, rclone (Debian's and the current one), paramiko (current and 2.12), curl."""

import contextlib
import json
import os
import secrets
import sys
import textwrap
from hashlib import sha256
from pathlib import Path

import pytest

from tests.doors.sftp.house import PASSWORD
from tests.doors.sftp.test_clients_openssh import contents, tree  # noqa: F401 - the tree is a fixture
from tests.peers import missing, need
from tests.peers.old_paramiko import python_with_old_paramiko

pytestmark = pytest.mark.slow
MIB = 1 << 20


# --- sshfs ----------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def mounted(house, *options):
    need("sshfs")
    fusermount = need("fusermount3")
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        missing("/dev/fuse may not be used here")
    place = house.home / "mount"
    place.mkdir()
    ssh = "ssh_command=" + " ".join(["ssh", *house.ssh_options()])
    words = ["sshfs", "-p", house.port, "-o", ssh, *options, "ann@127.0.0.1:/in", place]
    status, told = await house.run(*words, check=False)
    if status != 0:
        missing(f"sshfs could not mount: {told}")
    try:
        yield place
    finally:
        await house.run(fusermount, "-u", place)


@pytest.mark.parametrize("options", [(), ("-o", "direct_io")], ids=["plain", "direct"])
async def test_sshfs_edits_a_file_in_the_middle(house, options):
    content = bytearray(secrets.token_bytes(2 * MIB))
    async with house.sftp("ann") as client, client.open("/in/f", "wb") as file:
        await file.write(bytes(content))
    edit = """
        import os, sys
        path = sys.argv[1] + "/f"
        with open(path, "r+b") as file:
            file.seek(1_000_000)
            before = file.read(10)
            file.seek(1_000_000)
            file.write(b"EDITED HERE")
            file.flush()
            assert os.fstat(file.fileno()).st_size == 2 * 1024 * 1024
            file.seek(1_000_000)
            assert file.read(11) == b"EDITED HERE"
        with open(path, "ab") as file:
            file.write(b"tail")
        with open(sys.argv[1] + "/open", "wb") as file:
            os.rename(sys.argv[1] + "/open", sys.argv[1] + "/named")
            file.write(b"written under another name")
        with open(sys.argv[1] + "/over", "wb") as file:
            file.write(b"written over it")
            file.flush()
            os.rename(sys.argv[1] + "/over", sys.argv[1] + "/named")
        with open(sys.argv[1] + "/named", "rb") as file:
            assert file.read() == b"written over it"
        os.remove(sys.argv[1] + "/named")
        os.truncate(path, 1_500_000)
        with open(sys.argv[1] + "/new", "wb") as file:
            file.write(b"new")
        os.utime(sys.argv[1] + "/new", (1_300_000_000, 1_300_000_000))
        os.chmod(sys.argv[1] + "/new", 0o644)
        os.rename(sys.argv[1] + "/new", sys.argv[1] + "/renamed")
        assert sorted(os.listdir(sys.argv[1])) == ["f", "renamed"]
    """
    content[1_000_000:1_000_011] = b"EDITED HERE"
    async with mounted(house, *options) as place:
        await house.run(sys.executable, "-c", textwrap.dedent(edit), place)
    assert await house.content("/in/f", "carl") == content[:1_500_000]
    async with house.sftp("carl") as client:
        assert (await client.stat("/in/renamed")).mtime == 1_300_000_000


async def test_sshfs_copies_a_tree_with_its_times(house, tree):  # noqa: F811 - the fixture
    async with mounted(house) as place:
        await house.run("cp", "-a", tree, place)
        await house.run("cp", "-a", place / "tree", house.home / "back")
    assert contents(house.home / "back") == contents(tree)


# --- lftp -----------------------------------------------------------------------------------------------------------


async def test_lftp_mirrors_and_resumes(house, tree):  # noqa: F811 - the fixture
    need("lftp")
    ssh = " ".join(["ssh", "-a", "-x", *house.ssh_options()])
    begin = (
        f'set sftp:connect-program "{ssh}"; set sftp:auto-confirm yes; set net:max-retries 1; '
        f"open -p {house.port} -u ann, sftp://127.0.0.1; "
    )
    (house.home / "large").write_bytes(secrets.token_bytes(5 * MIB))
    await house.run("lftp", "-c", begin + "mirror -R tree /in/tree; put large -o /in/large")
    _, told = await house.run("lftp", "-c", begin + "mirror -R -v --dry-run tree /in/tree")
    assert "put" not in told
    assert "get" not in told
    (house.home / "back").write_bytes((house.home / "large").read_bytes()[: 2 * MIB])
    await house.run("lftp", "-c", begin + "get -c /in/large -o back; mirror /in/tree again; ls /in; rm -r /in/tree")
    assert (house.home / "back").read_bytes() == (house.home / "large").read_bytes()
    assert contents(house.home / "again") == contents(tree)


# --- rclone ---------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["/usr/bin/rclone", str(Path(sys.executable).with_name("rclone"))], ids=["debian", "current"])
def rclone(request, house):
    """An rclone with the house as its remote."""
    program = need(f"rclone at {request.param}", at=request.param)
    config = house.home / "rclone.conf"
    config.write_text(
        f"[house]\ntype = sftp\nhost = 127.0.0.1\nport = {house.port}\nuser = ann\n"
        f"key_file = {house.key('ann')}\nknown_hosts_file = {house.home / 'known_hosts'}\n"
    )
    return [program, "--config", str(config), "--retries", "1"]


async def test_rclone_copies_and_a_second_time_moves_nothing(house, tree, rclone):  # noqa: F811 - the fixture
    (tree / "large").write_bytes(secrets.token_bytes(5 * MIB))
    quiet = ("--use-json-log", "--stats", "0", "-v")
    for command in ("copy", "sync"):
        await house.run(*rclone, command, tree, "house:/in/tree")
        _, told = await house.run(*rclone, command, tree, "house:/in/tree", *quiet)
        lines = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
        assert not [line for line in lines if "Copied" in line["msg"] or "Updated" in line["msg"]], told
    await house.run(*rclone, "copy", "house:/in/tree", house.home / "back")
    _, told = await house.run(*rclone, "copy", "house:/in/tree", house.home / "back", *quiet)
    assert "Copied" not in told
    assert contents(house.home / "back") == contents(tree)
    (tree / "one").unlink()
    await house.run(*rclone, "sync", tree, "house:/in/tree")
    _, told = await house.run(*rclone, "lsf", "-R", "--files-only", "house:/in/tree")
    assert sorted(told.split("\n")[:-1]) == sorted(contents(tree))
    await house.run(*rclone, "moveto", "house:/in/tree/slot", "house:/in/tree/moved")
    await house.run(*rclone, "purge", "house:/in/tree")


# --- paramiko -------------------------------------------------------------------------------------------------------

_PARAMIKO = """
import hashlib, io, sys, paramiko
port, key, expected_cipher = int(sys.argv[1]), sys.argv[2], sys.argv[3]
transport = paramiko.Transport(("127.0.0.1", port))
if key == "password":
    transport.connect(username="ann", password=sys.stdin.read())
else:
    transport.connect(username="ann", pkey=paramiko.Ed25519Key.from_private_key_file(key))
assert expected_cipher in transport.local_cipher, transport.local_cipher
client = paramiko.SFTPClient.from_transport(transport)
content = bytes(range(256)) * 9000
client.putfo(io.BytesIO(content), "/in/f", confirm=True)
assert client.stat("/in/f").st_size == len(content)
back = io.BytesIO()
client.getfo("/in/f", back)
assert back.getvalue() == content
with client.open("/in/f", "r") as file:
    assert file.check("sha256") == hashlib.sha256(content).digest()
    assert file.check("sha256", 1000, 5000, 2500) == b"".join(
        hashlib.sha256(content[at : at + 2500]).digest() for at in (1000, 3500)
    )
    file.seek(-10, 2)
    assert file.read() == content[-10:]
with client.open("/in/f", "r+") as file:
    file.seek(500)
    file.write(b"MIDDLE")
with client.open("/in/f", "a") as file:
    file.write(b"END")
client.utime("/in/f", (1_100_000_000, 1_100_000_000))
client.chmod("/in/f", 0o600)
assert client.stat("/in/f").st_mtime == 1_100_000_000
client.truncate("/in/f", 1000)
client.mkdir("/in/d")
client.rename("/in/f", "/in/d/g")
assert client.listdir("/in/d") == ["g"]
assert client.open("/in/d/g").read() == content[:500] + b"MIDDLE" + content[506:1000]
try:
    client.symlink("/in/d/g", "/in/l")
except OSError as error:
    assert "no symbolic links" in str(error), error
else:
    raise AssertionError("a symbolic link was made")
try:
    client.open("/in/nothing")
except FileNotFoundError:
    pass
client.remove("/in/d/g")
client.rmdir("/in/d")
transport.close()
print("well")
"""


# Data by aes-ctr goes through asyncssh whatever the setting says, and how a user signs in changes no path.
@pytest.mark.parametrize(
    ("age", "cipher", "way", "data_path"),
    [
        ("current", "gcm", "key", "express"),
        ("current", "gcm", "key", "asyncssh"),
        ("current", "gcm", "password", "express"),
        ("2.12", "ctr", "key", "express"),
        ("2.12", "ctr", "password", "express"),
    ],
)
async def test_paramiko_does_everything_it_can(house, age, cipher, way):
    python = sys.executable if age == "current" else python_with_old_paramiko()
    key = house.key("ann") if way == "key" else "password"
    words = [python, "-W", "ignore", "-c", _PARAMIKO, house.port, key, cipher]
    _, told = await house.run(*words, stdin=PASSWORD.encode())
    assert told.strip().endswith("well")


# --- curl -----------------------------------------------------------------------------------------------------------


async def test_curl_sends_lists_resumes_and_fetches(house):
    curl = need("curl")
    _, told = await house.run(curl, "--version")
    if "sftp" not in told.split():
        missing("this curl speaks no SFTP")
    content = secrets.token_bytes(3 * MIB)
    (house.home / "f").write_bytes(content)
    (house.home / "config").write_text(f'user = "ann:{PASSWORD}"\ninsecure\nsilent\nshow-error\n')
    at = f"sftp://127.0.0.1:{house.port}/in"
    run = [curl, "-K", "config"]
    await house.run(*run, "-T", "f", f"{at}/f")
    _, told = await house.run(*run, f"{at}/")
    assert f"{len(content)}" in told
    (house.home / "back").write_bytes(content[:MIB])
    await house.run(*run, "-C", "-", "-o", "back", f"{at}/f")
    assert sha256((house.home / "back").read_bytes()).digest() == sha256(content).digest()
    await house.run(*run, "-Q", "rename /in/f /in/g", "-Q", "mkdir /in/d", "-o", "/dev/null", f"{at}/")
    assert await house.content("/in/g") == content
    status, told = await house.run(*run, f"{at}/nothing", check=False)
    assert status == 78
