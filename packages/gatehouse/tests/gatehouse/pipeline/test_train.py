"""The stage `train`: what it writes, what it refuses, and that it repeats itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from pipeline.network import torch_mlp
from sklearn.metrics import roc_auc_score

from gatehouse.contract import load_contract
from gatehouse.errors import GatehouseError
from gatehouse.model import Model
from gatehouse.pipeline import train as stage
from gatehouse.pipeline.ingest import ingest
from gatehouse.pipeline.settings import load_settings
from gatehouse.pipeline.train import main, train
from gatehouse.pipeline.trainer import TrainedModel, find_trainer
from gatehouse.prepare import prepare
from gatehouse.seal import data_digest
from gatehouse.table import read_table, write_table
from tests.sample import lay_sample

if TYPE_CHECKING:
    from tests.gatehouse.pipeline.conftest import Shop

MODEL = Path("models/model.onnx")


def accuracy(shop: Shop) -> float:
    model = Model(MODEL)
    decided = model.decisions(model.outputs(shop.valid))
    return float((decided == (shop.valid["bought"] == "yes")).mean())


def test_the_model_says_where_it_comes_from(shop: Shop) -> None:
    """Evidence and serving trust the graph's metadata: each field is what it should be."""
    assert main() == 0
    said = Model(MODEL).metadata
    assert said.contract == shop.contract.digest
    assert said.data == data_digest()
    assert said.commit == "0" * 40
    assert said.classes == ("no", "yes")
    assert said.threshold == 0.5, "the served graph has the threshold of the settings"
    assert said.trainer == "pipeline.network:torch_mlp"


def test_it_learns(shop: Shop) -> None:
    """A loop that trains nothing would still write a model."""
    shop.edit("params.yaml", "epochs: 4", "epochs: 20")
    assert main() == 0
    assert accuracy(shop) > 0.75


def test_two_runs_give_the_same_bytes(shop: Shop) -> None:
    """`gatehouse verify` compares a re-run with what was recorded, byte by byte."""
    assert main() == 0
    first = MODEL.read_bytes()
    curves = {p: p.read_bytes() for p in Path("reports").rglob("*") if p.is_file()}
    assert main() == 0
    assert MODEL.read_bytes() == first
    assert {p: p.read_bytes() for p in Path("reports").rglob("*") if p.is_file()} == curves
    assert curves


def test_another_seed_gives_another_model(shop: Shop) -> None:
    """A seed that is read and then not used would make seeds of a benchmark one and the same."""
    assert main() == 0
    first = MODEL.read_bytes()
    shop.edit("params.yaml", "seed: 0", "seed: 1")
    assert main() == 0
    assert MODEL.read_bytes() != first


def test_nothing_is_printed_where_no_one_looks(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """A progress bar in a log file is noise; the device and its reason are not."""
    assert main() == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "train: 1 x c" in printed.out


def test_early_stopping_restores_the_best_weights(shop: Shop) -> None:
    """With a learning rate that diverges, the last epoch is not the best one."""
    shop.edit("params.yaml", "epochs: 4", "epochs: 30")
    shop.edit("params.yaml", "learning_rate: 0.02", "learning_rate: 0.6")
    assert main() == 0
    losses = json.loads(Path("reports/train/metrics.json").read_text())
    curve = Path("reports/train/plots/metrics/valid/loss.tsv").read_text().splitlines()[1:]
    values = [float(line.split("\t")[1]) for line in curve]
    scores = Model(MODEL).scores(shop.valid)
    labels = (shop.valid["bought"] == "yes").to_numpy()
    weights = shop.valid["share"] / shop.valid["share"].mean()
    actual = -(weights * np.log(np.where(labels, scores, 1 - scores))).mean()
    assert losses["best"]["valid_log_loss"] == min(values) < values[-1]
    assert actual == pytest.approx(min(values), abs=1e-4)
    assert len(values) == losses["best"]["epoch"] + 1 + 4


def test_row_weights_count(shop: Shop) -> None:
    """Rows of weight 0 must not be learned from: here they carry wrong labels."""
    train_path = Path("data/prepared/train.parquet")
    wrong = shop.train.assign(
        bought=np.where(shop.train["bought"] == "yes", "no", "yes"), share=0.0
    )
    write_table(pd.concat([shop.train, wrong, wrong]), train_path)
    shop.edit("params.yaml", "epochs: 4", "epochs: 20")
    assert main() == 0
    assert accuracy(shop) > 0.8


def test_the_fairness_penalty_narrows_the_gap(shop: Shop) -> None:
    """The penalty reads a column that is no model input, and moves error rates together."""

    def gap() -> float:
        model = Model(MODEL)
        assert "group" not in model.inputs
        scores = model.scores(shop.train)
        yes, b = shop.train["bought"] == "yes", shop.train["group"] == "b"
        return sum(float(abs(scores[w & b].mean() - scores[w & ~b].mean())) for w in (yes, ~yes))

    shop.edit("params.yaml", "epochs: 4", "epochs: 15")
    assert main() == 0
    without = gap()
    shop.edit("params.yaml", "weight: 0.0", "weight: 3.0")
    assert main() == 0
    assert gap() < 0.5 * without


def test_the_penalty_wants_a_protected_attribute(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.edit("params.yaml", "attribute: group, weight: 0.0", "attribute: colour, weight: 1.0")
    assert main() == 2
    assert "'colour' is no protected attribute" in capsys.readouterr().err
    assert not MODEL.exists()


def test_a_graph_that_is_not_the_network_is_refused(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An export that changes the model must not be judged in the model's place."""

    def train_off(*arguments: Any) -> TrainedModel:
        trained = torch_mlp.train(*arguments)
        outputs = trained.valid_outputs.copy()
        outputs[3] += 1e-4
        return TrainedModel(trained.graph, outputs)

    off = replace(torch_mlp, train=train_off)
    monkeypatch.setattr(sys.modules["pipeline.network"], "torch_mlp", off)
    with pytest.raises(GatehouseError, match="row 3 of the valid split"):
        train(load_settings())
    assert not list(Path("models").glob("*"))


def test_a_target_that_is_no_class_is_refused(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """A label in another spelling would count as negative in silence."""
    write_table(shop.train.assign(bought="Yes"), Path("data/prepared/train.parquet"))
    assert main() == 2
    assert "column 'bought': 600 rows hold a value that is no class" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.at_all:f", "there is no module 'nowhere'"),
        ("pipeline.nowhere:f", "there is no module 'pipeline.nowhere'"),
        ("gatehouse.pipeline.train:nowhere", "has no object 'nowhere'"),
        ("pipeline.network:Network", "is no gatehouse.pipeline.trainers.spec.TrainerSpec"),
        ("gatehouse.pipeline.trainers:LIGHTGBM", "has the name 'lightgbm'; make the two the same"),
    ],
)
def test_a_trainer_that_is_not_there(name: str, message: str) -> None:
    """A typing error in params.yaml is told, with the key."""
    with pytest.raises(GatehouseError, match=r"params\.yaml: train\.trainer: .*" + message):
        find_trainer(name)


def test_without_git_the_commit_is_unknown(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A downloaded archive of the repository has no history, and trains all the same."""
    monkeypatch.delenv("GATEHOUSE_COMMIT")
    assert stage.commit() == "unknown"
    monkeypatch.setenv("PATH", "")
    assert stage.commit() == "unknown"


@pytest.mark.slow
@pytest.mark.skipif(
    "GATEHOUSE_ADULT_DIR" not in os.environ,
    reason="needs UCI Adult: GATEHOUSE_ADULT_DIR names no folder",
)
def test_the_default_trainer_on_adult(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is promised of the default settings, on the official test file."""
    lay_sample(tmp_path, "contract.yaml", "params.yaml")
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    contract = load_contract()
    ingest(settings.data.model_copy(update={"source": "adult"}), contract)
    prepare(contract)
    assert main() == 0
    test = read_table(Path("data/prepared/test.parquet"))
    labels = test[contract.target] == contract.classes[1]
    model = Model(MODEL)
    scores = model.scores(test)
    assert roc_auc_score(labels, scores) >= 0.920
    assert (model.decisions(model.outputs(test)) == labels).mean() >= 0.865


@pytest.mark.slow
def test_two_processes_train_what_one_trains(shop: Shop) -> None:
    """With all randomness but the batches off, sharing them out changes rounding alone."""
    shop.edit("params.yaml", "dropout: 0.1", "dropout: 0.0")
    shop.edit("params.yaml", "masked: 0.05", "masked: 0.0")
    assert main() == 0
    alone = Model(MODEL).scores(shop.valid)
    MODEL.unlink()
    command = "-m torch.distributed.run --standalone --nproc-per-node 2 -m gatehouse.pipeline.train"
    done = subprocess.run(
        [sys.executable, *command.split()],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("train: 2 x c") == 1
    np.testing.assert_allclose(Model(MODEL).scores(shop.valid), alone, atol=1e-3)
