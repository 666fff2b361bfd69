"""The latency gate: structure, not milliseconds. No test here rests on how fast a machine is."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, quantile_test
from sklearn.metrics import roc_auc_score

from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, Measurement, Of
from gatehouse.gates.latency import measure as latency
from gatehouse.judge import apply_rule
from gatehouse.policy import Policy
from gatehouse.verdict import Outcome
from gatehouse.workspace import MODEL, MODEL_FP32, Workspace
from tests.gatehouse.gates.evidence import evidence_by

MakeWorkspace = Callable[..., Workspace]
MakeGraph = Callable[..., Any]


def find(evidence: Evidence, name: str, where: str) -> Measurement:
    (found,) = (m for m in evidence.measurements if (m.name, m.slice) == (name, where))
    return found


def test_what_is_measured(make_workspace: MakeWorkspace, policy: Policy) -> None:
    """Attacks the list: every slice that the policy, the report and people look for."""
    evidence = evidence_by("latency", make_workspace(), make_workspace("base"), policy)
    kinds = ("single row", "batch of 8")
    expected = {("latency_ratio", f"int8/fp32 {kind}", Of.CANDIDATE) for kind in kinds}
    expected |= {("latency_ratio", f"candidate/base {kind}", Of.COMPARISON) for kind in kinds}
    for kind in kinds:
        for which in ("int8", "fp32"):
            for percent in (50, 95, 99):
                expected.add((f"latency_p{percent}", f"{which} {kind}", Of.CANDIDATE))
    expected |= {("size", which, Of.CANDIDATE) for which in ("int8", "fp32")}
    expected |= {
        (name, "int8/fp32", Of.CANDIDATE)
        for name in ("decision_agreement", "roc_auc_difference", "accuracy_difference")
    }
    expected.add(("single_row_difference", "int8", Of.CANDIDATE))
    expected.add(("size_ratio", "candidate/base", Of.COMPARISON))
    assert {(m.name, m.slice, m.of) for m in evidence.measurements} == expected
    assert len(evidence.measurements) == len(expected)
    for m in evidence.measurements:
        assert m.value is not None
        assert m.value > 0 or m.name.endswith("difference")


def test_identical_bytes_are_exactly_one(make_workspace: MakeWorkspace, policy: Policy) -> None:
    """Attacks noise where there can be no difference: ratio 1 without width, in all four."""
    evidence = evidence_by("latency", make_workspace(), make_workspace("base"), policy)
    ratios = [m for m in evidence.measurements if m.name == "latency_ratio"]
    assert len(ratios) == 4
    for m in ratios:
        assert m.value == 1.0
        assert m.interval is not None
        assert (m.interval.low, m.interval.high) == (1.0, 1.0)
        assert m.note == "the two graphs are the same bytes"


def test_other_bytes_are_timed(
    make_workspace: MakeWorkspace, policy: Policy, small_graph: MakeGraph
) -> None:
    """Attacks the short cut for equal files: one byte of metadata apart is measured."""
    candidate = make_workspace(int8=small_graph(commit="1" * 40))
    ratio = find(
        evidence_by("latency", candidate, None, policy), "latency_ratio", "int8/fp32 single row"
    )
    assert ratio.note is None
    assert ratio.interval is not None
    assert ratio.value is not None
    assert ratio.interval.low <= ratio.value <= ratio.interval.high
    assert ratio.n == 6  # sessions: calls within one are no independent evidence


def test_much_slower_graph_is_slower(
    make_workspace: MakeWorkspace, policy: Policy, small_graph: MakeGraph
) -> None:
    """Attacks the ratio's direction: 200 dense layers more can't be faster, on any machine."""
    slow = make_workspace(int8=small_graph(work=200))
    evidence = evidence_by("latency", slow, make_workspace("base"), policy)
    for where in ("int8/fp32 single row", "candidate/base single row", "candidate/base batch of 8"):
        ratio = find(evidence, "latency_ratio", where)
        assert ratio.interval is not None
        assert ratio.interval.low > 1.5, where
    back = evidence_by("latency", make_workspace("quick"), slow, policy)
    ratio = find(back, "latency_ratio", "candidate/base single row")
    assert ratio.interval is not None
    assert ratio.interval.high < 0.7


def test_percentiles_are_ordered(make_workspace: MakeWorkspace, policy: Policy) -> None:
    """Attacks mixed-up percentiles."""
    evidence = evidence_by("latency", make_workspace(), None, policy)
    p50, p95, p99 = (
        find(evidence, f"latency_p{percent}", "int8 single row").value for percent in (50, 95, 99)
    )
    assert p50 is not None
    assert p95 is not None
    assert p99 is not None
    assert p50 <= p95 <= p99


def test_agreement_and_its_interval(
    make_workspace: MakeWorkspace, policy: Policy, small_graph: MakeGraph
) -> None:
    """Attacks agreement: counted by hand on rows, with Wilson's interval of SciPy."""
    workspace = make_workspace(int8=small_graph(bonus={"red": 0.8}))
    evidence = evidence_by("latency", workspace, None, policy)
    rows = workspace.split("test")
    decisions = [m.scores(rows) >= 0.5 for m in (workspace.model, workspace.model_fp32)]
    alike = int((decisions[0] == decisions[1]).sum())
    assert 0 < alike < len(rows)
    found = find(evidence, "decision_agreement", "int8/fp32")
    wilson = binomtest(alike, len(rows)).proportion_ci(policy.measure.confidence, method="wilson")
    assert found.value == alike / len(rows)
    assert found.interval is not None
    interval = found.interval.low, found.interval.high
    assert interval == pytest.approx((wilson.low, wilson.high), rel=1e-12)


def test_agreement_is_bounded_on_few_rows(make_workspace: MakeWorkspace, policy: Policy) -> None:
    """Attacks certainty from few rows: 30 of 30 alike still leaves an interval below 98 %."""
    test = make_workspace("other").split("test").head(30)
    found = find(
        evidence_by("latency", make_workspace(test=test), None, policy),
        "decision_agreement",
        "int8/fp32",
    )
    assert found.value == 1.0
    assert found.interval is not None
    assert found.interval.low < 0.98


def test_cost_in_quality(
    make_workspace: MakeWorkspace, policy: Policy, small_graph: MakeGraph
) -> None:
    """Attacks the metrics' difference: INT8 minus FP32, so a loss is negative."""
    workspace = make_workspace(int8=small_graph(bonus={"red": 0.0}, other=0.0))
    found = find(evidence_by("latency", workspace, None, policy), "roc_auc_difference", "int8/fp32")
    rows = workspace.split("test")
    y = rows["y"] == "yes"
    int8, fp32 = (m.scores(rows) for m in (workspace.model, workspace.model_fp32))
    assert found.value == pytest.approx(roc_auc_score(y, int8) - roc_auc_score(y, fp32))
    assert found.interval is not None
    assert found.interval.high < 0


def test_quality_with_one_class_is_null(make_workspace: MakeWorkspace, policy: Policy) -> None:
    """Attacks a test split of one class: the AUC's difference is null, agreement still counts."""
    test = make_workspace("other").split("test").assign(y="no")
    evidence = evidence_by("latency", make_workspace(test=test), None, policy)
    assert find(evidence, "roc_auc_difference", "int8/fp32").value is None
    assert find(evidence, "decision_agreement", "int8/fp32").value == 1.0


def test_sizes_are_the_files(
    make_workspace: MakeWorkspace, policy: Policy, small_graph: MakeGraph
) -> None:
    """Attacks sizes: bytes on disk, and the ratio candidate over base."""
    candidate, base = make_workspace(int8=small_graph(work=1)), make_workspace("base")
    evidence = evidence_by("latency", candidate, base, policy)
    sizes = [(candidate.root / path).stat().st_size for path in (MODEL, MODEL_FP32)]
    assert find(evidence, "size", "int8").value == sizes[0]
    assert find(evidence, "size", "fp32").value == sizes[1]
    ratio = find(evidence, "size_ratio", "candidate/base")
    assert ratio.value == sizes[0] / (base.root / MODEL).stat().st_size


def test_missing_column_is_told(make_workspace: MakeWorkspace, policy: Policy) -> None:
    """Attacks a test split without a column that the graph reads."""
    test = make_workspace("other").split("test").drop(columns="colour")
    with pytest.raises(GatehouseError, match="reads column 'colour'"):
        evidence_by("latency", make_workspace(test=test), None, policy)


def test_a_base_that_reads_a_column_that_is_gone_is_timed(
    make_workspace: MakeWorkspace, policy: Policy, small_graph: MakeGraph
) -> None:
    """Attacks a comparison that falls away with a column: the exam has the base's columns."""
    test = make_workspace("other").split("test").drop(columns="size")
    base = make_workspace("base", int8=small_graph(number="size"))
    evidence = evidence_by("latency", make_workspace(test=test), base, policy)
    assert find(evidence, "latency_ratio", "candidate/base single row").value is not None


def test_single_rows_score_as_all_at_once(make_workspace: MakeWorkspace, policy: Policy) -> None:
    """Attacks a false alarm: a graph that looks at each row alone differs by next to nothing."""
    found = find(
        evidence_by("latency", make_workspace(), None, policy), "single_row_difference", "int8"
    )
    assert found.value is not None
    assert found.value <= 1e-6
    assert found.interval is None
    assert found.n == 200


@pytest.mark.parametrize(
    "calls",
    [
        (1, 10**9),
        (1, 1),
        (2, 249),
        (2, 2),
        (3, 3),
        (65, 400),
        (7, 7),
        (64, 64),
        (249, 249),
        (5, 7),
        (60, 70),
    ],
    ids=lambda c: f"{c[0]}-{c[1]}",
)
def test_a_graph_that_looks_at_its_batch_is_caught(
    make_workspace: MakeWorkspace, policy: Policy, small_graph: MakeGraph, calls: tuple[int, int]
) -> None:
    """Attacks scores that depend on the other rows of the call: judged so, and served otherwise.

    Also where the graph does it only in calls of some sizes, and is honest in all others.
    """
    workspace = make_workspace(int8=small_graph(centred=True, centred_calls=calls))
    evidence = evidence_by("latency", workspace, None, policy)
    (finding,) = apply_rule(policy.rules["latency-batching"], evidence)
    assert finding.outcome is Outcome.FAIL


def test_file_that_is_no_graph_is_told(make_workspace: MakeWorkspace, policy: Policy) -> None:
    """Attacks a damaged model file."""
    workspace = make_workspace()
    (workspace.root / MODEL).write_bytes(b"not a graph")
    with pytest.raises(GatehouseError, match=r"model\.int8\.onnx"):
        evidence_by("latency", workspace, None, policy)


def test_too_few_sessions_for_the_confidence(make_workspace: MakeWorkspace, policy: Policy) -> None:
    """Attacks an interval that order statistics of six sessions can't give."""
    certain = policy.measure.model_copy(update={"confidence": 0.99})
    with pytest.raises(GatehouseError, match=r"raise measure\.latency\.sessions"):
        evidence_by(
            "latency", make_workspace(), None, policy.model_copy(update={"measure": certain})
        )


def test_fewer_rows_than_a_batch(make_workspace: MakeWorkspace, policy: Policy) -> None:
    """Attacks a test split smaller than the batch that is timed."""
    test = make_workspace("other").split("test").head(3)
    evidence = evidence_by("latency", make_workspace(test=test), None, policy)
    assert find(evidence, "latency_p50", "int8 batch of 8").value


def test_turns_alternate_and_warm_up_is_not_counted(
    make_workspace: MakeWorkspace, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks the interleaving: each turn calls both graphs, first one then the other leads."""
    calls: list[str] = []

    class Recorder:
        def __init__(self, path: Path, content: bytes | None = None) -> None:
            self.path = path

        def feeds(self, rows: pd.DataFrame) -> dict[str, np.ndarray]:
            return {}

        def run(self, feeds: dict[str, np.ndarray]) -> None:
            calls.append(self.path.stem)

    workspace = make_workspace()
    first, second = workspace.root / MODEL, workspace.root / MODEL_FP32
    rows = workspace.split("test")
    monkeypatch.setattr("gatehouse.model.Model", Recorder)
    times = latency.time_pair(first, second, rows, 1, 10, policy.measure.latency)
    assert times.shape == (6, 2, 10)
    assert np.isfinite(times).all()
    per_session = calls[: len(calls) // 6]
    pairs = [tuple(per_session[i : i + 2]) for i in range(0, len(per_session), 2)]
    names = (first.stem, second.stem)
    assert len(pairs) > 10  # warm-up besides
    assert set(pairs) == {names, names[::-1]}
    assert all(one != other for one, other in pairwise(pairs))


@pytest.mark.parametrize("n", [5, 6, 9, 25, 40, 1500])
def test_the_interval_of_a_median_is_scipys(n: int) -> None:
    """Attacks the order statistics: SciPy's, and none where the values are too few."""
    values = np.random.default_rng(n).permutation(np.arange(n) ** 1.5)
    for confidence in (0.5, 0.9, 0.95, 0.99):
        expected = quantile_test(values, q=0.0, p=0.5).confidence_interval(confidence)
        found = latency._median_interval(values, confidence)
        if np.isfinite([expected.low, expected.high]).all():
            assert found == (expected.low, expected.high)
        else:
            assert found is None
