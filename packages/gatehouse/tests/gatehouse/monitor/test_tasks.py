"""Attacks logs of several classes and of numbers: clean, moved, wrong, broken, compared."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gatehouse.contract import Task
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, Of
from gatehouse.monitor import log_records
from gatehouse.monitor.compare import Comparison, compare
from gatehouse.monitor.compare_report import render as render_comparison
from gatehouse.monitor.labels import read_labels
from gatehouse.monitor.log_files import find
from gatehouse.monitor.look import Look
from gatehouse.monitor.report import render
from gatehouse.monitor.run import look
from gatehouse.verdict import Outcome
from gatehouse.workspace import Workspace
from tests.gatehouse import tasks
from tests.gatehouse.monitor import logs
from tests.gatehouse.monitor.logs import END, record, write_bytes
from tests.gatehouse.tasks import MOODS, NAMES

SEVERAL, NUMBER = Task.MULTICLASS, Task.REGRESSION
OTHER = "sha256:" + "b" * 64


@dataclass
class Production:
    """A model in production, with callers as in its training data."""

    root: Path
    task: Task

    @property
    def rows(self) -> pd.DataFrame:
        return tasks.rows(self.task, 600, 3000)

    def records(self, rows: pd.DataFrame | None = None) -> pd.DataFrame:
        return logs.predictions(Workspace(self.root), self.rows if rows is None else rows)

    def labels(self, **wrong: Any) -> Path:
        """What was true of the rows; `wrong` replaces columns."""
        told = logs.labels(Workspace(self.root), self.records(), self.rows).assign(**wrong)
        told.to_csv(self.root / "labels.csv", index=False)
        return self.root / "labels.csv"

    def look(self, records: pd.DataFrame, labels: Path | None = None) -> Look:
        log = logs.write(self.root / "log.jsonl", records)
        return look(str(log), None if labels is None else str(labels), until=END, root=self.root)

    def shadowed(self, entries: dict[str, Any]) -> pd.DataFrame:
        """The served records, each with what a shadow says beside it."""
        shadows = pd.DataFrame(entries).assign(model=OTHER).to_dict("records")
        return self.records().assign(shadow=shadows)

    def compare(self, records: pd.DataFrame, labels: Path | None = None) -> Comparison:
        log = logs.write(self.root / "log.jsonl", records)
        return compare(str(log), None if labels is None else str(labels), until=END, root=self.root)


@pytest.fixture(scope="module", params=[SEVERAL, NUMBER])
def production(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("production")
    return Production(tasks.lay_out(folder, request.param), request.param)


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Production:
    return Production(tasks.lay_out(tmp_path_factory.mktemp("several"), SEVERAL), SEVERAL)


@pytest.fixture(scope="module")
def number(tmp_path_factory: pytest.TempPathFactory) -> Production:
    return Production(tasks.lay_out(tmp_path_factory.mktemp("number"), NUMBER), NUMBER)


def red(found: Look | Comparison) -> set[str]:
    """The rules that block."""
    assert found.verdict is not None
    return {result.rule for result in found.verdict.rules if result.blocks}


def values(found: Look | Comparison, gate: str, of: Of = Of.CANDIDATE) -> dict[str, Any]:
    """The whole slice's values by name."""
    evidence = found.evidence[gate]
    assert isinstance(evidence, Evidence), evidence
    return {m.name: m.value for m in evidence.measurements if m.slice == "all" and m.of is of}


def test_clean_traffic_passes(production: Production) -> None:
    """Attacks a monitor that cries wolf, and labels that are read as another task's."""
    found = production.look(production.records(), production.labels())
    assert not red(found)
    assert not found.verdict.errors
    assert found.record.counts.labelled == 600
    measured = values(found, "accuracy")
    if production.task is SEVERAL:
        assert measured["accuracy"] == pytest.approx(0.9, abs=0.03)
    else:
        assert measured["mean_absolute_error"] == pytest.approx(2.5, abs=0.3)
    assert "Production: pass" in render(found)


def test_moved_callers_are_an_alarm(production: Production) -> None:
    """Attacks drift that only binary logs have: of a column, and of what is said of it."""
    moved = production.rows.assign(age=production.rows["age"] + 15)
    found = production.look(production.records(moved))
    assert red(found) == {"drift-columns", "drift-predictions"}


def test_predictions_that_move_alone_are_an_alarm(production: Production) -> None:
    """Attacks a service whose answers changed while its callers did not."""
    records = production.records()
    if production.task is SEVERAL:
        records.loc[::4, "decision"] = "high"
    else:
        records["prediction"] += 15
    found = production.look(records)
    assert red(found) == {"drift-predictions"}
    evidence = found.evidence["drift"]
    assert isinstance(evidence, Evidence)
    (moved,) = [m for m in evidence.measurements if m.slice == "prediction"]
    assert moved.unit == ("share" if production.task is SEVERAL else "sigma")


def test_labels_that_say_wrong_are_an_alarm(production: Production) -> None:
    """Attacks a loss that nobody sees: of the whole, and of one group alone."""
    rows, name = production.rows, NAMES[production.task]
    women = rows["sex"] == "f"
    if production.task is SEVERAL:
        wrong = rows[name].map(dict(zip(MOODS, np.roll(MOODS, 1), strict=True)))
    else:
        wrong = rows[name] + 30
    worse = production.look(production.records(), production.labels(**{name: wrong.to_numpy()}))
    assert {"accuracy", "error"} & red(worse)
    of_women = rows[name].where(~women, wrong)
    unfair = production.look(production.records(), production.labels(**{name: of_women.to_numpy()}))
    assert "groups" in red(unfair)


def test_what_needs_all_probabilities_is_told_and_not_judged(several: Production) -> None:
    """Attacks a rule on the ROC AUC that fails each day for want of what no log holds."""
    found = several.look(several.records(), several.labels())
    measured = values(found, "accuracy")
    assert (measured["roc_auc"], measured["log_loss"]) == (None, None)
    assert measured["calibration_error"] is not None
    assert "ranking" not in {result.rule for result in found.verdict.rules}
    assert "probability of the decided class alone" in render(found)


def test_rules_that_a_log_cannot_tell_are_no_pass(several: Production) -> None:
    """Attacks a pass by a policy of which no rule is left."""
    path = several.root / "policy.yaml"
    before = path.read_text()
    content = json.loads(before)
    rules = content["rules"]
    drift = {name: rule for name, rule in rules.items() if rule["gate"] == "drift"}
    for left, expected in (({}, "no rule judges production"), (drift, "the rules of accuracy are")):
        content["rules"] = left | {"ranking": rules["ranking"]}
        path.write_text(json.dumps(content))
        try:
            with pytest.raises(GatehouseError, match=expected):
                several.look(several.records(), several.labels())
        finally:
            path.write_text(before)


def test_a_class_that_nobody_knows_is_no_pass(several: Production) -> None:
    """Attacks a decision of another contract that counts as a wrong one, or as a right one."""
    records = several.records()
    records.loc[5, "decision"] = "mad"
    found = several.look(records, several.labels())
    assert "'mad' is none of the contract's" in str(found.evidence["accuracy"])
    assert found.verdict.outcome is Outcome.FAIL
    with pytest.raises(GatehouseError, match="is none of the contract's 'low', 'mid', 'high'"):
        read_labels(str(several.labels(mood="mad")), tasks.contract(SEVERAL))


BAD_NUMBERS = ("inf", "1,5", "much", "0x10", "True")


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.parquet"])
def test_labels_of_a_number(tmp_path: Path, name: str) -> None:
    """Attacks each format: whole and other numbers, one that is not there yet, and none."""

    def write(*wages: Any) -> str:
        frame = pd.DataFrame({"request_id": list("abcd")[: len(wages)], "wage": wages})
        path = tmp_path / name
        if name.endswith("csv"):
            frame.to_csv(path, index=False)
        elif name.endswith("jsonl"):
            told = (json.dumps(each) for each in frame.to_dict("records"))
            path.write_text("".join(line.replace("NaN", "null") + "\n" for line in told))
        else:
            frame.to_parquet(path)
        return str(path)

    wage = tasks.contract(NUMBER)
    found = read_labels(write(20, 1.5, np.nan, -3e5), wage)
    assert sorted(found.frame["wage"]) == [-3e5, 1.5, 20.0]
    for bad in BAD_NUMBERS:
        with pytest.raises(GatehouseError, match=r"x\..*wage' of request|x\..*wage is a number"):
            read_labels(write(bad, bad), wage)


WAGE = {name: value for name, value in record().items() if name not in ("probability", "decision")}
GOOD = [WAGE | {"prediction": value} for value in (0, -1.5, 1e300)]
BAD = [
    WAGE,
    *(WAGE | {"prediction": value} for value in (None, float("nan"), float("inf"), "2", True)),
    WAGE | {"prediction": 1.0, "shadow": {"model": OTHER, "probability": 0.5, "decision": "no"}},
]


def test_a_record_of_a_number(tmp_path: Path) -> None:
    """Attacks what is no prediction; a record of another task is one, of another contract."""
    shadow = WAGE | {"prediction": 1.0, "shadow": {"model": OTHER, "prediction": 2.0}}
    given = [json.dumps(each).encode() for each in [shadow, *GOOD, *BAD, record()]]
    write_bytes(tmp_path / "log.jsonl", b"\n".join(given) + b"\n")
    rows = [shadow, *GOOD, WAGE | {"prediction": None}, record()]
    keys = [*shadow, "probability", "decision"]
    whole = [{key: each.get(key) for key in keys} for each in rows]
    logs.parquet(tmp_path / "log.parquet", whole)
    for name, broken, unfit in (("log.jsonl", len(BAD) + 1, 2), ("log.parquet", 2, 1)):
        (file,) = find(str(tmp_path / name))
        (batch,) = log_records.read(file, tasks.contract(NUMBER), lambda _: None)
        assert batch.table["prediction"].to_pylist() == [1.0, 0, -1.5, 1e300]
        assert batch.table["shadow"].to_pylist()[0] == {"model": OTHER, "prediction": 2.0}
        assert (len(batch.broken), batch.unfit.num_rows) == (broken, unfit)
    (batch,) = log_records.read(file, tasks.contract(SEVERAL), lambda _: None)
    assert (batch.table.num_rows, batch.unfit.num_rows) == (1, 4)


def test_an_equal_shadow_passes(production: Production) -> None:
    """Attacks a comparison that finds a difference where there is none."""
    records = production.records()
    keys = ["probability", "decision"] if production.task is SEVERAL else ["prediction"]
    same = production.shadowed(records[keys].to_dict("list"))
    found = production.compare(same, production.labels())
    assert (found.kind, red(found)) == ("shadow", set())
    names = [measured.name for measured in found.described]
    if production.task is SEVERAL:
        assert (names, found.described[0].value) == (["decision_agreement"], 1)
        assert sum(found.flips.values()) == 600
        assert "candidate says `mid`" in render_comparison(found)
    else:
        assert (names, found.described[0].value) == (["mean_prediction_difference"], 0)
        assert not found.flips
        assert "record by record" not in render_comparison(found)


def test_a_worse_shadow_fails(production: Production) -> None:
    """Attacks a verdict by another task's rules: each decides otherwise than before."""
    records = production.records()
    if production.task is SEVERAL:
        turned = records["decision"].map(dict(zip(MOODS, np.roll(MOODS, 1), strict=True)))
        said = {"probability": records["probability"], "decision": turned}
    else:
        said = {"prediction": records["prediction"] + 20}
    found = production.compare(production.shadowed(said), production.labels())
    assert {"accuracy", "error"} & red(found)
    differences = values(found, "accuracy", Of.COMPARISON)
    if production.task is SEVERAL:
        assert found.described[0].value == 0
        assert differences["accuracy"] < -0.7
        assert values(found, "accuracy")["roc_auc"] is None
    else:
        assert found.described[0].value == pytest.approx(20)
        assert differences["mean_error"] == pytest.approx(20)


def test_a_canary_is_compared_by_what_it_says(production: Production) -> None:
    """Attacks a test of probabilities that are each of another class."""
    records, second = production.records(), production.records().iloc[::2]
    said = {"decision": "high"} if production.task is SEVERAL else {"prediction": 0.0}
    second = second.assign(model=OTHER, request_id="z" + second["request_id"], **said)
    found = production.compare(pd.concat([records, second]))
    assert found.kind == "canary"
    (drift,) = found.described
    assert drift.unit == ("share" if production.task is SEVERAL else "sigma")
    assert drift.value is not None
    assert drift.value > 0.5
