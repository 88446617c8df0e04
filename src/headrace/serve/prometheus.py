"""What Prometheus is told: requests and their seconds, rows, predictions, what was refused."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

LATENCY = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
TENTHS = np.linspace(0, 1, 11)


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
        self._refused = Counter(
            "headrace_refused",
            "Requests that were refused, by reason; one with two reasons counts under both",
            ("reason",),
            registry=registry,
        )
        self._refused_rows = Counter(
            "headrace_refused_rows",
            "Rows with a mistake, by reason, as far as their refused request was read;"
            " one with two reasons counts under both",
            ("reason",),
            registry=registry,
        )
        self.predictions = Counter(
            "headrace_predictions", "Predictions, by tenths", ("tenth",), registry=registry
        )
        self.denied = Counter("headrace_denied", "Requests without a right", registry=registry)
        self._reloads = Counter(
            "headrace_reloads",
            "Times that a bundle was loaded again, by result",
            ("result",),
            registry=registry,
        )
        self.unwritten = Gauge(
            "headrace_unwritten", "What could not be kept", ("what",), registry=registry
        )
        self.golden = Gauge("headrace_golden_rows", "Golden rows replayed", registry=registry)

    def answered(self, predictions: Sequence[float]) -> None:
        """Count rows that were answered; what is no probability counts at the nearest end."""
        self.rows.inc(len(predictions))
        counts, _ = np.histogram(np.clip(predictions, 0, 1), TENTHS)
        for place, count in enumerate(counts):
            if count:
                self.predictions.labels(f"{place / 10:.1f} to {(place + 1) / 10:.1f}").inc(count)

    def refused(self, reasons: Iterable[str], rows: Mapping[str, int] | None = None) -> None:
        """Count a request that was refused, and for each reason how many rows have it."""
        for reason in reasons:
            self._refused.labels(reason).inc()
        for reason, count in (rows or {}).items():
            self._refused_rows.labels(reason).inc(count)

    def reloaded(self, problem: str) -> None:
        """Count that a bundle was loaded again, whether it took over or there was a problem."""
        self._reloads.labels("refused" if problem else "taken over").inc()

    def text(self) -> bytes:
        """Return all figures in Prometheus' text form."""
        return generate_latest(self._registry)
