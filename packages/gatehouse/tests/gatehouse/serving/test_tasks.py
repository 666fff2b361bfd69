"""Attacks the service of several classes and of numbers: answers, description, log, metrics."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from jsonschema import Draft202012Validator
from prometheus_client import REGISTRY

from gatehouse.contract import Task, load_contract, parse_contract
from gatehouse.errors import GatehouseError
from gatehouse.model import Model
from gatehouse.serving import log as log_module
from gatehouse.serving.log import FILE
from gatehouse.serving.served import load_served
from gatehouse.serving.shadow import check_shadow
from gatehouse.workspace import MODEL
from tests.gatehouse import tasks
from tests.gatehouse.serving.place import Client, serving
from tests.gatehouse.tasks import MOODS, ROW
from tests.gatehouse.tiny import CONTRACT

SEVERAL, NUMBER = Task.MULTICLASS, Task.REGRESSION
ROWS = [ROW, {"age": None, "job": None}, {"age": 20, "job": "nurse"}]


def place(root: Path, task: Task, **target: Any) -> Path:
    """A folder from which a model of the task is served; `target` changes the contract's."""
    scale = target.pop("scale", 1.0)
    root.mkdir(parents=True, exist_ok=True)
    (root / "contract.yaml").write_text(tasks.contract_text(task, **target))
    (root / MODEL).parent.mkdir()
    digest = load_contract(root / "contract.yaml").digest
    onnx.save_model(tasks.make_graph(task, contract=digest, scale=scale), root / MODEL)
    return root


def shares(*logits: float) -> dict[str, Any]:
    """The softmax of a tenth of the logits, by class, up to rounding."""
    powers = np.exp(np.array(logits) / 10)
    return dict(zip(MOODS, map(pytest.approx, powers / powers.sum()), strict=True))


def test_every_class_has_its_probability(tmp_path: Path) -> None:
    """Attacks classes in another order, a threshold that there is none of, and rows mixed up."""
    with serving(place(tmp_path, SEVERAL)) as client:
        one, many = client.ask(ROW).json, client.ask(ROWS).json
        reply = client.ask(path="/model", method="GET").json
    model = reply["model"]
    assert one.pop("request_id")
    assert one == {"probabilities": shares(50, 40, 30), "decision": "low", "model": model}
    assert list(one["probabilities"]) == MOODS
    assert [each["decision"] for each in many["predictions"]] == ["low", "high", "mid"]
    assert many["predictions"][2]["probabilities"] == shares(20, 40, 30)
    assert set(many) == {"predictions", "model", "request_id"}
    assert (reply["task"], reply["classes"], reply["threshold"]) == ("multiclass", MOODS, None)


def test_a_number_is_answered_as_one(tmp_path: Path) -> None:
    """Attacks a number that is taken for a probability, and one beyond the target's range."""
    with serving(place(tmp_path, NUMBER, scale=10.0)) as client:
        one, many = client.ask(ROW).json, client.ask(ROWS).json
        reply = client.ask(path="/model", method="GET").json
    assert one.pop("request_id")
    assert one == {"prediction": 540.0, "model": reply["model"]}
    assert many["predictions"] == [{"prediction": v} for v in (540.0, 0.0, 240.0)]
    assert (reply["task"], reply["classes"], reply["threshold"]) == ("regression", [], None)


@pytest.mark.parametrize("task", [SEVERAL, NUMBER])
def test_answers_keep_their_schema(tmp_path: Path, task: Task) -> None:
    """What is promised of 200 and of 4xx is kept, and is no other task's answer."""
    with serving(place(tmp_path, task)) as client:
        document = client.house.openapi
        replies = [client.ask(body) for body in (ROW, ROWS, ROW | {"age": 300})]
    assert [reply.status for reply in replies] == [200, 200, 422]
    schemas = document["components"]["schemas"]
    keys = {"probabilities", "decision"} if task is SEVERAL else {"prediction"}
    assert set(schemas["Answer"]["required"]) == {*keys, "model", "request_id"}
    for reply in replies:
        response = document["paths"]["/predict"]["post"]["responses"][str(reply.status)]
        (content,) = response["content"].values()
        schema = content["schema"] | {"components": document["components"]}
        Draft202012Validator(schema).validate(reply.json)
        binary = reply.json | {"probability": 0.5, "threshold": 0.5}
        assert not Draft202012Validator(schema).is_valid(binary)


def test_of_equal_probabilities_the_first_class_is_decided(tmp_path: Path) -> None:
    """Attacks a service that decides otherwise than the gates measured it."""
    served = load_served(place(tmp_path, SEVERAL))
    outputs = [[0.4, 0.4, 0.2], [0.2, 0.4, 0.4], [0.1, 0.1, 0.8]]
    entries = served.log_entries(outputs)
    decided = served.model.decisions(np.array(outputs))
    assert [entry["decision"] for entry in entries] == [MOODS[place] for place in decided]
    assert [entry["probability"] for entry in entries] == [0.4, 0.4, 0.8]


@pytest.mark.parametrize("task", [SEVERAL, NUMBER])
def test_both_models_are_logged_for_the_same_row(
    tmp_path: Path, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks log lines that lack what the monitor reads, or hold what a log of it never does."""
    monkeypatch.setattr(log_module, "_SHADOW", 60.0)
    folder, shadow = tmp_path / "log", place(tmp_path / "second", task, scale=0.0)
    with serving(place(tmp_path / "first", task), log=folder, shadow=shadow) as client:
        answered = client.ask(ROWS).json["predictions"]
    lines = [json.loads(line) for line in (folder / FILE).read_text("utf-8").splitlines()]
    keys = ["probability", "decision"] if task is SEVERAL else ["prediction"]
    for line, answer, row in zip(lines, answered, ROWS, strict=True):
        assert list(line) == ["time", "request_id", "index", "model", *keys, "row", "shadow"]
        assert list(line["shadow"]) == ["model", *keys]
        assert line["row"] == row
        if task is SEVERAL:
            assert line["decision"] == answer["decision"]
            assert line["probability"] == max(answer["probabilities"].values())
        else:
            assert line["prediction"] == answer["prediction"]
    first = lines[0]["shadow"]
    assert first.get("decision", first.get("prediction")) == {SEVERAL: "mid", NUMBER: 40.0}[task]


def sample(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def test_decisions_between_several_classes_are_counted(tmp_path: Path) -> None:
    """Attacks a class that has no series before it is decided first."""
    name = "gatehouse_decisions_total"
    with serving(place(tmp_path, SEVERAL)) as client:
        before = {mood: sample(name, decision=mood) or 0.0 for mood in MOODS}
        assert sample(name, decision="high") is not None
        rows = sample("gatehouse_probability_count") or 0.0
        client.ask(ROWS)
        assert {mood: sample(name, decision=mood) for mood in MOODS} == {
            mood: count + 1 for mood, count in before.items()
        }
        assert sample("gatehouse_probability_count") == rows + 3


def values(client: Client) -> tuple[float | None, ...]:
    """Count, sum, and rows up to 45 and to 300, after the rows were asked for."""
    client.ask(ROWS)
    name = "gatehouse_prediction"
    edges = [sample(f"{name}_bucket", le=edge) for edge in ("45.0", "300.0")]
    return (sample(f"{name}_count"), sample(f"{name}_sum"), *edges)


@pytest.mark.parametrize("limits", [None, [0, 300], [7, 7], [-1.7e308, 1.7e308]])
def test_numbers_are_counted_within_the_targets_range(
    tmp_path: Path, limits: list[float] | None
) -> None:
    """Attacks buckets of a range that there is not, or that has no twentieth; and one process in
    which a second service opens."""
    for name in ("a", "b"):
        with serving(place(tmp_path / name, NUMBER, range=limits)) as client:
            buckets = (1, 3) if limits == [0, 300] else (None, None)
            assert values(client) == (3, 150, *buckets)


@pytest.mark.parametrize(
    ("task", "message"), [(SEVERAL, "not probabilities"), (NUMBER, "not finite")]
)
def test_a_graph_that_answers_no_row_is_refused(
    tmp_path: Path, task: Task, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks NaN that is told as an answer: at the start, and of a later row."""
    with pytest.raises(GatehouseError, match=message):
        load_served(place(tmp_path / "bad", task, scale=math.nan))
    served = load_served(place(tmp_path / "good", task))
    bad = np.full((1, len(served.contract.classes) or 1), np.inf, np.float32)
    monkeypatch.setattr(Model, "run", lambda *_: bad)
    with pytest.raises(GatehouseError, match=message):
        served.outputs([ROW])


def test_a_graph_of_another_task_is_refused(tmp_path: Path) -> None:
    """Attacks a number that is served as a class."""
    place(tmp_path, SEVERAL)
    digest = load_contract(tmp_path / "contract.yaml").digest
    onnx.save_model(tasks.make_graph(NUMBER, contract=digest), tmp_path / MODEL)
    with pytest.raises(GatehouseError, match="graph's classes are none"):
        load_served(tmp_path)


def test_a_shadow_predicts_the_same(tmp_path: Path) -> None:
    """Attacks two models whose answers cannot be compared: another task, classes, or number."""
    binary = parse_contract(CONTRACT, "a")
    several, number = tasks.contract(SEVERAL), tasks.contract(NUMBER)
    fewer = parse_contract(
        tasks.contract_text(SEVERAL, categories=["low", "mid", "mad"]), "contract.yaml"
    )
    rent = parse_contract(tasks.contract_text(NUMBER).replace("wage", "rent"), "contract.yaml")
    for served in (several, number):
        check_shadow(served, served, "b")
    for served, shadow, message in (
        (several, binary, r"classes are \['no', 'yes'\], not"),
        (several, number, "classes are a number, not"),
        (number, several, r"classes are \['low', 'mid', 'high'\], not a number"),
        (several, fewer, "classes are"),
        (number, rent, "predicts 'rent', not 'wage'"),
    ):
        with pytest.raises(GatehouseError, match=message):
            check_shadow(served, shadow, "b")
