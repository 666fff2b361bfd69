"""Attacks Fairlearn's mitigators: a gap that stays, a graph that decides otherwise, and errors."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from numpy.typing import NDArray

from gatehouse.contract import parse_contract
from gatehouse.errors import GatehouseError
from gatehouse.model import Model
from gatehouse.pipeline.mitigation.grid_search import _Relabelled
from gatehouse.pipeline.mitigation.threshold_optimizer import expected, nearest_threshold
from gatehouse.pipeline.quantize import quantize
from gatehouse.pipeline.settings import PARAMS_FILE, Distill, Settings, TrainSettings
from gatehouse.pipeline.train import parity
from gatehouse.pipeline.trainer import TrainedModel, TrainingData, as_model, find_trainer
from gatehouse.pipeline.trainers.features import Features
from gatehouse.typed import validate
from tests.gatehouse.pipeline.conftest import CONTRACT

UNWEIGHTED = CONTRACT.replace("role: weight, ", "role: ignored, ")
FED = UNWEIGHTED.replace("role: protected, ", "role: protected, model_input: true, ")

SMALL = {"rounds": 25, "learning_rate": 0.2, "patience": 25}


def rows(count: int, seed: int) -> pd.DataFrame:
    """Made-up rows: age decides for both groups, but half of b's positives are labelled "no".

    Colour tells the group for nine in ten rows, so a model that does not read it learns the bias.
    """
    rng = np.random.default_rng(seed)
    group = rng.choice(["a", "b"], count)
    age = rng.integers(0, 101, count).astype(float)
    positive = (age - 50) / 15 + rng.normal(size=count) > 0
    biased = positive & ~((group == "b") & (rng.random(count) < 0.5))
    told = rng.random(count) < 0.9
    colour = np.where((group == "a") == told, "red", "green")
    return pd.DataFrame(
        {
            "age": age,
            "size in cm": rng.lognormal(3, 1, count),
            "colour": colour,
            "room": rng.choice(["bath", "hall"], count),
            "group": group,
            "share": 1.0,
            "bought": np.where(biased, "yes", "no"),
        }
    )


def settings(trainer: str = "lightgbm", **mitigation: Any) -> TrainSettings:
    return TrainSettings.model_validate(
        {
            "trainer": trainer,
            "torch_mlp": {"hidden": (16,), "bins": 16, "epochs": 6},
            **dict.fromkeys(("lightgbm", "xgboost", "hist_gradient_boosting"), SMALL),
            "mitigation": {"attribute": "group"} | mitigation,
        }
    )


def data(contract: str = UNWEIGHTED) -> TrainingData:
    return TrainingData(parse_contract(contract, "contract.yaml"), rows(1500, 1), rows(1500, 2))


def trained(
    found: TrainSettings, learned: TrainingData, folder: Path
) -> tuple[TrainedModel, Model]:
    result = find_trainer(found.trainer)(learned, found, folder)
    return result, as_model(result, learned.contract, found)


def decisions(model: Model, frame: pd.DataFrame) -> NDArray[np.intp]:
    return model.decisions(model.outputs(frame))


def gap(decided: NDArray[np.intp], frame: pd.DataFrame, constraint: str) -> float:
    """The largest difference of the groups' rates."""
    labels, group = (frame["bought"] == "yes").to_numpy(), (frame["group"] == "b").to_numpy()
    cells = [labels, ~labels] if constraint == "equalized_odds" else [np.ones(len(frame), bool)]
    return max(abs(float(decided[c & group].mean() - decided[c & ~group].mean())) for c in cells)


@pytest.mark.parametrize("constraint", ["demographic_parity", "equalized_odds"])
@pytest.mark.parametrize("method", ["grid_search", "threshold_optimizer"])
def test_the_gap_shrinks(method: str, constraint: str, tmp_path: Path) -> None:
    """Attacks a mitigator that does nothing, or that ruins the model; on rows that it never saw."""
    learned, fresh = data(FED), rows(4000, 3)
    labels = learned.labels(fresh)
    _, plain = trained(settings(), learned, tmp_path / "a")
    result, model = trained(settings(method=method, constraint=constraint), learned, tmp_path / "b")
    parity(model, learned, result)
    before, after = (decisions(each, fresh) for each in (plain, model))
    assert gap(after, fresh, constraint) < 0.5 * gap(before, fresh, constraint)
    assert (after == labels).mean() > (before == labels).mean() - 0.05


def test_grid_search_reads_no_attribute(tmp_path: Path) -> None:
    """Attacks a reduction that needs the attribute to decide; colour still gives the group away."""
    learned, fresh = data(), rows(4000, 3)
    _, plain = trained(settings("logistic_regression"), learned, tmp_path / "a")
    _, model = trained(
        settings("logistic_regression", method="grid_search", grid=10), learned, tmp_path / "b"
    )
    assert "group" not in model.inputs
    found = [gap(decisions(each, fresh), fresh, "demographic_parity") for each in (plain, model)]
    assert found[1] < 0.6 * found[0]


class Normalised:
    """A library's own estimator, with weights of mean 1 as in the trainers."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def fit(self, x: Any, y: Any, sample_weight: Any) -> None:
        weights = np.asarray(sample_weight / sample_weight.mean(), np.float32)
        self.model.fit(x, np.asarray(y), weights)

    def predict(self, x: Any) -> Any:
        return self.model.predict(x)


def _logistic() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=1000), Features.for_sums


def _lightgbm() -> Any:
    from lightgbm import LGBMClassifier

    model = LGBMClassifier(
        n_estimators=25, learning_rate=0.2, reg_lambda=1.0, subsample_for_bin=1500, verbose=-1,
        deterministic=True, force_row_wise=True, n_jobs=1, random_state=0,
    )  # fmt: skip
    return model, Features.for_trees


@pytest.mark.parametrize("constraint", ["demographic_parity", "equalized_odds"])
@pytest.mark.parametrize(
    ("trainer", "estimator"), [("logistic_regression", _logistic), ("lightgbm", _lightgbm)]
)
def test_grid_search_decides_as_fairlearn_does(
    trainer: str, estimator: Any, constraint: str, tmp_path: Path
) -> None:
    """Attacks labels or weights that get lost on the way: Fairlearn alone fits the library's own
    estimator on the same features, and the exported graph decides as it does."""
    from fairlearn.reductions import DemographicParity, EqualizedOdds, GridSearch

    learned = data()
    found = settings(trainer, method="grid_search", constraint=constraint, grid=8)
    _, model = trained(found, learned, tmp_path)
    moment = DemographicParity() if constraint == "demographic_parity" else EqualizedOdds()
    fitted, features = estimator()
    x = features(learned).of(learned.train).astype(np.float64)
    search = GridSearch(Normalised(fitted), moment, grid_size=8)
    search.fit(x, learned.labels(learned.train), sensitive_features=learned.train["group"])
    np.testing.assert_array_equal(decisions(model, learned.train), search.predict(x))


def test_early_stopping_sees_the_same_question() -> None:
    """Attacks a valid split with the original labels, which would stop training too early."""
    learned = data()
    labels = np.array([[1, 1], [0, 1], [0, 1]])
    weights = np.array([[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]])
    relabelled = _Relabelled(
        contract=learned.contract, train=learned.train, valid=learned.valid, attribute="group",
        labels_by=labels, weights_by=weights,
    )  # fmt: skip
    frame = learned.valid.head(6).assign(group=[*"aabb", None, "c"], bought=["no", "yes"] * 3)
    assert relabelled.labels(frame).tolist() == [1, 1, 0, 1, 0, 1]
    np.testing.assert_allclose(relabelled.weights(frame), np.array([1, 2, 3, 4, 0, 0]) * 6 / 10)


@pytest.mark.parametrize("constraint", ["demographic_parity", "equalized_odds"])
def test_the_graph_decides_by_each_group_s_threshold(
    constraint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks a map that rounds a score over 0.5, changes the order, or moves rows of no group."""
    learned = data(FED)
    _, plain = trained(settings(), learned, tmp_path / "a")
    found = settings(method="threshold_optimizer", constraint=constraint)
    _, model = trained(found, learned, tmp_path / "b")
    frame = pd.concat([learned.train, learned.valid, rows(3000, 5)], ignore_index=True)
    scores, mapped = plain.scores(frame), model.scores(frame)
    groups, valid = frame["group"], learned.valid
    labels, base = learned.labels(valid), plain.scores(valid)
    codes = (valid["group"] == "b").to_numpy().astype(np.int64)
    positive = expected(base, labels, codes, constraint)
    for code, name in enumerate("ab"):
        own = codes == code
        threshold = nearest_threshold(base[own], labels[own], positive[own], constraint)
        assert f"group {name} is positive from {threshold:.4f}" in capsys.readouterr().out or code
        rows_of = (groups == name).to_numpy()
        np.testing.assert_array_equal(mapped[rows_of] >= 0.5, scores[rows_of] >= threshold)
        order = np.argsort(scores[rows_of])
        assert (np.diff(mapped[rows_of][order]) >= 0).all()
        if constraint == "demographic_parity":  # one threshold has the rate that random ones have
            share = (base[own] >= threshold).mean()
            assert abs(share - positive[own].mean()) < 2 / own.sum()
    strange = frame.head(200).assign(group=[None, "c", "", "A"] * 50)
    np.testing.assert_allclose(model.scores(strange), plain.scores(strange), atol=1e-6)


@pytest.mark.parametrize("method", ["grid_search", "threshold_optimizer"])
def test_the_served_graph_is_mitigated_too(method: str, tmp_path: Path) -> None:
    """Attacks INT8, which comes after: the default network, as the service runs it."""
    learned = data(FED)
    found = settings("pipeline.network:torch_mlp", method=method, grid=3)
    result, model = trained(found, learned, tmp_path)
    parity(model, learned, result)
    onnx.checker.check_model(result.graph, full_check=True)
    small = Model(
        Path("served"), quantize(result.graph.SerializeToString(), "static", learned.train)
    )
    pair = [decisions(each, learned.train) for each in (model, small)]
    assert (pair[0] == pair[1]).mean() > 0.98
    assert (tmp_path / "metrics.json").exists()


def test_a_threshold_between_neighbours() -> None:
    """Attacks a middle that rounds down to the lower score, which then counts as positive."""
    low = np.float32(0.3)
    high = np.nextafter(low, np.float32(1))
    scores = np.array([0.0, low, high, 1.0], np.float64)
    for count in (1, 2, 3):
        positive = np.full(4, count / 4)
        found = nearest_threshold(scores, np.zeros(4, np.int64), positive, "demographic_parity")
        assert (scores.astype(np.float32) >= found).sum() == count


def test_columns_may_have_the_names_of_the_nodes(tmp_path: Path) -> None:
    """Attacks a graph that takes a column for one of its own tensors."""
    plain = data(FED)
    names = {"age": "mitigation/score", "group": "mitigation/group"}
    columns = {names.get(key, key): column for key, column in plain.contract.columns.items()}
    contract = plain.contract.model_copy(update={"columns": columns})
    train, valid = (frame.rename(columns=names) for frame in (plain.train, plain.valid))
    renamed = TrainingData(contract, train, valid)
    one, other = (
        trained(settings(method="threshold_optimizer", attribute=attribute), learned, tmp_path)[
            1
        ].outputs(learned.valid)
        for attribute, learned in (("group", plain), ("mitigation/group", renamed))
    )
    np.testing.assert_array_equal(one, other)


NUMBER = FED.partition("  bought:")[0] + "  bought: {type: number, role: target, description: E}\n"
BOTH = ("grid_search", "threshold_optimizer")


@pytest.mark.parametrize(
    ("contract", "method", "attribute", "message"),
    [
        *((FED, m, "room", r"attribute: 'room' is not a protected .* \['group'\]") for m in BOTH),
        (FED, "grid_search", None, "attribute: 'None' is not a protected attribute"),
        (UNWEIGHTED, "threshold_optimizer", "group",
         r"write model_input: true at columns\.group in contract\.yaml, or set method to grid_s"),
        *((CONTRACT, m, "group", "weight column 'share'; set method to null") for m in BOTH),
        *((NUMBER, m, "group", r"target is a regression one; set it to null") for m in BOTH),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(
    contract: str, method: str, attribute: str | None, message: str, tmp_path: Path
) -> None:
    """Attacks a mitigator that is asked for and in silence not applied."""
    with pytest.raises(GatehouseError, match=rf"^params\.yaml: train\.mitigation.*{message}"):
        trained(settings(method=method, attribute=attribute), data(contract), tmp_path)


def test_a_missing_fairlearn_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks a traceback in place of the command that installs it."""
    monkeypatch.setitem(sys.modules, "fairlearn", None)
    with pytest.raises(GatehouseError, match=r"grid_search needs fairlearn, .* run make setup"):
        trained(settings(method="grid_search"), data(), tmp_path)


@pytest.mark.parametrize(
    ("method", "split"), [("grid_search", "train"), ("threshold_optimizer", "valid")]
)
def test_a_group_of_one_class_is_named(method: str, split: str, tmp_path: Path) -> None:
    """Attacks Fairlearn's traceback for a group without positives."""
    learned = data(FED)

    def poor(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(bought=frame["bought"].where(frame["group"] == "a", "no"))

    learned = TrainingData(learned.contract, poor(learned.train), poor(learned.valid))
    with pytest.raises(GatehouseError, match=rf"row of the {split} split with group 'b' has the c"):
        trained(settings(method=method), learned, tmp_path)


@pytest.mark.parametrize(
    ("method", "trainer"),
    [("grid_search", "xgboost"), ("threshold_optimizer", "hist_gradient_boosting")],
)
def test_rows_without_a_group_are_trained_on(method: str, trainer: str, tmp_path: Path) -> None:
    """Attacks a missing or unlisted value, here with rows of one class, that stops the training."""
    learned = data(FED)

    def some(frame: pd.DataFrame) -> pd.DataFrame:
        nobody = frame.index % 97 == 0
        group = frame["group"].mask(nobody, None).where(frame.index % 194 != 0, "c")
        return frame.assign(group=group, bought=frame["bought"].mask(nobody, "no"))

    learned = TrainingData(learned.contract, some(learned.train), some(learned.valid))
    for constraint in ("demographic_parity", "equalized_odds"):
        found = settings(trainer, method=method, constraint=constraint, grid=4)
        result, model = trained(found, learned, tmp_path)
        parity(model, learned, result)


def test_another_threshold_would_undo_it() -> None:
    """Attacks thresholds of groups that a second threshold moves apart again."""
    values = {
        "data": {"source": "file", "file": {"path": "rows.csv"}},
        "train": {"trainer": "lightgbm", "mitigation": {"method": "threshold_optimizer"}},
        "decision": {"threshold": "cost"},
        "quantize": {"method": "static"},
    }
    with pytest.raises(GatehouseError, match=r"params\.yaml.*set decision\.threshold to 0\.5"):
        validate(Settings, values, PARAMS_FILE)


def test_a_teacher_is_not_mitigated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Attacks a grid inside each point of the grid."""
    found = settings("pipeline.network:torch_mlp", method="grid_search", grid=2)
    distill = found.torch_mlp.model_copy(update={"distill": Distill(teacher="lightgbm")})
    trained(found.model_copy(update={"torch_mlp": distill}), data(), tmp_path)
    assert capsys.readouterr().out.count("grid_search chose") == 1
