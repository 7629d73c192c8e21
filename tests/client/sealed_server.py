"""A small server with one sealed folder, in this process: it keeps what it is sent, and answers as docs/http.md says.

Nothing in it can open anything. `kept` is what it has: name to age bytes; `received` is every byte that came, by place.
"""

import base64
import copy
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from sealane.vault.age import header

NOON = "2026-01-01T12:00:00Z"
HTTP_NOON = "Thu, 01 Jan 2026 12:00:00 GMT"


def shown(digest):
    return f"sha-256=:{base64.b64encode(digest).decode()}:"


class Kept:
    """A sealed file."""

    def __init__(self, sealed, length, digest, version):
        self.sealed, self.length, self.digest, self.version = sealed, length, digest, version
        self.recipients = ()

    @property
    def header_length(self):
        return header.parse(self.sealed)[1]

    @property
    def payload_digest(self):
        return hashlib.sha256(self.sealed[self.header_length :]).digest()

    @property
    def etag(self):
        return f'"{self.version}-{hashlib.sha256(self.sealed[: self.header_length]).hexdigest()[:8]}"'

    def replace_header(self, new):
        self.sealed = new + self.sealed[self.header_length :]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _one(self):
        self.house = self.server.house
        split = urlsplit(self.path)
        self.query = {name: values[0] for name, values in parse_qs(split.query).items()}
        self.words = [unquote(word) for word in split.path.removeprefix("/api/v1/").split("/")]
        self.house.requests.append((self.command, self.path, dict(self.headers)))
        if self.house.lie is not None and self.house.lie(self):
            return
        getattr(self, f"on_{self.words[0]}")()

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
        self.answer(status, json.dumps({"code": code, "detail": "No."}).encode())

    def body(self):
        """Read the body as it comes, noting each byte; a connection that breaks leaves what came before."""
        left, got = int(self.headers.get("Content-Length") or 0), bytearray()
        while left:
            block = self.rfile.read1(min(left, 65536))
            if not block:
                raise ConnectionError
            got += block
            left -= len(block)
        return bytes(got)

    # --- what it answers ------------------------------------------------------------------------------------------

    def on_recipients(self):
        self.say(self.house.recipients)

    def on_folders(self):
        name = self.words[-1]
        if self.command == "POST":
            self.say({}, 201)
        elif name != "sealed":
            self.problem(404, "missing")
        else:
            entries = [
                {
                    "name": f"{name}.age", "kind": "file", "size": len(kept.sealed), "modified": NOON,
                    "version": kept.version, "sealed": True, "plaintext_length": kept.length,
                }
                for name, kept in sorted(self.house.kept.items())
            ]  # fmt: skip
            self.say({"entries": entries, "after": ""})

    def on_content(self):
        name = self.words[-1].removesuffix(".age")
        if self.command == "PUT":
            sealed = bytearray(self.body())
            sealed[-1] ^= self.house.alters
            if self.headers["Repr-Digest"] != shown(hashlib.sha256(sealed).digest()):
                return self.problem(460, "digest-mismatch")
            self.house.keep(
                name,
                bytes(sealed),
                int(self.headers["Sealane-Plaintext-Length"]),
                base64.b64decode(self.headers["Sealane-Plaintext-Digest"].split(":")[1]),
            )
            assert self.headers["Sealane-Sealed"] == "age"
            return self.made(self.house.kept[name])
        if self.words == ["content", "sealed"]:
            return self.problem(409, "is-a-folder")
        if name not in self.house.kept:
            return self.problem(404, "missing")
        kept = copy.copy(self.house.kept[name])  # its header may be replaced meanwhile
        if self.headers.get("If-Match") not in (None, kept.etag):
            return self.problem(412, "precondition-failed")
        first, last, status, more = 0, len(kept.sealed) - 1, 200, {"Content_Type": "application/age"}
        asked = self.headers.get("Range", "")
        both = re.fullmatch(r"bytes=0-(\d+),-(\d+)", asked)
        if asked and both is None:
            first, last = map(int, asked.removeprefix("bytes=").split("-"))
            last = min(last, len(kept.sealed) - 1)
            status = 206
            more |= {"Content_Range": f"bytes {first}-{last}/{len(kept.sealed)}"}
        if kept.digest and self.house.tells_digests:
            more["Sealane_Plaintext_Digest"] = shown(kept.digest)
        if self.house.tells_digests:
            more["Sealane_Payload_Digest"] = shown(kept.payload_digest)
        content = kept.sealed[first : last + 1]
        if both is not None and int(both[1]) < len(content) - int(both[2]) - 1:
            status, more["Content_Type"] = 206, "multipart/byteranges; boundary=b"
            spans = [(0, int(both[1]) + 1), (len(content) - int(both[2]), len(content))]
            pieces = [
                f"--b\r\nContent-Range: bytes {first}-{past - 1}/{len(content)}\r\n\r\n".encode()
                + content[first:past] + b"\r\n" for first, past in spans
            ]  # fmt: skip
            content = b"".join([*pieces, b"--b--\r\n"])
        return self.answer(
            status, content, ETag=kept.etag, Sealane_Version=kept.version,
            Sealane_Plaintext_Length=kept.length, Last_Modified=HTTP_NOON, Content_Length=len(content), **more,
        )  # fmt: skip

    def made(self, kept):
        more = {"Sealane_Payload_Digest": shown(kept.payload_digest)} if self.house.tells_digests else {}
        self.answer(201, ETag=kept.etag, Sealane_Version=kept.version, **more)

    def on_receipts(self):
        name = self.words[-1].removesuffix(".age")
        kept = self.house.kept[name]
        self.say(
            {"path": "/" + "/".join(self.words[1:]), "version": kept.version, "size": kept.length, "sha256": None,
             "payload_sha256": kept.payload_digest.hex(), "transfers": []}
        )  # fmt: skip

    def on_headers(self):
        if self.command == "POST":
            batch = json.loads(self.body())["headers"]
            if len(batch) > self.house.headers_max:
                return self.problem(413, "too-large")
            for one in batch:
                kept = next(kept for kept in self.house.kept.values() if kept.version == one["version"])
                kept.replace_header(base64.b64decode(one["header"]))
                kept.recipients = tuple(one["recipients"])
            return self.say({"replaced": len(batch), "refused": []})
        wanted = tuple(one["recipient"] for one in self.house.recipients["recipients"])
        files = [
            {
                "version": kept.version, "path": f"{self.query['folder']}/{name}",
                "header": base64.b64encode(kept.sealed[: kept.header_length]).decode(),
                "recipients": list(kept.recipients), "lacking": sorted(set(wanted) - set(kept.recipients)),
                "extra": sorted(set(kept.recipients) - set(wanted)),
            }
            for name, kept in sorted(self.house.kept.items())
            if set(kept.recipients) != set(wanted) and name > self.query.get("after", "")
        ]  # fmt: skip
        page = files[: int(self.query["limit"])]
        last = page[-1]["path"].rpartition("/")[2] if len(page) < len(files) else ""
        return self.say({"files": page, "after": last})

    # --- tus --------------------------------------------------------------------------------------------------------

    def on_uploads(self):
        house = self.house
        if self.command == "POST":
            words = dict(word.split(" ", 1) for word in self.headers["Upload-Metadata"].split(","))
            said = {key: base64.b64decode(value).decode() for key, value in words.items()}
            house.metadata.append(said)
            if self.headers["Upload-Concat"] == "partial":
                with house.lock:
                    number = len(house.parts)
                    house.parts.append(bytearray())
                return self.answer(201, Location=f"/api/v1/uploads/{number}")
            numbers = [int(one.rpartition("/")[2]) for one in self.headers["Upload-Concat"][6:].split(" ")]
            whole = b"".join(bytes(house.parts[number]) for number in numbers)
            name = said["path"].rpartition("/")[2]
            house.keep(name, whole, int(said["plaintext-length"]), bytes.fromhex(said["plaintext-digest"]))
            return self.made(house.kept[name])
        part = house.parts[int(self.words[-1])]
        if self.command == "HEAD":
            return self.answer(200, Upload_Offset=len(part))
        if self.command == "DELETE":
            return self.answer(204)
        offset = int(self.headers["Upload-Offset"])
        if offset != len(part):
            return self.problem(409, "offset-conflict")
        left = int(self.headers["Content-Length"])
        while left:
            block = self.rfile.read1(min(left, 65536))
            if not block:
                return None
            left -= len(block)
            part += block
            house.note(int(self.words[-1]), len(part) - len(block), block)
            if house.cut_after is not None and house.taken > house.cut_after:
                house.cut_after = None
                # As a line does that dies: what is not acknowledged may be there, or not.
                del part[max(0, len(part) - house.forgets_bytes) :]
                self.close_connection = True
                self.connection.close()
                return None
        return self.answer(204, Upload_Offset=len(part))

    def log_message(self, *_):
        pass


for method in ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"):
    setattr(Handler, f"do_{method}", Handler._one)


class House:
    """What the server has and has seen."""

    def __init__(self):
        self.kept = {}
        self.parts = []
        self.metadata = []
        self.requests = []
        self.recipients = {"sealed": True, "recipients": [], "without_key": []}
        self.tells_digests = True
        self.headers_max = 500
        self.alters = 0
        """What a line does to the last byte of a body."""
        self.lie = None
        self.cut_after = None
        self.forgets_bytes = 0
        self.taken = 0
        self.seen = {}
        """By part and place, every byte that ever arrived there: two different ones would be of two plaintexts."""
        self.lock = threading.Lock()
        self._versions = 0

    def seal_to(self, *identities):
        self.recipients["recipients"] = [
            {"recipient": str(one.recipient()), "user": f"user{number}@clinic", "recovery": False}
            for number, one in enumerate(identities)
        ]

    def keep(self, name, sealed, length, digest=None):
        with self.lock:
            self._versions += 1
            version = f"v{self._versions}"
        begins = header.parse(sealed)[1]
        assert len(sealed) > begins + 16
        self.kept[name] = Kept(sealed, length, digest, version)
        self.kept[name].recipients = tuple(one["recipient"] for one in self.recipients["recipients"])

    def note(self, part, offset, block):
        with self.lock:
            self.taken += len(block)
            self.seen.setdefault(part, []).append((offset, bytes(block)))

    def paths_asked(self, command):
        return [re.sub(r"\?.*", "", path) for asked, path, _ in self.requests if asked == command]


class SealedServer:
    """`with SealedServer() as server: server.house, server.url`."""

    def __enter__(self):
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._http.handle_error = lambda *_: None  # lines that break are what these tests are about
        self.house = self._http.house = House()
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()
