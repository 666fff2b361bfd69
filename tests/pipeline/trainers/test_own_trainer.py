"""The stage with another trainer: one line switches, and the guide's own trainer works as shown."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from ruamel.yaml import YAML

from gatehouse.model import Model
from pipeline.quantize import main as quantize
from pipeline.settings import TrainSettings
from pipeline.train import main

if TYPE_CHECKING:
    from tests.pipeline.conftest import Shop

GUIDE = Path(__file__).parents[3] / "docs/adopting.md"
MODEL, INT8 = Path("models/model.onnx"), Path("models/model.int8.onnx")


def guide() -> str:
    return GUIDE.read_text(encoding="utf-8")


def right(shop: Shop) -> float:
    model = Model(INT8)
    decided = model.decisions(model.outputs(shop.valid))
    return float((decided == (shop.valid["bought"] == "yes")).mean())


def test_the_guides_trainer_works_as_shown(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks a guide that nobody ran, and curves that the stage declares and nobody writes."""
    section = guide().split("## A trainer of your own")[1]
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    package = shop.root / "own"
    package.mkdir()
    (package / "forest_of_the_guide.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(package)
    stale = Path("reports/train/metrics.json")
    stale.parent.mkdir(parents=True)
    stale.write_text('{"of": "another trainer"}', encoding="utf-8")
    shop.edit("params.yaml", "pipeline.train:torch_mlp", "forest_of_the_guide:forest")
    assert main() == 0
    assert quantize() == 0
    printed = capsys.readouterr()
    assert "of the trainer's probabilities on 200 rows" in printed.out
    assert "(native)" in printed.out
    assert right(shop) > 0.72
    losses = json.loads(stale.read_text(encoding="utf-8"))
    assert 0 < losses["best"]["valid_log_loss"] < 0.7
    assert "of" not in losses
    assert Path("reports/train/plots/metrics/valid/loss.tsv").exists()
    sys.modules.pop("forest_of_the_guide")


def test_one_line_switches(shop: Shop) -> None:
    """Attacks a trainer that needs a section in params.yaml, or another stage."""
    shop.edit("params.yaml", "pipeline.train:torch_mlp", "pipeline.trainers:lightgbm")
    assert main() == 0
    assert quantize() == 0
    assert Model(INT8).metadata.trainer == "pipeline.trainers:lightgbm"
    assert INT8.read_bytes() == MODEL.read_bytes()
    assert right(shop) > 0.72


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
    shop.edit("params.yaml", "pipeline.train:torch_mlp", "pipeline.trainers:logistic_regression")
    assert main() == 0
    assert "of the trainer's predictions on 200 rows" in capsys.readouterr().out
    model = Model(MODEL)
    assert model.metadata.threshold is None
    wanted = 1e6 + 1e3 * shop.valid["age"].fillna(50)
    np.testing.assert_allclose(model.outputs(shop.valid)[:, 0], wanted, rtol=1e-3)
    losses = json.loads(Path("reports/train/metrics.json").read_text(encoding="utf-8"))
    assert 0 <= losses["best"]["valid_squared_error"] < 0.01


def test_the_guide_shows_the_defaults() -> None:
    """Attacks a guide whose settings are not those of the code."""
    shown = re.findall(r"```yaml\n(.*?)```", guide().split("## Other trainers")[1], re.DOTALL)
    sections = YAML(typ="safe").load(shown[1])["train"]
    settings = TrainSettings(trainer="pipeline.train:torch_mlp").model_dump(mode="json")
    assert len(sections) == 5
    assert sections == {name: settings[name] for name in sections}
