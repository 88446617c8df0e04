"""Metrics for Prometheus: requests and their latency, rows, predictions, refusals."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from headrace.bundle.model_service import PROBABILITY

LATENCY_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class ServerMetrics:
    """The metrics of one server, in a registry of their own."""

    def __init__(self) -> None:
        # Not the library's global one, in which a second server of this process would clash.
        registry = self._registry = CollectorRegistry()
        counter, gauge = partial(Counter, registry=registry), partial(Gauge, registry=registry)
        self.requests = counter("headrace_requests", "Requests", ("path", "status"))
        text = "Seconds from the head of a request to its answer"
        self.seconds = Histogram(
            "headrace_request_seconds", text, ("path",), buckets=LATENCY_BUCKETS, registry=registry
        )
        self.rows = counter("headrace_rows", "Rows answered")
        text = "Requests refused, by reason; one with two reasons counts under both"
        self._refused = counter("headrace_refused", text, ("reason",))
        text = (
            "Invalid rows, by reason, as far as their refused request was read;"
            " one with two reasons counts under both"
        )
        self._refused_rows = counter("headrace_refused_rows", text, ("reason",))
        self.predictions = counter("headrace_predictions", "Predictions, by tenth", ("tenth",))
        self.denied = counter("headrace_denied", "Requests without the right")
        text = "Reloads of the bundle, by result"
        self._reloads = counter("headrace_reloads", text, ("result",))
        text = "Answers and journals that could not be kept"
        self.unwritten = gauge("headrace_unwritten", text, ("what",))
        self.golden = gauge("headrace_golden_rows", "Golden rows replayed")

    def count_predictions(self, predictions: Sequence[float], tenths: Sequence[float]) -> None:
        """Count answered rows by the tenth that they are in; one outside is in the nearest."""
        self.rows.inc(len(predictions))
        inside = np.searchsorted(tenths[1:-1], predictions, side="right")
        form = ".1f" if tenths == PROBABILITY else ".4g"
        for tenth, count in enumerate(np.bincount(inside, minlength=len(tenths) - 1)):
            if count:
                low, high = (format(tenths[end], form) for end in (tenth, tenth + 1))
                self.predictions.labels(f"{low} to {high}").inc(count)

    def count_refused(self, reasons: Iterable[str], rows: Mapping[str, int] | None = None) -> None:
        """Count a refused request by its reasons, and `rows`: for each reason how many have it."""
        for reason in reasons:
            self._refused.labels(reason).inc()
        for reason, count in (rows or {}).items():
            self._refused_rows.labels(reason).inc(count)

    def count_reload(self, problem: str) -> None:
        """Count a reload of the bundle; `problem` is empty where the bundle took over."""
        self._reloads.labels("refused" if problem else "taken over").inc()

    def render(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)
