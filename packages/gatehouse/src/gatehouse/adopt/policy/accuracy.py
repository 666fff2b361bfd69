"""Rules of the accuracy gate: floors from the baseline."""

from __future__ import annotations

import math

import numpy as np

from gatehouse.adopt.baseline import Baseline, Score
from gatehouse.adopt.policy.sizes import Sizes, minimum, unsure
from gatehouse.adopt.policy.words import models_text, number, rule
from gatehouse.contract import Task
from gatehouse.evidence import FALL
from gatehouse.gates.slices import WORST

MARGIN = 0.02
_NEAR = 0.01
"""Margin to the limit of "too good to be true"; a baseline within it makes the score ordinary."""


def accuracy_rules(
    task: Task, baseline: Baseline, sizes: Sizes, *, leaking: bool, timed: bool
) -> list[str]:
    """Return the task's rules.

    `leaking` says whether a column predicts the target by itself, `timed` whether there are times.
    """
    rules = {Task.BINARY: _binary, Task.MULTICLASS: _multiclass, Task.REGRESSION: _regression}
    found = rules[task](baseline, sizes) + _too_good(task, baseline, leaking=leaking)
    return found + ([_trend()] if timed else [])


def _trend() -> str:
    return rule(
        "accuracy-trend", "accuracy", FALL,
        "A model that gets worse with time needs newer rows",
        slice="*", at_most=0.02, alpha=0.02, on_fail="warn", inconclusive="pass",
    )  # fmt: skip


def _rare_comment(sizes: Sizes) -> str:
    return (
        f"\nthe rarest class has about {sizes.rarest} test rows: what can't be measured passes"
        if sizes.unsure_classes
        else ""
    )


def _floor(score: Score, least: float) -> float:
    """Return the worse model's score minus the margin and twice the spread; never below chance."""
    return max(least, math.floor((_surely(score) - MARGIN) * 100) / 100)


def _surely(score: Score) -> float:
    """Return a value that the interval of a model as good as the worse one certainly exceeds."""
    return min(score.linear, score.boosted) - 2 * _finite(score.spread)


def _guessing(baseline: Baseline) -> float:
    """Return the accuracy of guessing, if models like the baseline are certainly better."""
    guess = math.ceil(baseline.guess * 1000) / 1000
    return guess if _surely(baseline.scores["accuracy"]) > guess else 0.0


def _finite(value: float) -> float:
    return value if np.isfinite(value) else 0.0


def _measured(score: Score, sizes: Sizes) -> str:
    return (
        f"baseline: {models_text(score)}; interval on about {sizes.test:,} test rows: "
        f"±{number(score.spread)}"
    )


def _guess_comment(baseline: Baseline) -> str:
    return f"\nalways deciding for the most frequent class: {baseline.guess:.3f}"


def _of_accuracy(
    metric: str,
    score: Score,
    sizes: Sizes,
    *,
    least: float,
    why: str,
    by_class: bool = False,
    comment: str = "",
) -> str:
    name = metric.replace("_", "-").removeprefix("roc-")
    name = "accuracy-floor" if metric == "accuracy" else f"accuracy-{name}-floor"
    return rule(
        name, "accuracy", metric, why,
        comment=_measured(score, sizes) + (_rare_comment(sizes) if by_class else "") + comment,
        at_least=_floor(score, least), minimum_n=minimum(sizes),
        inconclusive=unsure(sizes, by_class=by_class),
    )  # fmt: skip


def _not_worse(metric: str, score: Score, sizes: Sizes, *, by_class: bool = False) -> str:
    name = metric.replace("_", "-").removeprefix("roc-")
    margin = paired_margin(score.paired)
    return rule(
        "accuracy-base" if metric == "accuracy" else f"accuracy-{name}-base", "accuracy", metric,
        "Not worse than the base by more than the margin (non-inferiority)",
        of="comparison", at_least=-margin, minimum_n=minimum(sizes),
        inconclusive="pass" if by_class and sizes.unsure_classes else "warn",
    )  # fmt: skip


def paired_margin(width: float) -> float:
    """Return the margin that test rows can show, from half of a paired interval's width.

    Two equal models are estimated beyond 1.4 times that width in 0.3 % of all cases. The width that
    a change finds varies: with 200 test rows, 3 of 50 honest changes could not show 1.2 times it.
    """
    return max(0.01, math.ceil(_finite(width) * 1.4 * 200 - 1e-9) / 200)


def _released(metric: str, score: Score) -> str:
    margin = paired_margin(score.paired)
    return rule(
        "accuracy-release", "accuracy", metric,
        "Small losses of many merges add up, so they are counted from the best released model",
        of="comparison", slice="best released", at_least=-margin, inconclusive="pass",
    )  # fmt: skip


def _new_rows(metric: str, score: Score, sizes: Sizes) -> str:
    margin = 2 * paired_margin(score.paired)
    return rule(
        "accuracy-new-rows", "accuracy", metric,
        "Not worse than the base on the test rows that the change brings, which join the exam",
        comment="where a change brings none, or too few, the result is inconclusive",
        of="comparison", slice="new test rows", at_least=-margin,
        minimum_n=max(1, minimum(sizes) // 2), inconclusive="pass",
    )  # fmt: skip


def _base_on_changed(metric: str, score: Score, sizes: Sizes) -> str:
    margin = max(0.01, math.ceil(_finite(score.spread) * 50) / 100)
    return rule(
        "accuracy-base-on-changed", "accuracy", f"{metric}_of_base_difference",
        "Where the base's model does worse on the rows of the change, these rows may be wrong",
        comment="where a change brings none, or too few, the result is inconclusive",
        of="comparison", slice="new or changed test rows", at_least=-margin,
        minimum_n=max(1, minimum(sizes) // 2), inconclusive="pass",
    )  # fmt: skip


def _calibration(score: Score, sizes: Sizes) -> str:
    most = max(score.linear, score.boosted) + MARGIN + 2 * _finite(score.spread)
    return rule(
        "accuracy-calibration", "accuracy", "calibration_error",
        "Where probabilities are shown to people they must mean what they say; then let this block",
        comment=_measured(score, sizes),
        at_most=max(0.05, math.ceil(most * 100) / 100), minimum_n=minimum(sizes),
        on_fail="warn", inconclusive="pass" if sizes.few else "warn",
    )  # fmt: skip


def _too_good(task: Task, baseline: Baseline, *, leaking: bool) -> list[str]:
    """Warn of a metric that is too good to be true, unless the baseline is as good."""
    metric, limit = {
        Task.BINARY: ("roc_auc", 0.99),
        Task.MULTICLASS: ("roc_auc", 0.999),
        Task.REGRESSION: ("r2", 0.999),
    }[task]
    score = baseline.scores[metric]
    if not leaking and max(score.linear, score.boosted) >= limit - _NEAR:
        return []
    return [
        rule(
            "accuracy-too-good", "accuracy", metric,
            "A metric too good to be true is most often a leak of the target",
            at_most=limit, on_fail="warn", inconclusive="pass",
        )
    ]  # fmt: skip


def _worst_slice() -> str:
    return rule(
        "accuracy-worst-slice", "accuracy", WORST,
        "A loss on one part of the rows must not hide in the mean of all rows",
        comment="a share of what a guess loses, beyond what all rows lose",
        of="comparison", slice="*", at_most=0.10, alpha=0.01, inconclusive="pass",
    )  # fmt: skip


def _unseen() -> str:
    return rule(
        "accuracy-unseen", "accuracy", "test_rows_in_train",
        "A model that has seen its test rows proves nothing", at_most=0.001,
    )  # fmt: skip


def _binary(baseline: Baseline, sizes: Sizes) -> list[str]:
    auc, accuracy = baseline.scores["roc_auc"], baseline.scores["accuracy"]
    return [
        "\n",
        _of_accuracy("roc_auc", auc, sizes, least=0.5, by_class=True,
                     why="So far below the baseline the model ranks worse than an untuned one"),
        _of_accuracy("accuracy", accuracy, sizes, least=max(0.5, _guessing(baseline)),
                     comment=_guess_comment(baseline),
                     why="Below this too many decisions are wrong"),
        _calibration(baseline.scores["calibration_error"], sizes),
        _not_worse("roc_auc", auc, sizes, by_class=True),
        _not_worse("accuracy", accuracy, sizes),
        _released("roc_auc", auc),
        _new_rows("accuracy", accuracy, sizes),
        _base_on_changed("roc_auc", auc, sizes),
        _worst_slice(),
        _unseen(),
    ]  # fmt: skip


def _multiclass(baseline: Baseline, sizes: Sizes) -> list[str]:
    balanced, accuracy = baseline.scores["balanced_accuracy"], baseline.scores["accuracy"]
    recall = baseline.scores["recall"]
    return [
        "\n",
        _of_accuracy("balanced_accuracy", balanced, sizes, least=0.05,
                     why="So far below the baseline, a model separates the classes poorly"),
        _of_accuracy("accuracy", accuracy, sizes, least=max(0.05, _guessing(baseline)),
                     comment=_guess_comment(baseline),
                     why="Below this too many decisions are wrong"),
        rule(
            "accuracy-class-recall", "accuracy", "recall",
            "No class may be forgotten, a rare one least of all",
            comment=f"baseline, of the class that is found least: {models_text(recall)}",
            slice="class=*", at_least=_floor(recall, 0.05), on_fail="warn", inconclusive="warn",
        ),
        _calibration(baseline.scores["calibration_error"], sizes),
        _not_worse("balanced_accuracy", balanced, sizes),
        _not_worse("accuracy", accuracy, sizes),
        _released("accuracy", accuracy),
        _new_rows("accuracy", accuracy, sizes),
        _base_on_changed("accuracy", accuracy, sizes),
        _worst_slice(),
        _unseen(),
    ]  # fmt: skip


def _regression(baseline: Baseline, sizes: Sizes) -> list[str]:
    r2, error = baseline.scores["r2"], baseline.scores["mean_absolute_error"]
    most = max(error.linear, error.boosted)
    return [
        "\n",
        _of_accuracy("r2", r2, sizes, least=0.0,
                     why="So far below the baseline the model explains less than an untuned one"),
        rule(
            "accuracy-error", "accuracy", "mean_absolute_error",
            "So far above the baseline's error the predictions are worse than untuned ones",
            comment=_measured(error, sizes) + "; in the target's units",
            at_most=most * (1 + 2 * MARGIN) + 2 * _finite(error.spread),
            minimum_n=minimum(sizes), inconclusive=unsure(sizes),
        ),
        _not_worse("r2", r2, sizes),
        _released("r2", r2),
        _new_rows("r2", r2, sizes),
        _base_on_changed("r2", r2, sizes),
        _worst_slice(),
        _unseen(),
    ]  # fmt: skip
