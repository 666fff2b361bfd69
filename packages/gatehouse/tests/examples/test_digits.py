"""The example of the digits: it passes its own policy, and what is planted in it turns red."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from gatehouse.contract import load_contract
from gatehouse.digest import SPLITS
from gatehouse.gates.latency import measure as latency
from gatehouse.judge import apply_rule
from gatehouse.judge_files import verdict_on
from gatehouse.measure import measure, measure_and_write
from gatehouse.model import write_metadata
from gatehouse.pipeline import ingest, quantize, train
from gatehouse.policy import load_policy
from gatehouse.prepare import prepare
from gatehouse.seal import data_digest
from gatehouse.table import read_table, write_table
from gatehouse.verdict import Outcome
from gatehouse.workspace import MODEL, Workspace
from tests.examples.conftest import EXAMPLE
from tests.gatehouse.serving.place import serving
from tests.shared import NAMES, SPECS

pytestmark = pytest.mark.slow

ROOT = EXAMPLE.parents[1]
QUICK = {
    "params.yaml": ("epochs: 15 ", "epochs: 8 "),
    "policy.yaml": ("resamples: 2000", "resamples: 300"),
}
UNTIMED = ("sessions: 11, calls: 300, batch: 256", "sessions: 6, calls: 2, batch: 16")
NO_LIMIT = ("at_most: 1.25", "at_most: 1000")


@pytest.fixture(scope="module")
def made(copied: Path, example: Any) -> Path:
    """A whole run, with fewer epochs, resamples and timings; no limit is on time."""
    for file, (old, new) in [*QUICK.items(), ("policy.yaml", UNTIMED), ("policy.yaml", NO_LIMIT)]:
        text = (copied / file).read_text(encoding="utf-8")
        assert text.count(old) == 1
        (copied / file).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(copied)
        patch.setenv("GATEHOUSE_COMMIT", "0" * 40)
        patch.setattr(latency, "_SINGLE_ROWS", 20)  # 64 columns a row: seconds of pandas
        patch.setattr(latency, "_FEEDS", 2)
        example.rows.main()
        assert ingest.main() == 0
        prepare(load_contract())
        for stage in (train, quantize):
            assert stage.main() == 0
        for gate in NAMES:
            measure_and_write(SPECS[gate], Workspace(), None, load_policy())
    return copied


def rules_on(gate: str, candidate: Path, base: Path | None = None) -> dict[str, list[str]]:
    """The slices that fail, by rule, after the gate has measured."""
    policy = load_policy(candidate / "policy.yaml")
    compared = Workspace(base) if base else None
    evidence = measure(SPECS[gate], Workspace(candidate), compared, policy)
    failed = {
        name: [
            finding.slice
            for finding in apply_rule(rule, evidence)
            if finding.outcome is Outcome.FAIL
        ]
        for name, rule in policy.rules.items()
        if rule.gate == gate
    }
    return {name: slices for name, slices in failed.items() if slices}


def test_the_example_passes_its_own_policy(made: Path) -> None:
    """Attacks an example that nobody runs, and digits that are judged together only."""
    verdict = verdict_on(Workspace(made))
    assert verdict.outcome is Outcome.PASS, [rule for rule in verdict.rules if rule.blocks]
    assert not verdict.errors
    (recall,) = (rule for rule in verdict.rules if rule.rule == "accuracy-each-digit")
    assert [finding.slice for finding in recall.findings] == [f"class={n}" for n in range(10)]


def test_the_served_graph_has_its_convolutions_in_int8(made: Path) -> None:
    """Attacks a quantized graph that is the trained one under another name."""
    graph = onnx.load(made / MODEL).graph
    feeds = {node.output[0]: node.op_type for node in graph.node}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert len(convolutions) == 2
    for node in convolutions:
        assert [feeds[name] for name in node.input[:2]] == ["DequantizeLinear"] * 2
    assert {"image_brightness", "image_x", "image_y", "digit"}.isdisjoint(
        value.name for value in graph.input
    )


def test_a_digit_that_is_never_decided_turns_its_recall_red(made: Path, tmp_path: Path) -> None:
    """Attacks a class that the mean over ten of them hides."""
    blind = Path(shutil.copytree(made, tmp_path / "blind"))
    model = onnx.load(blind / MODEL)
    (bias,) = (tensor for tensor in model.graph.initializer if list(tensor.dims) == [10])
    values = numpy_helper.to_array(bias).copy()
    values[8] = -1000
    bias.CopyFrom(numpy_helper.from_array(values, bias.name))
    onnx.save(model, blind / MODEL)
    assert rules_on("accuracy", blind)["accuracy-each-digit"] == ["class=8"]


def test_halves_of_the_images_do_not_drift(made: Path, example: Any) -> None:
    """Attacks limits that a clean change would fail."""
    rows = Workspace(made).split("train")
    policy = load_policy(made / "policy.yaml")
    assert len(rows) // 2 > policy.rules["drift-pixels"].minimum_n
    assert example.drift.failures(rows[::2], rows[1::2], policy) == []


@pytest.mark.parametrize("name", ["inverted", "one pixel to the right", "10 % brighter"])
def test_images_that_went_wrong_turn_drift_red(made: Path, example: Any, name: str) -> None:
    """Attacks limits that no scanner could break."""
    rows, policy = Workspace(made).split("train"), load_policy(made / "policy.yaml")
    new = example.drift.changed(rows[1::2], example.drift.WRONG[name])
    assert example.drift.failures(rows[::2], new, policy)


def test_the_drift_gate_compares_images_with_those_of_the_base(
    made: Path, tmp_path: Path, example: Any
) -> None:
    """Attacks columns of whole images that the gate passes over since no model reads them."""
    moved = Path(shutil.copytree(made, tmp_path / "moved"))
    assert rules_on("drift", made, base=made) == {}
    to_the_right = example.drift.WRONG["one pixel to the right"]
    for split in SPLITS:
        path = moved / f"data/prepared/{split}.parquet"
        write_table(example.drift.changed(read_table(path), to_the_right), path)
    model = onnx.load(moved / MODEL)
    metadata = Workspace(made).model.metadata
    digest = data_digest(moved / "data/prepared")
    write_metadata(model, metadata.model_copy(update={"data": digest}))
    onnx.save(model, moved / MODEL)
    failed = rules_on("drift", moved, base=made)
    assert failed["drift-images"] == ["number=image_x"]
    assert len(failed["drift-pixels"]) > 30


def test_the_service_reads_a_digit(made: Path, example: Any) -> None:
    """Attacks a service that knows two classes only, or wants what the model is not fed."""
    rows = Workspace(made).split("test").head(20)
    images = rows[example.rows.PIXELS].to_dict("records")
    with serving(made) as client:
        answer = client.ask(images[0])
        assert answer.status == 200
        assert list(answer.json["probabilities"]) == [str(n) for n in range(10)]
        assert sum(answer.json["probabilities"].values()) == pytest.approx(1, abs=1e-4)
        decided = [each["decision"] for each in client.ask(images).json["predictions"]]
        assert np.mean(decided == rows["digit"]) >= 0.9
        refused = client.ask(images[0] | {"p34": 17})
        assert (refused.status, refused.pointers) == (422, ["/p34"])


def test_dvc_takes_the_folder_for_a_project_of_its_own(example: Any) -> None:
    """Attacks a dvc.yaml that is no pipeline, and a `dvc pull` at the top that wants its data."""
    from dvc.repo import Repo

    quiet = {"core": {"no_scm": True}}
    with Repo(str(EXAMPLE), config=quiet) as repo:
        inside = {stage.name for stage in repo.index.stages}
    with Repo(str(ROOT), config=quiet) as repo:
        top = repo.index.stages
    assert {"ingest", "prepare", "train", "quantize", "accuracy"} <= inside
    assert not [stage for stage in top if "examples" in stage.path_in_repo]
