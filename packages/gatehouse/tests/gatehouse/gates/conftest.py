"""A small contract, its rows, and ONNX graphs built by hand in the model's interface."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from gatehouse.contract import Contract
from gatehouse.model import Metadata, write_metadata
from gatehouse.policy import Policy, load_policy
from gatehouse.seal import seal
from gatehouse.table import write_table
from gatehouse.workspace import MODEL, MODEL_FP32, Workspace
from tests.sample import SAMPLE

if TYPE_CHECKING:
    import onnx

CLASSES = ("no", "yes")

MakeWorkspace = Callable[..., Workspace]


def build_contract(**changes: dict[str, Any] | None) -> Contract:
    """Columns age, size (may be missing), colour, sex and race (protected), y; with changes."""
    columns: dict[str, Any] = {
        "age": {"type": "integer", "range": [0, 100]},
        "size": {"type": "number", "missing": 0.5},
        "colour": {"type": "category", "categories": ["red", "green", "blue"]},
        "sex": {"type": "category", "role": "protected", "categories": ["f", "m"]},
        "race": {"type": "category", "role": "protected", "categories": ["a", "b", "c"]},
        "y": {"type": "category", "role": "target", "categories": list(CLASSES), "positive": "yes"},
    }
    for name, change in changes.items():
        if change is None:
            del columns[name]
        else:
            columns[name] = columns.get(name, {}) | change
    columns = {name: {"description": name} | column for name, column in columns.items()}
    inputs = [
        name
        for name in ("age", "size", "colour")
        if name in columns and columns[name].get("role") != "weight"
    ]
    split = {"hash": 1, "identity": inputs, "valid": 0.16, "test": 0.2}
    content = {
        "version": 1, "name": "small", "description": "a row", "columns": columns, "split": split,
    }  # fmt: skip
    return Contract.model_validate(content)


def build_rows(n: int, seed: int) -> pd.DataFrame:
    """Rows of the small contract; the label leans on age and colour."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.integers(0, 101, n),
            "size": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
            "colour": rng.choice(["red", "green", "blue"], n, p=[0.5, 0.3, 0.2]),
            "sex": rng.choice(["f", "m"], n),
            "race": rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1]),
        }
    )
    logit = (frame["age"] - 50) / 12 + np.where(frame["colour"] == "red", 1.0, -1.0)
    frame["y"] = np.where(rng.random(n) < 1 / (1 + np.exp(-logit)), "yes", "no")
    text = ("colour", "sex", "race", "y")
    return frame.astype(dict.fromkeys(text, "str"))


@dataclass(frozen=True)
class Graph:
    """sigmoid(slope * (age - 50) + a bonus by colour), then `work` rounds of dense layers."""

    slope: float = 1 / 12
    bonus: dict[str, float] = field(default_factory=lambda: {"red": 1.0})
    other: float = -1.0
    work: int = 0
    commit: str = "0" * 40
    number: str = "age"
    classes: tuple[str, str] = CLASSES
    centred: bool = False
    """Age counts from the mean of the rows that are scored together."""
    centred_calls: tuple[int, int] = (1, 10**9)
    """Where it does so: in calls of at least and at most so many rows."""

    def bytes(self, contract: str, data: str) -> bytes:
        """The file, made from the contract and data of these digests."""
        return bytes(self.build(contract, data).SerializeToString())

    def build(self, contract: str, data: str) -> onnx.ModelProto:
        from onnx import TensorProto, helper, numpy_helper

        def const(name: str, value: Any) -> onnx.TensorProto:
            return numpy_helper.from_array(np.asarray(value, np.float32), name)

        weights = [const("centre", [[50.0]]), const("slope", [[self.slope]]), const("one", [[1.0]])]
        least, most = self.centred_calls
        for name, bound in (("least", least - 1), ("most", most + 1)):
            weights.append(numpy_helper.from_array(np.asarray([bound], np.int64), name))
        weights.append(numpy_helper.from_array(np.asarray([0], np.int64), "first"))
        centre = "chosen" if self.centred else "centre"
        nodes = [
            helper.make_node("ReduceMean", [self.number], ["mean"], axes=[0], keepdims=1),
            helper.make_node("Shape", [self.number], ["shape"]),
            helper.make_node("Gather", ["shape", "first"], ["rows"]),
            helper.make_node("Greater", ["rows", "least"], ["enough"]),
            helper.make_node("Less", ["rows", "most"], ["few"]),
            helper.make_node("And", ["enough", "few"], ["here"]),
            helper.make_node("Where", ["here", "mean", "centre"], ["chosen"]),
            helper.make_node("Sub", [self.number, centre], ["from_centre"]),
            helper.make_node("Mul", ["from_centre", "slope"], ["by_age"]),
            helper.make_node(
                "LabelEncoder", ["colour"], ["by_colour"], domain="ai.onnx.ml",
                keys_strings=list(self.bonus), values_floats=list(self.bonus.values()),
                default_float=self.other,
            ),
            helper.make_node("Add", ["by_age", "by_colour"], ["logit"]),
            helper.make_node("Sigmoid", ["logit"], ["positive"]),
        ]  # fmt: skip
        last = "positive"
        if self.work:
            size = 256
            weights += [
                const("dense", np.full((size, size), 1 / size)),
                const("up", np.ones((1, size))),
            ]
            weights.append(const("down", np.full((size, 1), 1 / size)))
            nodes.append(helper.make_node("MatMul", [last, "up"], ["wide0"]))
            for i in range(self.work):
                nodes.append(helper.make_node("MatMul", [f"wide{i}", "dense"], [f"wide{i + 1}"]))
            nodes.append(helper.make_node("MatMul", [f"wide{self.work}", "down"], ["same"]))
            # Rounding in the dense layers may leave [0, 1] by a hair.
            weights += [const("zero", 0.0), const("top", 1.0)]
            nodes.append(helper.make_node("Clip", ["same", "zero", "top"], ["clipped"]))
            last = "clipped"
        nodes += [
            helper.make_node("Sub", ["one", last], ["negative"]),
            helper.make_node("Concat", ["negative", last], ["probabilities"], axis=1),
        ]
        graph = helper.make_graph(
            nodes,
            "small",
            [
                helper.make_tensor_value_info(self.number, TensorProto.FLOAT, ["N", 1]),
                helper.make_tensor_value_info("colour", TensorProto.STRING, ["N", 1]),
            ],
            [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 2])],
            initializer=weights,
        )
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        write_metadata(
            model,
            Metadata(
                contract=contract,
                data=data,
                commit=self.commit,
                classes=self.classes,
                threshold=0.5,
                trainer="tests:by_hand",
            ),
        )
        return model


@pytest.fixture(scope="session")
def policy() -> Policy:
    """The sample's policy, with fewer resamples and calls."""
    found = load_policy(SAMPLE / "policy.yaml")
    measure = found.measure
    latency = measure.latency.model_copy(update={"sessions": 6, "calls": 20, "batch": 8})
    quick = measure.model_copy(update={"resamples": 300, "latency": latency})
    return found.model_copy(update={"measure": quick})


@pytest.fixture
def make_workspace(tmp_path: Path) -> MakeWorkspace:
    """A workspace in a folder of its own: rows for all splits, a contract, two graphs."""

    def make(
        name: str = "candidate",
        *,
        train: pd.DataFrame | None = None,
        test: pd.DataFrame | None = None,
        contract: Contract | None = None,
        int8: Graph | None = None,
        fp32: Graph | None = None,
    ) -> Workspace:
        root = tmp_path / name
        workspace = Workspace(root)
        train = build_rows(3000, 1) if train is None else train
        test = build_rows(1500, 2) if test is None else test
        write_table(train, workspace.raw / "rows.parquet")
        for split, frame in (("train", train), ("valid", test), ("test", test)):
            write_table(frame, workspace.prepared / f"{split}.parquet")
        content = (contract or build_contract()).model_dump(mode="json", exclude_none=True)
        (root / "contract.yaml").write_text(json.dumps(content))  # JSON is YAML
        data = seal(workspace.prepared)
        for path, graph in ((MODEL, int8), (MODEL_FP32, fp32)):
            (root / path).parent.mkdir(exist_ok=True)
            (root / path).write_bytes((graph or Graph()).bytes(workspace.contract.digest, data))
        return workspace

    return make


@pytest.fixture
def small_graph() -> type[Graph]:
    """The class that builds the tests' graphs."""
    return Graph


@pytest.fixture
def contract_of() -> Callable[..., Contract]:
    """The function that builds the small contract, with changes by column."""
    return build_contract


@pytest.fixture
def rows_of() -> Callable[[int, int], pd.DataFrame]:
    """The function that draws rows of the small contract."""
    return build_rows
