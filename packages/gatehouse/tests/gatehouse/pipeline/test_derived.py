"""Derived features: their values, their errors, and that training and service cannot differ."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter

from gatehouse.contract import parse_contract
from gatehouse.errors import GatehouseError
from gatehouse.model import Model
from gatehouse.pipeline.derived import Features, check_features
from gatehouse.pipeline.derived_nodes import derive
from gatehouse.pipeline.quantize import main as quantize
from gatehouse.pipeline.settings import load_settings
from gatehouse.pipeline.train import main as train
from gatehouse.pipeline.trainer import TrainingData
from gatehouse.serving.served import load_served
from gatehouse.workspace import MODEL, MODEL_FP32
from tests.gatehouse.pipeline.conftest import CONTRACT, visitors

if TYPE_CHECKING:
    from tests.gatehouse.pipeline.conftest import Shop

NAN = float("nan")
FEATURES = {
    "rate": {"ratio": ["size in cm", "age"]},
    "gap": {"difference": ["age", "size in cm"]},
    "band": {"bins": [18, 30.5, 50], "of": "age"},
    "size by colour": {"mean": "size in cm", "by": "colour"},
}
IN_PARAMS = """\
features:
  rate: {ratio: [size in cm, age]}
  gap: {difference: [age, size in cm]}
  band: {bins: [18, 30.5, 50], of: age}
  size by colour: {mean: size in cm, by: colour}
train:
"""


def features_of(values: dict[str, Any]) -> Features:
    return TypeAdapter(Features).validate_python(values)


def found(values: dict[str, Any], frame: pd.DataFrame, learned: pd.DataFrame) -> Any:
    contract = parse_contract(CONTRACT, "contract.yaml")
    return derive(features_of(values), contract, learned).of(frame)


def rows(**columns: Any) -> pd.DataFrame:
    count = max(len(values) for values in columns.values())
    return visitors(count, 1).assign(**columns)


def test_ratios_and_differences_are_float32s_and_never_infinite() -> None:
    """Attacks a division by zero, an overflow and a missing input: trees libraries differ there."""
    size, age = [10, 10, 0, NAN, 3e38, 1], [4, 0, 0, 1, 1e-5, NAN]
    frame = rows(**{"size in cm": size, "age": age})
    rate, gap = found({k: FEATURES[k] for k in ("rate", "gap")}, frame, frame).T
    np.testing.assert_array_equal(rate, [2.5, NAN, NAN, NAN, NAN, NAN])
    np.testing.assert_array_equal(gap, np.array([-6, -10, 0, NAN, -3e38, NAN], np.float32))
    wide = rows(**{"size in cm": [-3e38, np.inf], "age": [3e38, 1]})
    np.testing.assert_array_equal(found({"gap": FEATURES["gap"]}, wide, wide), [[NAN], [NAN]])


def test_a_value_on_an_edge_belongs_to_the_bin_above() -> None:
    frame = rows(age=[-1, 18, 17.99, 30.5, 50, 1e30, np.inf, -np.inf, NAN])
    band = found({"band": FEATURES["band"]}, frame, frame)[:, 0]
    np.testing.assert_array_equal(band, [0, 1, 0, 2, 3, 3, 3, 0, NAN])


def test_an_edge_is_compared_as_the_graph_reads_the_column() -> None:
    """Attacks 0.1, which is below itself if one side is float32 and the other float64."""
    frame = rows(**{"size in cm": [0.1, np.nextafter(np.float32(0.1), np.float32(0))]})
    band = found({"band": {"bins": [0.1], "of": "size in cm"}}, frame, frame)
    np.testing.assert_array_equal(band, [[1], [0]])


def test_group_means_come_from_train_alone() -> None:
    """A group that train lacks, or without values there, gets the overall mean."""
    learned = rows(**{"size in cm": [1, 3, 8, NAN], "colour": ["red", "red", "mauve", "blue"]})
    frame = rows(
        **{"size in cm": [1e6] * 6, "colour": ["red", "mauve", "blue", "green", "pink", None]}
    )
    by = {"by": FEATURES["size by colour"]}
    np.testing.assert_array_equal(found(by, frame, learned)[:, 0], [2, 4, 4, 4, 4, NAN])
    contract = parse_contract(CONTRACT, "contract.yaml")
    nodes = derive(features_of(by), contract, learned).nodes
    assert "mauve" not in str(nodes), "a text that the contract does not list is in the graph"


def test_columns_may_be_called_as_a_derived_tensor_is() -> None:
    """Attacks two tensors of one name: a column keeps its name in the graph."""
    old, new = "  size in cm:", "  derived/0:"
    assert old in CONTRACT
    text = CONTRACT.replace(old, new).replace("size in cm", "derived/0")
    frame = visitors(20, 1).rename(columns={"size in cm": "derived/0"})
    features = features_of({"derived/1": {"ratio": ["derived/0", "age"]}})
    values = derive(features, parse_contract(text, "contract.yaml"), frame).of(frame)
    plain = found({"rate": FEATURES["rate"]}, visitors(20, 1), visitors(20, 1))
    np.testing.assert_array_equal(values, plain)


def test_one_row_alone_has_the_bits_that_training_saw() -> None:
    frame = visitors(300, 5)
    whole = found(FEATURES, frame, frame)
    alone = [found(FEATURES, frame.iloc[i : i + 1], frame) for i in range(0, 300, 37)]
    assert np.concatenate(alone).tobytes() == whole[::37].tobytes()


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        ({"age": FEATURES["rate"]}, "age: contract.yaml has a column 'age'; give the"),
        ({"x": {"ratio": ["aeg", "age"]}}, "x.ratio: .* no column 'aeg'; did you mean 'age'?"),
        ({"x": {"ratio": ["?", "age"]}}, "x.ratio: .* no column '.'; name one of age, size in cm"),
        ({"x": {"ratio": ["colour", "age"]}}, "'colour' has type: category; name a column of"),
        ({"x": {"mean": "age", "by": "age"}}, "x.by: 'age' has type: integer; name a column of"),
        ({"x": {"mean": "bought", "by": "room"}}, "x.mean: 'bought' is the target, .*; name"),
        ({"x": {"mean": "share", "by": "room"}}, "x.mean: 'share' is not a model input"),
        ({"x": {"mean": "age", "by": "group"}}, "x.by: 'group' is not a model input"),
        ({"y": FEATURES["rate"], "x": {"bins": [1], "of": "y"}}, "x.of: 'y' is a derived feature"),
    ],
)
def test_features_that_do_not_fit_the_contract(feature: dict[str, Any], message: str) -> None:
    contract = parse_contract(CONTRACT, "contract.yaml")
    with pytest.raises(GatehouseError, match=rf"^params\.yaml: features\..*{message}") as caught:
        check_features(features_of(feature), contract)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{ratio: [age]}", "x.ratio.1: this key is missing; add it"),
        ("{ratio: [age, age]}", "x.ratio: names 'age' twice; name two columns"),
        ("{ratio: [age, size], bins: [1]}", "x: a feature has exactly one of the keys ratio, "),
        ("{sum: [age, size]}", "x: a feature has exactly one of the keys ratio, difference, "),
        (
            "age / size",
            "x: a feature has exactly one of the keys ratio, difference, part, bins, mean; add",
        ),
        ("{bins: [3, 2], of: age}", "x.bins: 2 after 3 does not rise in float32; sort the edges"),
        ("{bins: [1, 1.00000001], of: age}", "x.bins: 1 after 1 does not rise in float32; sort"),
        ("{bins: [1.0e+300], of: age}", "x.bins: 1e+300 is beyond float32"),
        ("{bins: [], of: age}", "x.bins: is empty; write at least one edge"),
        ("{mean: age}", "x.by: this key is missing; add it"),
    ],
)
def test_features_that_are_written_wrong(shop: Shop, written: str, message: str) -> None:
    shop.edit("params.yaml", "train:\n", f"features:\n  x: {written}\ntrain:\n")
    with pytest.raises(GatehouseError) as caught:
        load_settings()
    assert str(caught.value).startswith("params.yaml:7: features." + message)
    assert "\n" not in str(caught.value)


def test_a_wrong_feature_trains_nothing(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.edit("params.yaml", "train:\n", "features:\n  x: {ratio: [age, sizes]}\ntrain:\n")
    assert train() == 2
    assert "params.yaml: features.x.ratio: contract.yaml has no column" in capsys.readouterr().err
    assert not MODEL_FP32.exists()


def test_an_own_trainer_cannot_leave_a_feature_out(
    shop: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks a trainer that encodes the contract's columns by itself."""
    from gatehouse.pipeline.encode import Encoding

    shop.edit("params.yaml", "train:\n", IN_PARAMS)
    whole = TrainingData(shop.contract, shop.train, shop.valid, load_settings().features).encoding
    calls = iter([Encoding.of(shop.contract), whole])  # the trainer's, then the stage's
    monkeypatch.setattr(TrainingData, "encoding", property(lambda _: next(calls)))
    assert train() == 2
    assert "features.rate: the trainer's graph does not compute it" in capsys.readouterr().err


@pytest.mark.parametrize("trainer", ["pipeline.network:torch_mlp", "lightgbm"])
def test_training_and_service_see_the_same(shop: Shop, trainer: str) -> None:
    """From the train split to the answer of the service: each feature has the same bits.

    A second output shows the numbers inside of the served graph.
    """
    import onnx
    import onnxruntime as ort
    from onnx import helper

    shop.edit("params.yaml", "train:\n", IN_PARAMS)
    shop.edit("params.yaml", "pipeline.network:torch_mlp", trainer)
    assert train() == 0
    assert quantize() == 0
    model = Model(MODEL)
    assert set(model.inputs) == {"age", "size in cm", "colour", "room"}
    served = load_served(shop.root)
    answers = model.outputs(shop.valid.head(50))
    sent = shop.valid.head(50).astype(object).where(shop.valid.head(50).notna(), None)
    each = [served.outputs([row])[0] for row in sent.to_dict("records")]
    np.testing.assert_allclose(each, answers, atol=1e-6)

    graph = onnx.load(MODEL)
    data = TrainingData(shop.contract, shop.train, shop.valid, load_settings().features)
    derived = data.encoding.derived
    assert derived is not None
    graph.graph.output.extend(
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", 1])
        for name in derived.outputs
    )
    session = ort.InferenceSession(graph.SerializeToString())
    inside = session.run(list(derived.outputs), model.feeds(shop.valid))
    trained_on = data.encoding.encode(shop.valid)[0][:, 2:]
    assert np.concatenate(inside, axis=1).tobytes() == trained_on.tobytes()


@pytest.mark.parametrize("trainer", ["hist_gradient_boosting", "xgboost", "logistic_regression"])
def test_every_trainer_learns_from_them(shop: Shop, trainer: str) -> None:
    """The target depends only on a ratio of two columns, whose own values say little."""
    rng = np.random.default_rng(0)
    for name, frame in (("train", shop.train), ("valid", shop.valid)):
        odds = rng.lognormal(0, 1, len(frame))
        changed = frame.assign(
            age=rng.lognormal(3, 2, len(frame)), bought=np.where(odds > 1, "yes", "no")
        )
        changed["size in cm"] = odds * changed["age"]
        changed.to_parquet(Path(f"data/prepared/{name}.parquet"))
    shop.edit("contract.yaml", "type: integer, range: [0, 100], missing", "type: number, missing")
    shop.edit("params.yaml", "pipeline.network:torch_mlp", trainer)
    shop.edit(
        "params.yaml",
        "train:\n",
        "features:\n  log free: {ratio: [size in cm, age]}\ntrain:\n",
    )
    assert train() == 0
    valid = pd.read_parquet("data/prepared/valid.parquet")
    right = (Model(MODEL_FP32).scores(valid) > 0.5) == (valid["bought"] == "yes")
    assert right.mean() > 0.97
