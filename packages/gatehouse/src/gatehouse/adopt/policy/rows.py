"""Rules of the rows gate."""

from __future__ import annotations

from gatehouse.adopt.policy.words import rule


def rows_rules() -> list[str]:
    return [
        "\n",
        rule(
            "first-run", "rows", "first_run",
            "Where there is nothing to compare with, an owner looks at what is measured",
            at_most=0,
        ),
        rule(
            "split-unchanged", "rows", "split_changes",
            "Another rule deals another exam, and its model may have learned from rows of this one",
            of="comparison", at_most=0,
        ),
        rule(
            "model-from-run", "rows", "not_from_run",
            "Nobody can tell what made a model that no run of the pipeline's own workflow made",
            at_most=0,
        ),
        rule(
            "exam-untouched", "rows", "touched_exam_rows",
            "The base's test rows are the exam; a change may not pick the questions it is asked",
            of="comparison", at_most=0,
        ),
        rule(
            "exam-growth", "rows", "exam_growth",
            "New test rows join the exam with the merge, so it may not be diluted in one step",
            of="comparison", at_most=0.25,
        ),
        rule(
            "exam-leak", "rows", "exam_leak",
            "Rows to learn from that nearly equal exam rows give the answers away",
            of="comparison", at_most=0.01,
        ),
        rule(
            "fair-deal", "rows", "unfair_deal",
            "Rows that nobody chose by their split fall into all splits by the contract's shares",
            of="comparison", slice="rows=*", at_most=0, alpha=1e-6,
        ),
        rule(
            "train-turnover", "rows", "train_turnover",
            "No new row can fall into an official test, so only so much of train may change unseen",
            of="comparison", at_most=0.10,
        ),
        rule(
            "split-leak", "rows", "split_leak",
            "A model that learned from copies of test rows has seen the answers",
            slice="rows=*", at_most=0.02, alpha=0.001, inconclusive="warn",
        ),
    ]  # fmt: skip
