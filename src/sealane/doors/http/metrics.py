"""Counts and times of this worker, for Prometheus, on a loopback port of their own. No names, paths or addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from sealane.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.simple_server import WSGIServer

    from prometheus_client.registry import Collector

    from sealane.doors.http.exchange import Exchange

_SECONDS = (0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600)
_KINDS = ("content", "uploads", "folders", "receipts", "audit", "move", "me")
_METHODS = frozenset({"GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"})
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_PORTS_TRIED = 64


class Metrics:
    """What is counted."""

    def __init__(self) -> None:
        """Start at nought."""
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "sealane_http_requests", "Requests answered.", ("method", "kind", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "sealane_http_request_seconds", "From the head to the end.", ("kind",), buckets=_SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self._received = Counter("sealane_http_received_bytes", "Body bytes received.", registry=self.registry)
        self._sent = Counter("sealane_http_sent_bytes", "Body bytes sent.", registry=self.registry)
        self._gauges: list[Gauge] = []

    def watch(self, name: str, words: str, value: Callable[[], float]) -> None:
        """Show a number as it is when it is asked for."""
        gauge = Gauge(f"sealane_http_{name}", words, registry=self.registry)
        gauge.set_function(value)
        self._gauges.append(gauge)

    def collect_from(self, collector: Collector) -> None:
        """Tell what a collector says whenever somebody asks."""
        self.registry.register(collector)

    def answered(self, exchange: Exchange) -> None:
        """Count a request that is over. Only words of ours are labels: a stranger cannot make new ones."""
        method = exchange.method if exchange.method in _METHODS else "other"
        part = exchange.scope["path"].removeprefix("/api/v1/").partition("/")[0]
        kind = part if part in _KINDS else "other"
        self._requests.labels(method, kind, str(exchange.status or "broken")).inc()
        self._seconds.labels(kind).observe(exchange.seconds())
        self._received.inc(exchange.came)
        self._sent.inc(exchange.went)


def serve_metrics(metrics: Metrics, address: str) -> WSGIServer:
    """Answer `/metrics` at an address on loopback, or at the first free port after it: workers share the setting."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    if host not in _LOOPBACK or not port.isdigit():
        raise Invalid("The setting 'metrics' is not HOST:PORT on loopback.")
    for offset in range(_PORTS_TRIED):
        try:
            return start_http_server(int(port) + offset, host, metrics.registry)[0]
        except OSError:  # the next worker takes the next port
            continue
    raise Invalid(f"No port is free for metrics at {address} or after it.")
