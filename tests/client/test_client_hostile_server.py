"""What a server says is not believed: names, sizes, ranges, addresses, digests, and how much it says."""

import contextlib
import dataclasses
from pathlib import Path

import pytest

from sealane import errors, paths
from sealane.client import failures, listings, remote, transfers
from sealane.client.accounts import Login
from sealane.client.server import Server
from sealane.clock import Clock
from tests.client.lying_server import CONTENT, SETTINGS, LyingServer, errand

pytestmark = pytest.mark.slow  # each test opens a whole keeper; together they take longer than make check may


NOON = "2026-01-01T12:00:00Z"


def entry(name, **more):
    return {"name": name, "kind": "file", "size": len(CONTENT), "modified": NOON, "version": "v1"} | more


def get(client, home, source="/f"):
    return transfers.get(errand(client, home), source, home / "out")


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_an_honest_server_is_understood(liar, client, tmp_path):
    tally = get(client, tmp_path)
    assert (tally.verified, tally.failures) == (1, [])
    assert (tmp_path / "out").read_bytes() == CONTENT


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "..",
        ".",
        "",
        "/etc/evil",
        "a/b",
        "a\\b",
        "nul\0",
        "line\nbreak",
        "\u202egnp.exe",
        "x" * 256,
        " a",
        "a\u0301",
    ],
)
def test_a_name_that_breaks_the_rules_never_touches_the_disk(liar, client, tmp_path, name):
    def lie(request):
        if request.path.startswith("/api/v1/folders/"):
            request.say({"entries": [entry(name)], "after": ""})
        elif request.command == "HEAD" and request.path.endswith("/f"):
            request.problem(409, "is-a-folder")
        else:
            return False
        return True

    liar.lie = lie
    home = tmp_path / "home"
    home.mkdir()
    with pytest.raises((errors.PathInvalid, failures.AnswerInvalid)):
        get(client, home)
    assert files_below(tmp_path) == []


def test_a_listing_that_never_ends_is_ended(liar, client):
    def for_ever(request):
        request.say({"entries": [entry("a")], "after": "a"})
        return True

    liar.lie = for_ever
    with pytest.raises(failures.AnswerInvalid):
        list(listings.entries(client, ("f",), SETTINGS))
    numbers = iter(range(10**9))

    def ever_new(request):
        number = next(numbers)
        request.say({"entries": [entry(f"{number:09}-{n}") for n in range(100)], "after": f"{number:09}"})
        return True

    liar.lie = ever_new
    with pytest.raises(errors.TooMany):
        list(listings.entries(client, ("f",), SETTINGS))


def test_an_answer_larger_than_any_answer_is_not_read_to_its_end(liar, client):
    sent = []

    def flood(request):
        request.send_response(200)
        request.send_header("Content-Length", str(10**12))
        request.end_headers()
        try:
            while True:
                request.wfile.write(b"x" * 65536)
                sent.append(65536)
        except OSError:
            return True

    liar.lie = flood
    with pytest.raises(failures.AnswerInvalid):
        remote.receipt(client, ("f",))
    assert sum(sent) < 50_000_000, "what the sockets hold, and no more"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_with_the_token(liar, client, status):
    liar.lie = lambda request: request.answer(status, Location=f"http://127.0.0.1:{liar.server_port}/other") or True
    with pytest.raises(failures.AnswerInvalid):
        remote.look(client, ("f",))
    assert [path for _, path, _ in liar.requests] == ["/api/v1/content/f"]


@pytest.mark.parametrize(
    "location",
    [
        "http://evil.example.org/api/v1/uploads/a",
        "https://127.0.0.1/api/v1/uploads/a",
        "//evil.example.org/api/v1/uploads/a",
        "/elsewhere/a",
        "/api/v1/uploads",
        "../../../a",
        "",
    ],
)
def test_an_upload_is_not_sent_to_another_address(liar, client, tmp_path, location):
    def lie(request):
        if request.command == "POST":
            request.answer(201, Location=location)
        elif request.command == "HEAD":
            request.problem(404, "missing")
        else:
            return False
        return True

    liar.lie = lie
    source = tmp_path / "big"
    source.write_bytes(CONTENT)
    tally = transfers.put(errand(client, tmp_path), [source], "/f/x")
    assert isinstance(tally.worst, failures.AnswerInvalid)
    assert "PATCH" not in [command for command, _, _ in liar.requests]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Range": f"bytes 0-255/{len(CONTENT) + 1}"},
        {"Content_Range": "bytes 1-256/1000"},
        {"Content_Range": "bytes */1000"},
        {"Content_Encoding": "gzip"},
    ],
)
def test_a_range_that_was_not_asked_for_is_not_taken(liar, client, tmp_path, headers):
    liar.lie = lambda request: request.command == "GET" and "Range" in request.headers and not request.file(**headers)
    tally = get(client, tmp_path)
    assert isinstance(tally.worst, failures.AnswerInvalid)
    assert not (tmp_path / "out").exists()


def test_more_bytes_than_asked_for_are_not_written(liar, client, tmp_path):
    liar.lie = lambda request: (
        "Range" in request.headers
        and not request.answer(
            206,
            CONTENT,
            Content_Range=f"bytes {request.headers['Range'].removeprefix('bytes=')}/{len(CONTENT)}",
            ETag='"v1"',
        )
    )
    tally = get(client, tmp_path)
    assert isinstance(tally.worst, failures.AnswerInvalid)
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "out.part").stat().st_size <= len(CONTENT)


def test_a_range_that_ends_early_is_a_broken_connection(liar, client, tmp_path):
    def lie(request):
        if "Range" not in request.headers:
            return False
        request.file(Content_Length=10**6)
        request.close_connection = True
        return True

    liar.lie = lie
    tally = get(client, tmp_path)
    assert isinstance(tally.worst, failures.Unreachable)
    assert not (tmp_path / "out").exists()


def test_a_digest_that_differs_gives_the_file_no_name(liar, client, tmp_path):
    liar.lie = lambda request: request.path.startswith("/api/v1/content") and not request.file(digest=b"\1" * 32)
    tally = get(client, tmp_path)
    assert isinstance(tally.worst, failures.NotVerified)
    assert files_below(tmp_path) == []


@pytest.mark.parametrize("said", ["sha-256=:AAAA:", "sha-256=:!:", "md5=:AAAA:", "sha-256=AAAA", "sha-256=:"])
def test_a_digest_that_is_none_does_not_count_as_verified(liar, client, tmp_path, said):
    liar.lie = lambda request: request.path.startswith("/api/v1/content") and not request.file(Repr_Digest=said)
    tally = get(client, tmp_path)
    assert (tally.files, tally.verified) == (0, 0)


def test_a_file_that_is_about_to_be_sealed_is_waited_for_to_be_fetched_and_not_to_be_sent(liar, client, tmp_path):
    asked = []

    def lie(request):
        if request.path.startswith("/api/v1/folders/"):
            return not request.say({"entries": [], "after": ""})
        if request.command == "HEAD":
            asked.append(request.path)
            return len(asked) < 3 and not request.file(ETag='""')
        return request.command == "PUT" and not request.answer(201, ETag='"v2"')

    liar.lie = lie
    with pytest.raises(failures.BeingSealed):
        remote.look(client, ("f",))
    patient = errand(client, tmp_path, dataclasses.replace(SETTINGS, give_up_seconds=30, pause_seconds_max=1))
    assert transfers.get(patient, "/f", tmp_path / "out").verified == 1
    assert (tmp_path / "out").read_bytes() == CONTENT
    asked.clear()
    (tmp_path / "small").write_bytes(b"x")
    transfers.put(errand(client, tmp_path), [tmp_path / "small"], "/f/x")
    assert "PUT" in [command for command, _, _ in liar.requests]
    assert len(asked) == 1


@pytest.mark.parametrize("etag", ["", '"a/../b"', '"x" "y"', 'W/"v1"'])
def test_a_version_that_is_no_name_is_not_taken(liar, client, etag):
    liar.lie = lambda request: not request.file(ETag=etag)
    with pytest.raises(failures.AnswerInvalid):
        remote.look(client, ("f",))


@pytest.mark.parametrize("asked", ["PATCH", "HEAD"])
@pytest.mark.parametrize("offset", ["", "-1", "1e3", "257", "\u0661", "99999999999999999999"])
def test_an_offset_beyond_the_part_is_not_believed(liar, client, tmp_path, offset, asked):
    def lie(request):
        if request.command == "POST":
            request.answer(201, Location="/api/v1/uploads/a")
        elif request.command == "PATCH" and asked == "PATCH":
            request.answer(204, Upload_Offset=offset.encode("ascii", "replace").decode())
        elif request.command == "PATCH":
            request.problem(503, "unavailable")
        elif request.path.startswith("/api/v1/uploads/"):
            request.answer(200, Upload_Offset=offset.encode("ascii", "replace").decode())
        elif request.command == "HEAD":
            request.problem(404, "missing")
        else:
            return False
        return True

    liar.lie = lie
    source = tmp_path / "big"
    source.write_bytes(CONTENT)
    tally = transfers.put(errand(client, tmp_path), [source], "/f/x")
    assert isinstance(tally.worst, failures.AnswerInvalid)
    assert asked in {command for command, path, _ in liar.requests if path.startswith("/api/v1/uploads/")}


def test_a_server_that_takes_a_body_and_acknowledges_nothing_is_not_sent_to_for_ever(liar, client, tmp_path):
    def lie(request):
        if request.command == "POST":
            request.answer(201, Location="/api/v1/uploads/a")
        elif request.command == "PATCH":
            request.answer(204, Upload_Offset="0")
        elif request.command == "HEAD":
            request.problem(404, "missing")
        else:
            return False
        return True

    liar.lie = lie
    source = tmp_path / "big"
    source.write_bytes(CONTENT)
    tally = transfers.put(errand(client, tmp_path), [source], "/f/x")
    assert isinstance(tally.worst, failures.AnswerInvalid)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (401, "not-signed-in", errors.NotSignedIn),
        (401, "unheard-of", errors.NotSignedIn),
        (403, "not-allowed", errors.NotAllowed),
        (404, "missing", errors.Missing),
        (409, "already-exists", errors.AlreadyExists),
        (410, "upload-missing", errors.UploadMissing),
        (413, "quota-exceeded", errors.QuotaExceeded),
        (412, "precondition-failed", failures.ChangedThere),
        (423, "upload-busy", errors.UploadBusy),
        (429, "too-many", errors.TooMany),
        (503, "keeper-away", errors.KeeperAway),
        (507, "store-full", errors.StoreFull),
        (418, "teapot", failures.AnswerInvalid),
    ],
)
def test_problems_are_the_errors_that_the_server_meant(liar, client, status, code, expected):
    liar.lie = lambda request: not request.problem(status, code)
    with pytest.raises(expected) as raised:
        remote.receipt(client, ("f",))
    assert raised.type is expected
    assert "sealane_secret" not in str(raised.value)


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"[]", b'{"code": 5}', b"\xff\xfe"])
def test_an_answer_that_is_no_problem_document_is_understood_by_its_status(liar, client, body):
    liar.lie = lambda request: not request.answer(502, body)
    with pytest.raises(errors.Unavailable):
        remote.receipt(client, ("f",))
    liar.lie = lambda request: not request.answer(200, body)
    with pytest.raises(failures.AnswerInvalid):
        remote.receipt(client, ("f",))


def test_nobody_listening_is_unreachable(tmp_path):
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server(Login(f"http://127.0.0.1:{port}", "t"), SETTINGS)
    with pytest.raises(failures.Unreachable):
        remote.look(server, ("f",))
    server.close()


def test_a_certificate_that_is_not_trusted_is_refused_and_not_tried_again(tmp_path):
    import ssl

    from sealane.app import certificate

    crt, key = certificate.ensured(tmp_path / "keys", ["127.0.0.1"], Clock().now())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    with contextlib.closing(LyingServer(context)) as listener:
        url = f"https://127.0.0.1:{listener.server_port}"
        stranger = Server(Login(url, "t"), SETTINGS)
        with pytest.raises(failures.CertificateRefused, match="self-signed"):
            remote.look(stranger, ("f",))
        assert listener.requests == []
        trusting = Server(Login(url, "t", str(crt)), SETTINGS)
        assert remote.look(trusting, ("f",)).size == len(CONTENT)
        trusting.close()
        stranger.close()


def test_every_name_of_a_path_is_encoded_once(liar, client):
    name = "a b%2f?#&\u00e9:"
    remote.look(client, ("f", name))
    assert liar.requests[-1][1] == "/api/v1/content/f/a%20b%252f%3F%23%26%C3%A9%3A"
    assert paths.check_name(name) == name


def test_a_missing_certificate_file_is_said(tmp_path):
    with pytest.raises(failures.LocalFailure):
        Server(Login("https://files.example.org", "t", str(Path(tmp_path) / "none.pem")), SETTINGS)
