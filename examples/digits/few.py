"""What fine-tuning is worth with few images: pretrained on the digits 0 to 4, to tell 5 to 9.

Prints a table: python few.py
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import tempfile
from pathlib import Path

import numpy as np
import torch
import train as _train  # noqa: F401  (puts cnn.py and transfer.py into pipeline)
from gatehouse.contract import Contract, load_contract, parse_contract
from gatehouse.pipeline.settings import TorchMlpSettings, TrainSettings, load_settings
from gatehouse.pipeline.trainer import TrainedModel, TrainingData
from rows import digits
from tqdm import tqdm

from pipeline import cnn, transfer

HERE = Path(__file__).parent
DRAWS = 5
LABELLED = 5
"""Images of each new digit."""


def contract_of(classes: str) -> Contract:
    """The example's contract with these digits alone, in this order."""
    text = (HERE / "contract.yaml").read_text(encoding="utf-8")
    listed = ", ".join(f'"{digit}"' for digit in load_contract(HERE / "contract.yaml").classes)
    chosen = ", ".join(f'"{digit}"' for digit in classes)
    return parse_contract(text.replace(f"[{listed}]", f"[{chosen}]"), "contract.yaml")


def pretrain(path: Path) -> None:
    """Store the weights of a network that knows the digits 0 to 4."""
    old = digits().query("digit < '5'").sample(frac=1, random_state=0)
    options = load_settings(HERE / "params.yaml").train.torch_mlp
    torch.manual_seed(0)
    network = cnn.Cnn(5, options)
    data = TrainingData(contract_of("01234"), old[:700], old[700:])
    cnn.fit(network, *cnn.splits_of(data), options, seed=0)
    path.parent.mkdir(exist_ok=True)
    torch.save(network.state_dict(), path)


def few_images(draw: int) -> TrainingData:
    """A few images of each of the digits 5 to 9; all others are the valid split."""
    new = digits().query("digit >= '5'").sample(frac=1, random_state=draw)
    train = new.groupby("digit").head(LABELLED)
    return TrainingData(contract_of("56789"), train, new.drop(train.index))


def settings_of(epochs: int, seed: int = 0) -> TrainSettings:
    """The example's settings for so few images."""
    train = load_settings(HERE / "params.yaml").train
    changes = {"epochs": epochs, "patience": epochs, "batch": 8, "learning_rate": 0.003}
    options: TorchMlpSettings = train.torch_mlp.model_copy(update=changes)
    return train.model_copy(update={"seed": seed, "torch_mlp": options})


def pin(weights: Path, epochs: int) -> None:
    """Write transfer.yaml into the current directory, half of `epochs` in each phase."""
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    transfer.FILE.write_text(
        f'weights: {weights}\nsha256: "{digest}"\nfrozen_epochs: {epochs // 2}\n'
        f"epochs: {epochs - epochs // 2}\nlearning_rate: 0.001\n",
        encoding="utf-8",
    )


def accuracy(data: TrainingData, trained: TrainedModel) -> float:
    """Of the valid split."""
    decided = trained.valid_outputs.argmax(axis=1)
    return float((decided == data.labels(data.valid)).mean())


def main() -> None:
    """Mean accuracy over draws of the few images, from scratch and fine-tuned."""
    weights, reports = Path("pretrained.pt"), Path("reports")
    print("| epochs | from scratch | fine-tuned |\n| ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        pretrain(weights)
        for epochs in (4, 8, 20):
            pin(weights, epochs)
            found = []
            for draw in tqdm(range(DRAWS), desc=f"{epochs} epochs", disable=None):
                data, settings = few_images(draw), settings_of(epochs, draw)
                with contextlib.redirect_stdout(io.StringIO()):
                    scratch = cnn.torch_cnn(data, settings, reports)
                    tuned = transfer.fine_tuned(data, settings, reports)
                found.append((accuracy(data, scratch), accuracy(data, tuned)))
            means = np.mean(found, axis=0)
            print(f"| {epochs} | {means[0]:.2f} | {means[1]:.2f} |")


if __name__ == "__main__":
    main()
