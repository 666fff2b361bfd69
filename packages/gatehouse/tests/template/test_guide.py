"""docs/adopting.md: its settings and commands are the code's; extending.md's trainer works."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pipeline
import pytest
from ruamel.yaml import YAML

from gatehouse.adopt.cli import next_steps
from gatehouse.pipeline.quantize import main as quantize
from gatehouse.pipeline.settings import TrainSettings
from gatehouse.pipeline.train import main
from gatehouse.pipeline.trainers import TRAINERS
from tests.gatehouse.pipeline.trainers.test_own_trainer import right

if TYPE_CHECKING:
    from tests.gatehouse.pipeline.conftest import Shop

GUIDE = Path(__file__).parents[2] / "docs/adopting.md"
EXTENDING = GUIDE.with_name("extending.md")


def guide() -> str:
    return GUIDE.read_text(encoding="utf-8")


def test_the_guides_trainer_works_as_shown(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks a guide that nobody ran, and curves that the stage declares and nobody writes."""
    section = EXTENDING.read_text("utf-8").split("## A trainer of your own")[1]
    code = re.findall(r"```python\n(.*?)```", section, re.DOTALL)[0]
    package = shop.root / "own"
    package.mkdir()
    (package / "forest_of_the_guide.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(pipeline, "__path__", [*pipeline.__path__, str(package)])
    stale = Path("reports/train/metrics.json")
    stale.parent.mkdir(parents=True)
    stale.write_text('{"of": "another trainer"}', encoding="utf-8")
    shop.edit("params.yaml", "pipeline.network:torch_mlp", "pipeline.forest_of_the_guide:forest")
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
    sys.modules.pop("pipeline.forest_of_the_guide")


def test_the_guide_shows_the_defaults() -> None:
    """Attacks a guide whose settings are not those of the code."""
    shown = re.findall(r"```yaml\n(.*?)```", guide().split("## Other trainers")[1], re.DOTALL)
    sections = YAML(typ="safe").load(shown[1])["train"]
    settings = TrainSettings(trainer="pipeline.network:torch_mlp").model_dump(mode="json")
    assert sections == {trainer.name: settings[trainer.name] for trainer in TRAINERS}


def test_the_guide_s_commands_are_those_that_init_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks a guide that says otherwise how rows reach others than the screen does."""
    monkeypatch.chdir(tmp_path)
    pasted = [line for line in next_steps(Path("data/own/rows.csv")) if line.startswith("  ")]
    assert len(pasted) > 4
    assert all(line.strip().replace("rows", "customers") in guide() for line in pasted[:4])
