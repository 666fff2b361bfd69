"""Every trainer on every task: its graph gives what its library gives, for any row, each time."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest

from gatehouse.contract import Task, parse_contract
from gatehouse.errors import GatehouseError
from gatehouse.model import Metadata, Model, write_metadata
from gatehouse.pipeline.quantize import quantize
from gatehouse.pipeline.sections import section_of
from gatehouse.pipeline.settings import FairnessPenalty, TrainSettings
from gatehouse.pipeline.train import parity
from gatehouse.pipeline.trainer import TrainedModel, TrainingData, find_trainer
from gatehouse.pipeline.trainers import BY_NAME, convert
from gatehouse.pipeline.trainers.features import Features
from tests.gatehouse.pipeline.conftest import CONTRACT, visitors

# Keras 3.15 knows NumPy 2's `copy` not yet.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

NETWORKS = ["pipeline.network:torch_mlp", "keras_mlp"]
TREES = ["hist_gradient_boosting", "xgboost", "lightgbm"]
TRAINERS = [*NETWORKS, *(name for name in BY_NAME if name not in NETWORKS)]

SETTINGS = TrainSettings.model_validate(
    {
        "trainer": TRAINERS[0],
        "torch_mlp": {"hidden": (32,), "bins": 16, "epochs": 12},
        "keras_mlp": {"hidden": (32,), "epochs": 10, "learning_rate": 0.01},
        **{name: {"learning_rate": 0.2, "rounds": 25} for name in TREES},
    }
)


def table(task: Task) -> TrainingData:
    """Lamps' visitors; what they buy, how much light they like, or what they spend."""
    head, _, target = CONTRACT.partition("  bought:")
    assert target
    if task is Task.MULTICLASS:
        target = "{type: category, role: target, categories: [dim, warm, bright], description: d}"
        head += f"  bought: {target}\n"
    elif task is Task.REGRESSION:
        head += "  bought: {type: number, role: target, description: Euros}\n"
    else:
        head = CONTRACT

    def rows(count: int, seed: int) -> pd.DataFrame:
        frame = visitors(count, seed)
        taste = (frame["age"].fillna(50) - 50) / 15 + (frame["colour"] == "red") * 2
        if task is Task.MULTICLASS:
            names = np.array(["dim", "warm", "bright"])
            return frame.assign(bought=names[np.digitize(taste, [-1, 1])])
        if task is Task.REGRESSION:
            noise = np.random.default_rng(seed).normal(size=count)
            return frame.assign(bought=10_000 + 50 * taste + noise)
        return frame

    return TrainingData(parse_contract(head, "contract.yaml"), rows(400, 1), rows(150, 2))


def trained(name: str, data: TrainingData, folder: Path) -> tuple[TrainedModel, Model]:
    settings = SETTINGS.model_copy(update={"trainer": name})
    result = find_trainer(name)(data, settings, folder)
    return result, Model(Path("made up"), content(result, data))


def content(result: TrainedModel, data: TrainingData) -> bytes:
    said = Metadata(
        contract="c",
        data="d",
        commit="k",
        classes=data.contract.classes,
        threshold=0.5 if data.contract.task is Task.BINARY else None,
        trainer="t",
    )
    write_metadata(result.graph, said)
    onnx.checker.check_model(result.graph, full_check=True)
    found: bytes = result.graph.SerializeToString(deterministic=True)
    return found


@dataclass(frozen=True)
class Case:
    name: str
    data: TrainingData
    result: TrainedModel
    model: Model
    reports: Path


@pytest.fixture(scope="module", params=list(Task), ids=str)
def data(request: pytest.FixtureRequest) -> TrainingData:
    return table(request.param)


@pytest.fixture(scope="module", params=TRAINERS, ids=section_of)
def case(
    request: pytest.FixtureRequest, data: TrainingData, tmp_path_factory: pytest.TempPathFactory
) -> Case:
    folder = tmp_path_factory.mktemp("reports")
    return Case(request.param, data, *trained(request.param, data, folder), folder)


def test_the_graph_gives_what_the_library_gives(case: Case) -> None:
    """Attacks a converter that reads thresholds, offsets or missing values otherwise; and a model
    that has learned nothing."""
    parity(case.model, case.data, case.result)
    outputs, labels = case.model.outputs(case.data.valid), case.data.labels(case.data.valid)
    if case.data.contract.task is Task.REGRESSION:
        assert np.square(outputs[:, 0] - labels).mean() < 0.15 * labels.var()
    else:
        right = (outputs.argmax(axis=1) == labels).mean()
        assert right > (0.72 if case.data.contract.task is Task.BINARY else 0.8)


def test_any_row_has_an_answer(case: Case) -> None:
    """Attacks rows that training never saw: unknown and missing categories, NaN, infinity."""
    row = case.data.valid.iloc[[0]]
    rows = pd.concat([row] * 8, ignore_index=True).assign(
        colour=["pink", "Red", "", None, "red", "red", "red", "red"],
        room=["bath"] * 4 + ["cellar", "", "bath", "bath"],
        age=[30.0] * 6 + [np.nan, np.inf],
        **{"size in cm": [20.0] * 6 + [-np.inf, np.nan]},
    )
    outputs = case.model.outputs(rows)
    np.testing.assert_array_equal(outputs[0], outputs[1])
    np.testing.assert_array_equal(outputs[2], outputs[3])
    alone = case.model.outputs(rows.iloc[[6]])[0]
    np.testing.assert_allclose(alone, outputs[6], rtol=1e-6, atol=1e-6)


def test_the_curves_are_where_dvc_looks(case: Case) -> None:
    """Attacks a trainer whose stage fails because a declared output is not there."""
    if case.name.endswith("logistic_regression"):
        return  # it has no curve: the stage writes one point, see test_own_trainer.py
    assert (case.reports / "metrics.json").exists()
    for split in ("train", "valid"):
        lines = (case.reports / f"plots/metrics/{split}/loss.tsv").read_text().splitlines()
        assert lines[0] == "step\tloss"
        assert float(lines[-1].split("\t")[1]) < float(lines[1].split("\t")[1])


def test_int8_or_native(case: Case) -> None:
    """Attacks trees that are called INT8, and networks that INT8 changes beyond use."""
    full = content(case.result, case.data)
    small = quantize(full, "static", case.data.train)
    if case.name not in NETWORKS:
        assert small == full
        return
    assert any(node.op_type == "QuantizeLinear" for node in onnx.load_from_string(small).graph.node)
    pair = [m.outputs(case.data.valid) for m in (case.model, Model(Path("made up"), small))]
    unit = pair[0].std() if case.data.contract.task is Task.REGRESSION else 1
    assert np.abs(pair[0] - pair[1]).mean() < 0.05 * unit


def test_twice_is_the_same_and_weights_count(case: Case, tmp_path: Path) -> None:
    """Attacks names drawn by chance in a graph, threads that add in any order, and rows of weight
    0 that are learned from: here they carry wrong labels."""
    data = case.data
    if data.contract.task is not Task.BINARY:
        return  # once for each trainer
    second, _ = trained(case.name, data, tmp_path / "a")
    assert content(case.result, data) == content(second, data)
    wrong = data.train.assign(
        bought=np.where(data.train["bought"] == "yes", "no", "yes"), share=0.0
    )
    rows = pd.concat([data.train, wrong, wrong], ignore_index=True)
    weighted = TrainingData(data.contract, rows, data.valid)
    _, other = trained(case.name, weighted, tmp_path / "b")
    labels = data.labels(data.valid)
    right, before = (
        (m.outputs(data.valid).argmax(axis=1) == labels).mean() for m in (other, case.model)
    )
    assert right > before - 0.1


@pytest.mark.parametrize("name", TREES)
def test_large_numbers_take_the_way_that_they_take_in_the_library(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks thresholds that round up to the next float32: ids, cents and times are so large."""
    data = table(Task.BINARY)
    rng = np.random.default_rng(0)

    def large(frame: pd.DataFrame) -> pd.DataFrame:
        steps = rng.integers(0, 40, len(frame))
        wanted = np.where(steps % 4 < 2, "yes", "no")
        return frame.assign(**{"size in cm": 2.0**24 + 2.0 * steps}, bought=wanted)

    data = TrainingData(data.contract, large(data.train), large(data.valid))
    result, model = trained(name, data, tmp_path)
    assert parity(model, data, result) < 1e-6
    if name.endswith("xgboost"):
        return  # its thresholds are float32 themselves
    # The test has teeth: with plain rounding the graph is another model.
    monkeypatch.setattr(convert, "exact_thresholds", lambda *_: None)
    result, model = trained(name, data, tmp_path)
    with pytest.raises(GatehouseError, match="the export changed the model"):
        parity(model, data, result)


def test_a_number_never_missing_is_its_median_to_trees() -> None:
    """Attacks each library's own way for what it has not learned."""
    data = table(Task.BINARY)
    features = Features.for_trees(data)
    median = float(data.train["size in cm"].astype(np.float32).median())
    rows = data.valid.iloc[[0, 0]].assign(**{"size in cm": [np.nan, median], "age": np.nan})
    found = features.of(rows)
    assert np.isnan(found[0, 0])  # age is missing in the train split too
    np.testing.assert_allclose(found[0, 1:], found[1, 1:], rtol=1e-6)


def test_columns_of_many_categories_are_codes_to_trees(tmp_path: Path) -> None:
    """Attacks a table that indicators make a hundred times as wide."""
    names = [f"c{i}" for i in range(100)]
    contract = parse_contract(
        CONTRACT.replace("[bath, hall]", f"[{', '.join(names)}]"), "contract.yaml"
    )
    rng = np.random.default_rng(0)
    train, valid = (visitors(n, n).assign(room=rng.choice(names, n)) for n in (300, 100))
    data = TrainingData(contract, train, valid)
    assert Features.for_trees(data).of(valid).shape == (100, 2 + 5 + 1)
    result, model = trained("lightgbm", data, tmp_path)
    parity(model, data, result)


def test_a_class_without_rows_is_told(tmp_path: Path) -> None:
    """Attacks libraries that leave a class out, and so shift the others' columns."""
    data = table(Task.MULTICLASS)
    rows = data.train[data.train["bought"] != "warm"]
    for name in TRAINERS[2:]:
        with pytest.raises(GatehouseError, match="no row of the train split is 'warm'"):
            trained(name, TrainingData(data.contract, rows, data.valid), tmp_path)


def test_a_missing_keras_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks a traceback in place of the command that installs it."""
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(GatehouseError, match="make setup EXTRAS=1"):
        trained("keras_mlp", table(Task.BINARY), tmp_path)


def test_the_fairness_penalty_is_of_two_classes(tmp_path: Path) -> None:
    """Attacks a penalty that is asked for and in silence not applied."""
    options = SETTINGS.torch_mlp.model_copy(
        update={"fairness_penalty": FairnessPenalty(attribute="group", weight=1.0)}
    )
    settings = SETTINGS.model_copy(update={"torch_mlp": options})
    with pytest.raises(GatehouseError, match=r"contract\.yaml's is a regression one; set it to 0"):
        find_trainer(TRAINERS[0])(table(Task.REGRESSION), settings, tmp_path)


def test_a_target_that_is_no_number_is_told() -> None:
    """Attacks NaN in the loss, which would make every weight NaN."""
    data = table(Task.REGRESSION)
    for value in (np.nan, np.inf, "much"):
        frame = data.train.assign(bought=data.train["bought"].astype(object))
        frame.loc[3, "bought"] = value
        with pytest.raises(GatehouseError, match=r"column 'bought': .* rows hold no finite number"):
            data.labels(frame)


def test_thresholds_are_rounded_down() -> None:
    """Attacks the function alone: the largest float32 that is not above."""
    node = onnx.helper.make_node(
        "TreeEnsembleRegressor",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        nodes_values=[0.1, 0.0, 2.0**24],
        nodes_modes=["BRANCH_LEQ", "LEAF", "BRANCH_LEQ"],
    )
    core = onnx.helper.make_model(onnx.helper.make_graph([node], "g", [], []))
    exact = np.array([0.1, 2.0**24 + 1])
    convert.exact_thresholds(core, exact)
    (values,) = (a.floats for a in core.graph.node[0].attribute if a.name == "nodes_values")
    below = np.array([values[0], values[2]])
    assert (below <= exact).all()
    assert (np.nextafter(below.astype(np.float32), np.float32(np.inf)) > exact).all()


@pytest.mark.parametrize("name", [TRAINERS[2], TREES[2]], ids=["sums", "trees"])
def test_a_column_may_be_called_as_the_graph_calls_its_features(name: str, tmp_path: Path) -> None:
    """Attacks a graph that takes the column for what it computes."""
    plain = table(Task.BINARY)
    names = {"age": "features", "colour": "features/0"}
    columns = {names.get(key, key): column for key, column in plain.contract.columns.items()}
    contract = plain.contract.model_copy(update={"columns": columns})
    train, valid = (frame.rename(columns=names) for frame in (plain.train, plain.valid))
    renamed = TrainingData(contract, train, valid)
    one, other = (trained(name, data, tmp_path)[1].outputs(data.valid) for data in (plain, renamed))
    np.testing.assert_array_equal(one, other)
