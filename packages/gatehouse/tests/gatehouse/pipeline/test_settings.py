"""Settings of the data: what cannot work is refused with file, line, key and fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.pipeline.settings import load_settings
from tests.sample import SAMPLE


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("source: simulated", "source: oracle", "data.source"),
        ("rows: 48842", "rows: 5", "data.simulated.rows"),
        ("seed: 0\n    drift", "seed: 18446744073709551616\n    drift", "data.simulated.seed"),
        ("drift: 0.0", "drift: .nan", "data.simulated.drift"),
        ("label_bias: 0.0", "label_bias: 1.5", "data.simulated.label_bias"),
        ("missingness: 1.0", "missingness: -1", "data.simulated.missingness"),
        ("label_bias: 0.0", "labelbias: 0.0", "data.simulated.labelbias"),
        ("trainer: pipeline.network:torch_mlp", "trainer: pipeline:train", "train.trainer"),
        ("teacher: null", "teacher: cnn:cnn", "train.torch_mlp.distill.teacher"),
    ],
)
def test_bad_settings_name_their_key(tmp_path: Path, old: str, new: str, key: str) -> None:
    """Attacks settings that would fail late, or be ignored."""
    text = (SAMPLE / "params.yaml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "params.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(GatehouseError) as caught:
        load_settings(path)
    assert f" {key}: " in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "cnn:torch_cnn", "os:system", "data.own.trainer:train", "gates.mine:train",
        "pipelines.train:torch_mlp", "pipeline:train", "pipeline..train:f", "pipeline.train",
        "pipeline.train:a.b", "x.pipeline.train:f", " pipeline.train:f", "pipeline/train:f",
        "gatehouse.pipeline.train:train", "gatehouse.git:git", "xgatehouse.pipeline.trainers:f",
        "gatehouse.pipeline.trainers.boosted_trees:f", "light",
        "gatehouse.pipeline.trainers:lightgbm",
    ],
)  # fmt: skip
def test_a_trainer_lies_in_the_pipeline(tmp_path: Path, name: str) -> None:
    """Attacks a run that imports a module of a folder which nobody takes for code."""
    text = (SAMPLE / "params.yaml").read_text(encoding="utf-8")
    path = tmp_path / "params.yaml"
    old = "trainer: pipeline.network:torch_mlp"
    assert old in text
    path.write_text(text.replace(old, f"trainer: '{name}'", 1), encoding="utf-8")
    with pytest.raises(GatehouseError, match=r"train\.trainer: .*write pipeline\.MODULE:OBJ"):
        load_settings(path)
