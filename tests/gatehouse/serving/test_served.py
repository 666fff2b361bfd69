"""Attacks what is loaded: card and verdict, and models that do not belong here."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from tests.gatehouse.conftest import Command
from tests.gatehouse.serving.place import ROW, serving
from tests.gatehouse.tiny import Finished, make_graph

from gatehouse.contract import load_contract
from gatehouse.digest import file_digest
from gatehouse.errors import GatehouseError
from gatehouse.serving.served import CARD, load_served
from gatehouse.workspace import MODEL, VERDICT


def test_card_and_verdict_are_told_where_there_are_some(
    finished: Finished, gatehouse: Command
) -> None:
    """The verdict is the one on this very model."""
    root = finished.root
    assert gatehouse("judge", cwd=root).exit_code == 0
    (root / CARD).write_text("# Card of the ünit\n", encoding="utf-8")
    with serving(root) as client:
        told = client.ask(path="/model", method="GET").json
    assert told["card"] == "# Card of the ünit\n"
    assert told["model"] == told["verdict"]["candidate"]["model"] == file_digest(root / MODEL)
    assert told["verdict"]["outcome"] == "pass"
    assert told["verdict_digest"] == file_digest(root / VERDICT)


def test_without_card_and_verdict_the_model_is_served(root: Path) -> None:
    """At one's desk there may be none yet."""
    with serving(root) as client:
        told = client.ask(path="/model", method="GET").json
    assert told["card"] is told["verdict"] is told["verdict_digest"] is None
    assert told["classes"] == ["no", "yes"]


def test_a_verdict_on_another_model_is_refused(finished: Finished, gatehouse: Command) -> None:
    """A pass that another model has earned must not be shown beside this one."""
    root = finished.root
    gatehouse("judge", cwd=root)
    contract = load_contract(root / "contract.yaml")
    onnx.save_model(make_graph(contract=contract.digest, scale=0.03), root / MODEL)
    with pytest.raises(GatehouseError, match="another model"):
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


def test_values_that_are_no_probabilities_are_an_error_of_the_service(root: Path) -> None:
    """exp(x) is above 1: nobody may take it for a probability."""
    contract = load_contract(root / "contract.yaml")
    onnx.save_model(make_graph(contract=contract.digest, probabilities=False), root / MODEL)
    with serving(root) as client:
        assert client.ask(ROW).status == 500
