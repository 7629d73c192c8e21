"""Clients that send and fetch without end while a server is killed under them, and remember what was promised to them.

Every file's content follows from its name, so that whoever meets a name knows what its bytes must be.
"""

import base64
import hashlib
import subprocess
import threading

import httpx

KIB = 1024
PATCH_BYTES = 256 * KIB
TUS = {"Tus-Resumable": "1.0.0"}


def content_of(name, size):
    """Return the bytes of a file: SHAKE-256 of its name."""
    return hashlib.shake_256(name.encode()).digest(size)


def size_of(name):
    """Return the size of a file: 16 KiB to 3 MiB, by its name."""
    return 16 * KIB + int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % (3072 * KIB)


class Progress:
    """What all clients have had acknowledged, and a way to wait until it grows."""

    def __init__(self):
        self._changed = threading.Condition()
        self._bytes = 0
        self.stopping = threading.Event()
        self.finished = {}
        self.wrong = []

    def acknowledged(self, count):
        with self._changed:
            self._bytes += count
            self._changed.notify_all()

    def complain(self, sentence):
        self.wrong.append(sentence)
        self.stopping.set()
        self.acknowledged(0)

    def wait_for_more(self, count, seconds=120):
        """Return once `count` further bytes were acknowledged, or something is wrong."""
        with self._changed:
            until = self._bytes + count
            assert self._changed.wait_for(lambda: self._bytes >= until or self.wrong, seconds), "nothing moves any more"


class Client(threading.Thread):
    """A client that works on one file after another until it is asked to stop; it finishes what it began."""

    def __init__(self, name, server, progress):
        super().__init__(name=name, daemon=True)
        self.server = server
        self.progress = progress

    def run(self):
        number = 0
        while not self.progress.stopping.is_set():
            name = f"{self.name}-{number}"
            try:
                self.move(name)
            except Exception as problem:  # noqa: BLE001  # whatever it is, the test must hear of it
                self.progress.complain(f"{name}: {problem!r}")
                return
            number += 1

    def move(self, name):
        raise AssertionError(f"{name} is for a kind of client to move")


class HttpClient(Client):
    """Asks again for as long as the server is away."""

    def __init__(self, name, server, progress, token):
        super().__init__(name, server, progress)
        self._base = f"http://127.0.0.1:{server.http_port}"
        self._headers = {"Authorization": f"Bearer {token}"}

    def ask(self, method, path, *, headers=None, content=None, again=True):
        """Return the answer; None where the line broke and `again` is false."""
        for _ in range(400):
            try:
                with httpx.Client(base_url=self._base, timeout=60) as client:
                    answer = client.request(method, path, headers=self._headers | (headers or {}), content=content)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code not in {502, 503, 423}:
                return answer
            if not again:
                return None
            self.progress.stopping.wait(0.05)
        raise AssertionError("the server did not come back")


class TusSender(HttpClient):
    """Sends by tus in small pieces; an offset that was acknowledged once must never be taken back."""

    def move(self, name):
        content = content_of(name, size_of(name))
        path = base64.b64encode(f"/in/{name}".encode()).decode()
        made = self.ask(
            "POST", "/api/v1/uploads",
            headers=TUS | {"Upload-Length": str(len(content)), "Upload-Metadata": f"path {path}"},
        )  # fmt: skip
        assert made.status_code == 201, made.text
        upload = made.headers["Location"]
        acknowledged = 0
        while acknowledged < len(content):
            piece = content[acknowledged : acknowledged + PATCH_BYTES]
            headers = TUS | {"Upload-Offset": str(acknowledged), "Content-Type": "application/offset+octet-stream"}
            answer = self.ask("PATCH", upload, headers=headers, content=piece, again=False)
            if answer is None or answer.status_code != 204:
                stands = self.ask("HEAD", upload, headers=TUS)
                assert stands.status_code in {200, 204}, f"HEAD: {stands.status_code} {stands.text}"
                offset = int(stands.headers["Upload-Offset"])
                assert offset >= acknowledged, f"offset {offset} of {acknowledged} acknowledged"
            else:
                offset = int(answer.headers["Upload-Offset"])
            self.progress.acknowledged(offset - acknowledged)
            acknowledged = offset
        self.progress.finished[name] = len(content)


class SftpSender(Client):
    """Puts with OpenSSH's sftp, and after a break reputs what is there, as a nightly job does."""

    def __init__(self, name, server, progress, home, options):
        super().__init__(name, server, progress)
        self._home = home
        self._options = options

    def batch(self, lines):
        """Return what the commands printed, None if they failed or the line broke."""
        words = ["sftp", "-q", "-b", "-", *self._options, "127.0.0.1"]
        done = subprocess.run(words, input=lines, text=True, capture_output=True, timeout=120, check=False)
        return done.stdout if done.returncode == 0 else None

    def stands_at(self, name):
        """Return the size of what is there of a file, as its sender sees it: None if there is nothing yet."""
        for _ in range(400):
            listed = self.batch("ls -ln /in\n")
            if listed is not None:
                sizes = {words[-1]: int(words[4]) for words in map(str.split, listed.splitlines()) if len(words) > 8}
                return sizes.get(name, sizes.get(f"/in/{name}"))
            self.progress.stopping.wait(0.05)
        raise AssertionError("the server did not come back")

    def move(self, name):
        content = content_of(name, size_of(name))
        local = self._home / name
        local.write_bytes(content)
        command = "put"
        while self.batch(f"{command} {local} /in/{name}\n") is None:
            there = self.stands_at(name)
            if there == len(content):
                break  # it was finished, and only the answer was lost
            command = "put" if there is None else "reput"
        local.unlink()
        self.progress.acknowledged(len(content))
        self.progress.finished[name] = len(content)


class Reader(HttpClient):
    """Somebody of another organization: lists the folder, fetches files, and must never meet a half one."""

    def move(self, _name):
        listed = self.ask("GET", "/api/v1/folders/@clinic/in?limit=1000")
        assert listed.status_code == 200, listed.text
        entries = listed.json()["entries"]
        for entry in entries:
            assert entry["size"] == size_of(entry["name"]), f"{entry['name']} is shown with {entry['size']} bytes"
        for entry in entries[-2:]:
            answer = self.ask("GET", f"/api/v1/content/@clinic/in/{entry['name']}", again=False)
            if answer is None or answer.status_code == 404:
                continue
            assert answer.status_code == 200, answer.text
            assert answer.content == content_of(entry["name"], entry["size"]), f"{entry['name']} is not what was sent"
            self.progress.acknowledged(len(answer.content))
