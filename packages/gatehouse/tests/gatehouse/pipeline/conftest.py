"""A small made-up workspace: a contract, settings and prepared splits that train in a second."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gatehouse.contract import Contract, load_contract
from gatehouse.table import write_table

CONTRACT = """\
version: 1
name: lamps
description: One visitor of a lamp shop
split: {hash: 1, identity: [age, size in cm, colour, room], valid: 0.2, test: 0.2}
columns:
  age: {type: integer, range: [0, 100], missing: true, description: Age in years}
  size in cm: {type: number, description: Size of the lamp}
  colour:
    type: category
    categories: [red, green, blue]
    missing: true
    unknown: other
    description: Colour of the lamp
  room: {type: category, categories: [bath, hall], description: Where it hangs}
  group: {type: category, role: protected, categories: [a, b], description: Group of the visitor}
  share: {type: number, role: weight, description: Weight of the row}
  bought:
    type: category
    role: target
    categories: ["no", "yes"]
    positive: "yes"
    description: Was it bought?
"""

PARAMS = """\
data:
  source: simulated
  simulated: {rows: 100}
  adult: {}
  file: {}
train:
  trainer: pipeline.network:torch_mlp
  seed: 0
  torch_mlp:
    hidden: [16, 8]
    bins: 8
    embedding: 3
    dropout: 0.1
    masked: 0.05
    epochs: 4
    patience: 4
    batch: 64
    learning_rate: 0.02
    weight_decay: 0.01
    threads: 1
    fairness_penalty: {attribute: group, weight: 0.0}
decision: {threshold: 0.4}
quantize: {method: static}
"""


def visitors(rows: int, seed: int) -> pd.DataFrame:
    """Made-up rows; the target depends on age and colour, and group b buys less."""
    rng = np.random.default_rng(seed)
    age = rng.integers(0, 101, rows).astype(float)
    colour = rng.choice(["red", "green", "blue", "mauve"], rows, p=[0.4, 0.3, 0.25, 0.05])
    group = rng.choice(["a", "b"], rows)
    score = (age - 50) / 15 + (colour == "red") * 2 - (group == "b") * 1.5 + rng.normal(size=rows)
    return pd.DataFrame(
        {
            "age": np.where(rng.random(rows) < 0.1, np.nan, age),
            "size in cm": rng.lognormal(3, 1, rows),
            "colour": pd.Series(colour, dtype="str").mask(rng.random(rows) < 0.1),
            "room": rng.choice(["bath", "hall"], rows),
            "group": group,
            "share": rng.uniform(0.5, 1.5, rows),
            "bought": np.where(score > 0, "yes", "no"),
        }
    )


@dataclass(frozen=True)
class Shop:
    """The workspace's folder, which is the current one, and what is in it."""

    root: Path
    contract: Contract
    train: pd.DataFrame
    valid: pd.DataFrame

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace `old`, which must be there, in a file."""
        path = self.root / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATEHOUSE_COMMIT", "0" * 40)
    (tmp_path / "contract.yaml").write_text(CONTRACT, encoding="utf-8")
    (tmp_path / "params.yaml").write_text(PARAMS, encoding="utf-8")
    splits = {"train": visitors(600, 1), "valid": visitors(200, 2), "test": visitors(100, 3)}
    for name, frame in splits.items():
        write_table(frame, tmp_path / "data" / "prepared" / f"{name}.parquet")
    return Shop(tmp_path, load_contract(), splits["train"], splits["valid"])
