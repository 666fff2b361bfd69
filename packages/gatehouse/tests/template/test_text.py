"""The guide's recipe for text: the code that stands there makes columns a trainer learns from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gatehouse.contract import parse_contract
from gatehouse.pipeline.settings import TrainSettings
from gatehouse.pipeline.trainer import TrainingData, find_trainer

GUIDE = Path(__file__).parents[2] / "docs/transfer-learning.md"
WORDS = {
    "refund": "money back charged twice invoice card payment",
    "delivery": "parcel late courier door address tracking",
    "login": "password account locked reset code sign",
}


def letters(rows: int, seed: int) -> pd.DataFrame:
    """Made-up letters: a few words of their subject among those of all."""
    rng = np.random.default_rng(seed)
    common = ["hello", "please", "the", "my", "is", "not", "have", "and", "thanks"]
    subject = rng.choice(list(WORDS), rows)
    texts = [
        " ".join(rng.permutation([*rng.choice(WORDS[name].split(), 3), *rng.choice(common, 5)]))
        for name in subject
    ]
    return pd.DataFrame({"text": texts, "subject": subject})


def test_the_recipe_for_text_works_as_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks a recipe that nobody ran, and columns outside the range that the guide gives."""
    monkeypatch.chdir(tmp_path)
    guide = GUIDE.read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    (line,) = re.findall(r"`t00: (\{.*?\})`", guide)
    found: dict[str, Any] = {}
    exec(compile(code, GUIDE.name, "exec"), found)  # noqa: S102  # our own guide
    splits = []
    for rows, seed in ((300, 0), (200, 1)):
        frame = letters(rows, seed)
        splits.append(found["columns"](frame["text"]).assign(subject=frame["subject"]))
    names = splits[0].columns.drop("subject")
    assert (splits[0][names].abs() <= 1).all(axis=None)
    assert not found["columns"](pd.Series([None, ""])).any(axis=None)
    contract = parse_contract(
        "version: 1\nname: letters\ndescription: One letter\n"
        f"split: {{hash: 1, identity: {list(names)}, valid: 0.16, test: 0.2}}\ncolumns:\n"
        + "".join(f"  {name}: {line}\n" for name in names)
        + f"  subject: {{type: category, role: target, categories: {list(WORDS)}, description: .}}",
        "contract.yaml",
    )
    settings = TrainSettings(trainer="logistic_regression")
    data = TrainingData(contract, *splits)
    trained = find_trainer(settings.trainer)(data, settings, Path("reports"))
    decided = trained.valid_outputs.argmax(axis=1)
    assert (decided == data.labels(data.valid)).mean() > 0.9
