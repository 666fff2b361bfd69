"""The line of rows at the top of the report, and their table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gatehouse.evidence import COLUMN_AUC, NEW, Evidence, Measurement, Of
from gatehouse.report.markdown import render_report
from gatehouse.report.rows import rows, rows_line
from tests.gatehouse.report.conftest import MakeRun


def test_the_line_says_what_became_of_the_rows(make_run: MakeRun) -> None:
    """Attacks a reader who has to look for what happened to the exam."""
    context = make_run()
    line = "Rows: 48,842 → 50,210: 1,402 new, 34 gone, 0 relabelled; exam untouched"
    assert rows_line(context) == line
    assert line in render_report(context).split("<details>")[0]


def test_a_touched_exam_is_said_first(make_run: MakeRun) -> None:
    """Attacks a red gate whose reason is folded away."""
    context = make_run(touched=3)
    assert rows_line(context).endswith("3 relabelled; **3 exam rows touched**")
    report = render_report(context)
    assert "3 of 9,769 rows of the exam are changed, relabelled or gone (at most 0" in report


def test_what_explains_gone_rows_is_said(make_run: MakeRun) -> None:
    """Attacks a reader who sees rows go, and not why."""
    slices = {"reason=retention": 30, "reason=retention & split=test": 6, "reason=erasure": 2}
    of: dict[str, Any] = {"of": Of.COMPARISON, "unit": "rows", "n": 48_842, "method": "exact"}
    context = make_run()
    evidence = context.evidence["rows"]
    assert isinstance(evidence, Evidence)
    more = [Measurement(name="explained_rows", slice=s, value=v, **of) for s, v in slices.items()]
    told = evidence.model_copy(update={"measurements": (*evidence.measurements, *more)})
    context = replace(context, evidence=dict(context.evidence) | {"rows": told})
    assert "34 gone (30 by retention, 2 by erasure), 0 relabelled" in rows_line(context)
    said = "Gone rows that are explained: 30 by retention (6 of the exam), 2 by erasure (0 of"
    assert said in rows(context)


def test_the_table_has_every_outcome(make_run: MakeRun) -> None:
    """Attacks a count that is measured and shown nowhere."""
    found = rows(make_run())
    for outcome in ("added", "gone", "changed", "relabelled", "repeated", "unchanged"):
        assert f"| {outcome} |" in found


def test_without_a_base_there_is_no_line(make_run: MakeRun) -> None:
    """Attacks a first run's report."""
    context = make_run(base=False)
    assert rows_line(context) == ""
    assert rows(context) == "There is no base to compare with."


def test_a_new_column_is_told(make_run: MakeRun) -> None:
    """Attacks a column that gives the target away, or means another thing on new rows."""
    context = make_run()
    accuracy = context.usable("accuracy")
    assert accuracy is not None
    told = {"hint": (0.97, 0.98, 0.61), "size": (0.62, 0.63, 0.62)}
    found = [
        Measurement(
            name=COLUMN_AUC, slice=f"column={name} on {where}", value=value, unit="1", n=9,
            method="by hand",
        )
        for name, values in told.items()
        for where, value in zip(("exam", "train", NEW), values, strict=True)
    ]  # fmt: skip
    more = accuracy.model_copy(update={"measurements": (*accuracy.measurements, *found)})
    changed = replace(context, evidence={**context.evidence, "accuracy": more})
    hint, size = rows(changed).splitlines()[-2:]
    assert "`hint`: ROC AUC by itself 0.970 on exam, 0.980 on train, 0.610 on new test rows" in hint
    assert "over 0.9" in hint
    assert "a gap of 0.370" in hint
    assert "**" not in size
    assert "New column" not in rows(context)
