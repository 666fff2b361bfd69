"""A metric of a fork's own: measured, judged and shown as the built-in ones are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gates
import numpy as np
import pytest
from pydantic import ValidationError

from gatehouse.contract import Task
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Better, Evidence, Of
from gatehouse.gates.accuracy import ACCURACY, AccuracyMeasure
from gatehouse.gates.metrics import METRICS, headlines, metrics_of
from gatehouse.gates.metrics.own import metrics_by
from gatehouse.judge import Case, judge
from gatehouse.measure import measure
from gatehouse.policy import Policy, Rule
from gatehouse.report.context import ReportContext
from gatehouse.report.quantities import accuracy as accuracy_table
from gatehouse.report.words import PLAIN, is_ceiling, is_difference, name_of, sentence
from gatehouse.workspace import Workspace

COST = """
from gatehouse.contract import Task
from gatehouse.evidence import Better
from gatehouse.gates.metrics.metric import Metric
from gatehouse.gates.metrics.weighted import mean_of

def cost(sample):
    truth, decision = sample.predictions.labels, sample.predictions.decisions
    return mean_of(50.0 * truth * (1 - decision) + 5.0 * (1 - truth) * decision)

def metric(name):
    return Metric(name=name, label="cost of a <decision>", unit="EUR", better=Better.LOWER,
                  tasks=(Task.BINARY,), weighted=cost)

COST, TAKEN, TEXT = metric("decision_cost"), metric("roc_auc"), "no metric"
"""
RULE = Rule(gate=ACCURACY.name, measurement="decision_cost", at_most=0.01, why="It must pay")


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: Policy) -> Callable[..., Policy]:
    """The policy with own metrics, and a rule on one of them."""
    (tmp_path / "gates").mkdir()
    (tmp_path / "gates/cost_of_decisions.py").write_text(COST, "utf-8")
    monkeypatch.setattr(gates, "__path__", [*gates.__path__, str(tmp_path / "gates")])

    def make(*names: str) -> Policy:
        section = AccuracyMeasure(calibration_bins=15, metrics=names)
        asked = policy.measure.model_copy(update={"accuracy": section})
        return policy.model_copy(update={"measure": asked, "rules": {"cost": RULE}})

    return make


def test_it_is_measured_judged_and_shown(
    own: Callable[..., Policy], make_workspace: Callable[..., Workspace]
) -> None:
    """Attacks a metric that is measured and that a rule, the comment or the table leaves out."""
    policy = own("gates.cost_of_decisions:COST")
    here, base = make_workspace(), make_workspace("base")
    evidence = measure(ACCURACY, here, base, policy)
    found = {
        m.of: m for m in evidence.measurements if (m.name, m.slice) == ("decision_cost", "all")
    }
    assert {*found} == set(Of)
    assert found[Of.CANDIDATE].unit == "EUR"
    assert found[Of.CANDIDATE].interval is not None
    assert found[Of.COMPARISON].value == 0
    case = Case({evidence.gate: evidence}, here.present(), base.present(), None)  # type: ignore[arg-type]
    verdict = judge(case, policy, "policy.yaml")
    (result,) = verdict.rules
    assert result.blocks
    again = Evidence.parse(evidence.to_json(), "evidence")
    told = sentence(result, result.findings[0], style=PLAIN)
    assert told.startswith("cost of a <decision> ")
    assert " EUR (at most 0.01 EUR)" in told
    assert "cost of a &lt;decision&gt;" in accuracy_table(again.measurements)
    context = ReportContext(verdict, {evidence.gate: again})
    assert context.measured(result, result.findings[0]) is not None
    assert not is_ceiling(result)


def test_without_one_files_are_as_they_were(
    policy: Policy, make_workspace: Callable[..., Workspace]
) -> None:
    """Attacks a field that says nothing and makes old evidence and policies stale."""
    assert "metrics" not in policy.settings(ACCURACY)["accuracy"]
    assert "described" not in measure(ACCURACY, make_workspace(), None, policy).to_json()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("gates.cost_of_nothing:COST", "there is no module 'gates.cost_of_nothing'"),
        ("gates.cost_of_decisions:PRICE", "has no object 'PRICE'"),
        ("gates.cost_of_decisions:TEXT", "is no gatehouse.gates.metrics.metric.Metric, but a str"),
        ("gates.cost_of_decisions:TAKEN", "another metric is called 'roc_auc'"),
    ],
)
def test_what_is_no_metric_is_refused(own: Callable[..., Policy], name: str, reason: str) -> None:
    """Attacks a name that leads nowhere, and a metric that would stand for a built-in one."""
    with pytest.raises(GatehouseError, match=reason):
        metrics_by(own(name))


@pytest.mark.parametrize("name", ["pipeline.cost:COST", "os:system", "gates:COST", "gates.x:a.b"])
def test_only_the_owned_package_decides(name: str) -> None:
    """Attacks a policy that names code that a change may edit without an owner."""
    with pytest.raises(ValidationError):
        AccuracyMeasure(calibration_bins=15, metrics=(name,))


@pytest.mark.parametrize("task", Task)
def test_the_table_serves_each_task(task: Task) -> None:
    """Attacks a built-in metric without words, and a task without a headline or a default."""
    assert headlines(task)
    assert sum(task in metric.tuned for metric in metrics_of(task) if metric.tunable) == 1
    for metric in METRICS:
        assert name_of(metric.name) == metric.label
        signed = is_difference(metric.name, Of.CANDIDATE)
        assert signed is (metric.better is Better.ZERO)


def test_values_are_those_of_each_row_once() -> None:
    """Attacks two formulas of one metric that part: scikit-learn's, and that over counts."""
    from gatehouse.gates.metrics.figures import figures
    from gatehouse.gates.predictions import Predictions

    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 90).astype(float)
    outputs = rng.dirichlet(np.ones(3), 90)
    several = Predictions(
        labels, outputs.max(axis=1), outputs.argmax(axis=1).astype(float), Task.MULTICLASS,
        ("a", "b", "c"), outputs,
    )  # fmt: skip
    for figure in figures(several, AccuracyMeasure(calibration_bins=5)):
        over = figure.over(np.ones((1, 90)))[0]
        assert over == pytest.approx(figure.value), (figure.metric.name, figure.slice)
