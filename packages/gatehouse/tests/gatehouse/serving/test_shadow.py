"""Attacks the shadow: whatever a second model does, answers and log lines stay as they are."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import onnx
import pytest
from prometheus_client import REGISTRY

from gatehouse.contract import load_contract, parse_contract
from gatehouse.digest import file_digest
from gatehouse.errors import GatehouseError
from gatehouse.serving import log as log_module
from gatehouse.serving import shadow as module
from gatehouse.serving.log import FILE
from gatehouse.serving.served import load_served
from gatehouse.serving.shadow import Shadow, check_shadow
from gatehouse.workspace import MODEL
from tests.gatehouse.serving.place import CONTRACT, JSON, ROW, lay_out, serving
from tests.gatehouse.tiny import make_graph

NAMED = (b"x-request-id", b"one")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has much else to do must not make a test's shadow too slow."""
    monkeypatch.setattr(log_module, "_SHADOW", 60.0)


def second(root: Path, contract: str = CONTRACT, **graph: Any) -> Path:
    """Another model beside the one in `root`: it thinks more of age."""
    folder = root / "second"
    folder.mkdir()
    lay_out(folder, contract)
    digest = load_contract(folder / "contract.yaml").digest
    onnx.save_model(make_graph(contract=digest, **({"scale": 0.01} | graph)), folder / MODEL)
    return folder


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / FILE).read_text("utf-8").splitlines()]


def counted() -> dict[str, float]:
    """Rows scored, and not scored by reason, so far."""
    names: dict[str, tuple[str, dict[str, str]]] = {
        "scored": ("gatehouse_shadow_rows_total", {})
    } | {
        reason: ("gatehouse_shadow_rows_missed_total", {"reason": reason})
        for reason in ("slow", "error")
    }
    return {each: REGISTRY.get_sample_value(*name) or 0.0 for each, name in names.items()}


def rise(before: dict[str, float]) -> tuple[float, ...]:
    """Rows scored, too slow and failed since then."""
    now = counted()
    return tuple(now[each] - before[each] for each in ("scored", "slow", "error"))


def test_both_models_are_logged_for_the_same_row(root: Path) -> None:
    """With the shadow's own digest, probability and decision; the answer is the first one's."""
    folder, shadow = root / "log", second(root)
    before = counted()
    with serving(root, log=folder, shadow=shadow) as client:
        answered = client.ask([ROW, ROW | {"age": None, "job": None}]).json["predictions"]
    first, other = lines(folder)
    assert [first["decision"], other["decision"]] == [each["decision"] for each in answered]
    assert first["model"] == file_digest(root / MODEL)
    assert first["shadow"]["model"] == file_digest(shadow / MODEL) != first["model"]
    assert first["shadow"]["probability"] == pytest.approx(0.8176, abs=1e-4)  # of 0.01 * 50 + 1
    assert first["probability"] == pytest.approx(0.8808, abs=1e-4)  # of 0.02 * 50 + 1
    assert [each["shadow"]["decision"] for each in (first, other)] == ["yes", "no"]
    assert list(first)[-2:] == ["row", "shadow"]
    assert rise(before) == (2, 0, 0)


def test_answers_are_the_same_with_and_without(root: Path) -> None:
    """To the byte, headers too."""
    settings: tuple[dict[str, Path], ...] = ({}, {"log": root / "log", "shadow": second(root)})
    replies = []
    for each in settings:
        with serving(root, **each) as client:
            replies += [
                [client.ask(body, JSON, NAMED) for body in (ROW, [ROW] * 300, ROW | {"kids": -1})]
            ]
    assert replies[0] == replies[1]
    assert [reply.status for reply in replies[0]] == [200, 200, 422]


def test_a_failing_shadow_costs_its_own_scores_only(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It gives what is no probability for most rows: counted each time, told once."""
    # The row that is tried at the start is of a cook at age 0, who is the only one with a one.
    contract = changed("[nurse, cook]", "[cook, nurse]")
    folder, shadow = root / "log", second(root, contract, probabilities=False)
    before = counted()
    with caplog.at_level(logging.ERROR), serving(root, log=folder, shadow=shadow) as client:
        log = client.house.log
        assert log is not None
        for _ in range(2):
            assert client.ask([ROW] * 3).status == 200
            log._write_waiting()
    assert [set(each) & {"shadow", "row"} for each in lines(folder)] == [{"row"}] * 6
    assert rise(before) == (0, 0, 6)
    assert len([each for each in caplog.records if "the shadow fails" in each.message]) == 1


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Event]:
    """A graph that comes back when the event is set."""
    back, score = Event(), Shadow._scores

    def hang(self: Shadow, rows: Sequence[Any]) -> Sequence[dict[str, Any] | None]:
        back.wait(60)
        return score(self, rows)

    monkeypatch.setattr(Shadow, "_scores", hang)
    monkeypatch.setattr(log_module, "_SHADOW", 0.05)
    yield back
    back.set()


def test_a_shadow_that_hangs_sheds_rows_and_no_lines(
    root: Path, hanging: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All is answered and logged; what it still holds is never given more, and it may come back."""
    folder, shadow = root / "log", second(root)
    before = counted()
    with serving(root, log=folder, shadow=shadow) as client:
        log = client.house.log
        assert log is not None
        assert log._shadow is not None
        for _ in range(3):
            assert client.ask([ROW] * 2).status == 200
            log._write_waiting()
        held = log._shadow._last
        assert held is not None
        hanging.set()
        assert held.done.wait(60)
        monkeypatch.setattr(log_module, "_SHADOW", 60.0)
        client.ask(ROW)
    assert ["shadow" in each for each in lines(folder)] == [False] * 6 + [True]
    assert rise(before) == (1, 6, 0)


def test_what_it_has_scored_in_time_is_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow one sheds the rows that do not fit, and no others."""
    back, score, calls = Event(), Shadow._scores, []

    def slower(self: Shadow, rows: Sequence[Any]) -> Sequence[dict[str, Any] | None]:
        calls.append(len(rows))
        if len(calls) > 2:
            back.wait(60)
        return score(self, rows)

    monkeypatch.setattr(Shadow, "_scores", slower)
    monkeypatch.setattr(module, "AT_ONCE", 4)
    before = counted()
    shadow = Shadow(load_served(second(root)))
    said = shadow.score([ROW] * 20, 60, pressed=lambda: len(calls) > 2)
    back.set()
    assert [each is not None for each in said] == [True] * 8 + [False] * 12
    assert rise(before) == (8, 12, 0)


def test_where_requests_wait_for_the_log_nothing_is_scored(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks large requests that wait until the thread has caught up: the shadow adds nothing."""
    monkeypatch.setattr(log_module, "_WAITING", 100)
    folder, before = root / "log", counted()
    with serving(root, log=folder, shadow=second(root)) as client:
        assert client.ask([ROW] * 60).status == 200
    assert len(lines(folder)) == 60
    assert rise(before) == (0, 60, 0)


WIDER = [
    ("range: [0, 120]", "range: [-5, 200]"),
    ("categories: [nurse, cook]", "categories: [cook, nurse, smith]"),
    ("range: [0, 20], ", ""),
    ("categories: [Ulm, Bonn]", "categories: [Ulm]"),
    ("id: {type: string, role: key", "number: {type: integer, role: key"),
    ("categories: [nurse, cook]", "unknown: other, categories: [cook]"),
]
NARROWER = [
    ("age: {", "years: {", "does not read 'age'; it reads 'years', which requests do not contain"),
    ("heat: {", "heat: {role: ignored, ", "it does not read 'heat'"),
    ("kids: {type: integer", "kids: {type: number", "'kids' is number there and integer here"),
    ("range: [0, 120], missing: 0.5", "range: [0, 120]", "'age' may not be missing there"),
    ("range: [0, 20]", "range: [0, 9]", r"'kids' is held to \[0, 9\] there"),
    ("heat: {", "heat: {range: [0, 1], ", r"'heat' is held to \[0, 1\] there"),
    ("[nurse, cook]", "[nurse]", "'job' lists no cook there"),
    ("unknown: other, ", "", "'to/wn~' may hold no unlisted category there"),
    ('positive: "yes"', 'positive: "no"', "classes are"),
]


@pytest.mark.parametrize(("old", "new"), WIDER)
def test_a_contract_that_lets_in_more_may_shadow(old: str, new: str) -> None:
    """Every row that is answered is a row of the other contract, too."""
    check_shadow(parse_contract(CONTRACT, "a"), parse_contract(changed(old, new), "b"), "b")


@pytest.mark.parametrize(("old", "new", "message"), NARROWER)
def test_a_contract_that_does_not_let_all_in_is_refused(old: str, new: str, message: str) -> None:
    """With the names of the columns."""
    with pytest.raises(GatehouseError, match=message):
        check_shadow(parse_contract(CONTRACT, "a"), parse_contract(changed(old, new), "b"), "b")


def changed(old: str, new: str) -> str:
    assert CONTRACT.count(old) == 1
    text = CONTRACT.replace(old, new)
    # What becomes of the key does not matter here, but the split rule must name a column.
    return text.replace("identity: [id]", "identity: [job]")


def test_the_start_refuses_it(root: Path) -> None:
    """One that does not fit, and one that is not there."""
    with pytest.raises(GatehouseError, match=r"second/contract\.yaml: cannot shadow .* 'kids'"):
        serving(
            root, log=root / "log", shadow=second(root, changed("range: [0, 20]", "range: [0, 9]"))
        ).__enter__()
    with pytest.raises(GatehouseError, match=r"the shadow cannot be loaded: .*none/contract\.yaml"):
        serving(root, log=root / "log", shadow=root / "none").__enter__()


def test_the_metrics_speak_of_the_served_model_only(root: Path) -> None:
    """Attacks the alert on mixed models, and decisions that nobody was given."""
    name, labels = "gatehouse_decisions_total", {"decision": "yes"}
    before = REGISTRY.get_sample_value(name, labels) or 0
    shadow = second(root)
    with serving(root, log=root / "log", shadow=shadow) as client:
        client.ask(ROW)
        text = client.ask(path="/metrics", method="GET").body.decode()
    assert file_digest(shadow / MODEL) not in text
    assert REGISTRY.get_sample_value(name, labels) == before + 1
