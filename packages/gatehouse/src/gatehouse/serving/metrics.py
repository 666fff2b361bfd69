"""Prometheus metrics. Labels come from fixed lists, so that no request can create a series."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, get_args

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Summary,
    disable_created_metrics,
    generate_latest,
    multiprocess,
)

from gatehouse.contract import Contract
from gatehouse.serving.errors import Reason
from gatehouse.serving.served import Served

disable_created_metrics()  # type: ignore[no-untyped-call]
OTHER = "other"

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_TWENTIETHS = tuple(round(step / 20, 2) for step in range(1, 21))

REQUESTS = Counter("gatehouse_requests", "Requests answered", ["path", "status"])
SECONDS = Histogram(
    "gatehouse_request_seconds", "Seconds from request to answer", ["path"], buckets=_SECONDS
)
IN_WORK = Gauge(
    "gatehouse_requests_in_work", "Requests that arrive, wait or are worked on",
    multiprocess_mode="livesum",
)  # fmt: skip
REFUSED = Counter("gatehouse_bad_inputs", "Requests refused for their input", ["reason"])
DECISIONS = Counter("gatehouse_decisions", "Rows predicted", ["decision"])
PROBABILITY = Histogram(
    "gatehouse_probability", "Probability of each row's positive, or of many its decided, class",
    buckets=_TWENTIETHS,
)  # fmt: skip
LOGGED = Counter("gatehouse_log_rows", "Rows written to the inference log")
LOG_LOST = Counter("gatehouse_log_rows_lost", "Rows that the inference log lost", ["reason"])
SHADOW = Counter("gatehouse_shadow_rows", "Rows that the shadow has scored")
SHADOW_MISSED = Counter(
    "gatehouse_shadow_rows_missed", "Rows that the shadow has not scored", ["reason"]
)
TOKENS_UNREAD = Counter(
    "gatehouse_token_reload_failures", "Times that the changed token file could not be read"
)
MODEL = Gauge(
    "gatehouse_model", "1, with the digests of what is served", ["model", "contract", "verdict"],
    multiprocess_mode="max",
)  # fmt: skip


_values: list[Histogram | Summary] = []
"""The metric of predicted numbers; its buckets depend on the contract, so it is created late."""


def predicted(contract: Contract) -> Callable[[Sequence[dict[str, Any]]], None]:
    """Return a function that counts predicted rows, as `Served.log_entries` describes them."""
    if not contract.classes:
        values = _count_values(contract)

        def count_values(entries: Sequence[dict[str, Any]]) -> None:
            for entry in entries:
                values.observe(entry["prediction"])

        return count_values
    decisions = {name: DECISIONS.labels(name) for name in contract.classes}

    def count_decisions(entries: Sequence[dict[str, Any]]) -> None:
        for entry in entries:
            decisions[entry["decision"]].inc()
            PROBABILITY.observe(entry["probability"])

    return count_decisions


def _count_values(contract: Contract) -> Histogram | Summary:
    """Count predictions by twentieths of the target's range; without one, only sum and count."""
    while _values:
        REGISTRY.unregister(_values.pop())
    name, description = "gatehouse_prediction", "Value predicted, of each row"
    low, high = contract.columns[contract.target].range or (0.0, 0.0)
    step = (high - low) / 20
    edges = [low, *(low + step * number for number in range(1, 20)), high]
    # In a narrow range far from 0, edges coincide; an infinite range has no edges.
    if math.isfinite(step) and len(set(edges)) == len(edges):
        _values.append(Histogram(name, description, buckets=edges))
    else:
        _values.append(Summary(name, description))
    return _values[0]


def prepare(served: Served) -> None:
    """Start every series at 0, so that the first event appears as an increase."""
    for reason in get_args(Reason):
        REFUSED.labels(reason)
    for decision in served.contract.classes:
        DECISIONS.labels(decision)
    for reason in ("disk", "queue", "error"):
        LOG_LOST.labels(reason)
    for reason in ("slow", "error"):
        SHADOW_MISSED.labels(reason)
    for status in ("200", "400", "422", "500", "503"):
        REQUESTS.labels("/predict", status)
    MODEL.labels(served.digest, served.contract.digest, served.verdict_digest or "none").set(1)


def count_request(path: str, status: int, seconds: float) -> None:
    """Count one answered request."""
    _requests(path, status).inc()
    _seconds(path).observe(seconds)


# Looking up a series by its labels takes longer than counting.
_requests = cache(lambda path, status: REQUESTS.labels(path, status))
_seconds = cache(lambda path: SECONDS.labels(path))


def exposition() -> tuple[bytes, bytes]:
    """Return all metrics in Prometheus' text format, and the content type."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:  # `bentoml serve` has several processes
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST.encode()
