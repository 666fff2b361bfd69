"""The whole pipeline in small: rows drawn from contract.yaml, your trainer, every gate and rule.

These tests need none of your data, and say nothing about the quality of your model.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from gatehouse.contract import CONTRACT_FILE, load_contract
from gatehouse.evidence import Evidence
from gatehouse.gates.latency import measure as latency
from gatehouse.gates.own import gates_of
from gatehouse.judge import apply_rule
from gatehouse.measure import measure_and_write
from gatehouse.pipeline import quantize, train
from gatehouse.pipeline.settings import PARAMS_FILE
from gatehouse.policy import POLICY_FILE, Policy, load_policy
from gatehouse.prepare import prepare
from gatehouse.report.card_text import CARD_TEXT
from gatehouse.run import write_card
from gatehouse.table import RAW, ROWS_FILE, write_table
from gatehouse.verdict import Outcome
from gatehouse.workspace import Workspace

from made_up_rows import draw

ROOT = Path(__file__).parents[1]

ROWS = 3_000
_COPIED = {path.as_posix() for path in (CONTRACT_FILE, PARAMS_FILE, POLICY_FILE, CARD_TEXT)}
_MADE = {"data", "models", "reports", "dvc.lock", ".git", ".dvc", ".gatehouse", ".venv"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Create a folder like the repository, with made-up rows and a model trained on them."""
    root = tmp_path_factory.mktemp("fork")
    for path in ROOT.iterdir():
        if path.name in _COPIED:
            shutil.copyfile(path, root / path.name)
        elif path.name not in _MADE:  # a trainer or source may read a file of the repository
            (root / path.name).symlink_to(path)
    rows = draw(load_contract(root / CONTRACT_FILE), ROWS, seed=0)
    write_table(rows, root / RAW / ROWS_FILE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("GATEHOUSE_COMMIT", "0" * 40)
        patch.setattr(latency, "_SINGLE_ROWS", 20)
        patch.setattr(latency, "_FEEDS", 2)
        prepare(load_contract())
        for stage in (train, quantize):
            assert stage.main() == 0, f"{stage.__name__}: the reason is above"
        yield root


def quick(policy: Policy) -> Policy:
    """Return the same rules with the fastest measuring settings."""
    measure = policy.measure
    less = {
        "resamples": 200,
        "latency": measure.latency.model_copy(update={"calls": 2, "batch": 16}),
        # With so few rows, all groups are small.
        "fairness": measure.fairness.model_copy(
            update={"minimum_rows": 1, "minimum_class_rows": 1}
        ),
    }
    return policy.model_copy(update={"measure": measure.model_copy(update=less)})


@pytest.fixture(scope="module")
def evidence(made: Path) -> dict[str, Evidence]:
    """Return each gate's evidence, compared with the candidate itself as the base."""
    here, policy = Workspace(made), quick(load_policy(made / POLICY_FILE))
    return {gate.name: measure_and_write(gate, here, here, policy)[0] for gate in gates_of(policy)}


@pytest.mark.parametrize("gate", load_policy(ROOT / POLICY_FILE).gate_names)
def test_every_rule_finds_what_it_judges(evidence: dict[str, Evidence], gate: str) -> None:
    """Attacks a rule on a column that the contract lacks, or on a value that no gate measures."""
    lost = [
        f"policy.yaml: rules.{name}: {finding.text}"
        for name, rule in load_policy(ROOT / POLICY_FILE).rules.items()
        if rule.gate == gate
        for finding in apply_rule(rule, evidence[gate])
        if finding.outcome is Outcome.ERROR
    ]
    assert lost == []


def test_the_model_card_is_made(made: Path, evidence: dict[str, Evidence]) -> None:
    """Attacks a card that turns out to be unreadable only after a complete run."""
    assert evidence
    assert write_card(Workspace(made)).is_file()
