"""First runs and other split rules: attacks a change that nothing is compared with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gatehouse.base import BaseRecord, Outputs, write_record
from gatehouse.contract import Contract
from gatehouse.gates.rows.question import first_run, split_changes
from gatehouse.policy import Policy
from gatehouse.table import write_table
from gatehouse.workspace import Workspace

ContractOf = Callable[..., Contract]


def laid(root: Path, contract: Contract) -> Workspace:
    root.mkdir(parents=True)
    (root / "contract.yaml").write_text(contract.model_dump_json(exclude_none=True))
    return Workspace(root)


def test_a_base_without_a_run_needs_an_owner(
    tmp_path: Path, contract_of: ContractOf, policy: Policy
) -> None:
    """Attacks a first model that nobody looks at; a review that is needed anyway is one."""
    candidate = laid(tmp_path / "candidate", contract_of())
    for record, value in (
        (BaseRecord(), 0),  # nothing was asked for, as in a release
        (BaseRecord(measure=policy.measure), 1),
        (BaseRecord(measure=policy.measure, reviewed=True), 0),
    ):
        write_record(record, candidate.root)
        found = first_run(candidate, None)
        assert (found.value, found.note is None) == (value, record.measure is None)


def test_another_question_needs_an_owner(
    tmp_path: Path, contract_of: ContractOf, policy: Policy
) -> None:
    """Attacks a turned target, by which no comparison is left."""
    old, new = contract_of(), contract_of(y={"positive": "no"})
    record = BaseRecord(outputs=Outputs(contract=old.digest, outs={}), measure=policy.measure)
    candidate = laid(tmp_path / "candidate", new)
    base = laid(candidate.root / record.folder, old)
    write_record(record, candidate.root)
    found = first_run(candidate, None)
    assert found.value == 1
    assert "the base predicts no, yes, the change yes, no" in (found.note or "")
    assert first_run(base, base).value == 0


@pytest.mark.parametrize("change", ["test", "identity", "order", "official"])
def test_another_split_rule_is_told(change: str, tmp_path: Path, contract_of: ContractOf) -> None:
    """Attacks another exam by other shares, other columns, or an official file; order is none."""
    old = contract_of()
    updates: dict[str, dict[str, object]] = {
        "test": {"test": 0.1},
        "identity": {"identity": ("age", "size")},
        "order": {"identity": tuple(reversed(old.split.identity))},
    }
    split = old.split.model_copy(update=updates.get(change, {}))
    base = laid(tmp_path / "base", old)
    candidate = laid(tmp_path / "candidate", old.model_copy(update={"split": split}))
    if change == "official":
        import pandas as pd

        write_table(pd.DataFrame({"age": [1]}), candidate.raw / "test.parquet")
    found = split_changes(candidate, base)
    assert found.value == (change != "order")
    assert len(found.samples) == found.value
