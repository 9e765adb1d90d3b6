"""Counts what a server does, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The counters of one server; they are no other server's in the same process."""

    def __init__(self) -> None:
        own = self.registry = CollectorRegistry()
        self.requests = Counter(
            "seqloom_requests", "Requests, by path and status.", ("path", "status"), registry=own
        )
        self.seconds = Histogram(
            *("seqloom_request_seconds", "Seconds of a request.", ("path",)),
            buckets=SECONDS,
            registry=own,
        )
        self.batches = Histogram(
            *("seqloom_batch_rows", "Inputs answered together.", ("model",)),
            buckets=ROWS,
            registry=own,
        )
        self.waiting = Gauge(
            "seqloom_waiting_rows", "Inputs that wait for a model.", ("model",), registry=own
        )
        self.streams = Gauge("seqloom_streams", "Texts that are streamed now.", registry=own)
        self.running = Gauge(
            "seqloom_requests_running", "Requests that are answered now.", registry=own
        )

    def text(self) -> bytes:
        """All of them, as Prometheus reads them."""
        return generate_latest(self.registry)
