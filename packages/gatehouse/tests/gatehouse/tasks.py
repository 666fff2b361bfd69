"""A tiny workspace of each task that is not binary: contract, policy, rows, and a graph by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from gatehouse.contract import Contract, Task, parse_contract
from gatehouse.model import Model
from gatehouse.workspace import MODEL, MODEL_FP32
from tests.gatehouse import tiny

MOODS = ["low", "mid", "high"]
TARGETS: dict[Task, dict[str, Any]] = {
    Task.MULTICLASS: {"type": "category", "categories": MOODS, "description": "Mood"},
    Task.REGRESSION: {"type": "number", "range": [0, 300], "description": "Wage an hour"},
}
NAMES = {Task.MULTICLASS: "mood", Task.REGRESSION: "wage"}
ROW = {"age": 50, "job": "nurse"}

_DRIFT = {"gate": "drift", "measurement": "drift", "of": "comparison", "alpha": 0.01}
RULES: dict[Task, dict[str, dict[str, Any]]] = {
    Task.MULTICLASS: {
        "drift-columns": _DRIFT | {"slice": "number=*", "at_most": 0.15},
        "drift-predictions": _DRIFT | {"slice": "prediction", "at_most": 0.1},
        "accuracy": {"gate": "accuracy", "measurement": "accuracy", "at_least": 0.8},
        "ranking": {"gate": "accuracy", "measurement": "roc_auc", "at_least": 0.99},
        "groups": {
            "gate": "fairness", "measurement": "equalized_odds_difference", "slice": "*",
            "at_most": 0.4,
        },
    },
    Task.REGRESSION: {
        "drift-columns": _DRIFT | {"slice": "number=*", "at_most": 0.15},
        "drift-predictions": _DRIFT | {"slice": "prediction", "at_most": 0.15},
        "error": {"gate": "accuracy", "measurement": "mean_absolute_error", "at_most": 10},
        "groups": {
            "gate": "fairness", "measurement": "group_loss_difference", "slice": "*",
            "at_most": 0.3,
        },
    },
}  # fmt: skip


def contract_text(task: Task, **target: Any) -> str:
    """The tiny contract with another target; `target` changes what it says of that."""
    content = yaml.safe_load(tiny.CONTRACT)
    del content["columns"]["rich"]
    told = {"role": "target"} | TARGETS[task] | target
    content["columns"][NAMES[task]] = {k: v for k, v in told.items() if v is not None}
    return json.dumps(content)  # JSON is YAML


def contract(task: Task) -> Contract:
    return parse_contract(contract_text(task), "contract.yaml")


def policy_text(task: Task) -> str:
    content = yaml.safe_load(tiny.POLICY)
    content["measure"]["resamples"] = 200
    content["rules"] = {name: rule | {"why": name} for name, rule in RULES[task].items()}
    return json.dumps(content)


def make_graph(
    task: Task, *, scale: float = 1.0, contract: str = "sha256:0", data: str = "sha256:0"
) -> Any:
    """Old age speaks for `low`, a nurse is `mid`, all else is `high`; the wage is `scale` * age
    + 40 for a nurse."""
    import onnx
    from onnx import TensorProto, helper

    from gatehouse.model import Metadata, output_name, write_metadata

    def constant(name: str, value: Any, kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor(name, kind, [1, 1], [value])

    nodes = [
        helper.make_node("IsNaN", ["age"], ["age_missing"]),
        helper.make_node("Where", ["age_missing", "zero", "age"], ["age_filled"]),
        helper.make_node("Mul", ["age_filled", "scale"], ["by_age"]),
        helper.make_node("Equal", ["job", "nurse"], ["is_nurse"]),
        helper.make_node("Cast", ["is_nurse"], ["one_if_nurse"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["one_if_nurse", "forty"], ["by_job"]),
    ]
    if task is Task.MULTICLASS:
        nodes += [
            helper.make_node("Sub", ["by_age", "by_age"], ["nothing"]),
            helper.make_node("Add", ["nothing", "thirty"], ["the_rest"]),
            helper.make_node("Concat", ["by_age", "by_job", "the_rest"], ["logits"], axis=1),
            helper.make_node("Mul", ["logits", "tenth"], ["smaller"]),
            helper.make_node("Softmax", ["smaller"], ["probabilities"], axis=1),
        ]
    else:
        nodes.append(helper.make_node("Add", ["by_age", "by_job"], ["prediction"]))
    width = len(MOODS) if task is Task.MULTICLASS else 1
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info("age", TensorProto.FLOAT, ["N", 1]),
            helper.make_tensor_value_info("job", TensorProto.STRING, ["N", 1]),
        ],
        [helper.make_tensor_value_info(output_name(task), TensorProto.FLOAT, ["N", width])],
        [
            constant("zero", 0),
            constant("scale", scale),
            constant("tenth", 0.1),
            constant("thirty", 30),
            constant("forty", 40),
            constant("nurse", b"nurse", TensorProto.STRING),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    onnx.checker.check_model(model)
    classes = tuple(MOODS) if task is Task.MULTICLASS else ()
    said = Metadata(
        contract=contract, data=data, commit="c0ffee", classes=classes, threshold=None,
        trainer="by hand",
    )  # fmt: skip
    write_metadata(model, said)
    return model


def rows(task: Task, count: int, first: int = 0) -> pd.DataFrame:
    """People number `first` and on, with what the graph says of them and a tenth of it wrong."""
    frame = tiny.rows(count, first).drop(columns="rich")
    model = Model(Path("graph"), make_graph(task).SerializeToString())
    outputs = model.outputs(frame)
    noise = pd.Series([i * 7919 % 997 / 997 for i in range(first, first + count)])
    if task is Task.REGRESSION:
        return frame.assign(wage=outputs[:, 0] + 10 * (noise - 0.5))
    decided = pd.Series(model.decisions(outputs))
    return frame.assign(mood=((decided + (noise > 0.9)) % 3).map(dict(enumerate(MOODS))))


def lay_out(root: Path, task: Task) -> Path:
    """A run that is judged and served: data, policy and graphs."""
    import onnx

    (root / "contract.yaml").write_text(contract_text(task))
    (root / "policy.yaml").write_text(policy_text(task))
    for path, count, first in (("train", 600, 0), ("valid", 100, 600), ("test", 600, 700)):
        target = root / f"data/prepared/{path}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        rows(task, count, first).to_parquet(target, index=False)
    (root / "models").mkdir()
    for name in (MODEL, MODEL_FP32):
        onnx.save_model(make_graph(task, **tiny.origin(root)), root / name)
    return root
