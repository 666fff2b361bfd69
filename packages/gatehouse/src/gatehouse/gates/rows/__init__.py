"""The rows gate: what happened to the base's rows, and above all to the exam?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse.gates.spec import Found, GateSpec, Section

if TYPE_CHECKING:
    from gatehouse.adopt.policy.start import Start
    from gatehouse.drill.defect import Defect
    from gatehouse.policy import Policy
    from gatehouse.report.context import ReportContext
    from gatehouse.workspace import Workspace


def _measure(candidate: Workspace, base: Workspace | None, policy: Policy) -> Found:
    from gatehouse.gates.rows.measure import measure

    return measure(candidate, base, policy)


def _rules(_: Start) -> list[str]:
    from gatehouse.adopt.policy.rows import rows_rules

    return rows_rules()


def _section(context: ReportContext) -> str:
    from gatehouse.report.rows import rows

    return rows(context)


def _defects() -> tuple[Defect, ...]:
    from gatehouse.drill import row_defects as plant
    from gatehouse.drill import split_defects as split
    from gatehouse.drill.defect import Defect, red

    name = ROWS.name
    return (
        # The base's model is wrong on the rows that now have other labels.
        Defect("relabelled exam rows", name, plant.relabelled_exam,
               also=frozenset({"accuracy"}), holds=red("touched_exam_rows")),
        Defect("removed exam rows", name, plant.removed_exam, holds=red("touched_exam_rows")),
        Defect("copies of exam rows in train", name, plant.copied_exam, holds=red("exam_leak")),
        Defect("nudged copies of exam rows", name, plant.nudged_exam, holds=red("exam_leak")),
        Defect("another split rule", name, plant.other_split, holds=red("split_changes")),
        Defect("exam grown in small steps", name, plant.small_steps, holds=red("exam_growth")),
        Defect("another target", name, plant.other_target, holds=red("first_run")),
        Defect("rows nudged out of test", name, plant.unfair_deal, holds=red("unfair_deal")),
        Defect("every row twice under other ids", name, split.twins, holds=red("split_leak")),
        Defect("near twins under other ids", name, split.near_twins, holds=red("split_leak")),
        Defect("groups in two splits", name, split.shared_groups, holds=red("split_leak")),
        Defect("test rows older than train", name, split.backwards,
               also=frozenset({"accuracy", "fairness"}), holds=red("split_leak")),
        Defect("later cuts", name, split.later_cuts, holds=red("split_changes")),
    )  # fmt: skip


ROWS = GateSpec(
    name="rows",
    question="What became of the rows?",
    looks_at=("contract", "raw"),
    compares=True,
    settings=None,
    measure=_measure,
    rules=_rules,
    advice="Undo changes to rows that the base tests with, and remove copies of them; _Rows by "
    "split_ below counts them.",
    section=Section("Rows by split", 2, _section),
    defects=_defects,
)
