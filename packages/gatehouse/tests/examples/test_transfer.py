"""Fine-tuning: weights learned on the digits 0 to 4 help to tell 5 to 9 from a few images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gatehouse.errors import GatehouseError
from gatehouse.pipeline.trainer import TrainingData
from tests.examples.conftest import EXAMPLE

pytestmark = pytest.mark.slow

WEIGHTS = Path("pretrained.pt")
EPOCHS = 8


@pytest.fixture(scope="module")
def few(example: Any) -> TrainingData:
    """A few images of the digits 5 to 9, and many to look at."""
    data: TrainingData = example.few.few_images(0)
    return data


@pytest.fixture(scope="module")
def pretrained(example: Any, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file of weights that know 0 to 4."""
    path: Path = tmp_path_factory.mktemp("weights") / WEIGHTS
    example.few.pretrain(path)
    return path.read_bytes()


@pytest.fixture(autouse=True)
def _pinned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pretrained: bytes, example: Any
) -> None:
    """The weights, and the settings that pin them, in the current folder."""
    monkeypatch.chdir(tmp_path)
    WEIGHTS.write_bytes(pretrained)
    example.few.pin(WEIGHTS, EPOCHS)


def test_few_images_go_further_from_a_pretrained_body(
    few: TrainingData, example: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks weights that are loaded and not used, a body that is not frozen or never thawed."""
    seen: list[tuple[bool, bool, list[torch.Tensor]]] = []
    fit = example.transfer.fit

    def watched(model: Any, *arguments: Any) -> Any:
        body = model.network.body
        before = [weight.clone() for weight in body.parameters()]
        curve = fit(model, *arguments)
        kept = all(map(torch.equal, before, body.parameters()))
        seen.append((model.frozen, kept, before))
        return curve

    monkeypatch.setattr(example.transfer, "fit", watched)
    settings = example.few.settings_of(EPOCHS)
    tuned = example.transfer.fine_tuned(few, settings, Path("reports"))
    scratch = example.cnn.torch_cnn(few, settings, Path("reports"))
    right = example.few.accuracy
    assert right(few, tuned) > max(0.7, right(few, scratch) + 0.15)
    assert [(frozen, kept) for frozen, kept, _ in seen] == [(True, True), (False, False)]
    stored = torch.load(WEIGHTS, weights_only=True)
    loaded = [weight for name, weight in stored.items() if name.startswith("body.")]
    assert all(map(torch.equal, seen[0][2], loaded))


def test_the_graph_says_what_the_fine_tuned_network_says(few: TrainingData, example: Any) -> None:
    """Attacks an export of the network without its body, or of the old head."""
    import onnxruntime

    trained = example.transfer.fine_tuned(few, example.few.settings_of(4), Path("reports"))
    session = onnxruntime.InferenceSession(trained.graph.SerializeToString())
    pixels = few.valid[example.rows.PIXELS].astype(np.float32)
    feeds = {name: pixels[[name]].to_numpy() for name in pixels}
    (found,) = session.run(["probabilities"], feeds)
    assert found.shape == (len(few.valid), 5)
    assert np.abs(found - trained.valid_outputs).max() < 1e-5


def test_a_frozen_body_keeps_its_dropout_and_running_means_still(example: Any) -> None:
    """Attacks batch normalization, whose means move though no gradient does."""
    model = example.transfer.Pretrained(example.cnn.Cnn(5, example.few.settings_of(1).torch_mlp))
    model.freeze(frozen=True)
    model.train()
    assert (model.network.body.training, model.network.head.training) == (False, True)
    model.freeze(frozen=False)
    assert model.train().network.body.training


class Planted:
    """A pickle that runs code of its own where it is read as such."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return Path.touch, (Path("planted"),)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("gone", r"pretrained\.pt: cannot be read"),
        ("another file", r"has SHA-256 \w+, but transfer\.yaml says \w{64}"),
        ("no weights", r"holds no weights of this network's body"),
        ("half", r"holds no weights of this network's body"),
        ("code", r"holds no weights of this network's body"),
        ("a list", r"holds no weights of this network's body"),
        ("another network", r"holds no weights of this network's body .*`hidden`"),
        ("nothing pinned", r"transfer\.yaml:\d+: sha256"),
    ],
)
def test_weights_that_cannot_be_used_are_told(
    few: TrainingData, example: Any, pretrained: bytes, kind: str, message: str
) -> None:
    """Attacks a traceback, weights that nobody pinned, and a file that runs code when read."""
    settings = example.few.settings_of(EPOCHS)
    match kind:
        case "gone":
            WEIGHTS.unlink()
        case "another file":
            WEIGHTS.write_bytes(pretrained + b"0")
        case "no weights":
            WEIGHTS.write_bytes(b"no weights")
        case "half":
            WEIGHTS.write_bytes(pretrained[: len(pretrained) // 2])
        case "code":
            torch.save(Planted(), WEIGHTS)
        case "a list":
            torch.save([1], WEIGHTS)
        case "another network":
            narrow = settings.torch_mlp.model_copy(update={"hidden": (8, 8, 8)})
            settings = settings.model_copy(update={"torch_mlp": narrow})
    if kind in ("no weights", "half", "code", "a list"):
        example.few.pin(WEIGHTS, EPOCHS)
    if kind == "nothing pinned":
        shipped = (EXAMPLE / "transfer.yaml").read_text(encoding="utf-8")
        Path("transfer.yaml").write_text(shipped, encoding="utf-8")
    with pytest.raises(GatehouseError, match=f"(?s){message}"):
        example.transfer.fine_tuned(few, settings, Path("reports"))
    assert not Path("planted").exists()
