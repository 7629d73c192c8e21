"""A sealed folder on a real server with clients that know nothing of it: sftp, rclone, curl, paramiko, Debian's age."""

import base64
import hashlib
import os
import secrets
import subprocess
import time

import paramiko
import pytest

from tests.peers import need
from tests.running_server import RunningServer

pytestmark = pytest.mark.slow
KNOWN = b"THE PATIENT'S PLAIN WORDS " * 3
MIB = 1 << 20
WAIT_SECONDS = 60


class Sealed:
    """The server, a sender who may only write, a reader with a key, and files of theirs."""

    def __init__(self, folder, server):
        self.folder, self.server = folder, server
        self.identity = folder / "identity.txt"
        subprocess.run(["age-keygen", "-o", self.identity], check=True, capture_output=True)
        recipient = subprocess.run(
            ["age-keygen", "-y", self.identity], check=True, capture_output=True, text=True
        ).stdout.strip()
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"], check=True)
        server.sealane("org", "add", "clinic")
        server.sealane("user", "add", "sender@clinic", "--ssh-key", str(folder / "key.pub"))
        server.sealane("user", "add", "reader@clinic", "--recipient", recipient)
        server.sealane("folder", "add", "clinic:/in", "--sealed", "--settle", "0s")
        server.sealane("folder", "grant", "clinic:/in", "sender@clinic", "--rights", "list,write,delete")
        server.sealane("folder", "grant", "clinic:/in", "reader@clinic", "--rights", "list,read")
        self.sender_token, self.reader_token = server.token("sender@clinic"), server.token("reader@clinic")

    def sftp(self, commands, *, expect=0):
        done = subprocess.run(
            [
                "sftp", "-q", "-b", "-", "-i", self.folder / "key", "-P", str(self.server.sftp_port),
                "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes",
                "-o", "LogLevel=ERROR", "sender@clinic@127.0.0.1",
            ],
            input=commands, capture_output=True, text=True, cwd=self.folder, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout + done.stderr

    def scp(self, protocol, source, name):
        command = [
            "scp", "-q", protocol, "-i", self.folder / "key", "-P", str(self.server.sftp_port),
            "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes",
            "-o", "LogLevel=ERROR", source, f"sender@clinic@127.0.0.1:/in/{name}",
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, timeout=120)

    def begin_tus(self, name, source):
        """Send the first half of an upload; what came of it is kept, and the rest never comes."""
        path = base64.b64encode(f"/in/{name}".encode()).decode()
        self.curl(
            "-X", "POST", "--data-binary", f"@{source}", "-H", "Tus-Resumable: 1.0.0",
            "-H", f"Upload-Length: {2 * source.stat().st_size}", "-H", f"Upload-Metadata: path {path}",
            "-H", "Content-Type: application/offset+octet-stream",
            f"http://127.0.0.1:{self.server.http_port}/api/v1/uploads", token=self.sender_token,
        )  # fmt: skip

    def curl(self, *options, token):
        command = ["curl", "-sS", "-f", "-H", f"Authorization: Bearer {token}", *options]
        return subprocess.run(command, capture_output=True, check=True, timeout=120).stdout

    def fetched(self, name):
        """The age file, once it is sealed."""
        until = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                return self.curl(self.server.url(f"/in/{name}.age"), token=self.reader_token)
            except subprocess.CalledProcessError:
                assert time.monotonic() < until, self.server.log.read_text()
                time.sleep(0.05)

    def opened(self, name):
        """What Debian's age makes of it with the reader's key."""
        sealed = self.folder / "fetched.age"
        sealed.write_bytes(self.fetched(name))
        return subprocess.run(["age", "-d", "-i", self.identity, sealed], check=True, capture_output=True).stdout

    def stored_bytes(self):
        return sum(path.stat().st_size for path in self.server.data_dir.rglob("*") if path.is_file())

    def everything_on_disk(self):
        for path in self.server.folder.rglob("*"):
            if path.is_file() and not path.is_relative_to(self.folder / "mine"):
                yield path, path.read_bytes()


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """One server for all: starting one takes longer than most of what is asked of it."""
    for program in ("sftp", "age", "age-keygen", "curl", "rclone"):
        need(program)
    folder = tmp_path_factory.mktemp("sealed")
    (folder / "server").mkdir()
    with RunningServer.started(folder / "server") as server:
        yield Sealed(folder, server)


def test_sftp_puts_and_debians_age_opens(sealed):
    sizes = [0, 1, 65_535, 65_536, 65_537, 40 * MIB + 3]
    for size in sizes:
        (sealed.folder / f"f{size}").write_bytes(secrets.token_bytes(size))
    sealed.sftp("".join(f"put f{size} /in/f{size}\n" for size in sizes))
    for size in sizes:
        assert sealed.opened(f"f{size}") == (sealed.folder / f"f{size}").read_bytes()
    assert "f65537" in sealed.sftp("ls -l /in\n")


def test_every_way_in_leaves_no_plaintext_behind_not_even_a_cut_one(sealed):
    content = KNOWN * (3 * MIB // len(KNOWN))
    source = sealed.folder / "source"
    source.write_bytes(content)
    sealed.sftp("put source /in/by-sftp\n")
    sealed.curl("-T", str(source), sealed.server.url("/in/by-https"), token=sealed.sender_token)
    put = subprocess.Popen(
        ["curl", "-sS", "--limit-rate", "1M", "-H", f"Authorization: Bearer {sealed.sender_token}", "-T", str(source),
         sealed.server.url("/in/cut")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )  # fmt: skip
    time.sleep(1)
    found = [path for path, kept in sealed.everything_on_disk() if KNOWN in kept]
    put.kill()
    put.wait()
    for name, protocol in (("by-scp", "-O"), ("by-scp-over-sftp", "-s")):
        sealed.scp(protocol, source, name)
    sealed.begin_tus("cut-by-tus", source)
    assert sealed.opened("by-sftp") == sealed.opened("by-https") == content
    assert sealed.opened("by-scp") == sealed.opened("by-scp-over-sftp") == content
    found += [path for path, kept in sealed.everything_on_disk() if KNOWN in kept]
    assert not found


def test_rclone_moves_nothing_the_second_time(sealed):
    tree = sealed.folder / "tree"
    (tree / "deep").mkdir(parents=True)
    for name in ("one", "two.csv", "deep/three"):
        (tree / name).write_bytes(secrets.token_bytes(70_000))
        os.utime(tree / name, (1_600_000_000, 1_600_000_000))
    remote = (
        f":sftp,host=127.0.0.1,port={sealed.server.sftp_port},user=sender@clinic,key_file={sealed.folder}/key:/in/tree"
    )
    for _ in range(2):
        done = subprocess.run(
            ["rclone", "sync", "--stats-one-line", "-v", str(tree), remote], capture_output=True, text=True, check=True,
            env=os.environ | {"RCLONE_CONFIG": str(sealed.folder / "none")},
        )  # fmt: skip
        assert sealed.opened("tree/deep/three") == (tree / "deep" / "three").read_bytes()
    assert "Copied" not in done.stderr
    assert "Deleted" not in done.stderr


def test_paramikos_check_after_put_is_content(sealed):
    source = sealed.folder / "source"
    source.write_bytes(secrets.token_bytes(100_001))
    with paramiko.SSHClient() as client:
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect(
            "127.0.0.1", sealed.server.sftp_port, "sender@clinic", key_filename=str(sealed.folder / "key"),
            allow_agent=False, look_for_keys=False,
        )  # fmt: skip
        with client.open_sftp() as files:
            assert files.put(str(source), "/in/checked").st_size == 100_001
            files.utime("/in/checked", (1_500_000_000, 1_500_000_000))
            assert files.stat("/in/checked").st_mtime == 1_500_000_000
            files.rename("/in/checked", "/in/renamed")
    assert sealed.opened("renamed") == source.read_bytes()


def test_an_upload_that_was_cut_goes_on_after_everything_was_killed(sealed):
    before = sealed.stored_bytes()
    content = secrets.token_bytes(100 * MIB + 17)
    source = sealed.folder / "source"
    source.write_bytes(content)
    put = subprocess.Popen(
        ["sftp", "-q", "-b", "-", "-l", "400000", "-i", sealed.folder / "key", "-P", str(sealed.server.sftp_port),
         "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes",
         "sender@clinic@127.0.0.1"], stdin=subprocess.PIPE, cwd=sealed.folder,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    put.stdin.write(b"put source /in/cut\n")
    put.stdin.close()
    until = time.monotonic() + WAIT_SECONDS
    while sealed.stored_bytes() < before + 50 * MIB:
        assert time.monotonic() < until
        time.sleep(0.02)
    sealed.server.kill()
    put.wait()
    sealed.server.start()
    sealed.sftp("reput source /in/cut\n")
    assert hashlib.sha256(sealed.opened("cut")).digest() == hashlib.sha256(content).digest()


def test_the_headers_say_what_the_age_file_is_of(sealed):
    content = secrets.token_bytes(70_000)
    (sealed.folder / "source").write_bytes(content)
    sealed.sftp("put source /in/f\n")
    whole = sealed.fetched("f")
    told = sealed.curl("-I", sealed.server.url("/in/f"), token=sealed.reader_token).decode().lower()
    assert "content-type: application/age" in told
    assert "sealane-plaintext-length: 70000" in told
    assert f"content-length: {len(whole)}" in told
    assert "repr-digest" not in told
    part = sealed.curl("-r", "100-65700", sealed.server.url("/in/f"), token=sealed.reader_token)
    assert part == whole[100:65_701]


def test_what_its_sender_sealed_is_handed_out_as_it_came(sealed):
    source = sealed.folder / "plain"
    source.write_bytes(secrets.token_bytes(200_000))
    recipient = subprocess.run(["age-keygen", "-y", sealed.identity], capture_output=True, text=True, check=True)
    subprocess.run(["age", "-r", recipient.stdout.strip(), "-o", sealed.folder / "own.age", source], check=True)
    sealed.sftp("put own.age /in/own.age\n")
    assert sealed.fetched("own") == (sealed.folder / "own.age").read_bytes()
    assert sealed.opened("own") == source.read_bytes()
    refused = sealed.sftp("put plain /in/lie.age\n", expect=1)
    assert "close remote" in refused or "not-an-age-file" in refused


def test_an_ordinary_folder_with_files_is_turned_into_a_sealed_one(sealed):
    server = sealed.server
    server.sealane("folder", "add", "clinic:/old")
    server.sealane("folder", "grant", "clinic:/old", "sender@clinic", "--rights", "list,write,delete")
    server.sealane("folder", "grant", "clinic:/old", "reader@clinic", "--rights", "list,read")
    contents = {f"f{number}": secrets.token_bytes(number * 30_000) + KNOWN for number in range(20)}
    for name, content in contents.items():
        (sealed.folder / name).write_bytes(content)
    sealed.sftp("".join(f"put {name} /old/{name}\n" for name in contents))
    server.sealane("folder", "seal", "clinic:/old", "--wait")
    for name, content in contents.items():
        got = sealed.curl(server.url(f"/old/{name}.age"), token=sealed.reader_token)
        (sealed.folder / "x.age").write_bytes(got)
        opened = subprocess.run(
            ["age", "-d", "-i", sealed.identity, sealed.folder / "x.age"], check=True, capture_output=True
        )
        assert opened.stdout == content
    assert server.verify_ledger()


def test_doctor_warns_of_a_sealed_folder_that_one_lost_key_would_lose(sealed):
    said = sealed.server.run("doctor").stdout
    assert "opens with one key only" in said
    other = subprocess.run(["age-keygen"], capture_output=True, text=True, check=True).stdout
    key = next(line.split()[-1] for line in other.splitlines() if "public key" in line)
    sealed.server.sealane("org", "recovery", "add", "clinic", key)
    assert "opens with one key only" not in sealed.server.run("doctor").stdout
