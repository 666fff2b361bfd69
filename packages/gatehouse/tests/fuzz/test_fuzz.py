"""Bad input never turns the status green; `python -m tests.fuzz.run` tries more of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fuzz.campaign import campaign
from tests.fuzz.seeds import blind_model, passing
from tests.fuzz.targets import cheap_targets, measure_and_judge, measured_targets
from tests.fuzz.worker import Worker

CHEAP = ("archive", "dvc.lock", "model, lock as it was", "table, lock as it was", "judged.json",
         "evidence that fails", "evidence that passes", "verdict.json", "policy.yaml",
         "contract.yaml", "params.yaml")  # fmt: skip
MEASURED = ("table that breaks the contract, lock fits", "test split of another model, lock fits",
            "model that knows nothing, lock fits")  # fmt: skip


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as made:
        yield made


@pytest.mark.parametrize("name", CHEAP)
def test_no_mutated_file_is_green(
    tmp_path: Path, name: str, record_property: Callable[[str, object], None]
) -> None:
    """Attacks whatever reads a candidate's files without measuring."""
    (target,) = (each for each in cheap_targets(tmp_path) if each.name == name)
    counts = campaign(target, 300)
    record_property("inputs", sum(counts.values()))
    assert sum(counts.values()) >= 250
    assert set(counts) - {"as it was", "earned by its numbers"}


@pytest.mark.parametrize("name", MEASURED)
def test_no_mutated_candidate_is_measured_green(
    tmp_path: Path, worker: Worker, name: str, record_property: Callable[[str, object], None]
) -> None:
    """Attacks the gates with broken tables and graphs: measured honestly, or told in words."""
    (target,) = (each for each in measured_targets(tmp_path, worker) if each.name == name)
    counts = campaign(target, 80)
    record_property("inputs", sum(counts.values()))
    assert counts["refused"]
    assert counts["green"] == 0


def test_the_fuzzer_sees_green(tmp_path: Path, worker: Worker) -> None:
    """Attacks the fuzzer: a candidate that passes is green, one that knows nothing is red."""
    good = passing(tmp_path / "good")
    for gate in ("data", "accuracy"):
        assert worker.run(measure_and_judge, good.root, gate) == "green"
    assert worker.run(measure_and_judge, blind_model(tmp_path / "bad").root, "accuracy") == "red"
