"""`gatehouse noise`: what it trains and sees, what it writes, and what it leaves alone."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pipeline
import pytest
from click.testing import CliRunner, Result

from gatehouse.cli import main
from gatehouse.policy import load_policy
from gatehouse.table import write_table
from gatehouse.workspace import Workspace
from tests.sample import SAMPLE

CONTRACT = """\
version: 1
name: toy
description: A number
split: {hash: 1, identity: [x], valid: 0.2, test: 0.2}
columns:
  x: {type: number, description: A number}
  y: {type: category, role: target, categories: ["no", "yes"], positive: "yes", description: Sign}
"""
PARAMS = """\
data: {source: simulated, simulated: {rows: 100}, adult: {}, file: {}}
train: {trainer: "pipeline.wobbly:wobbly"}
quantize: {method: static}
"""


def rows(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = np.where(rng.random(n) < 1 / (1 + np.exp(-x)), "yes", "no")
    return pd.DataFrame({"x": x, "y": pd.Series(y, dtype="str")})


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with prepared rows. Its test split can't be read."""
    (tmp_path / "contract.yaml").write_text(CONTRACT)
    (tmp_path / "params.yaml").write_text(PARAMS)
    text = (SAMPLE / "policy.yaml").read_text()
    text = re.sub(r"noise: \{.*?\}\}", "noise: null", text, flags=re.DOTALL)
    (tmp_path / "policy.yaml").write_text(text)
    for split, n in (("train", 400), ("valid", 300)):
        write_table(rows(n, n), tmp_path / f"data/prepared/{split}.parquet")
    (tmp_path / "data/prepared/test.parquet").write_text("not to be read")
    monkeypatch.setattr(pipeline, "__path__", [*pipeline.__path__, str(Path(__file__).parent)])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def noise(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["noise", *arguments], catch_exceptions=False)


def test_the_spread_of_the_seeds_goes_into_the_policy(place: Path) -> None:
    """Attacks a spread of other seeds or rows, and a policy that loses its comments."""
    before = (place / "policy.yaml").read_text()
    shown = noise("--seeds", "4")
    assert shown.exit_code == 0, shown.output
    assert (place / "policy.yaml").read_text() == before
    written = noise("--seeds", "4", "--write")
    assert written.exit_code == 0, written.output
    found = load_policy().noise
    assert found is not None
    assert (found.seeds, found.rows) == (4, 300)
    valid = Workspace().split("valid")
    right = [float((((valid["x"] + seed / 10) >= 0) == (valid["y"] == "yes")).mean())
             for seed in range(4)]  # fmt: skip
    assert found.deviation["accuracy"] == pytest.approx(np.std(right, ddof=1), rel=0.01)
    assert found.deviation["roc_auc"] == 0
    after = (place / "policy.yaml").read_text()
    lines = [line for line in after.splitlines() if not line.startswith("noise:")]
    assert lines == [line for line in before.splitlines() if not line.startswith("noise:")]


def test_limits_are_moved_beyond_the_noise_on_request(place: Path) -> None:
    """Attacks a comparison that equal models can fail, and a limit moved without being asked."""
    tight = (place / "policy.yaml").read_text().replace("at_least: -0.01", "at_least: -0.0001")
    (place / "policy.yaml").write_text(tight)
    warned = noise("--seeds", "3", "--write")
    assert "accuracy-base: its limit -0.0001 lies inside training noise" in warned.output
    assert load_policy().rules["accuracy-base"].limit == -0.0001
    moved = noise("--seeds", "3", "--write", "--limits")
    assert "warning" not in moved.output
    policy = load_policy()
    assert policy.inside_noise() == []
    assert policy.rules["accuracy-base"].limit < -0.0001
    assert policy.rules["accuracy-auc-base"].limit == -0.0001  # its noise is 0


def test_resampled_rows_are_shown_apart(place: Path) -> None:
    """Attacks the two spreads in one number: this trainer does not look at its rows."""
    shown = noise("--seeds", "3", "--rows")
    line = next(line for line in shown.output.splitlines() if line.startswith("accuracy"))
    assert float(line.split()[2]) > 0
    assert float(line.split()[-1]) == 0


def test_time_ends_it_after_enough_seeds(place: Path) -> None:
    """Attacks a bound of time that leaves too few seeds for a spread."""
    assert "3 seeds," in noise("--seeds", "20", "--minutes", "0.0001").output


def test_without_prepared_rows_it_says_so(place: Path) -> None:
    """Attacks a traceback before the first run."""
    shutil.rmtree(place / "data")
    failed = noise()
    assert failed.exit_code == 2
    assert failed.output.startswith("error: data/prepared/train.parquet")
