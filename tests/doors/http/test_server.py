"""The worker: what it stands on, where it dares to listen, what it counts."""

import contextlib
import socket

import granian
import httpx
import pytest

from sealane.doors.http import server
from sealane.doors.http.metrics import Metrics, serve_metrics
from sealane.errors import Invalid
from sealane.settings import Settings

pytestmark = pytest.mark.slow  # together they take longer than make check may


def test_another_granian_is_refused_with_a_clear_error(monkeypatch):
    server.check_foundations()
    monkeypatch.setattr(granian, "__version__", "2.9.0")
    with pytest.raises(RuntimeError, match=r"granian 2\.9\.0 is not 2\.8\.x"):
        server.check_foundations()


def test_without_tls_it_serves_on_loopback_only():
    with socket.create_server(("0.0.0.0", 0)) as everywhere, pytest.raises(server.ClearTextRefused):
        server.InheritedServer(None, everywhere, Settings())


async def test_requests_are_counted_by_words_of_ours_only(house):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with house.open(metrics=f"127.0.0.1:{port}") as door, door.client() as anna:
            await anna.put("/api/v1/content/in/secret-name", content=b"12345")
            await anna.get("/api/v1/content/in/secret-name")
            await anna.request("INVENTED", "/api/v1/invented")
            told = await metrics_after(port)
    assert 'sealane_http_requests_total{kind="content",method="PUT",status="201"} 1.0' in told
    assert 'sealane_http_requests_total{kind="other",method="other",status="404"} 1.0' in told
    assert "sealane_http_received_bytes_total 5.0" in told
    assert "sealane_http_sessions 1.0" in told
    assert "sealane_reading_waiting_files 0.0" in told
    assert "sealane_reading_behind 0.0" in told
    assert "secret" not in told
    assert "invented" not in told.lower()
    assert "127.0.0.1" not in told


async def metrics_after(port: int) -> str:
    """What is told at the next port after this one that tells of HTTP: it was the next free one."""
    async with httpx.AsyncClient(trust_env=False, verify=False) as probe:
        for offset in range(1, 64):
            with contextlib.suppress(httpx.TransportError):
                answer = await probe.get(f"http://127.0.0.1:{port + offset}/metrics", timeout=5)
                if "sealane_http" in answer.text:
                    return answer.text
    raise AssertionError("nothing is told")


@pytest.mark.parametrize("address", ["0.0.0.0:9464", "9464", "files.example.org:9464", "127.0.0.1:x", ""])
def test_metrics_are_told_on_loopback_only(address):
    with pytest.raises(Invalid):
        serve_metrics(Metrics(), address)
