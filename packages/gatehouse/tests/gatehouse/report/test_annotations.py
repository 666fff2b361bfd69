"""Attacks notes beside a change: each stands at the line that its failure comes from."""

from __future__ import annotations

from typing import Any

import pytest

from gatehouse.report.annotations import MOST, Annotation, find_annotations
from gatehouse.verdict import Change
from tests.gatehouse.report.conftest import MakeRun
from tests.gatehouse.report.test_markdown import expectation

TEXTS: Any = {
    "params.yaml": "train:\n  trainer: torch_mlp\n  torch_mlp:\n    epochs: 2\n    dropout: 0.1\n",
    "contract.yaml": "name: x\ncolumns:\n  age:\n    dtype: int\n  sex:\n    dtype: category\n",
    "policy.yaml": "version: 1\nrules:\n  accuracy-floor:\n    at_least: 0.5\n",
}
NESTED: Any = ({"train": {"torch_mlp": {"epochs": 60, "dropout": 0.1}}},
               {"train": {"torch_mlp": {"epochs": 2, "dropout": 0.1}}})  # fmt: skip


def places(notes: tuple[Annotation, ...]) -> list[tuple[str, int, str]]:
    return [(note.path, note.line, note.title) for note in notes]


def test_a_column_s_failure_stands_at_the_column(make_run: MakeRun) -> None:
    """Attacks a note at the wrong column, or at a setting that has no part in it."""
    run = make_run(broken=[expectation()], age=0.12, age_p=1e-9, odds=0.4, params=NESTED)
    assert places(find_annotations(run, TEXTS)) == [
        ("contract.yaml", 3, "data-critical"),
        ("contract.yaml", 3, "drift-columns"),
        ("contract.yaml", 5, "fairness-odds"),
    ]
    first = find_annotations(run, TEXTS)[0]
    assert "312 of 48,842 rows are outside of 0 to 120" in first.text
    assert first.level == "failure"


def test_a_model_s_failure_stands_at_the_settings_that_changed(make_run: MakeRun) -> None:
    """Attacks a note at a setting that is as it was."""
    notes = find_annotations(make_run(roc_auc=0.868, params=NESTED), TEXTS)
    assert places(notes) == [
        ("params.yaml", 4, "accuracy-floor"), ("params.yaml", 4, "accuracy-base"),
    ]  # fmt: skip
    assert "ROC AUC 0.868" in notes[0].text
    assert notes[0].text.endswith("this setting was 60")


def test_a_looser_rule_is_a_warning(make_run: MakeRun) -> None:
    """Attacks a limit that is moved in a file of many lines."""
    change = Change(key="rules.accuracy-floor.at_least", before="0.88", after="0.5",
                    direction="loosened")  # fmt: skip
    (note,) = find_annotations(make_run(verdict={"policy_changes": (change,)}), TEXTS)
    assert places((note,)) == [("policy.yaml", 4, "rules.accuracy-floor.at_least is looser")]
    assert note.level == "warning"


@pytest.mark.parametrize("texts", [{}, dict.fromkeys(TEXTS, ""), dict.fromkeys(TEXTS, "a: [")])
def test_files_that_cannot_be_read_get_no_note(make_run: MakeRun, texts: Any) -> None:
    """Attacks a change whose files are gone or broken: the comment says what is wrong."""
    assert find_annotations(make_run(roc_auc=0.868, params=NESTED), texts) == ()


def test_a_good_run_has_none_and_a_bad_one_not_too_many(make_run: MakeRun) -> None:
    """Attacks noise beside a change, and more notes than GitHub takes."""
    assert find_annotations(make_run(params=NESTED), TEXTS) == ()
    changes = tuple(
        Change(key=f"rules.r{i}", before="1", after="2", direction="loosened") for i in range(90)
    )
    texts = TEXTS | {"policy.yaml": "rules:\n" + "".join(f"  r{i}: 1\n" for i in range(90))}
    run = make_run(verdict={"policy_changes": changes})
    assert len(find_annotations(run, texts)) == MOST
