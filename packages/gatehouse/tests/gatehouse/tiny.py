"""A tiny contract, policy, graph and finished run, made by hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from gatehouse.evidence import (
    Evidence,
    Interval,
    Measurement,
    Of,
    Subject,
    evidence_path,
)
from gatehouse.judge import compared_with
from gatehouse.policy import Policy, parse_policy
from gatehouse.prepare import prepare
from gatehouse.seal import data_digest
from gatehouse.table import write_table
from gatehouse.workspace import MODEL, MODEL_FP32, Workspace
from tests.sample import lay_sample
from tests.shared import NAMES, SPECS

ROOT = Path(__file__).parents[4]

CONTRACT = """\
version: 1
name: tiny
description: One made-up person
split: {hash: 1, identity: [age, job], valid: 0.16, test: 0.2}
columns:
  age: {type: number, range: [0, 120], missing: 0.5, description: Years}
  job: {type: category, categories: [nurse, cook], missing: 0.5, description: Work}
  sex: {type: category, role: protected, categories: [f, m], description: Sex}
  rich:
    type: category
    role: target
    categories: ["no", "yes"]
    positive: "yes"
    description: Is the person rich?
"""

POLICY = """\
version: 1
measure:
  confidence: 0.95
  resamples: 2000
  seed: 0
  drift: {maximum_rows: 100000, rare_level: 20}
  accuracy: {calibration_bins: 15}
  fairness: {confidence: 0.90, minimum_rows: 100, minimum_class_rows: 50}
  latency: {sessions: 11, calls: 300, batch: 256}
rules:
  data-critical:
    gate: data
    measurement: failed_expectations
    slice: severity=critical
    at_most: 0
    why: Rows must fit the contract
  exam-untouched:
    gate: rows
    measurement: touched_exam_rows
    of: comparison
    at_most: 0
    why: The exam is the base's
  drift-columns:
    gate: drift
    measurement: drift
    of: comparison
    slice: number=*
    at_most: 0.05
    alpha: 0.01
    why: Data that moved needs a look
  accuracy-floor:
    gate: accuracy
    measurement: roc_auc
    at_least: 0.8
    why: The least that is of use
  accuracy-base:
    gate: accuracy
    measurement: roc_auc
    of: comparison
    at_least: -0.01
    why: Not worse than the base
  fairness-odds:
    gate: fairness
    measurement: equalized_odds_difference
    slice: "*"
    at_most: 0.25
    inconclusive: warn
    why: Errors must not fall on one group
  latency-int8:
    gate: latency
    measurement: latency_ratio
    slice: int8/fp32 single row
    at_most: 5
    why: Quantization must keep up
waivers: []
"""


def measured(name: str, value: float | None, width: float = 0.0, **rest: Any) -> Measurement:
    """A measurement with an interval of ± `width` around its value."""
    if width and value is not None:
        rest["interval"] = Interval(low=value - width, high=value + width, confidence=0.95)
    told = {"name": name, "value": value, "unit": "1", "n": 5000, "method": "by hand"}
    return Measurement(**told | rest)


def good(gate: str, *, base: bool) -> tuple[Measurement, ...]:
    """What `gate` measures in a run that passes."""
    compared: dict[str, Any] = {"of": Of.COMPARISON}
    found = {
        "data": [measured("failed_expectations", 0, slice="severity=critical")],
        "rows": [measured("touched_exam_rows", 0, **compared)],
        "drift": [measured("drift", 0.01, slice="number=age", p_value=0.5, **compared)],
        "accuracy": [
            measured("roc_auc", 0.9, 0.01),
            measured("roc_auc", 0.0, 0.005, **compared),
        ],
        "fairness": [measured("equalized_odds_difference", 0.1, 0.05, slice="sex")],
        "latency": [measured("latency_ratio", 0.9, 0.05, slice="int8/fp32 single row")],
    }[gate]
    return tuple(m for m in found if base or m.of is Of.CANDIDATE)


def make_graph(
    *,
    contract: str = "sha256:0",
    data: str = "sha256:0",
    commit: str = "c0ffee",
    output: str = "probabilities",
    metadata: bool = True,
    scale: float = 0.02,
    probabilities: bool = True,
) -> Any:
    """A graph in the interface of gatehouse.model: sigmoid(scale * age), +1 for a nurse."""
    import onnx
    from onnx import TensorProto, helper

    from gatehouse.model import Metadata, write_metadata

    def constant(name: str, kind: int, shape: list[int], values: list[Any]) -> Any:
        return helper.make_tensor(name, kind, shape, values)

    nodes = [
        helper.make_node("IsNaN", ["age"], ["age_missing"]),
        helper.make_node("Where", ["age_missing", "zero", "age"], ["age_filled"]),
        helper.make_node("Mul", ["age_filled", "scale"], ["from_age"]),
        helper.make_node("Equal", ["job", "nurse"], ["is_nurse"]),
        helper.make_node("Cast", ["is_nurse"], ["from_job"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["from_age", "from_job"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["yes"])
        if probabilities
        else helper.make_node("Exp", ["logit"], ["yes"]),
        helper.make_node("Sub", ["one", "yes"], ["no"]),
        helper.make_node("Concat", ["no", "yes"], [output], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info("age", TensorProto.FLOAT, ["N", 1]),
            helper.make_tensor_value_info("job", TensorProto.STRING, ["N", 1]),
        ],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["N", 2])],
        [
            constant("zero", TensorProto.FLOAT, [1], [0.0]),
            constant("one", TensorProto.FLOAT, [1], [1.0]),
            constant("scale", TensorProto.FLOAT, [1], [scale]),
            constant("nurse", TensorProto.STRING, [1], [b"nurse"]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    onnx.checker.check_model(model)
    if metadata:
        said = Metadata(
            contract=contract, data=data, commit=commit, classes=("no", "yes"),
            threshold=0.75, trainer="by hand",
        )  # fmt: skip
        write_metadata(model, said)
    return model


@dataclass(frozen=True)
class Finished:
    """A finished run in a folder; its evidence can be written again, changed."""

    root: Path

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.root)

    @property
    def policy(self) -> Policy:
        return parse_policy((self.root / "policy.yaml").read_text(), "policy.yaml")

    def evidence(self, gate: str, base: Subject | None = None, **changes: Any) -> Evidence:
        made = Evidence(
            gate=gate,
            candidate=self.workspace.subject(SPECS[gate]),
            base=compared_with(SPECS[gate], base),
            settings=self.policy.settings(SPECS[gate]),
            tools={"numpy": "2.4"},
            measurements=good(gate, base=base is not None and SPECS[gate].compares),
        )
        return made.model_copy(update=changes)

    def write_evidence(self, gate: str, base: Subject | None = None, **changes: Any) -> Path:
        path = evidence_path(self.workspace.evidence, gate)
        self.evidence(gate, base, **changes).write(path)
        return path

    def write_all(self, base: Subject | None = None) -> None:
        for gate in NAMES:
            self.write_evidence(gate, base)


def rows(count: int = 40, first: int = 0) -> pd.DataFrame:
    """People number `first` and on: no two alike, the rich as the graph thinks, but for noise."""
    frame = pd.DataFrame(
        [
            (20 + i * 37 % 5000 / 100, ("nurse", "cook", None)[i % 3], ("f", "m")[i % 2])
            for i in range(first, first + count)
        ],
        columns=["age", "job", "sex"],
    )
    noise = [1.5 * (i * 7919 % 997 / 997) for i in range(first, first + count)]
    rich = 0.02 * frame["age"] + (frame["job"] == "nurse") + noise > 2
    return frame.assign(rich=rich.map({True: "yes", False: "no"}))


def lay_out(root: Path) -> None:
    """The files of a finished run, but for its evidence."""
    import onnx

    (root / "contract.yaml").write_text(CONTRACT)
    (root / "policy.yaml").write_text(POLICY)
    lay_sample(root, "params.yaml")
    workspace = Workspace(root)
    write_table(rows(3500), workspace.raw / "rows.parquet")
    prepare(workspace.contract, workspace.raw, workspace.prepared)
    (root / "models").mkdir()
    onnx.save_model(make_graph(scale=0.02, **origin(root)), root / MODEL_FP32)
    onnx.save_model(make_graph(scale=0.021, **origin(root)), root / MODEL)


def origin(root: Path) -> dict[str, Any]:
    """What a graph that was trained on what lies in `root` says of its contract and data."""
    workspace = Workspace(root)
    return {"contract": workspace.contract.digest, "data": data_digest(workspace.prepared)}
