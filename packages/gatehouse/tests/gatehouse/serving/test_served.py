"""Attacks what is loaded: card and verdict, and models that do not belong here."""

from __future__ import annotations

import gc
import logging
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from gatehouse.contract import load_contract
from gatehouse.digest import file_digest
from gatehouse.errors import GatehouseError
from gatehouse.model import Metadata, Model, write_metadata
from gatehouse.serving.house import open_house
from gatehouse.serving.served import CARD, load_served
from gatehouse.verdict import Outcome, Verdict
from gatehouse.workspace import MODEL, VERDICT
from tests.gatehouse.conftest import Command
from tests.gatehouse.serving.place import CONTRACT, ROW, Client, serving
from tests.gatehouse.tiny import Finished, make_graph


def test_card_and_verdict_are_told_where_there_are_some(
    finished: Finished, gatehouse: Command
) -> None:
    """The verdict is the one on this very model."""
    root = finished.root
    assert gatehouse("judge", cwd=root).exit_code == 0
    (root / CARD).write_text("# Card of the ünit\n", encoding="utf-8")
    with serving(root) as client:
        reply = client.ask(path="/model", method="GET").json
    assert reply["card"] == "# Card of the ünit\n"
    assert reply["model"] == reply["verdict"]["candidate"]["model"] == file_digest(root / MODEL)
    assert reply["verdict"]["outcome"] == "pass"
    assert reply["verdict_digest"] == file_digest(root / VERDICT)


def test_without_card_and_verdict_the_model_is_served(root: Path) -> None:
    """At one's desk there may be none yet."""
    with serving(root) as client:
        reply = client.ask(path="/model", method="GET").json
    assert reply["card"] is reply["verdict"] is reply["verdict_digest"] is None
    assert reply["classes"] == ["no", "yes"]


def test_a_verdict_on_another_model_is_refused(finished: Finished, gatehouse: Command) -> None:
    """A pass that another model has earned must not be shown beside this one."""
    root = finished.root
    gatehouse("judge", cwd=root)
    contract = load_contract(root / "contract.yaml")
    onnx.save_model(make_graph(contract=contract.digest, scale=0.03), root / MODEL)
    with pytest.raises(GatehouseError, match="another model"):
        load_served(root)


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.FAIL, None])
def test_the_verdict_is_told_at_the_start(
    finished: Finished,
    gatehouse: Command,
    caplog: pytest.LogCaptureFixture,
    outcome: Literal[Outcome.PASS, Outcome.FAIL] | None,
) -> None:
    """A model that did not pass, or that nobody judged, is not served without a word."""
    if outcome is not None:
        gatehouse("judge", cwd=finished.root)
        file = finished.root / VERDICT
        Verdict.read(file).model_copy(update={"outcome": outcome}).write(file)
    with caplog.at_level(logging.INFO), serving(finished.root):
        (record,) = [r for r in caplog.records if "verdict" in r.message]
    assert record.message.endswith(outcome or "none")
    level = logging.INFO if outcome is Outcome.PASS else logging.WARNING
    assert record.levelno == level


def test_a_card_that_is_no_text_is_told(root: Path) -> None:
    """By its name, and not by a traceback."""
    (root / CARD).parent.mkdir()
    (root / CARD).write_bytes(b"# Card of the \xfcnit")
    with pytest.raises(GatehouseError, match=r"model_card\.md: cannot be read as UTF-8"):
        load_served(root)


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", "\xff"])
def test_a_broken_verdict_is_told(root: Path, text: str) -> None:
    """And not shown as none."""
    (root / VERDICT).parent.mkdir()
    (root / VERDICT).write_text(text, encoding="latin-1")
    with pytest.raises(GatehouseError, match=r"verdict\.json"):
        load_served(root)


def test_a_graph_that_reads_what_a_request_does_not_have_is_refused(root: Path) -> None:
    """It would fail at each prediction."""
    text = (root / "contract.yaml").read_text().replace("  age: {", "  years: {")
    (root / "contract.yaml").write_text(text)
    contract = load_contract(root / "contract.yaml")
    onnx.save_model(make_graph(contract=contract.digest), root / MODEL)
    with pytest.raises(GatehouseError, match="'age'"):
        load_served(root)


def test_a_graph_that_reads_numbers_as_text_is_refused(root: Path) -> None:
    """Types are the contract's."""
    text = (
        (root / "contract.yaml")
        .read_text()
        .replace("age: {type: number, range: [0, 120]", "age: {type: category, categories: [old]")
    )
    (root / "contract.yaml").write_text(text)
    contract = load_contract(root / "contract.yaml")
    onnx.save_model(make_graph(contract=contract.digest), root / MODEL)
    with pytest.raises(GatehouseError, match="'age' is a tensor"):
        load_served(root)


def test_values_that_are_no_probabilities_are_an_error_of_the_service(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody may take them for probabilities."""
    monkeypatch.setattr(Model, "run", lambda *_: np.array([[-0.5, 1.5]], np.float32))
    assert client.ask(ROW).status == 500


def test_a_graph_that_answers_no_row_is_refused(root: Path) -> None:
    """exp(x) is above 1: better no start than a 500 for everyone."""
    contract = load_contract(root / "contract.yaml")
    onnx.save_model(make_graph(contract=contract.digest, probabilities=False), root / MODEL)
    with pytest.raises(GatehouseError, match="outside of 0 to 1"):
        load_served(root)


def test_what_is_loaded_is_not_looked_through_for_garbage(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body of many parts sets the search off, and it would hold everybody up."""
    monkeypatch.chdir(root)
    try:
        open_house.__wrapped__()
        assert gc.get_freeze_count() > 10_000
    finally:
        gc.unfreeze()


@pytest.mark.parametrize("kind", ["number", "category"])
def test_a_graph_of_one_kind_of_column_is_served(tmp_path: Path, kind: str) -> None:
    """Only numbers, or only text: the columns of the other kind are none, of as many rows."""
    column = {
        "number": "{type: number, description: Its only column}",
        "category": "{type: category, categories: [a, b], description: Its only column}",
    }[kind]
    head, _, rest = CONTRACT.partition("  id:")
    text = f"{head}  only: {column}\n  rich:{rest.partition('  rich:')[2]}"
    (tmp_path / "contract.yaml").write_text(text.replace("identity: [id]", "identity: [only]"))
    contract = load_contract(tmp_path / "contract.yaml")
    (tmp_path / MODEL).parent.mkdir()
    onnx.save_model(graph_of_one(kind, contract.digest), tmp_path / MODEL)
    row = {"only": 0.0 if kind == "number" else "a"}
    with serving(tmp_path) as client:
        assert client.ask(row).json["probability"] == 0.5
        assert len(client.ask([row, row]).json["predictions"]) == 2


def graph_of_one(kind: str, contract: str) -> onnx.ModelProto:
    """The probability is a half, whatever the one column holds."""
    column = TensorProto.FLOAT if kind == "number" else TensorProto.STRING
    nodes = [
        helper.make_node("Equal", ["only", "only"], ["same"]),
        helper.make_node("Cast", ["same"], ["one"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["one", "half"], ["yes"]),
        helper.make_node("Concat", ["yes", "yes"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "one column",
        [helper.make_tensor_value_info("only", column, ["N", 1])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 2])],
        [helper.make_tensor("half", TensorProto.FLOAT, [1], [0.5])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    said = Metadata(
        contract=contract, data="sha256:0", commit="c0ffee", classes=("no", "yes"),
        threshold=0.75, trainer="by hand",
    )  # fmt: skip
    write_metadata(model, said)
    return model
