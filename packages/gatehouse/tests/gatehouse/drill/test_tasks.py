"""The whole drill on small tables of several classes and of numbers, with graphs made by hand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gatehouse.contract import Task
from gatehouse.drill import data_defects, model_defects
from gatehouse.drill.catalogue import CONTROLS, defects_of
from gatehouse.drill.defect import Defect, Plant
from gatehouse.drill.runner import Measurer, try_defect
from gatehouse.drill.scene import NotApplicableError, Scene
from gatehouse.drill.trial import Trial
from gatehouse.gates import GATES
from gatehouse.prepare import prepare
from gatehouse.seal import data_digest
from gatehouse.table import write_table
from gatehouse.workspace import MODEL, MODEL_FP32, Workspace
from tests.gatehouse.gates.task_graphs import MULTICLASS, REGRESSION, TaskGraph, banded, numbered
from tests.sample import lay_sample

pytestmark = pytest.mark.slow

ROWS = 3000

COLUMNS: dict[str, Any] = {
    "age": {"type": "number", "range": [0, 120]},
    "colour": {"type": "category", "categories": ["red", "green", "blue"]},
    "sex": {"type": "category", "role": "protected", "categories": ["f", "m"]},
    "race": {"type": "category", "categories": ["a", "b"]},
}
MEASURE = {
    "confidence": 0.95,
    "resamples": 200,
    "seed": 0,
    "drift": {"maximum_rows": 100000, "rare_level": 20},
    "accuracy": {"calibration_bins": 10},
    "fairness": {"confidence": 0.90, "minimum_rows": 50, "minimum_class_rows": 20},
    "latency": {"sessions": 6, "calls": 20, "batch": 8},
}


def rule(gate: str, measurement: str, **more: object) -> dict[str, object]:
    return {"gate": gate, "measurement": measurement, "inconclusive": "warn", "why": "w"} | more


def drift(where: str, limit: float) -> dict[str, object]:
    return rule("drift", "drift", of="comparison", slice=where, at_most=limit, alpha=0.01)


def rules(task: Task) -> dict[str, Any]:
    """Rules as `gatehouse init` writes them; of time only what no busy machine reaches."""
    found = {
        "data": rule("data", "failed_expectations", slice="severity=critical", at_most=0),
        "schema": rule("drift", "schema_changes", of="comparison", at_most=0),
        "growth": rule("rows", "exam_growth", of="comparison", at_most=0.25),
        "numbers": drift("number=*", 0.05),
        "categories": drift("category=*", 0.025),
        "tails": drift("tail=*", 0.002),
        "predictions": drift("prediction", 0.05),
        "joint": rule("drift", "joint_drift", of="comparison", at_most=0.56),
        "unseen": rule("accuracy", "test_rows_in_train", at_most=0.001),
        "int8": rule("latency", "latency_ratio", slice="int8/fp32 single row", at_most=5),
        "slower": rule(
            "latency", "latency_ratio", of="comparison", slice="candidate/base *",
            at_most=2,
        ),
        "batching": rule("latency", "single_row_difference", slice="int8", at_most=0.02),
    }  # fmt: skip
    if task is Task.REGRESSION:
        return found | {
            "floor": rule("accuracy", "r2", at_least=0.8),
            "base": rule("accuracy", "r2", of="comparison", at_least=-0.03),
            "release": rule(
                "accuracy",
                "r2",
                of="comparison",
                slice="best released",
                at_least=-0.03,
                inconclusive="pass",
            ),
            "new": rule(
                "accuracy",
                "r2",
                of="comparison",
                slice="new test rows",
                at_least=-0.1,
                inconclusive="pass",
            ),
            "leak": rule("accuracy", "r2", at_most=0.999, on_fail="warn"),
            "loss": rule("fairness", "group_loss_difference", slice="*", at_most=0.25),
            "bias": rule("fairness", "mean_error_difference", slice="*", at_most=0.25),
            "fair": rule(
                "fairness",
                "mean_error_difference",
                of="comparison",
                slice="*",
                at_most=0.05,
                inconclusive="pass",
            ),
            "agree": rule("latency", "prediction_difference", slice="int8/fp32", at_most=0.1),
            "quality": rule("latency", "r2_difference", slice="int8/fp32", at_least=-0.05),
        }
    return found | {
        "floor": rule("accuracy", "accuracy", at_least=0.72),
        "base": rule("accuracy", "balanced_accuracy", of="comparison", at_least=-0.03),
        "leak": rule("accuracy", "roc_auc", at_most=0.99, on_fail="warn"),
        "odds": rule("fairness", "equalized_odds_difference", slice="*", at_most=0.25),
        "agree": rule("latency", "decision_agreement", slice="int8/fp32", at_least=0.95),
        "quality": rule("latency", "accuracy_difference", slice="int8/fp32", at_least=-0.05),
    }


def finish(root: Path, task: Task) -> Path:
    """A finished run of the task: contract, policy, settings, rows, splits, graphs."""
    rng = np.random.default_rng(5)
    rows = pd.DataFrame(
        {
            "age": rng.uniform(0, 100, ROWS),
            "colour": rng.choice(["red", "green", "blue"], ROWS, p=[0.45, 0.35, 0.2]),
            "sex": rng.choice(["f", "m"], ROWS),
            "race": rng.choice(["a", "b"], ROWS, p=[0.7, 0.3]),
        }
    )
    regression = task is Task.REGRESSION
    rows = (numbered if regression else banded)(rows)
    target = {"type": "category", "role": "target", **(REGRESSION if regression else MULTICLASS)}
    # Intersections are tried with numbers, whose fairness takes less time.
    race = COLUMNS["race"] | {"role": "protected" if regression else "feature"}
    columns = {
        name: {"description": name} | {key: v for key, v in column.items() if v is not None}
        for name, column in (COLUMNS | {"race": race, "y": target}).items()
    }
    identity = [name for name, column in columns.items() if "role" not in column]
    contract = {
        "version": 1, "name": "small", "description": "a row", "columns": columns,
        "split": {"hash": 1, "identity": identity, "valid": 0.16, "test": 0.2},
    }  # fmt: skip
    policy = {"version": 1, "measure": MEASURE, "rules": rules(task)}
    for name, content in (("contract", contract), ("policy", policy)):
        (root / f"{name}.yaml").write_text(json.dumps(content), "utf-8")  # JSON is YAML
    lay_sample(root, "params.yaml")
    workspace = Workspace(root)
    text = ("colour", "sex", "race") if regression else ("colour", "sex", "race", "y")
    write_table(rows.astype(dict.fromkeys(text, "str")), workspace.raw / "rows.parquet")
    prepare(workspace.contract, workspace.raw, workspace.prepared)
    for path in (MODEL, MODEL_FP32):
        (root / path).parent.mkdir(exist_ok=True)
        graph = TaskGraph(regression).bytes(
            workspace.contract.digest, data_digest(workspace.prepared)
        )
        (root / path).write_bytes(graph)
    return root


OF_THE_TASK = {
    "wrong join",
    "label noise",
    "worse than base",
    "bias against a group",
    "INT8 that disagrees",
    "control: nothing changed",
    "control: model trained again",
    "control: a better model",
}
"""What is planted otherwise for each task, except a leak: the base reads the same column."""
NOT_HERE = {
    "broken calibration",
    "worse where a value is missing",
    "worse in one category",
    "control: better in one category",
}
"""What needs probabilities, missing values, or a category of few rows."""


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finish(tmp_path_factory.mktemp("numbers"), Task.REGRESSION)


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finish(tmp_path_factory.mktemp("classes"), Task.MULTICLASS)


def bad_trials(finished: Path, defects: Iterable[Defect]) -> list[Trial]:
    measurer = Measurer()
    trials = [try_defect(defect, finished, measurer, seed=0) for defect in defects]
    return [trial for trial in trials if trial.skipped or not trial.good]


def test_every_defect_of_numbers_is_caught_by_its_own_gate(numbers: Path) -> None:
    """Attacks gates that cannot fail, or alarm on clean runs, where a number is predicted.

    What the rows gate looks at is the same for every task: the drill of two classes tries it.
    """
    every = [defect for defect in (*CONTROLS, *defects_of(GATES)) if defect.gate != "rows"]
    chosen = [defect for defect in every if defect.name not in NOT_HERE]
    assert bad_trials(numbers, chosen) == []


def test_every_defect_of_classes_is_caught_by_its_own_gate(classes: Path) -> None:
    """Attacks the same of several classes; what does not look at the task is tried above."""
    chosen = [defect for defect in (*CONTROLS, *defects_of(GATES)) if defect.name in OF_THE_TASK]
    assert len(chosen) == len(OF_THE_TASK)
    assert bad_trials(classes, chosen) == []


@pytest.mark.parametrize(
    ("gate", "plants"),
    [
        (
            "accuracy",
            (model_defects.worse_than_base, model_defects.uncalibrated, data_defects.label_leakage),
        ),
        ("fairness", (model_defects.biased_group,)),
        ("latency", (model_defects.disagreeing_int8,)),
    ],
)
@pytest.mark.parametrize("task", ["numbers", "classes"])
def test_a_policy_without_the_rule_has_no_place_for_the_defect(
    task: str,
    gate: str,
    plants: tuple[Plant, ...],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    """Attacks a defect that is said to be missed where nobody asked for it to be caught."""
    scene = Scene.copy_of(request.getfixturevalue(task), tmp_path, np.random.default_rng(0))
    others = {name: rule for name, rule in scene.policy.rules.items() if rule.gate != gate}
    scene.policy = scene.policy.model_copy(update={"rules": others})
    for plant in plants:
        with pytest.raises(NotApplicableError, match="the policy has no"):
            plant(scene)


def test_a_leak_needs_a_feature_of_many_values(numbers: Path, tmp_path: Path) -> None:
    """Attacks a leak into a flag, which can't give a number away."""
    scene = Scene.copy_of(numbers, tmp_path, np.random.default_rng(0))
    scene.edit_rows(lambda rows: rows.assign(age=rows["age"].round(-1)))
    with pytest.raises(NotApplicableError, match="too few values for a leak beyond r2"):
        data_defects.label_leakage(scene)


def test_a_gate_that_nobody_judges_by_is_not_drilled(numbers: Path, tmp_path: Path) -> None:
    """Attacks a drill that fails for evidence which no rule asks for."""
    shutil.copytree(numbers, tmp_path / "run")
    policy = json.loads((tmp_path / "run/policy.yaml").read_text("utf-8"))
    policy["rules"] = {n: r for n, r in policy["rules"].items() if r["gate"] != "fairness"}
    (tmp_path / "run/policy.yaml").write_text(json.dumps(policy), "utf-8")
    (missing,) = [defect for defect in defects_of(GATES) if defect.name == "evidence missing"]
    trial = try_defect(missing, tmp_path / "run", Measurer(), seed=0)
    assert trial.skipped
    assert trial.reason == "the policy has no rule of the fairness gate"


def test_half_of_few_rows_is_no_control(numbers: Path, tmp_path: Path) -> None:
    """Attacks a false alarm that is of the drill's making: groups too small once halved."""
    scene = Scene.copy_of(numbers, tmp_path, np.random.default_rng(0))
    smallest = scene.candidate.split("test").groupby(["sex", "race"]).size().sort_values()
    measure = scene.policy.measure
    fairness = measure.fairness.model_copy(update={"minimum_rows": int(smallest.iloc[-2])})
    scene.policy = scene.policy.model_copy(
        update={"measure": measure.model_copy(update={"fairness": fairness})}
    )
    with pytest.raises(NotApplicableError, match="too few to compare groups"):
        data_defects.half_draw(scene)
