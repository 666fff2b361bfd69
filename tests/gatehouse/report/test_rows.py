"""The line of rows at the top of the report, and their table."""

from __future__ import annotations

from tests.gatehouse.report.conftest import MakeRun

from gatehouse.report.markdown import render_report
from gatehouse.report.rows import rows, rows_line


def test_the_line_says_what_became_of_the_rows(make_run: MakeRun) -> None:
    """Attacks a reader who has to look for what happened to the exam."""
    context = make_run()
    line = "Rows: 48,842 → 50,210: 1,402 new, 34 gone, 0 relabelled; exam untouched"
    assert rows_line(context) == line
    assert line in render_report(context).split("| :---")[0]


def test_a_touched_exam_is_said_first(make_run: MakeRun) -> None:
    """Attacks a red gate whose reason is folded away."""
    context = make_run(touched=3)
    assert rows_line(context).endswith("3 relabelled; **3 exam rows touched**")
    report = render_report(context)
    assert "3 of 9,769 rows of the exam are changed, relabelled or gone (at most 0" in report


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
