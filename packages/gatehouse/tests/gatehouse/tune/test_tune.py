"""Tuning: what it may see, what it finds, that it goes on, and what it writes."""

from __future__ import annotations

import importlib
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pipeline
import pytest
from click.testing import CliRunner, Result

from gatehouse.cli import main
from gatehouse.pipeline.settings import load_settings
from gatehouse.table import write_table
from gatehouse.tune.folds import folds_of
from gatehouse.tune.result import PAGE
from gatehouse.tune.study import LOCAL
from gatehouse.workspace import Workspace
from tests.gatehouse.tune.toy import BEST, SLOPE, probabilities
from tests.sample import SAMPLE

HIDDEN = "made-up"
CONTRACT = """\
version: 1
name: toy
description: A number
split: {hash: 1, identity: [x], valid: 0.2, test: 0.2}
columns:
  x: {type: number, description: A number}
  y: {type: category, role: target, categories: ["no", "yes"], positive: "yes", description: Sign}
"""
PARAMS = f"""\
data: {{source: simulated, simulated: {{rows: 100}}, adult: {{}}, file: {{}}}}
train:
  trainer: pipeline.toy:sloped
  torch_mlp:
    learning_rate: 9.0   # of the toy: its slope
quantize: {{method: static}}
tune:
  trials: 8
  folds: 3
  metric: log_loss
  space:
    {SLOPE}: {{low: 0.1, high: 10.0, log: true}}
"""


def rows(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = np.where(rng.random(n) < probabilities(x, BEST)[:, 1], "yes", "no")
    return pd.DataFrame({"x": x, "y": pd.Series(y, dtype="str")})


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace to tune in. There is no test split: to read it would be an error."""
    (tmp_path / "contract.yaml").write_text(CONTRACT)
    (tmp_path / "params.yaml").write_text(PARAMS)
    shutil.copy(SAMPLE / "policy.yaml", tmp_path)
    for split, (n, seed) in {"train": (400, 0), "valid": (120, 1)}.items():
        write_table(rows(n, seed), tmp_path / f"data/prepared/{split}.parquet")
    write_table(rows(9, 2), tmp_path / "data/prepared/test.parquet")
    # The toy as a module of src/pipeline: here, and in the processes of several workers.
    places = [*pipeline.__path__, str(Path(__file__).parent)]
    monkeypatch.setattr(pipeline, "__path__", places)
    (tmp_path / "shadow/pipeline").mkdir(parents=True)
    (tmp_path / "shadow/pipeline/__init__.py").write_text(f"__path__ = {places!r}\n")
    monkeypatch.syspath_prepend(tmp_path / "shadow")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tune(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["tune", *arguments], catch_exceptions=False)


def study() -> optuna.Study:
    (name,) = optuna.get_all_study_names(LOCAL)
    return optuna.load_study(study_name=name, storage=LOCAL)


def slope() -> float:
    return load_settings().train.torch_mlp.learning_rate


def edit(old: str, new: str) -> None:
    text = Path("params.yaml").read_text()
    assert old in text
    Path("params.yaml").write_text(text.replace(old, new))


def test_the_winner_stands_in_the_settings(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also attacks a look at the test split: reading it is an error here."""
    split = Workspace.split

    def refuse(self: Workspace, name: str) -> pd.DataFrame:
        assert name != "test"
        return split(self, name)

    monkeypatch.setattr(Workspace, "split", refuse)
    done = tune("--trials", "12")
    assert done.exit_code == 0, done.output
    assert 1.0 < slope() < 4.0
    assert "# of the toy: its slope" in Path("params.yaml").read_text()
    assert f"train.{SLOPE} is now" in done.output
    assert "against the present settings" in done.output
    states = [trial.state for trial in study().trials]
    assert optuna.trial.TrialState.PRUNED in states
    assert study().trials[0].params == {SLOPE: 9.0}
    page = (toy / PAGE).read_text(encoding="utf-8")
    assert "<h2>Importances</h2>" in page
    assert not re.search(r"<(?:script|link|img)[^>]*(?:src|href)=", page)


def test_a_stopped_call_is_taken_up_again(toy: Path) -> None:
    """The trials of the first call count, and none is made twice."""
    assert tune("--trials", "3", "--dry-run").exit_code == 0
    assert slope() == 9.0
    first = [trial.params for trial in study().trials]
    assert tune("--trials", "5", "--dry-run").exit_code == 0
    after = [trial.params for trial in study().trials]
    assert after[:3] == first
    assert len({tuple(params.values()) for params in after}) == 5
    assert tune("--trials", "5", "--dry-run").exit_code == 0
    assert len(study().trials) == 5


def test_another_question_is_another_study(toy: Path) -> None:
    """Attacks trials of other rows, which say nothing of these."""
    assert tune("--trials", "1", "--dry-run").exit_code == 0
    write_table(rows(400, 7), toy / "data/prepared/train.parquet")
    assert tune("--trials", "1", "--dry-run").exit_code == 0
    assert len(optuna.get_all_study_names(LOCAL)) == 2


def test_the_best_settings_stay(toy: Path) -> None:
    """What can't be bettered is not touched."""
    edit("learning_rate: 9.0", f"learning_rate: {BEST}")
    before = Path("params.yaml").read_text()
    done = tune("--trials", "1")
    assert done.exit_code == 0
    assert "the settings that params.yaml has" in done.output
    assert Path("params.yaml").read_text() == before


@pytest.mark.slow
def test_two_workers_share_a_study(toy: Path) -> None:
    """Real processes on one database: together they make what was asked for."""
    done = tune("--trials", "6", "--workers", "2", "--dry-run")
    assert done.exit_code == 0, done.output
    finished = [trial for trial in study().trials if trial.state.is_finished()]
    assert 6 <= len(finished) <= 7  # one more where both begin the last at once
    tried = [trial.params[SLOPE] for trial in finished]
    assert len(set(tried)) == len(tried)
    assert tried.count(9.0) == 1


def test_an_interrupted_first_trial_is_made_again(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks a winner that was never held against the settings it takes the place of."""
    module = importlib.import_module("pipeline.toy")

    honest, calls = module.sloped, []

    def stopped(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return honest.train(*arguments)

    monkeypatch.setattr(module, "sloped", replace(honest, train=stopped))
    assert tune("--trials", "4", "--dry-run").exit_code == 130  # as shells count an interrupt
    assert [trial.state.name for trial in study().trials] == ["FAIL"]
    done = tune("--trials", "4", "--dry-run")
    assert done.exit_code == 0, done.output
    assert "against the present settings" in done.output
    states = [trial.state for trial in study().trials]
    assert len(states) == 5  # the interrupted one does not count


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (f"    {SLOPE}:", "    torch_mlp.speed:", r"tune\.space\.torch_mlp\.speed: there is no"),
        ("high: 10.0", "high: -1", "swap the two"),
        ("{low: 0.1, high: 10.0, log: true}", "{low: -1, high: 1}", "can't be -1"),
        (
            "pipeline.toy:sloped",
            "lightgbm",
            "does not read the section torch_mlp",
        ),
        ("metric: log_loss", "metric: r2", "not a metric for a binary target; there are: roc_auc"),
        ("folds: 3", "folds: 1", "tune.folds"),
    ],
)
def test_wrong_settings_name_the_place(toy: Path, old: str, new: str, expected: str) -> None:
    """Attacks mistakes in the section `tune`: before a trial runs, and with no traceback."""
    edit(old, new)
    done = tune()
    assert done.exit_code == 2
    assert re.search(expected, done.output), done.output


@pytest.mark.parametrize(
    ("storage", "expected"),
    [
        ("postgresql://127.0.0.1:1/tuning", "its driver is not installed"),
        (f"postgresql://u:{HIDDEN}@127.0.0.1:1/tuning", "into GATEHOUSE_TUNE_STORAGE"),
        (f"u:{HIDDEN}@nowhere", "cannot be used as storage"),
        ("sqlite:////nowhere/at/all.db", "cannot be used as storage"),
        ("no url", "cannot be used as storage"),
    ],
)
def test_a_storage_that_cannot_be_had(toy: Path, storage: str, expected: str) -> None:
    """One line that says why, and never the password."""
    done = tune("--storage", storage)
    assert done.exit_code == 2
    assert expected in done.output
    assert HIDDEN not in done.output


def test_folds_are_apart(toy: Path) -> None:
    """Attacks rows that a model was trained on and is then scored by."""
    same = rows(30, 5)
    write_table(pd.concat([rows(200, 0), same, same]), toy / "data/prepared/train.parquet")
    seen = []
    for fold in folds_of(Workspace(), 4):
        parts = [set(part["x"]) for part in (fold.data.train, fold.data.valid, fold.held_out)]
        assert not parts[0] & parts[1]
        assert not parts[2] & (parts[0] | parts[1])
        assert len(parts[0]) > 3 * len(parts[1])
        seen.append(fold.held_out["x"])
    assert sorted(pd.concat(seen)) == sorted(
        pd.concat([rows(200, 0), same, same, rows(120, 1)])["x"]
    )


def test_too_few_rows_for_the_folds(toy: Path) -> None:
    """A handful of rows leaves a fold without any: said, with what to lower."""
    for split in ("train", "valid"):
        write_table(rows(3, 0), toy / f"data/prepared/{split}.parquet")
    done = tune()
    assert done.exit_code == 2
    assert "lower tune.folds" in done.output


def test_a_trainer_that_fails_is_told(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks a study full of failures that ends as if it had found something."""
    module = importlib.import_module("pipeline.toy")

    from gatehouse.errors import GatehouseError

    def broken(*_: object) -> None:
        raise GatehouseError("the trainer says no")

    monkeypatch.setattr(module, "sloped", replace(module.sloped, train=broken))
    done = tune()
    assert done.exit_code == 2
    assert "the trainer says no" in done.output
