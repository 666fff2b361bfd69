"""The stage with another trainer: one line switches, and a number keeps its units."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pipeline
import pytest
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import RandomForestClassifier

from gatehouse.model import Model
from gatehouse.pipeline.quantize import main as quantize
from gatehouse.pipeline.settings import TrainSettings
from gatehouse.pipeline.train import main
from gatehouse.pipeline.trainer import TrainedModel, TrainingData, as_model
from gatehouse.pipeline.trainers import TRAINERS
from gatehouse.pipeline.trainers.convert import TARGET_OPSET, whole
from gatehouse.pipeline.trainers.features import FEATURES, Features
from gatehouse.pipeline.trainers.spec import TrainerSpec
from gatehouse.tune.space import check

if TYPE_CHECKING:
    from tests.gatehouse.pipeline.conftest import Shop

MODEL, INT8 = Path("models/model.onnx"), Path("models/model.int8.onnx")


def right(shop: Shop) -> float:
    model = Model(INT8)
    decided = model.decisions(model.outputs(shop.valid))
    return float((decided == (shop.valid["bought"] == "yes")).mean())


def test_one_line_switches(shop: Shop) -> None:
    """Attacks a trainer that needs a section in params.yaml, or another stage."""
    shop.edit("params.yaml", "pipeline.network:torch_mlp", "lightgbm")
    assert main() == 0
    assert quantize() == 0
    assert Model(INT8).metadata.trainer == "lightgbm"
    assert onnx.load(INT8).graph == onnx.load(MODEL).graph
    assert Model(INT8).metadata == Model(MODEL).metadata.model_copy(update={"threshold": 0.4})
    assert right(shop) > 0.72


@pytest.mark.parametrize("trees", [3, 20, 100])
def test_trees_that_all_agree_give_a_probability(shop: Shop, trees: int) -> None:
    """Attacks float32 shares that add up to 1.0000001, which is no probability."""
    data = TrainingData(shop.contract, shop.train, shop.valid)
    features = Features.for_sums(data)
    rows = features.of(shop.train)
    forest = RandomForestClassifier(trees, random_state=0, bootstrap=False)
    forest.fit(rows, np.arange(len(rows)) % 2)
    core = convert_sklearn(
        forest,
        initial_types=[(FEATURES, FloatTensorType([None, rows.shape[1]]))],
        target_opset=TARGET_OPSET,
        options={id(forest): {"zipmap": False}},
    )
    trained = TrainedModel(whole(core, features, scale=None), np.empty((0, 2)))
    settings = TrainSettings(trainer="pipeline.a:forest")
    outputs = as_model(trained, shop.contract, settings).outputs(shop.train)
    assert outputs.max() == 1


def test_a_number_keeps_its_units(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """Attacks metadata with a threshold where nothing is decided, and losses in squared euros."""
    shop.edit(
        "contract.yaml",
        'type: category\n    role: target\n    categories: ["no", "yes"]\n    positive: "yes"',
        "type: number\n    role: target",
    )
    for split in ("train", "valid"):
        path = Path(f"data/prepared/{split}.parquet")
        frame = getattr(shop, split)
        frame.assign(bought=1e6 + 1e3 * frame["age"].fillna(50)).to_parquet(path)
    shop.edit(
        "params.yaml",
        "pipeline.network:torch_mlp",
        "logistic_regression",
    )
    assert main() == 0
    assert "of the trainer's predictions on 200 rows" in capsys.readouterr().out
    model = Model(MODEL)
    assert model.metadata.threshold is None
    wanted = 1e6 + 1e3 * shop.valid["age"].fillna(50)
    np.testing.assert_allclose(model.outputs(shop.valid)[:, 0], wanted, rtol=1e-3)
    losses = json.loads(Path("reports/train/metrics.json").read_text(encoding="utf-8"))
    assert 0 <= losses["best"]["valid_squared_error"] < 0.01


OAK = """\
from gatehouse.contract import Task
from gatehouse.pipeline.trainers.logistic_regression import LOGISTIC_REGRESSION
from gatehouse.pipeline.trainers.spec import TrainerSpec
from gatehouse.typed import Frozen
from pydantic import Field


class Settings(Frozen):
    leaves: int = Field(3, ge=2)


def train(data, options, settings, reports):
    print("leaves:", options.leaves)
    return LOGISTIC_REGRESSION(data, settings, reports)


oak = TrainerSpec(name="oak", label="an oak", settings=Settings, train=train, {more})
"""


@pytest.fixture
def own(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], int]:
    """Runs the stage with a trainer of the fork's own, its section, and more of its spec."""
    package = shop.root / "own"
    package.mkdir()
    monkeypatch.setattr(pipeline, "__path__", [*pipeline.__path__, str(package)])

    def run(section: str, more: str = "") -> int:
        (package / "forest.py").write_text(OAK.format(more=more))
        shop.edit("params.yaml", "pipeline.network:torch_mlp", "pipeline.forest:oak")
        shop.edit("params.yaml", "\n  torch_mlp:", f"\n  {section}\n  torch_mlp:")
        return main()

    monkeypatch.delitem(sys.modules, "pipeline.forest", raising=False)
    return run


def test_an_own_trainer_brings_its_settings(
    own: Callable[[str, str], int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks a section that the library does not know, and so nobody reads."""
    assert own("oak: {leaves: 7}", "") == 0
    assert "leaves: 7" in capsys.readouterr().out
    assert Model(MODEL).metadata.trainer == "pipeline.forest:oak"


@pytest.mark.parametrize(
    ("section", "more", "message"),
    [
        ("oak: {leaves: 1}", "", r"params\.yaml:\d+: train\.oak\.leaves: Input should be greater"),
        ("oak: {leafs: 3}", "", r"train\.oak\.leafs: there is no such key; .*'leaves'\?"),
        ("oka: {leaves: 3}", "", r"params\.yaml:\d+: train\.oka: there is no such key"),
        ("oak: {}", 'packages=("nowhere_at_all",)', "oak needs nowhere_at_all, which is not inst"),
        ("oak: {}", "tasks=(Task.REGRESSION,)", "oak learns regression targets, and contract.yaml"),
    ],
)
def test_what_an_own_trainer_cannot_take_is_told(
    own: Callable[[str, str], int],
    capsys: pytest.CaptureFixture[str],
    section: str,
    more: str,
    message: str,
) -> None:
    """Attacks a misspelt setting that is ignored, and a traceback out of a library."""
    assert own(section, more) == 2
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize("trainer", TRAINERS, ids=lambda trainer: trainer.name)
def test_a_built_in_trainer_tries_settings_that_it_has(trainer: TrainerSpec[Any]) -> None:
    """Attacks a space with a misspelt key, and a module that no fingerprint finds."""
    check(trainer.tried, TrainSettings(trainer=trainer.name))
    module = importlib.import_module(f"gatehouse.pipeline.trainers.{trainer.name}")
    assert trainer in vars(module).values()
