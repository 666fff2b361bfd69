"""Two models on live traffic, in a small workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from gatehouse.cli import main
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Of
from gatehouse.monitor.compare import Comparison, compare
from gatehouse.monitor.compare_report import REPORT, render, write
from gatehouse.verdict import Outcome
from gatehouse.workspace import Workspace
from tests.gatehouse import tiny
from tests.gatehouse.monitor import logs
from tests.gatehouse.monitor.logs import END
from tests.gatehouse.tiny import Finished

ROWS = tiny.rows(600, 3000)
OTHER, THIRD = "sha256:" + "b" * 64, "sha256:" + "c" * 64


class Traffic:
    """A workspace whose model is served, with records of it and of a second one."""

    def __init__(self, root: Path) -> None:
        self.root, self.workspace = root, Workspace(root)
        self.log, self.labels = root / "log/predictions.jsonl", root / "labels.csv"

    def served(self, name: str = "a") -> pd.DataFrame:
        records = logs.predictions(self.workspace, ROWS)
        return records.assign(request_id=name + records["request_id"])

    def answer(self, scores: Any) -> list[str]:
        positive = np.asarray(scores)
        decided = self.workspace.model.decisions(np.stack([1 - positive, positive], axis=1))
        return list(np.where(decided, *reversed(self.workspace.contract.classes)))

    def shadowed(self, scores: Any, model: str = OTHER) -> pd.DataFrame:
        """The served records, each with a shadow's score beside it."""
        told = zip(np.asarray(scores), self.answer(scores), strict=True)
        shadow = [{"model": model, "probability": float(p), "decision": d} for p, d in told]
        return self.served().assign(shadow=shadow)

    def canary(self, scores: Any, model: str = OTHER) -> pd.DataFrame:
        told = {"model": model, "probability": scores, "decision": self.answer(scores)}
        return self.served("z").assign(**told)

    def write(self, *records: pd.DataFrame) -> None:
        logs.write(self.log, *records)
        known = [logs.labels(self.workspace, each, ROWS.loc[each.index]) for each in records]
        pd.concat(known).to_csv(self.labels, index=False)

    def compare(self, *, labels: bool = True, **more: Any) -> Comparison:
        told = str(self.labels) if labels else None
        return compare(str(self.log), told, until=END, root=self.root, **more)

    @property
    def scores(self) -> pd.Series:
        return self.served()["probability"]


@pytest.fixture
def traffic(finished: Finished) -> Traffic:
    return Traffic(finished.root)


def difference(found: Comparison, name: str = "roc_auc") -> tuple[float, str]:
    evidence = found.evidence["accuracy"]
    assert not isinstance(evidence, str)
    (told,) = [m for m in evidence.measurements if (m.name, m.of) == (name, Of.COMPARISON)]
    assert told.value is not None
    return told.value, told.method


def test_an_equal_shadow_passes(traffic: Traffic) -> None:
    """Attacks a comparison that finds a difference where there is none."""
    traffic.write(traffic.shadowed(traffic.scores))
    found = traffic.compare()
    assert (found.kind, found.candidate.model) == ("shadow", OTHER)
    assert found.verdict is not None
    assert found.verdict.outcome is Outcome.PASS
    assert found.described[0].value == 1
    assert difference(found) == (0, difference(found)[1])
    assert "paired" in difference(found)[1]


def test_a_worse_shadow_fails(traffic: Traffic) -> None:
    """Attacks a verdict without rules: a shadow that ranks the wrong way round is red."""
    traffic.write(traffic.shadowed(1 - traffic.scores))
    found = traffic.compare()
    assert found.verdict is not None
    assert found.verdict.outcome is Outcome.FAIL
    assert found.verdict.base is not None
    assert difference(found)[0] < -0.2


def test_gates_that_watch_do_not_turn_the_comparison_off(traffic: Traffic) -> None:
    """Attacks `monitor.gates` without accuracy: two models are compared by its rules, or not."""
    path = traffic.root / "policy.yaml"
    path.write_text(path.read_text() + "monitor: {gates: [drift]}\n")
    traffic.write(traffic.shadowed(1 - traffic.scores))
    found = traffic.compare()
    assert found.verdict is not None
    assert found.verdict.outcome is Outcome.FAIL
    assert {result.gate for result in found.verdict.rules} == {"accuracy"}


def test_without_labels_nothing_is_judged(traffic: Traffic) -> None:
    """Attacks a pass that rests on no label; what the answers say is told."""
    scores = traffic.scores
    traffic.write(traffic.shadowed(np.where(np.arange(600) < 60, 1 - scores, scores)))
    found = traffic.compare(labels=False)
    assert (found.verdict, found.evidence) == (None, {})
    agreement, mean = found.described
    assert agreement.value is not None
    assert 0.9 <= agreement.value < 1
    assert agreement.interval is not None
    assert mean.n == 600
    assert sum(found.flips.values()) == 600
    assert "not judged" in render(found)


def test_a_canary_is_compared_on_rows_of_its_own(traffic: Traffic) -> None:
    """Attacks pairing what is no pair, and a canary taken for the served model."""
    traffic.write(traffic.served(), traffic.canary(1 - traffic.scores).iloc[::2])
    found = traffic.compare()
    assert (found.kind, found.candidate.model) == ("canary", OTHER)
    assert (len(found.served.scores), len(found.candidate.scores)) == (600, 300)
    assert "two-sample" in difference(found)[1]
    assert found.verdict is not None
    assert found.verdict.outcome is Outcome.FAIL


def test_a_shadow_and_a_canary_in_one_log(traffic: Traffic) -> None:
    """Attacks a line of a shadow that hides a canary; `candidate` takes either."""
    shadow = traffic.shadowed(traffic.scores, THIRD)
    shadow.loc[1:, "shadow"] = None
    traffic.write(shadow, traffic.canary(traffic.scores).iloc[::2])
    assert (traffic.compare().kind, traffic.compare().candidate.model) == ("canary", OTHER)
    found = traffic.compare(candidate=THIRD)
    assert (found.kind, len(found.candidate.scores)) == ("shadow", 1)
    with pytest.raises(GatehouseError, match="no answer of sha256:d"):
        traffic.compare(candidate="sha256:d")


def test_labels_of_one_model_alone(traffic: Traffic) -> None:
    """Attacks a canary so fresh that none of its records has a label yet: told, no traceback."""
    traffic.write(traffic.served(), traffic.canary(traffic.scores).iloc[::2])
    known = pd.read_csv(traffic.labels)
    known[known["request_id"].str.startswith("a")].to_csv(traffic.labels, index=False)
    with pytest.raises(GatehouseError, match="of one model"):
        traffic.compare()
    known.assign(request_id="unknown").to_csv(traffic.labels, index=False)
    with pytest.raises(GatehouseError, match="no labelled record"):
        traffic.compare()


def test_a_broken_log_is_no_comparison(traffic: Traffic) -> None:
    """Attacks a log that is broken for the most part: what is left of it proves nothing."""
    traffic.write(traffic.shadowed(traffic.scores))
    with traffic.log.open("a") as stream:
        stream.write("torn\n" * 601)
    with pytest.raises(GatehouseError, match="601 lines are not records"):
        traffic.compare()


def test_exit_codes_and_files(traffic: Traffic, monkeypatch: pytest.MonkeyPatch) -> None:
    """0 pass or described, 1 fail, 2 error; what an earlier comparison left is not there after."""
    monkeypatch.chdir(traffic.root)
    words = ["compare", "--log", str(traffic.log), "--until", END.isoformat()]
    traffic.write(traffic.shadowed(1 - traffic.scores))
    result = CliRunner().invoke(main, [*words, "--labels", str(traffic.labels)])
    assert (result.exit_code, "FAIL: accuracy" in result.output) == (1, True), result.output
    assert "❌" in (traffic.root / REPORT).read_text("utf-8")
    assert CliRunner().invoke(main, words).exit_code == 0
    assert not (traffic.root / "reports/compare/verdict.json").exists()
    traffic.write(traffic.served())
    result = CliRunner().invoke(main, words)
    assert (result.exit_code, "GATEHOUSE_SERVE_SHADOW" in result.output) == (2, True)
    assert not (traffic.root / REPORT).exists()


def test_hostile_names_are_text(traffic: Traffic) -> None:
    """Attacks the report by a digest that is markup."""
    traffic.write(traffic.shadowed(traffic.scores, "<img src=x> | @all"))
    found = traffic.compare()
    write(found, traffic.root)
    text = (traffic.root / REPORT).read_text("utf-8")
    assert "`<img src=x> ¦" in text
