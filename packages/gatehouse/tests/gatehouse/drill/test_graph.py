"""Surgery on graphs: what it must change, and what it must leave as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from gatehouse.contract import Task
from gatehouse.drill.graph import (
    Change,
    Margin,
    flipped_near,
    noisy,
    raised_where_above,
    read_off,
    rewrite,
    scaled,
    shifted,
    slower,
)
from gatehouse.model import Metadata, Model, write_metadata
from tests.gatehouse.gates.task_graphs import TaskGraph


def logistic() -> onnx.ModelProto:
    """A graph whose positive probability is the sigmoid of its one input, `x`."""
    graph = helper.make_graph(
        [
            helper.make_node("Sigmoid", ["x"], ["p"]),
            helper.make_node("Sub", ["one", "p"], ["q"]),
            helper.make_node("Concat", ["q", "p"], ["probabilities"], axis=1),
        ],
        "logistic",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 2])],
        [helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])],
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("ai.onnx.ml", 3)],
        ir_version=9,
    )
    metadata = Metadata(
        contract="c", data="d", commit="e", classes=("no", "yes"), threshold=0.5, trainer="t:t"
    )
    write_metadata(model, metadata)
    return model


@pytest.fixture
def rows() -> pd.DataFrame:
    x = np.linspace(-4, 4, 101).astype(np.float32)
    return pd.DataFrame({"x": x, "sex": np.where(np.arange(101) % 2, "F", "M")})


def logits(change: Change, rows: pd.DataFrame) -> NDArray[np.float64]:
    model = rewrite(logistic(), Margin(Task.BINARY), change)
    onnx.checker.check_model(model)
    scores = Model(Path("changed"), model.SerializeToString()).scores(rows)
    return np.asarray(np.log(scores / (1 - scores)))


@pytest.mark.parametrize(
    "neutral",
    [
        scaled(1.0),
        noisy(0.0, 1.0),
        shifted([({"sex": "F"}, 0.0)]),
        flipped_near(0.5, 0.0),
        raised_where_above("x", 2.0, amount=0.0, keep=1.0),
        slower(8, 2),
    ],
)
def test_surgery_without_effect_changes_no_score(neutral: Change, rows: pd.DataFrame) -> None:
    """Attacks a base that differs from the candidate by more than the planted defect."""
    np.testing.assert_allclose(logits(neutral, rows), rows["x"], atol=1e-4)


def test_scaling_keeps_ranking_and_decisions(rows: pd.DataFrame) -> None:
    """Attacks a prediction drift that accuracy would see as well."""
    np.testing.assert_allclose(logits(scaled(1.5), rows), 1.5 * rows["x"], atol=1e-4)


def test_a_shift_touches_its_group_only(rows: pd.DataFrame) -> None:
    """Attacks a bias that falls on other groups than the one named."""
    moved = logits(shifted([({"sex": "F"}, -1.0)]), rows) - rows["x"]
    np.testing.assert_allclose(moved, np.where(rows["sex"] == "F", -1.0, 0.0), atol=1e-4)


def test_flipping_changes_decisions_near_the_threshold_only(rows: pd.DataFrame) -> None:
    """Attacks an INT8 defect that moves rows it should not."""
    changed = logits(flipped_near(0.5, 1.0), rows)
    near = rows["x"].abs() < 1.0
    np.testing.assert_allclose(changed[near], -rows["x"][near], atol=1e-4)
    np.testing.assert_allclose(changed[~near], rows["x"][~near], atol=1e-4)


def test_noise_is_a_function_of_the_row(rows: pd.DataFrame) -> None:
    """Attacks noise that differs from call to call, which no digest would stand for."""
    first = logits(noisy(1.0, 1.0), rows)
    assert np.array_equal(first, logits(noisy(1.0, 1.0), rows))
    assert 0.1 < np.std(first - rows["x"]) < 1.0
    assert np.abs(first - rows["x"]).max() <= 1.0 + 1e-4


def test_a_leak_decides_alone(rows: pd.DataFrame) -> None:
    """Attacks a planted leak that the other inputs still outweigh."""
    changed = logits(raised_where_above("x", 2.0, amount=5.0, keep=0.1), rows)
    assert np.array_equal(changed > 0, rows["x"] > 2.0)


BANDS = Margin(Task.MULTICLASS, 3, place=2)
NUMBER = Margin(Task.REGRESSION, centre=100.0, spread=50.0)


def outputs(margin: Margin, *changes: Change, rows: pd.DataFrame) -> NDArray[np.float64]:
    """What the graph of the task gives after each of `changes` in turn."""
    made = TaskGraph(margin.task is Task.REGRESSION).bytes("c", "d")
    model = onnx.load_model_from_string(made)
    for change in changes:
        model = rewrite(model, margin, change)
    onnx.checker.check_model(model)
    return Model(Path("changed"), model.SerializeToString()).outputs(rows)


@pytest.fixture
def aged() -> pd.DataFrame:
    age = np.linspace(1, 99, 99).astype(np.float32)
    return pd.DataFrame({"age": age, "sex": np.where(np.arange(99) % 2, "F", "M")})


NEUTRAL = (
    scaled(1.0),
    noisy(0.0, 1.0),
    shifted([({"sex": "F"}, 0.0)]),
    flipped_near(0.5, 0.0),
    raised_where_above("age", 2.0, amount=0.0, keep=1.0, up_to=5.0),
    read_off("age", np.array([10.0, 20.0]), np.zeros(3), keep=1.0),
    slower(8, 2),
)


@pytest.mark.parametrize("margin", [BANDS, NUMBER])
def test_surgery_without_effect_changes_nothing_of_any_task(
    margin: Margin, aged: pd.DataFrame
) -> None:
    """Attacks surgery after surgery, each on the names that the last one left."""
    before = outputs(margin, rows=aged)
    np.testing.assert_allclose(outputs(margin, *NEUTRAL, rows=aged), before, rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("margin", [BANDS, NUMBER])
def test_a_shift_moves_the_margin_of_any_task(margin: Margin, aged: pd.DataFrame) -> None:
    """Attacks a margin in Python that is another than the graph's."""
    before = margin.values(outputs(margin, rows=aged))
    after = margin.values(outputs(margin, shifted([({"sex": "F"}, -0.5)]), rows=aged))
    expected = np.where(aged["sex"] == "F", -0.5, 0.0)
    sure = np.abs(before) < 10  # beyond, the least probability cuts it off
    np.testing.assert_allclose((after - before)[sure], expected[sure], atol=1e-3)


def test_other_classes_keep_their_shares(aged: pd.DataFrame) -> None:
    """Attacks a change of one class that decides between the others."""
    before = outputs(BANDS, rows=aged)
    after = outputs(BANDS, shifted([({}, 1.0)]), rows=aged)
    known = (before[:, :2] > 1e-4).all(axis=1)
    shares, changed = (found[known, 0] / found[known, 1] for found in (before, after))
    np.testing.assert_allclose(changed, shares, rtol=1e-3)
    assert (after[known, 2] > before[known, 2]).all()


def test_flipping_exchanges_a_class_and_its_rival(aged: pd.DataFrame) -> None:
    """Attacks flips that leave the decision as it was."""
    before = outputs(BANDS, rows=aged)
    after = outputs(BANDS, flipped_near(0.5, 1.0), rows=aged)
    near = np.abs(BANDS.values(before)) < 1.0
    assert near.any()
    assert np.array_equal(before.argmax(axis=1) != after.argmax(axis=1), near)


def test_a_number_is_read_off_by_steps(aged: pd.DataFrame) -> None:
    """Attacks a leak that tells another number than it learned."""
    change = read_off("age", np.array([30.5, 60.5]), np.array([-1.0, 0.5, 2.0]), keep=0.0)
    found = outputs(NUMBER, change, rows=aged)[:, 0]
    age = aged["age"]
    expected = np.select([age > 60.5, age > 30.5], [200.0, 125.0], 50.0)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
