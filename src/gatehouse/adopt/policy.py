"""The first policy.yaml: floors from the baseline, sizes from the number of rows.

A floor lies below the worse of the two baseline models by a margin and twice the half-width of the
interval that the test split will have: so a model as good as the baseline passes with its whole
interval, and the fewer the rows are, the less is asked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from gatehouse.adopt.baseline import Baseline, Score
from gatehouse.adopt.columns import Plan
from gatehouse.adopt.profile import Scan
from gatehouse.contract import Contract, Role, Task

MARGIN = 0.02
_NEAR = 0.01
"""Of the limit of what is too good to be true: so near to it the baseline makes it ordinary."""
_ENOUGH = 1_000
"""Test rows from which on an interval across a limit blocks."""
_LEAST_OF_CLASS = 10
"""Rows of the rarest class that a test split needs for metrics by class to be defined surely."""
_ROOM = 1.5
"""Splits are drawn: a group may have fewer rows there than its share."""
_TYPICAL = {Role.FEATURE, Role.PROTECTED, Role.TARGET}
_RULES = """\
rules:                        # what to decide: a change here never measures again
"""
_TAIL = """\

monitor:                      # how production is watched: docs/operations.md
  window: 7d                  # judged by the rules above, against the training data
  windows: 8                  # of the trend
  season: null                # a cycle longer than the window, such as 7d for windows of 24h
  gates: [drift, accuracy, fairness]   # the last two where there are labels
  retrain: false              # does an alarm start the retraining workflow, once per model?

waivers: []
# - rule: latency-base
#   reason: Why this failure is acceptable for now
#   approver: jane@example.org
#   expires: 2030-03-31
"""


@dataclass(frozen=True)
class Sizes:
    """How many rows there are for what.

    Attributes:
        train: rows of the train split, about.
        test: rows of the test split, about.
        rarest: rows of the rarest class among these; None of a regression.
    """

    train: int
    test: int
    rarest: int | None

    @property
    def few(self) -> bool:
        """Too few for narrow intervals: what lies across a limit warns."""
        return self.test < _ENOUGH

    @property
    def unsure_classes(self) -> bool:
        """May a class be missing in the test split, or in its resamples?"""
        return self.rarest is not None and self.rarest < _LEAST_OF_CLASS


def sizes_of(scan: Scan, plan: Plan, valid: float, test: float) -> Sizes:
    """The sizes of the splits, from their shares."""
    rarest = None
    if plan.target.classes:
        rarest = int(plan.target.smallest[1] * test)
    return Sizes(int(scan.rows * (1 - valid - test)), int(scan.rows * test), rarest)


def policy_text(
    scan: Scan,
    plan: Plan,
    contract: Contract,
    baseline: Baseline,
    sizes: Sizes,
    *,
    leaking: bool,
) -> str:
    """The policy as YAML, with comments that say what was measured.

    `leaking` says whether a column tells the target by itself.
    """
    groups = _Groups.of(scan, contract, sizes)
    rules = _data(plan) + _drift(contract, scan, sizes)
    task = {Task.BINARY: _binary, Task.MULTICLASS: _multiclass, Task.REGRESSION: _regression}
    rules += task[contract.task](baseline, sizes)
    rules += _too_good(contract.task, baseline, leaking=leaking)
    if contract.protected:
        rules += _fairness(contract.task, groups)
    rules += _latency(contract.task, sizes)
    return _head(baseline, sizes, groups) + _RULES + "".join(rules).lstrip("\n") + _TAIL


def _head(baseline: Baseline, sizes: Sizes, groups: _Groups) -> str:
    bins = min(15, max(5, sizes.test // 50))
    scores = baseline.scores.items()
    seen = "".join(f"#   {name}: {_n(s.linear)} and {_n(s.boosted)}\n" for name, s in scores)
    return f"""\
# What the evidence must show. In a pull request the base branch's copy of this file decides.
#
# Written by `gatehouse init`. The limits of the accuracy gate follow from a baseline, a linear
# model and gradient boosting, both untuned, cross-validated on {baseline.rows:,} rows:
{seen}# A floor is the worse of the two, less {MARGIN:g}, less twice the half-width of the interval
# that about {sizes.test:,} test rows will give. Raise it once your model stands: it is a first one.
version: 1
measure:                      # how to measure: a change here measures again
  confidence: 0.95
  resamples: 2000
  seed: 0
  drift: {{maximum_rows: 100000, rare_level: 20}}
  accuracy: {{calibration_bins: {bins}}}
  fairness: {{confidence: 0.90, minimum_rows: {groups.rows}, minimum_class_rows: {groups.of_class}}}
  latency: {{sessions: 11, calls: 300, batch: 256}}

"""


def _rule(
    name: str, gate: str, measurement: str, why: str, *, comment: str = "", **keys: object
) -> str:
    lines = [f"  # {line}" for line in comment.splitlines()]
    lines += [f"  {name}:", f"    gate: {gate}", f"    measurement: {measurement}"]
    lines += [f"    {key}: {_value(value)}" for key, value in keys.items() if value is not None]
    return "\n".join([*lines, f"    why: {why}"]) + "\n"


def _value(value: object) -> str:
    if isinstance(value, float):
        return _n(value)
    return f'"{value}"' if value == "*" else str(value)


def _n(value: float) -> str:
    """A number with the digits that count."""
    if not math.isfinite(value):
        return "not defined"
    if abs(value) >= 1e6 or 0 < abs(value) < 1e-3:
        # YAML wants a point in what Python writes as 1e-05.
        mantissa, exponent = f"{value:.3e}".split("e")
        return f"{float(mantissa)}e{int(exponent):+03d}"
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) >= 1 else f"{round(value, 3):g}"


def _data(plan: Plan) -> list[str]:
    open_columns = sum(column.is_open for column in plan.columns)
    unclean = sum(column.profile.infinite > 0 for column in plan.columns)
    return [
        "\n",
        _rule(
            "data-critical", "data", "failed_expectations",
            "A row that breaks the contract is not what the model is for",
            slice="severity=critical", at_most=0,
        ),
        _rule(
            "data-warning", "data", "failed_expectations",
            "More columns with unlisted or infinite values than there were are worth a look",
            comment=f"the columns that held such values from the start: {open_columns + unclean}"
            if open_columns + unclean else "",
            slice="severity=warning", at_most=open_columns + unclean, on_fail="warn",
        ),
    ]  # fmt: skip


def _drift(contract: Contract, scan: Scan, sizes: Sizes) -> list[str]:
    tested = {name: c for name, c in contract.columns.items() if c.role in _TYPICAL}
    moved = "Training data that moved needs a look before a model learns from it"
    numeric = any(column.is_numeric for column in tested.values())
    categories = any(
        not column.is_numeric or scan.profiles[name].missing for name, column in tested.items()
    )
    rules = [
        "\n",
        _rule(
            "drift-schema", "drift", "schema_changes",
            "A column that came, went or changed its kind is a new contract",
            of="comparison", at_most=0,
        ),
    ]  # fmt: skip
    minimum = min(10_000, _round_down(sizes.train / 2))
    if numeric:
        rules.append(
            _rule(
                "drift-numbers", "drift", "drift", moved, of="comparison", slice="number=*",
                comment="in standard deviations of the base", at_most=0.05, minimum_n=minimum,
                alpha=0.01, inconclusive="warn",
            )
        )  # fmt: skip
    if categories:
        rules.append(
            _rule(
                "drift-categories", "drift", "drift", moved, of="comparison", slice="category=*",
                comment="total variation: the share of rows that moved",
                at_most=0.025, minimum_n=minimum,
                alpha=0.01, inconclusive="warn",
            )
        )  # fmt: skip
    rules.append(
        _rule(
            "drift-predictions", "drift", "drift",
            "Predictions that moved change every decision made from them",
            of="comparison", slice="prediction", at_most=0.05,
            minimum_n=min(2_000, _minimum(sizes)), alpha=0.01, inconclusive="warn",
        )
    )  # fmt: skip
    return rules


def _minimum(sizes: Sizes) -> int:
    return min(_ENOUGH, _round_down(sizes.test / 2))


def _unsure(sizes: Sizes, *, by_class: bool = False) -> str | None:
    """What inconclusive means."""
    if by_class and sizes.unsure_classes:
        return "pass"
    return "warn" if sizes.few else None


def _rare_comment(sizes: Sizes) -> str:
    return (
        f"\nthe rarest class has about {sizes.rarest} test rows: what can't be measured passes"
        if sizes.unsure_classes
        else ""
    )


def _floor(score: Score, least: float) -> float:
    """Less than the worse model by the margin and twice the spread; never below chance."""
    worse = min(score.linear, score.boosted)
    floor = math.floor((worse - MARGIN - 2 * _finite(score.spread)) * 100) / 100
    return max(least, floor)


def _finite(value: float) -> float:
    return value if np.isfinite(value) else 0.0


def _measured(score: Score, sizes: Sizes) -> str:
    return (
        f"baseline: {_n(score.linear)} linear, {_n(score.boosted)} boosted; interval on about "
        f"{sizes.test:,} test rows: ±{_n(score.spread)}"
    )


def _of_accuracy(
    metric: str, score: Score, sizes: Sizes, *, least: float, why: str, by_class: bool = False
) -> str:
    name = metric.replace("_", "-").removeprefix("roc-")
    name = "accuracy-floor" if metric == "accuracy" else f"accuracy-{name}-floor"
    return _rule(
        name, "accuracy", metric, why,
        comment=_measured(score, sizes) + (_rare_comment(sizes) if by_class else ""),
        at_least=_floor(score, least), minimum_n=_minimum(sizes),
        inconclusive=_unsure(sizes, by_class=by_class),
    )  # fmt: skip


def _not_worse(metric: str, score: Score, sizes: Sizes, *, by_class: bool = False) -> str:
    name = metric.replace("_", "-").removeprefix("roc-")
    margin = max(0.01, math.ceil(_finite(score.spread) * 50) / 100)
    return _rule(
        "accuracy-base" if metric == "accuracy" else f"accuracy-{name}-base", "accuracy", metric,
        "Not worse than the base by more than the margin (non-inferiority)",
        of="comparison", at_least=-margin, minimum_n=_minimum(sizes),
        inconclusive="pass" if by_class and sizes.unsure_classes else "warn",
    )  # fmt: skip


def _calibration(score: Score, sizes: Sizes) -> str:
    most = max(score.linear, score.boosted) + MARGIN + 2 * _finite(score.spread)
    return _rule(
        "accuracy-calibration", "accuracy", "expected_calibration_error",
        "Where probabilities are shown to people they must mean what they say; then let this block",
        comment=_measured(score, sizes),
        at_most=max(0.05, math.ceil(most * 100) / 100), minimum_n=_minimum(sizes),
        on_fail="warn", inconclusive="warn",
    )  # fmt: skip


def _too_good(task: Task, baseline: Baseline, *, leaking: bool) -> list[str]:
    """A warning on a metric too good to be true, unless that good is what this table gives."""
    metric, limit = {
        Task.BINARY: ("roc_auc", 0.99),
        Task.MULTICLASS: ("roc_auc", 0.999),
        Task.REGRESSION: ("r2", 0.999),
    }[task]
    score = baseline.scores[metric]
    if not leaking and max(score.linear, score.boosted) >= limit - _NEAR:
        return []
    return [
        _rule(
            "accuracy-too-good", "accuracy", metric,
            "A metric too good to be true is most often a leak of the target",
            at_most=limit, on_fail="warn", inconclusive="pass",
        )
    ]  # fmt: skip


def _unseen() -> str:
    return _rule(
        "accuracy-unseen", "accuracy", "test_rows_in_train",
        "A model that has seen its test rows proves nothing", at_most=0.001,
    )  # fmt: skip


def _binary(baseline: Baseline, sizes: Sizes) -> list[str]:
    auc, accuracy = baseline.scores["roc_auc"], baseline.scores["accuracy"]
    return [
        "\n",
        _of_accuracy("roc_auc", auc, sizes, least=0.5, by_class=True,
                     why="Below this the model ranks worse than the baseline"),
        _of_accuracy("accuracy", accuracy, sizes, least=0.5, why="Below this too many decisions "
                     "are wrong"),
        _calibration(baseline.scores["expected_calibration_error"], sizes),
        _not_worse("roc_auc", auc, sizes, by_class=True),
        _not_worse("accuracy", accuracy, sizes),
        _unseen(),
    ]  # fmt: skip


def _multiclass(baseline: Baseline, sizes: Sizes) -> list[str]:
    balanced, accuracy = baseline.scores["balanced_accuracy"], baseline.scores["accuracy"]
    recall = baseline.scores["recall"]
    return [
        "\n",
        _of_accuracy("balanced_accuracy", balanced, sizes, least=0.05,
                     why="Below this the classes are told apart worse than by the baseline"),
        _of_accuracy("accuracy", accuracy, sizes, least=0.05, why="Below this too many decisions "
                     "are wrong"),
        _rule(
            "accuracy-class-recall", "accuracy", "recall",
            "No class may be forgotten, a rare one least of all",
            comment=f"baseline, of the class that is found least: {_n(recall.linear)} linear, "
            f"{_n(recall.boosted)} boosted",
            slice="class=*", at_least=_floor(recall, 0.05), on_fail="warn", inconclusive="warn",
        ),
        _calibration(baseline.scores["expected_calibration_error"], sizes),
        _not_worse("balanced_accuracy", balanced, sizes),
        _not_worse("accuracy", accuracy, sizes),
        _unseen(),
    ]  # fmt: skip


def _regression(baseline: Baseline, sizes: Sizes) -> list[str]:
    r2, error = baseline.scores["r2"], baseline.scores["mean_absolute_error"]
    most = max(error.linear, error.boosted)
    return [
        "\n",
        _of_accuracy("r2", r2, sizes, least=0.0,
                     why="Below this the model explains less than the baseline"),
        _rule(
            "accuracy-error", "accuracy", "mean_absolute_error",
            "Above this the predictions are further off than the baseline's",
            comment=_measured(error, sizes) + "; in the target's units",
            at_most=most * (1 + 2 * MARGIN) + 2 * _finite(error.spread),
            minimum_n=_minimum(sizes), inconclusive=_unsure(sizes),
        ),
        _not_worse("r2", r2, sizes),
        _unseen(),
    ]  # fmt: skip


@dataclass(frozen=True)
class _Groups:
    """Which groups are large enough to be compared.

    Attributes:
        rows: that a group needs.
        of_class: rows of each class that it needs.
        some: has every attribute, and every combination of them, two groups of as many rows?
        some_of_class: and of as many rows of each class?
    """

    rows: int
    of_class: int
    some: bool
    some_of_class: bool

    @classmethod
    def of(cls, scan: Scan, contract: Contract, sizes: Sizes) -> _Groups:
        rows = 100 if sizes.test >= _ENOUGH else max(20, _round_down(sizes.test / 10))
        of_class = 50 if sizes.test >= _ENOUGH else max(10, _round_down(sizes.test / 20))
        sample, share = scan.sample, sizes.test / max(1, len(scan.sample)) / _ROOM
        some = some_of_class = True
        for size in range(1, len(contract.protected) + 1):
            for attributes in combinations(contract.protected, size):
                columns = [sample[name].fillna("") for name in attributes]
                if not contract.classes:
                    large = sample.groupby(columns).size().to_numpy() * share >= rows
                    some &= bool(large.sum() >= 2)
                    continue
                counts = sample.groupby([*columns, sample[contract.target]]).size().unstack()
                counts = counts.reindex(columns=list(contract.classes)).fillna(0)
                total = counts.sum(axis=1).to_numpy()
                large = total * share >= rows
                some &= bool(large.sum() >= 2)
                # As the gate has it: a class counts with the groups that have enough rows of it.
                watched = contract.classes[1:] if contract.task is Task.BINARY else contract.classes
                enough = [
                    large & (np.minimum(n, total - n) * share >= of_class)
                    for n in (counts[value].to_numpy() for value in watched)
                ]
                some_of_class &= any(groups.sum() >= 2 for groups in enough)
        return cls(rows, of_class, some, some_of_class)


def _fairness(task: Task, groups: _Groups) -> list[str]:
    unsure = {True: "warn", False: "pass"}
    few = "too few rows to compare all groups: what can't be measured passes"
    if task is Task.REGRESSION:
        gaps = [
            ("loss", "group_loss_difference", 0.25, "fail", groups.some,
             "Errors must not be larger for one group than for another"),
            ("bias", "mean_error_difference", 0.25, "fail", groups.some,
             "No group may be put too high or too low more than another"),
        ]  # fmt: skip
    else:
        gaps = [
            ("equalized-odds", "equalized_odds_difference", 0.25, "fail", groups.some_of_class,
             "Errors must not fall on one group much more than on another"),
            ("parity", "demographic_parity_difference", 0.10, "warn", groups.some,
             "Groups are decided on at unlike rates; the labels may do so too, people must know"),
        ]  # fmt: skip
    if task is Task.MULTICLASS:
        gaps.append(
            ("accuracy", "accuracy_score_difference", 0.25, "warn", groups.some,
             "The model must not be right for one group much more often than for another")
        )  # fmt: skip
    sigma = "in standard deviations of the target" if task is Task.REGRESSION else ""
    return [
        "\n",
        *(
            _rule(
                f"fairness-{name}", "fairness", measurement, why,
                comment="\n".join(filter(None, [sigma, "" if enough else few])),
                slice="*", at_most=limit, on_fail=on_fail if on_fail == "warn" else None,
                inconclusive=unsure[enough],
            )
            for name, measurement, limit, on_fail, enough, why in gaps
        ),
    ]  # fmt: skip


def _latency(task: Task, sizes: Sizes) -> list[str]:
    rules = [
        "\n",
        _rule(
            "latency-int8", "latency", "latency_ratio",
            "Quantization that does not keep up costs quality for nothing",
            slice="int8/fp32 single row", at_most=1.5 if sizes.few else 1.10,
            inconclusive="warn", on_fail="warn",
            comment="a small graph gains little by INT8; let this block once latency matters",
        ),
        _rule(
            "latency-base", "latency", "latency_ratio", "A slower graph is felt by every caller",
            of="comparison", slice="candidate/base single row", at_most=1.15, inconclusive="warn",
        ),
    ]  # fmt: skip
    if task is Task.REGRESSION:
        rules += [
            _rule(
                "latency-agreement", "latency", "prediction_difference",
                "The served INT8 model must predict as the trained one does",
                comment="in standard deviations of the predictions",
                slice="int8/fp32", at_most=0.10, inconclusive=_unsure(sizes),
            ),
            _rule(
                "latency-quality", "latency", "r2_difference", "Quantization may not cost quality",
                slice="int8/fp32", at_least=-0.01, inconclusive=_unsure(sizes),
            ),
        ]  # fmt: skip
    else:
        quality = "accuracy_difference" if task is Task.MULTICLASS else "roc_auc_difference"
        rules += [
            _rule(
                "latency-agreement", "latency", "decision_agreement",
                "The served INT8 model must decide as the trained one does",
                slice="int8/fp32", at_least=0.98 if not sizes.few else 0.95,
                inconclusive=_unsure(sizes),
            ),
            _rule(
                "latency-quality", "latency", quality, "Quantization may not cost quality",
                slice="int8/fp32", at_least=-0.005 if not sizes.few else -0.02,
                inconclusive=_unsure(sizes, by_class=task is Task.BINARY),
            ),
        ]  # fmt: skip
    rules.append(
        _rule(
            "latency-batching", "latency", "single_row_difference",
            "What is judged on many rows must be what is served on one",
            slice="int8", at_most=0.02,
        )
    )  # fmt: skip
    return rules


def _round_down(value: float) -> int:
    """One digit and zeros: 48 is 40."""
    whole = max(1, int(value))
    step = int(10 ** (len(str(whole)) - 1))
    return whole // step * step
