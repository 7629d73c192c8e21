"""A server that answers the client as a test says, and else as an honest one would; and what asks it."""

import base64
import hashlib
import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sealane.client import transfers
from sealane.client.accounts import Login
from sealane.client.patience import Stop
from sealane.client.server import Server
from sealane.clock import Clock
from sealane.settings import ClientSettings

CONTENT = b"0123456789" * 100
SETTINGS = replace(
    ClientSettings(),
    whole_file_bytes_max=100,
    part_bytes_min=256,
    part_bytes_max=256,
    block_bytes=64,
    answer_bytes_max=100_000,
    listing_entries_max=1000,
    give_up_seconds=0,
    silence_seconds=5,
    digest_wait_seconds=0,
)


class Liar(BaseHTTPRequestHandler):
    """Answers as the test says: a function of the request, else what an honest server says."""

    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def say(self, thing, status=200):
        self.answer(status, json.dumps(thing).encode(), Content_Type="application/json")

    def problem(self, status, code):
        body = json.dumps({"title": "x", "status": status, "code": code, "detail": "No."}).encode()
        self.answer(status, body, Content_Type="application/problem+json")

    def file(self, content=CONTENT, digest=None, **headers):
        first, last = 0, len(content) - 1
        status = 200
        if asked := self.headers.get("Range"):
            first, last = map(int, asked.removeprefix("bytes=").split("-"))
            status = 206
            headers = {"Content_Range": f"bytes {first}-{last}/{len(content)}"} | headers
        known = base64.b64encode(digest or hashlib.sha256(content).digest()).decode()
        said = {"ETag": '"v1"', "Repr_Digest": f"sha-256=:{known}:"} | headers
        self.answer(status, content[first : last + 1], **said)

    def _one(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        self.server.requests.append((self.command, self.path, dict(self.headers)))
        if not self.server.lie(self):
            self.honest()

    def honest(self):
        if self.path.startswith("/api/v1/folders/"):
            self.problem(409, "not-a-folder")
        elif self.path.startswith("/api/v1/recipients/"):
            self.say({"sealed": False, "recipients": [], "without_key": []})
        else:
            self.file()

    def log_message(self, *_):
        pass


for method in ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"):
    setattr(Liar, f"do_{method}", Liar._one)


class LyingServer(ThreadingHTTPServer):
    """Serves on a port of its own until closed. `lie` answers a request and says that it did."""

    daemon_threads = True

    def __init__(self, tls=None):
        super().__init__(("127.0.0.1", 0), Liar)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.requests = []
        self.lie = lambda _: False
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def handle_error(self, request, client_address):
        """Say nothing: a client that hangs up is what many of these tests want."""

    def close(self):
        self.shutdown()
        self.server_close()

    def client(self):
        return Server(Login(f"http://127.0.0.1:{self.server_port}", "sealane_secret"), SETTINGS)


def errand(client, home, settings=SETTINGS):
    return transfers.Errand(client, settings, Clock(), Stop(), lambda _: None, home / "journals")
