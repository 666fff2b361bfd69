"""The latency gate: INT8 against FP32, candidate against base, and the quality cost of INT8.

Two graphs are timed alternately in one process, in several fresh sessions, because the memory
layout of a session object can shift a ratio by a few percent. Each session gives the ratio of the
two medians, and the value is the median over sessions. Its interval is the distribution-free
interval of a median from order statistics (Conover 1999; as `scipy.stats.quantile_test`).
Milliseconds and the 95th and 99th percentiles are for information only, because they depend on the
machine as much as on the graph.
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gatehouse.contract import Task
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Interval, Measurement, Of
from gatehouse.gates.bootstrap import bootstrap, percentile_interval, wilson_interval
from gatehouse.gates.estimates import difference, influence_of
from gatehouse.gates.exam import exam_of
from gatehouse.gates.latency import LatencyMeasure
from gatehouse.gates.metrics import headlines
from gatehouse.gates.metrics.figures import figures
from gatehouse.gates.metrics.weighted import mean_of
from gatehouse.gates.predictions import Predictions, predict
from gatehouse.gates.scale import robust_deviation
from gatehouse.gates.spec import Found
from gatehouse.gates.tools import versions
from gatehouse.policy import Policy
from gatehouse.workspace import MODEL, MODEL_FP32

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.model import Model
    from gatehouse.workspace import Workspace

_WARM_UP = 20
_FEEDS = 32
_SINGLE_ROWS = 200
_CALL_SIZES = (2, 3, 7, 64, 249, 1000)
"""Rows per call; the service accepts up to 1,000."""
_DRAWN_SIZES = 5


def measure(candidate: Workspace, base: Workspace | None, policy: Policy) -> Found:
    """Measure the latency gate.

    Raises:
        GatehouseError: data or a model is missing, they do not fit each other, or the policy
            requires more confidence than its sessions can give.
    """
    exam = exam_of(candidate, base)
    rows = exam.rows
    int8, fp32 = candidate.root / MODEL, candidate.root / MODEL_FP32
    measurements = _timings("int8/fp32", Of.CANDIDATE, int8, fp32, rows, policy)
    measurements += _fidelity(candidate, rows, policy)
    measurements += [_size("int8", int8), _size("fp32", fp32)]
    if base is not None:
        theirs = base.root / MODEL
        measurements += _against_base(int8, theirs, rows, policy)
        measurements.append(
            _size("candidate/base", int8).model_copy(
                update={
                    "name": "size_ratio",
                    "of": Of.COMPARISON,
                    "value": int8.stat().st_size / theirs.stat().st_size,
                    "unit": "1",
                }
            )
        )
    return Found(
        exam=exam.record,
        tools=versions("numpy", "scipy", "onnxruntime"),
        measurements=tuple(measurements),
    )


def _against_base(
    int8: Path, theirs: Path, rows: pd.DataFrame, policy: Policy
) -> list[Measurement]:
    from gatehouse.model import Model

    try:
        Model(theirs).feeds(rows.iloc[:1])
    except GatehouseError as error:
        return [
            Measurement(
                name="latency_ratio",
                of=Of.COMPARISON,
                slice="candidate/base single row",
                value=None,
                unit="1",
                n=0,
                method="not measured",
                note=f"the base's model can't score the candidate's rows: {error}",
            )
        ]
    return _timings("candidate/base", Of.COMPARISON, int8, theirs, rows, policy)


def _timings(
    label: str, of: Of, first: Path, second: Path, rows: pd.DataFrame, policy: Policy
) -> list[Measurement]:
    settings = policy.measure.latency
    names = label.split("/")
    same = _same_bytes(first, second)
    measurements = []
    for batch, kind in ((1, "single row"), (settings.batch, f"batch of {settings.batch}")):
        calls = settings.calls if batch == 1 else max(1, settings.calls // 10)
        if same and of is Of.COMPARISON:  # the ratio is 1, and no other times are reported
            times = np.ones((settings.sessions, 2, 1))
        else:
            times = time_pair(first, second, rows, batch, calls, settings)
        measurements.append(_ratio(f"{label} {kind}", of, times, policy, same=same))
        if of is Of.CANDIDATE:
            for position, name in enumerate(names):
                measurements += _percentiles(f"{name} {kind}", times[:, position])
    return measurements


def time_pair(
    first: Path,
    second: Path,
    rows: pd.DataFrame,
    batch: int,
    calls: int,
    settings: LatencyMeasure,
) -> NDArray[np.float64]:
    """Time single calls in milliseconds, shape [sessions, 2, calls].

    The two graphs alternate at every call, and the order alternates from turn to turn, so that
    other load on the machine affects both equally.
    """
    from gatehouse.model import Model

    times = np.empty((settings.sessions, 2, calls))
    contents = first.read_bytes(), second.read_bytes()
    feeds = [_feeds(Model(path), rows, batch) for path in (first, second)]
    for session in range(settings.sessions):
        models = Model(first, contents[0]), Model(second, contents[1])
        for turn in range(-_WARM_UP, calls):
            for position in (0, 1) if turn % 2 else (1, 0):
                feed = feeds[position][turn % len(feeds[position])]
                run = models[position].run
                start = perf_counter_ns()
                run(feed)
                if turn >= 0:
                    times[session, position, turn] = (perf_counter_ns() - start) / 1e6
    return times


def _feeds(model: Model, rows: pd.DataFrame, batch: int) -> list[dict[str, NDArray[Any]]]:
    count = max(1, min(_FEEDS, len(rows) // batch))
    # Convert the columns only once, because this dominates the time for a wide table.
    feeds = model.feeds(rows.iloc[: count * batch])
    return [
        {name: values[i * batch : (i + 1) * batch] for name, values in feeds.items()}
        for i in range(count)
    ]


def _same_bytes(first: Path, second: Path) -> bool:
    return first.read_bytes() == second.read_bytes()


def _ratio(
    label: str, of: Of, times: NDArray[np.float64], policy: Policy, *, same: bool
) -> Measurement:
    medians = np.median(times, axis=2)
    ratios = medians[:, 0] / medians[:, 1]
    interval = _median_interval(ratios, policy.measure.confidence)
    if interval is None:
        raise GatehouseError(
            f"policy.yaml: {len(ratios)} sessions are too few for an interval of confidence "
            f"{policy.measure.confidence:g}; raise measure.latency.sessions"
        )
    # A graph cannot be slower than an identical copy: any difference is noise.
    value, (low, high) = (1.0, (1.0, 1.0)) if same else (float(np.median(ratios)), interval)
    return Measurement(
        name="latency_ratio",
        of=of,
        slice=label,
        value=value,
        unit="1",
        interval=Interval(low=low, high=high, confidence=policy.measure.confidence),
        n=len(ratios),
        method="ratio of median call times, interleaved; median over fresh sessions with its "
        "distribution-free interval",
        note="the two graphs are the same bytes" if same else None,
    )


def _median_interval(values: NDArray[np.float64], confidence: float) -> tuple[float, float] | None:
    """Return the two of `values`, shape [N], that enclose the median; None if too few."""
    n, ordered = len(values), np.sort(values)
    at_most = np.cumsum([math.comb(n, k) / 2**n for k in range(n + 1)])
    below = int(np.searchsorted(at_most, (1 - confidence) / 2)) - 1
    return (float(ordered[below]), float(ordered[n - 1 - below])) if below >= 0 else None


def _percentiles(label: str, times: NDArray[np.float64]) -> list[Measurement]:
    return [
        Measurement(
            name=f"latency_p{percent}",
            slice=label,
            value=float(np.percentile(times, percent)),
            unit="ms",
            n=int(times.size),
            method="percentile of all calls; the machine's as much as the graph's",
        )
        for percent in (50, 95, 99)
    ]


def _fidelity(candidate: Workspace, rows: pd.DataFrame, policy: Policy) -> list[Measurement]:
    """Measure how INT8 changes predictions, and the metrics on the same rows."""
    int8, fp32 = (
        predict(model, rows, candidate.contract, decided_by=candidate.model)
        for model in (candidate.model, candidate.model_fp32)
    )
    changed = _moved if int8.task is Task.REGRESSION else _agreement
    return [
        changed(int8, fp32, policy),
        _batching(candidate.model, rows, int8, policy.measure.seed),
        *_costs(int8, fp32, policy),
    ]


def _agreement(int8: Predictions, fp32: Predictions, policy: Policy) -> Measurement:
    n = len(int8.labels)
    agree = int((int8.decisions == fp32.decisions).sum())
    return Measurement(
        name="decision_agreement",
        slice="int8/fp32",
        value=agree / n,
        unit="share",
        interval=wilson_interval(agree, n, policy.measure.confidence),
        n=n,
        method="share of rows decided alike; Wilson score interval",
    )


def _moved(int8: Predictions, fp32: Predictions, policy: Policy) -> Measurement:
    """Measure how far INT8 moves the predicted numbers."""
    settings = policy.measure
    squared = mean_of((int8.scores - fp32.scores) ** 2)
    spread = robust_deviation(fp32.scores)
    n = len(int8.scores)
    drawn = bootstrap({"squared": squared}, n, settings.resamples, settings.seed)["squared"]
    return Measurement(
        name="prediction_difference",
        slice="int8/fp32",
        value=float(np.sqrt(squared(np.ones((1, n)))[0]) / spread),
        unit="sigma",
        interval=percentile_interval(np.sqrt(drawn) / spread, settings.confidence),
        n=n,
        method="root mean square of INT8 - FP32 over the deviation of FP32's predictions "
        "(interquartile range / 1.349); "
        f"percentile bootstrap over rows, {settings.resamples} resamples",
    )


def _costs(int8: Predictions, fp32: Predictions, policy: Policy) -> list[Measurement]:
    """Measure how much INT8 costs in each headline metric, on the same rows."""
    settings, compared = policy.measure.accuracy, headlines(int8.task)
    pairs = zip(figures(int8, settings, compared), figures(fp32, settings, compared), strict=True)
    measurements = []
    for ours, theirs in pairs:
        found = difference(influence_of(ours), influence_of(theirs), policy.measure.confidence)
        measurements.append(
            Measurement(
                name=f"{ours.metric.name}_difference",
                slice="int8/fp32",
                value=found.value if found.interval else None,
                unit="1",
                interval=found.interval,
                n=int8.n,
                class_n=int8.class_n,
                note=found.note,
                doubt=found.doubt,
                method=f"INT8 - FP32, {found.method}",
            )
        )
    return measurements


def _batching(model: Model, rows: pd.DataFrame, int8: Predictions, seed: int) -> Measurement:
    """Measure whether predictions depend on how rows are grouped into calls.

    The gates score all rows at once and the service a few at a time. Both must predict the
    same. This tests randomly drawn single rows, and calls of fixed and of random sizes with
    rows in random order. The draws depend on the seed and the bytes of the graph.
    """
    together = int8.scores[:, None] if int8.outputs is None else int8.outputs
    rng = np.random.default_rng([seed, *hashlib.sha256(model.path.read_bytes()).digest()])
    sizes = [*_CALL_SIZES, *rng.integers(2, _CALL_SIZES[-1], _DRAWN_SIZES)]
    chosen = rng.permutation(len(rows))[:_SINGLE_ROWS]
    calls = [chosen[[i]] for i in range(len(chosen))]
    calls += [
        rng.permutation(len(rows))[:size] for size in sizes for _ in range(1 + _SINGLE_ROWS // size)
    ]
    feeds = model.feeds(rows)
    differences = [
        np.abs(model.run({name: values[call] for name, values in feeds.items()}) - together[call])
        for call in calls
    ]
    regression = int8.task is Task.REGRESSION
    scale = robust_deviation(int8.scores) if regression else 1.0
    return Measurement(
        name="single_row_difference",
        slice="int8",
        value=float(max(map(np.max, differences)) / scale),
        unit="sigma" if regression else "share",
        n=len(chosen),
        method="largest difference of predictions, all rows at once against one row at a time and "
        f"calls of {', '.join(map(str, _CALL_SIZES))} and {_DRAWN_SIZES} drawn sizes; exact",
    )


def _size(label: str, path: Path) -> Measurement:
    return Measurement(
        name="size",
        slice=label,
        value=path.stat().st_size,
        unit="bytes",
        n=1,
        method="size of the file; exact",
    )
