"""What Prometheus is told: requests and their seconds, rows, predictions, what was refused."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

LATENCY = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
TENTHS = tuple(tenth / 10 for tenth in range(1, 11))


class Figures:
    """The figures of one server, in a registry of their own."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        labels = ("path", "status")
        self.requests = Counter("headrace_requests", "Requests", labels, registry=registry)
        self.seconds = Histogram(
            "headrace_request_seconds",
            "Seconds from a request's head to its answer",
            ("path",),
            buckets=LATENCY,
            registry=registry,
        )
        self.rows = Counter("headrace_rows", "Rows that were answered", registry=registry)
        self.refused = Counter(
            "headrace_refused", "Requests that were refused", ("reason",), registry=registry
        )
        self.predictions = Histogram(
            "headrace_prediction", "Predictions", buckets=TENTHS, registry=registry
        )
        self.denied = Counter("headrace_denied", "Requests without a right", registry=registry)
        self.reloads = Counter(
            "headrace_reloads", "Bundles taken over", ("result",), registry=registry
        )
        self.golden = Gauge("headrace_golden_rows", "Golden rows replayed", registry=registry)

    def text(self) -> bytes:
        """Return all figures in Prometheus' text form."""
        return generate_latest(self._registry)
