"""The exported graph: what it takes, that it gives torch's answers, and that it is total."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pipeline.network import Network
from torch import nn

from gatehouse.contract import Contract
from gatehouse.errors import GatehouseError
from gatehouse.model import OUTPUT, Metadata, Model, write_metadata
from gatehouse.pipeline.encode import Encoding
from gatehouse.pipeline.export import export
from gatehouse.pipeline.settings import FairnessPenalty, TorchMlpSettings

if TYPE_CHECKING:
    from tests.gatehouse.pipeline.conftest import Shop

OPTIONS = TorchMlpSettings(
    hidden=(8,),
    bins=4,
    embedding=3,
    dropout=0.1,
    masked=0.0,
    epochs=1,
    patience=1,
    batch=8,
    learning_rate=0.1,
    weight_decay=0.0,
    threads=1,
    fairness_penalty=FairnessPenalty(attribute="group"),
)
INPUTS = ["age", "size in cm", "colour", "room"]


def load(graph: onnx.ModelProto) -> Model:
    write_metadata(
        graph,
        Metadata(
            contract="c", data="d", commit="k", classes=("no", "yes"), threshold=0.5, trainer="t"
        ),
    )
    onnx.checker.check_model(graph, full_check=True)
    return Model(Path("made up"), graph.SerializeToString())


def network_for(shop: Shop, contract: Contract) -> tuple[Network, Encoding]:
    torch.manual_seed(0)
    encoding = Encoding.of(contract)
    numbers, _ = encoding.encode(shop.train)
    return Network(encoding, numbers, OPTIONS).eval(), encoding


def torch_scores(
    network: nn.Module, encoding: Encoding, frame: pd.DataFrame
) -> NDArray[np.float32]:
    numbers, rows = encoding.encode(frame)
    with torch.no_grad():
        logits = network(torch.from_numpy(numbers), torch.from_numpy(rows))
    return np.asarray(logits.softmax(dim=1)[:, 1])


@pytest.mark.parametrize("kept", [INPUTS, ["age"], ["room"], ["age", "colour"]])
def test_the_graph_gives_torchs_probabilities(shop: Shop, kept: list[str]) -> None:
    """Contracts with numbers alone or categories alone have fewer nodes in front."""
    columns = {
        name: column.model_copy(update={"model_input": name in kept})
        for name, column in shop.contract.columns.items()
        if name != "share"
    }
    contract = shop.contract.model_copy(update={"columns": columns})
    network, encoding = network_for(shop, contract)
    model = load(export(network, encoding))
    assert model.inputs == {
        n: "tensor(float)" if n in ("age", "size in cm") else "tensor(string)" for n in kept
    }
    np.testing.assert_allclose(
        model.scores(shop.valid), torch_scores(network, encoding, shop.valid), atol=1e-6
    )


def test_columns_may_be_called_as_a_node_is(shop: Shop) -> None:
    """Attacks a column whose name the graph uses inside: it kept its own, or was read as it."""
    plain = export(*network_for(shop, shop.contract))
    inside = [name for node in plain.graph.node for name in node.output if name != OUTPUT]
    inside += [tensor.name for tensor in plain.graph.initializer]
    for start in range(0, len(inside), len(INPUTS)):
        names = dict(zip(INPUTS, inside[start : start + len(INPUTS)], strict=False))
        columns = {names.get(name, name): c for name, c in shop.contract.columns.items()}
        contract = shop.contract.model_copy(update={"columns": columns})
        renamed = dataclasses.replace(
            shop,
            contract=contract,
            train=shop.train.rename(columns=names),
            valid=shop.valid.rename(columns=names),
        )
        model = load(export(*network_for(renamed, contract)))
        assert set(model.inputs) == {names.get(name, name) for name in INPUTS}
        np.testing.assert_array_equal(
            model.scores(renamed.valid), load(plain).scores(shop.valid), err_msg=str(names)
        )


def test_another_network_needs_no_other_exporter(shop: Shop) -> None:
    """A fork edits the network alone: here it has other layers and another use of its inputs."""

    class Other(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(encoding.table_rows, 2)
            self.norm = nn.LayerNorm(2)
            self.out = nn.Linear(4, 2)

        def forward(self, numbers: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
            known = torch.nan_to_num(numbers, 0.0, 1e3, -1e3)
            mixed = torch.cat([torch.tanh(known), self.norm(self.table(rows)).mean(1)], dim=1)
            out: torch.Tensor = self.out(mixed)
            return out

    encoding = Encoding.of(shop.contract)
    network = Other().eval()
    model = load(export(network, encoding))
    np.testing.assert_allclose(
        model.scores(shop.valid), torch_scores(network, encoding, shop.valid), atol=1e-6
    )


def test_one_row_scores_as_it_does_among_many(shop: Shop) -> None:
    """The batch is dynamic, and rows do not mix."""
    model = load(export(*network_for(shop, shop.contract)))
    together = model.scores(shop.valid)
    alone = np.concatenate([model.scores(shop.valid.iloc[[i]]) for i in range(20)])
    np.testing.assert_allclose(alone, together[:20], atol=1e-6)
    assert model.run(model.feeds(shop.valid.iloc[:3])).shape == (3, 2)


def test_unknown_and_missing_categories_differ(shop: Shop) -> None:
    """Any unknown value scores as any other, and not as a missing one."""
    model = load(export(*network_for(shop, shop.contract)))
    rows = pd.concat([shop.valid.iloc[[0]]] * 4, ignore_index=True)
    a, b, empty, missing = model.scores(rows.assign(colour=["pink", "Red", "", np.nan]))
    assert a == b
    assert empty == missing
    assert a != empty


@given(
    age=st.floats(width=32),
    size=st.floats(width=32),
    colour=st.text(),
    room=st.text(),
)
@settings(deadline=None)
def test_any_row_has_a_probability(
    any_row_model: Model, age: float, size: float, colour: str, room: str
) -> None:
    """Infinite and huge numbers, NaN, and any string: the graph is total."""
    feeds = {
        "age": np.array([[age]], np.float32),
        "size in cm": np.array([[size]], np.float32),
        "colour": np.array([[colour]], object),
        "room": np.array([[room]], object),
    }
    (probabilities,) = any_row_model.run(feeds)
    assert np.isfinite(probabilities).all()
    assert probabilities.sum() == pytest.approx(1)


@pytest.fixture(scope="module")
def any_row_model() -> Model:
    encoding = Encoding(("age", "size in cm"), {"colour": ("red",), "room": ("bath", "hall")})
    numbers = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    return load(export(Network(encoding, numbers, OPTIONS).eval(), encoding))


def test_the_same_network_gives_the_same_bytes(shop: Shop) -> None:
    """dvc.lock holds the model's hash: nothing in the file may depend on time or memory."""
    network, encoding = network_for(shop, shop.contract)
    first, second = (export(network, encoding).SerializeToString() for _ in range(2))
    assert first == second
    assert str(shop.root).encode() not in first


def test_a_column_with_the_outputs_name_is_refused(shop: Shop) -> None:
    encoding = Encoding((OUTPUT,), {})
    network = Network(encoding, np.ones((2, 1), np.float32), OPTIONS)
    with pytest.raises(GatehouseError, match=f"columns.{OUTPUT}: .* rename the column"):
        export(network, encoding)
