"""The demonstration: two organizations exchange real files through a real server, with the clients they have.

Run by `make demo`. Everything lies in a throw-away folder; only 127.0.0.1 and free ports are used. Each step checks
what it claims and stops with a message if it does not hold. `KEEP=1` leaves the server running.
"""

from __future__ import annotations

import contextlib
import hashlib
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
from pathlib import Path
from urllib.parse import quote

from sealane.vault.age.x25519 import X25519Identity

ROOT = Path(__file__).resolve().parent.parent
SEALANE = str(Path(sys.executable).parent / "sealane")
MIB = 1024 * 1024
STARTED = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - STARTED:5.1f} s] {text}", flush=True)


def require(claim: bool, text: str) -> None:
    if not claim:
        print(f"NOT SO: {text}", file=sys.stderr)
        sys.exit(1)


def run(*command: str, stdin: str = "", expect: int | None = 0, cwd: Path | None = None, **environ: str) -> str:
    """Run a client to its end and return what it printed; `expect=None` takes any exit code."""
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=300,
        cwd=cwd,
        env=os.environ | environ,
        check=False,
    )
    if expect is not None and done.returncode != expect:
        print(f"$ {' '.join(command)}\n{done.stdout}{done.stderr}", file=sys.stderr)
        require(claim=False, text=f"{command[0]} ended with {done.returncode}, not {expect}")
    return done.stdout


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_file(path: Path, size: int) -> str:
    """Write `size` random bytes and return their SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(secrets.token_bytes(MIB))
        file.write(secrets.token_bytes(size % MIB))
    return digest_of(path)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Demonstration:
    """One server, two organizations, and the files that go between them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "sealane-data"
        self.http = free_port()
        self.sftp = free_port()
        self.server: subprocess.Popen[str] | None = None
        self.moved = 0

    def sealane(self, *command: str, stdin: str = "", expect: int = 0) -> str:
        return run(SEALANE, *command, "--data", str(self.data), stdin=stdin, expect=expect)

    def serve(self) -> None:
        command = [SEALANE, "serve", "--data", str(self.data)]
        command += ["--http", f"127.0.0.1:{self.http}", "--sftp", f"127.0.0.1:{self.sftp}"]
        log = (self.folder / "server.log").open("a")
        self.server = subprocess.Popen(command, stdout=log, stderr=log, text=True, start_new_session=True)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                answer = subprocess.run(
                    ["curl", "-sf", f"http://127.0.0.1:{self.http}/readyz"], capture_output=True, check=False
                )
                if answer.returncode == 0:
                    return
            if self.server.poll() is not None:
                break
            time.sleep(0.1)
        print((self.folder / "server.log").read_text(), file=sys.stderr)
        require(claim=False, text="the server did not become ready")

    def stop(self) -> None:
        if self.server and self.server.poll() is None:
            self.server.send_signal(signal.SIGTERM)
            self.server.wait(timeout=60)

    def sftp_batch(self, commands: str, *, expect: int | None = 0) -> str:
        """Run OpenSSH's sftp as the clinic's nightly job does."""
        return run(
            "sftp", "-q", "-b", "-", "-i", str(self.folder / "clinic_key"), "-P", str(self.sftp),
            "-o", f"UserKnownHostsFile={self.folder / 'known_hosts'}", "-o", "StrictHostKeyChecking=accept-new",
            "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "nightly@clinic@127.0.0.1",
            stdin=commands, expect=expect, cwd=self.folder,
        )  # fmt: skip

    def curl(self, *options: str, token: str, stdin: str = "", expect: int | None = 0) -> str:
        return run("curl", "-sS", "-H", f"Authorization: Bearer {token}", *options, stdin=stdin, expect=expect)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.http}/api/v1/content{path}"

    # --- the steps --------------------------------------------------------------------------------------------------

    def people_and_folders(self) -> tuple[str, str]:
        """Make the clinic and the law firm; return the tokens of the clinic's clerk and of the law firm."""
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / "clinic_key"))
        self.sealane("org", "add", "clinic")
        self.sealane("org", "add", "lawfirm")
        self.sealane("user", "add", "nightly@clinic", "--ssh-key", str(self.folder / "clinic_key.pub"))
        self.sealane("user", "add", "clerk@clinic")
        self.sealane("user", "add", "pickup@lawfirm")
        self.sealane("folder", "add", "clinic:/claims")
        self.sealane("folder", "grant", "clinic:/claims", "nightly@clinic", "--rights", "list,read,write,delete")
        self.sealane("folder", "grant", "clinic:/claims", "clerk@clinic", "--rights", "list,read,write,delete")
        self.sealane(
            "folder", "grant", "clinic:/claims", "pickup@lawfirm", "--rights", "list,read", "--as", "/from-clinic"
        )
        scopes = ("--scope", "read", "--scope", "write", "--expires", "1d")
        clerk = self.sealane("token", "add", "clerk@clinic", *scopes).strip().splitlines()[-1]
        firm = self.sealane("token", "add", "pickup@lawfirm", *scopes).strip().splitlines()[-1]
        return clerk, firm

    def whose_data(self) -> None:
        """A table of members dropped by sftp: counted in clear, listed for the officer's key alone."""
        identity, recovery = self.folder / "officer.txt", self.folder / "officer-recovery.txt"
        for file in (identity, recovery):
            run("age-keygen", "-o", str(file))
        officer, offline = (run("age-keygen", "-y", str(file)).strip() for file in (identity, recovery))
        self.sealane("officer", "set", "--org", "clinic", "--recipient", officer, "--recovery", offline)
        self.sealane("user", "add", "olga@clinic", "--role", "officer")
        token = self.sealane("token", "add", "olga@clinic", "--scope", "read").strip().splitlines()[-1]
        table = self.folder / "members.csv"
        given = ["Inv" + "".join("abcdefghij"[int(digit)] for digit in f"{n:03}") for n in range(500)]
        rows = [
            f"{name},Member,{1930 + n % 70}-05-1{n % 10},{219_000_000 + n * 7_919:09},0410{n % 10}"
            for n, name in enumerate(given)
        ]
        table.write_text("\n".join(["first_name,last_name,birth_date,ssn,zip", *rows]) + "\n")
        self.sftp_batch(f"put {table} /claims/members.csv\n")
        environ = {
            "SEALANE_URL": f"http://127.0.0.1:{self.http}", "SEALANE_TOKEN": token,
            "XDG_STATE_HOME": str(self.folder / "state"), "XDG_CONFIG_HOME": str(self.folder / "config"),
        }  # fmt: skip
        show = (SEALANE, "exposure", "show", "/claims/members.csv")
        deadline = time.monotonic() + 120
        while (told := json.loads(run(*show, "--json", **environ)))["state"] != "read":
            require(time.monotonic() < deadline, "the table is read soon after it came")
            time.sleep(0.2)
        require(told["people"] == told["classes"]["ssn"] == 500, f"500 members with 500 numbers are counted ({told})")
        people = self.folder / "people.jsonl"
        run(*show, "--people", str(people), "--identity", str(identity), **environ)
        names = {json.loads(line)["given"] for line in people.read_text().splitlines()}
        require(names == set(given), "the officer's key opens the list of all 500")
        run(*show, "--people", str(self.folder / "none.jsonl"), "--identity", self.other_key(), expect=3, **environ)
        known = (b"Invbeh", b"219000000", b"222951581")
        clear = [
            path for path in self.data.rglob("*") if path.is_file() and any(word in path.read_bytes() for word in known)
        ]
        require(not clear, f"no member's name or number is on the server's disk in clear ({clear})")

    def other_key(self) -> str:
        """Return the file of a key that is nobody's."""
        other = self.folder / "other.txt"
        run("age-keygen", "-o", str(other))
        return str(other)

    def upload_over_sftp(self) -> str:
        """A nightly job puts a file; the line breaks; the job resumes with reput."""
        source = self.folder / "members.dat"
        digest = make_file(source, 160 * MIB)
        self.moved += source.stat().st_size
        put = ["sftp", "-q", "-b", "-", "-l", "400000", "-i", str(self.folder / "clinic_key"), "-P", str(self.sftp)]
        put += ["-o", f"UserKnownHostsFile={self.folder / 'known_hosts'}", "-o", "StrictHostKeyChecking=accept-new"]
        put += ["-o", "IdentitiesOnly=yes", "nightly@clinic@127.0.0.1"]
        client = subprocess.Popen(
            put, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
            start_new_session=True,
        )  # fmt: skip
        require(client.stdin is not None, "sftp has a standard input")
        assert client.stdin
        client.stdin.write(f"put {source} /claims/members.dat\n")
        client.stdin.close()
        time.sleep(2.0)
        os.killpg(client.pid, signal.SIGKILL)
        client.wait()
        partial = self.sftp_size("/claims/members.dat")
        require(0 < partial < source.stat().st_size, f"the broken upload can be resumed (it stands at {partial} bytes)")
        say(
            f"SFTP: the line broke after {partial / MIB:.0f} of 160 MiB; the sender sees what was kept, nobody else does"
        )
        self.sftp_batch(f"reput {source} /claims/members.dat\n")
        return digest

    def sftp_size(self, path: str) -> int:
        lines = [
            line.split() for line in self.sftp_batch(f"ls -ln {path}\n").splitlines() if not line.startswith("sftp>")
        ]
        return int(lines[0][4]) if lines else 0

    def upload_over_https(self, token: str) -> str:
        """The clerk's client is killed in the middle of an upload and goes on where it stood."""
        source = self.folder / "scan.tiff"
        digest = make_file(source, 192 * MIB)
        self.moved += source.stat().st_size
        environ = {
            "SEALANE_URL": f"http://127.0.0.1:{self.http}", "SEALANE_TOKEN": token,
            "XDG_STATE_HOME": str(self.folder / "state"), "XDG_CONFIG_HOME": str(self.folder / "config"),
        }  # fmt: skip
        client = subprocess.Popen(
            [SEALANE, "put", "--json", str(source), "/claims/"], env=os.environ | environ, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, start_new_session=True,
        )  # fmt: skip
        assert client.stdout
        for line in client.stdout:
            if json.loads(line).get("position", 0) >= source.stat().st_size // 4:
                break
        os.killpg(client.pid, signal.SIGKILL)
        client.communicate()
        seen = self.curl("-o", "/dev/null", "-w", "%{http_code}", self.url("/claims/scan.tiff"), token=token)
        require(seen == "404", f"a file that is not whole is visible to nobody (status {seen})")
        say("HTTPS: the client was killed in the middle; nobody sees a half file")
        output = run(SEALANE, "put", "--json", str(source), "/claims/", **environ)
        resumed = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
        kept = max((event["position"] for event in resumed if event.get("resumed")), default=0)
        say(f"HTTPS: the same command resumed; {kept / MIB:.0f} MiB did not have to be sent again")
        run(SEALANE, "receipt", "/claims/scan.tiff", **environ)
        return digest

    def repository(self) -> dict[str, str]:
        """Move this repository's own files: SFTP up in one batch, and remember their digests."""
        names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False).stdout.decode()
        files = [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]
        files = files or [path for path in (ROOT / "src").rglob("*.py") if path.is_file()]
        tree = self.folder / "repository"
        for file in files:
            target = tree / file.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
            self.moved += file.stat().st_size
        self.sftp_batch(f"put -r {tree} /claims/repository\n")
        return {str(path.relative_to(tree)): digest_of(path) for path in tree.rglob("*") if path.is_file()}

    def fetch_as_the_other_side(self, token: str, wanted: dict[str, str]) -> None:
        """The law firm fetches everything by HTTPS, once with curl and once, cut in the middle, with a resumed curl."""
        target = self.folder / "lawfirm"
        target.mkdir()
        files = {name: target / name.replace("/", "__") for name in wanted}
        pairs = (
            f'url = "{self.url("/from-clinic/" + quote(name))}"\noutput = "{file}"' for name, file in files.items()
        )
        self.curl("-f", "-K", "-", token=token, stdin="\n".join(pairs))
        for name, digest in wanted.items():
            require(digest_of(files[name]) == digest, f"{name} arrived with the digest it was sent with")
        cut = target / "cut"
        self.curl("-f", "-r", f"0-{50 * MIB - 1}", "-o", str(cut), self.url("/from-clinic/scan.tiff"), token=token)
        self.curl("-f", "-C", "-", "-o", str(cut), self.url("/from-clinic/scan.tiff"), token=token)
        require(digest_of(cut) == wanted["scan.tiff"], "a download that was cut and resumed is whole")

    def what_is_refused(self, clerk: str, firm: str) -> None:
        status = ("-o", "/dev/null", "-w", "%{http_code}")
        upload = self.curl(*status, "-T", str(self.folder / "clinic_key.pub"), self.url("/from-clinic/x"), token=firm)
        require(upload == "403", f"the law firm may not write there (status {upload})")
        other = self.curl(*status, self.url("/claims/members.dat"), token=firm)
        nothing = self.curl(*status, self.url("/claims/no-such-thing"), token=firm)
        require(other == nothing == "404", "what one may not see and what is not there answer alike")
        stranger = self.curl(*status, self.url("/claims/members.dat"), token="sealane_wrong")
        require(stranger == "401", "a stranger is refused")
        climb = self.curl(*status, "--path-as-is", self.url("/claims/../../etc/passwd"), token=clerk)
        require(climb == "400", f"a path that climbs out is refused (status {climb})")

    def sealed_folder(self) -> str:
        """A plain sftp client sends into a sealed folder; age opens it with the reader's key and with no other."""
        identity = self.folder / "counsel.txt"
        run("age-keygen", "-o", str(identity))
        recipient = run("age-keygen", "-y", str(identity)).strip()
        recovery = self.folder / "recovery.txt"
        run("age-keygen", "-o", str(recovery))
        self.sealane("user", "add", "counsel@lawfirm", "--recipient", recipient)
        offline = run("age-keygen", "-y", str(recovery)).strip()
        self.sealane("folder", "add", "clinic:/records", "--sealed", "--settle", "0s", "--recovery", offline)
        self.sealane("folder", "grant", "clinic:/records", "nightly@clinic", "--rights", "list,write")
        self.sealane(
            "folder", "grant", "clinic:/records", "counsel@lawfirm", "--rights", "list,read", "--as", "/records"
        )
        token = self.sealane("token", "add", "counsel@lawfirm", "--scope", "read").strip().splitlines()[-1]
        source = self.folder / "record.pdf"
        digest = make_file(source, 24 * MIB + 5)
        self.moved += source.stat().st_size
        self.sftp_batch(f"put {source} /records/record.pdf\n")
        sealed, back = self.folder / "record.pdf.age", self.folder / "record.pdf.opened"
        deadline = time.monotonic() + 60
        while self.curl("-f", "-o", str(sealed), self.url("/records/record.pdf"), token=token, expect=None) or not (
            sealed.exists()
        ):
            require(time.monotonic() < deadline, "the file is sealed soon after it came")
            time.sleep(0.1)
        require(sealed.read_bytes().startswith(b"age-encryption.org/v1\n"), "what is handed out is an age file")
        chunk = sealed.read_bytes()[-1_000_000:-999_900]
        stored = any(chunk in path.read_bytes() for path in self.data.rglob("*") if path.is_file())
        require(stored, "what lies in the blob store are the same bytes")
        for key in (identity, recovery):
            run("age", "-d", "-i", str(key), "-o", str(back), str(sealed))
            require(digest_of(back) == digest, "age opens it with the reader's key, and with the recovery key")
            back.unlink()
        node_key = bytes.fromhex((self.data / "keys" / "node-1.key").read_text().splitlines()[-1])
        stolen = self.folder / "stolen.txt"
        stolen.write_text(X25519Identity(node_key).text() + "\n")
        run("age", "-d", "-i", str(stolen), "-o", str(back), str(sealed), expect=1)
        require(not back.exists(), "the node's key opens nothing")
        return digest

    def plaintext_on_disk(self) -> int:
        """Return how many files under the data directory hold a known piece of what was uploaded."""
        with (self.folder / "members.dat").open("rb") as file:
            file.seek(3 * MIB)
            needle = file.read(64)
        return sum(needle in path.read_bytes() for path in self.data.rglob("*") if path.is_file())

    def play(self) -> None:
        say("Starting a server on throw-away data")
        self.serve()
        clerk, firm = self.people_and_folders()
        say("Two organizations: clinic (nightly job by SSH key, clerk by token) and lawfirm (pick-up by token)")
        self.whose_data()
        say(
            "A table of members dropped by sftp: 500 people counted; only the officer's key opens the list of who they are"
        )
        wanted = {"members.dat": self.upload_over_sftp()}
        say("SFTP: resumed with reput and published")
        wanted["scan.tiff"] = self.upload_over_https(clerk)
        tree = self.repository()
        wanted |= {f"repository/{name}": digest for name, digest in tree.items()}
        say(f"SFTP: {len(tree)} small files of this repository sent with one put -r")
        self.fetch_as_the_other_side(firm, wanted)
        say(f"The law firm fetched {len(wanted)} files by HTTPS; every SHA-256 is the one that was sent")
        self.what_is_refused(clerk, firm)
        say("Refused as they should be: writing without the right, another's folder, a stranger, a climbing path")
        self.sealed_folder()
        say(
            "A sealed folder: sent by plain sftp, stored as age, opened by age with the reader's key, not with the node's"
        )
        back = self.folder / "back.dat"
        self.sftp_batch(f"get /claims/members.dat {back}\n")
        require(digest_of(back) == wanted["members.dat"], "the clinic reads back by SFTP what it sent")
        require(self.plaintext_on_disk() == 0, "no plaintext of an upload lies on the server's disk")
        say("Searched the server's whole data directory for a known piece of a file: not there in clear")
        verdict = self.sealane("audit", "verify")
        self.stop()
        self.sealane("audit", "verify")
        say("The ledger verifies, with the server running and stopped")
        print()
        print("What happened here:")
        print(
            f"  Two organizations exchanged {len(wanted) + 2} files, {self.moved / MIB:.0f} MiB, with sftp, curl and sealane."
        )
        print("  One upload over SFTP and one over HTTPS were cut in the middle and resumed; nobody saw a half file.")
        print(
            "  One went through a sealed folder: only its reader and the recovery key can open it, the server cannot."
        )
        print(
            "  One held 500 people's data: the server knows how many, the officer's key who; its disk has no name of them."
        )
        print("  Every file arrived with the SHA-256 it was sent with, and none lies in clear on the server's disk.")
        for line in verdict.strip().splitlines():
            print(f"  {line}")


def main() -> None:
    keep = os.environ.get("KEEP") == "1"
    folder = Path(tempfile.mkdtemp(prefix="sealane-demo-"))
    demonstration = Demonstration(folder)
    try:
        demonstration.play()
        if keep:
            demonstration.serve()
            print(f"\nThe server goes on at http://127.0.0.1:{demonstration.http}, SFTP on port {demonstration.sftp}:")
            print(f"  sftp -i {folder}/clinic_key -P {demonstration.sftp} nightly@clinic@127.0.0.1")
            print(
                f"  its data: {folder}/sealane-data   stop it: kill {demonstration.server and demonstration.server.pid}"
            )
    finally:
        if not keep:
            demonstration.stop()
            shutil.rmtree(folder, ignore_errors=True)
    print("\nAnd when somebody breaks in (sealane drill breach):\n", flush=True)
    sys.exit(subprocess.run([SEALANE, "drill", "breach"], check=False).returncode)


if __name__ == "__main__":
    main()
