"""Findings as plain sentences, and next steps for those that block."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gatehouse.evidence import (
    BEST_IS_BASE,
    CHANGED,
    FALL,
    NEW,
    SEALED_ELSEWHERE,
    Better,
    Described,
    Measurement,
    Of,
)
from gatehouse.gates import GATES
from gatehouse.gates.data import DATA
from gatehouse.gates.metrics import BY_NAME, METRICS
from gatehouse.gates.rows import ROWS
from gatehouse.gates.slices import WORST
from gatehouse.gates.spec import GateSpec
from gatehouse.origin import MEASUREMENT as ORIGIN
from gatehouse.report.context import ReportContext
from gatehouse.report.escape import code, plain, prose
from gatehouse.report.numbers import bound, count, estimate, probability
from gatehouse.verdict import Finding, Outcome, RuleResult

ICONS = {
    Outcome.NONE: "\N{HEAVY MINUS SIGN}",
    Outcome.PASS: "✅",
    Outcome.AS_BEFORE: "↔️",
    Outcome.WAIVED: "🎫",
    Outcome.ACCEPTED: "✍️",
    Outcome.INCONCLUSIVE: "❔",
    Outcome.FAIL: "❌",
    Outcome.ERROR: "⛔",
}
WARNING = "⚠️"
_NAMED = 5
_NOTELESS = {gate.name for gate in GATES} - {ROWS.name}
"""Gates whose sentences already include their notes, or whose notes are about all rows."""
_GONE = "The policy no longer has this gate."

_COSTS = {f"{metric.name}_difference": metric.label for metric in METRICS if metric.headline}
_EASED = {
    f"{metric.name}_of_base_difference": metric.label for metric in METRICS if metric.headline
}

_LABELS = {
    **{metric.name: metric.label for metric in METRICS},
    **{name: f"{label} lost or won by INT8" for name, label in _COSTS.items()},
    **{name: f"the base's {label}, against that on the exam" for name, label in _EASED.items()},
    "accuracy_score_difference": "accuracy difference",
    "column_auc": "how well one new column tells the target",
    "decision_agreement": "share of decisions alike",
    "demographic_parity_difference": "demographic parity difference",
    "demographic_parity_ratio": "demographic parity ratio",
    "duplicate_rows": "duplicated rows",
    "equalized_odds_difference": "equalized odds difference",
    "flip_rate": "share of decisions that flip",
    "joint_drift": "how well a classifier tells new rows from old ones (0.5: not at all)",
    "score_distance": "mean distance of the scores",
    "exam_growth": "new test rows for each row of the exam",
    "exam_leak": "share of rows outside test that equal an exam row, or nearly",
    "false_positive_rate": "false positive rate",
    "first_run": "first runs that no owner reviews",
    "group_loss_difference": "group loss difference",
    "label_rate_difference": "labels, against those of the exam",
    "latency_p50": "median",
    "latency_p95": "95th percentile",
    "latency_p99": "99th percentile",
    "latency_ratio": "time ratio",
    "left_out_rows": "rows in no split",
    "mean_prediction_difference": "mean difference of predictions",
    "mean_error_difference": "mean error difference",
    "not_from_run": "data and model from no run that counts",
    "probability_difference": "mean difference of probabilities",
    "prediction_difference": "predictions moved by INT8",
    "rows": "rows",
    "sealed_gap": "gain that the sealed exam does not confirm",
    "sealed_rows_in_train": "sealed rows in train",
    "selection_rate": "selection rate",
    "single_row_difference": "difference between a row scored alone and among others",
    "size": "size",
    "split_leak": "share of rows that leak between test and the other splits",
    "split_changes": "settings of the split rule that changed",
    "size_ratio": "size ratio",
    "test_rows_in_train": "share of test rows that are in train",
    "touched_exam_rows": "exam rows that are changed, relabelled or gone",
    "train_turnover": "rows outside test that changed, as a share",
    "true_positive_rate": "true positive rate",
    "unfair_deal": "distance from the contract's shares",
    WORST: "loss in the worst slice",
    FALL: "fall over the periods of the test split",
}


def name_of(measurement: str, own: Described | None = None) -> str:
    """Return a measurement's name for people as Markdown; `own` describes a fork's own metric."""
    return _LABELS.get(measurement) or (prose(own.label) if own else code(measurement))


def plain_name(measurement: str, own: Described | None = None) -> str:
    """Return a measurement's name for people as plain text."""
    return _LABELS.get(measurement) or (own.label if own else measurement.replace("_", " "))


def plain_slice(text: str) -> str:
    """Return a slice for people as plain text; empty for all rows."""
    return "" if text == "all" else re.sub("^(column|number|category|class)=", "", text)


def slice_of(text: str) -> str:
    """Return a slice for people as Markdown; empty for all rows."""
    return "" if text == "all" else code(plain_slice(text))


def is_idle(measured: Measurement) -> bool:
    """Return whether a measurement says nothing of its own, so that tables leave it out.

    A change may add no new test rows, the best released model may be the base's, and a workstation
    has no sealed rows.
    """
    idle = (BEST_IS_BASE, SEALED_ELSEWHERE)
    return (measured.slice in (NEW, CHANGED) and not measured.n) or measured.note in idle


def _better(measurement: str, own: Described | None) -> Better | None:
    """Return which values of a metric are better; None if it is no metric of the accuracy gate."""
    known = BY_NAME.get(measurement)
    return known.better if known else own.better if own else None


def is_difference(measurement: str, of: Of, own: Described | None = None) -> bool:
    """Return whether the value is a signed difference, not a ratio, an effect or a metric."""
    if measurement in _COSTS or _better(measurement, own) is Better.ZERO:
        return True
    unsigned = (
        "latency_ratio", "size_ratio", "drift", "joint_drift", "flip_rate", "score_distance",
        "schema_changes",
        "touched_exam_rows", "exam_growth", "train_turnover", "unfair_deal", "split_changes",
        "sealed_rows_in_train",
    )  # fmt: skip
    return of is Of.COMPARISON and measurement not in unsigned


@dataclass(frozen=True)
class Style:
    """Functions that format names and texts from outside.

    Attributes:
        code: formats a name or value.
        prose: formats a text.
        named: formats a measurement's name.
    """

    code: Callable[[str], str]
    prose: Callable[[str], str]
    named: Callable[[str, Described | None], str]


MARKDOWN = Style(code=code, prose=prose, named=name_of)
PLAIN = Style(code=plain, prose=plain, named=plain_name)


def sentence(
    result: RuleResult,
    finding: Finding,
    measured: Measurement | None = None,
    style: Style = MARKDOWN,
    broken: Sequence[Measurement] = (),
) -> str:
    """Return a sentence with the measured value and the rule's requirement.

    Args:
        result: result of the rule.
        finding: the finding that the sentence is about.
        measured: its measurement, whose samples are named; None without the evidence.
        style: Markdown, or plain text.
        broken: the expectations that the data breaks.
    """
    if finding.outcome in (Outcome.ERROR, Outcome.NONE) or result.measurement == ORIGIN:
        return style.prose(finding.text)
    if result.measurement == "failed_expectations":
        text = _data_sentence(result, finding, broken, style)
    elif result.measurement == "schema_changes":
        text = _schema_sentence(finding, measured, style)
    elif result.measurement == "touched_exam_rows":
        text = _exam_sentence(result, finding)
    elif result.measurement == "unfair_deal":
        text = _deal_sentence(finding, measured, style)
    elif result.measurement == WORST and finding.value is not None:
        text = _slice_sentence(result, finding, style)
    elif result.measurement == FALL and finding.value is not None:
        text = _fall_sentence(result, finding, style)
    elif result.measurement == "split_leak" and finding.value is not None:
        text = _leak_sentence(result, finding, style)
    elif finding.p_value is not None:
        text = _drift_sentence(result, finding, style)
    elif result.measurement == "joint_drift":
        text = _metric_sentence(result, finding, style)
        text += f" ({style.prose(finding.note)})" if finding.note else ""
    else:
        text = _metric_sentence(result, finding, style)
    if result.gate not in _NOTELESS and finding.value and finding.note:
        text += f" ({style.prose(finding.note)})"
    if finding.outcome is Outcome.INCONCLUSIVE:
        text += f": {_undecided(result, finding)}"
    return text


def is_best_high(measurement: str) -> bool:
    """Return whether 1 is the best possible value of a measurement."""
    known = BY_NAME.get(measurement)
    if known:
        return known.better is Better.HIGHER
    return measurement in ("decision_agreement", "demographic_parity_ratio")


def is_ratio(measurement: str) -> bool:
    """Return whether 1 means "no change"."""
    return measurement in ("latency_ratio", "size_ratio")


def is_ceiling(result: RuleResult) -> bool:
    """Return whether the rule is an upper limit on a metric, to catch one that is too good."""
    return (
        result.bound == "at_most" and _better(result.measurement, result.described) is Better.HIGHER
    )


def next_step(gate: GateSpec | None, result: RuleResult, *, compared: bool) -> str:
    """Return the next step for a result that is not green; `compared`: there is a base."""
    if result.outcome is Outcome.ERROR:
        return (
            "Run `make run` on this branch and commit what it writes: the evidence must be of "
            "exactly this data and model."
        )
    if result.outcome is Outcome.INCONCLUSIVE and result.measurement == "latency_ratio":
        return "A quieter machine or more sessions (`measure.latency`) narrow the interval."
    if result.outcome is Outcome.INCONCLUSIVE:
        return "More rows narrow the interval."
    if result.measurement == ORIGIN:
        return "Fix what the reason names, so that a counted run makes the model; or ask an owner."
    if is_ceiling(result):
        return (
            "Look for a column that reveals the target (`role: ignored` in `contract.yaml` takes "
            "it out). Floors that were measured with it are too high: lower them too."
        )
    return gate.advise(result, compared=compared) if gate else _GONE


def expectations_sentence(result: RuleResult, finding: Finding) -> str:
    """Return how many expectations of the contract pass or fail, as plain text."""
    severity, n = finding.slice.removeprefix("severity="), finding.n or 0
    failed = int(finding.value or 0)
    if not n:
        return f"no {severity} expectations"
    if not failed:
        return (
            f"the one {severity} expectation holds"
            if n == 1
            else f"all {count(n)} {severity} expectations hold"
        )
    if finding.outcome is Outcome.PASS:
        verb = "expectation fails" if failed == 1 else "expectations fail"
        return f"{count(failed)} {severity} {verb} (allowed: {result.limit:g})"
    return f"{count(failed)} of {count(n)} {severity} expectations fail"


def _data_sentence(
    result: RuleResult, finding: Finding, broken: Sequence[Measurement], style: Style
) -> str:
    severity = finding.slice.removeprefix("severity=")
    ours = [m for m in broken if f" {severity}:" in f" {m.method}"]
    text = style.prose(expectations_sentence(result, finding))
    if not ours:
        note = style.prose(finding.note) if finding.note else ""
        return f"{text}: {note}" if note and finding.outcome is not Outcome.PASS else text
    if finding.outcome is Outcome.PASS:  # next to a tick, details would only alarm
        where = list(dict.fromkeys(style.code(plain_slice(item.slice)) for item in ours))
        return f"{text}: {', '.join(where[:_NAMED])}" + (", …" if len(where) > _NAMED else "")
    return f"{text}: {style.prose(ours[0].note or '')}" + ("; …" if len(ours) > 1 else "")


def failed_expectations(context: ReportContext) -> list[Measurement]:
    """Return the data gate's measurements of single expectations that the data breaks.

    Only these have a note, because an expectation can allow some rows to break it.
    """
    return [
        measurement
        for measurement in context.measurements(DATA.name)
        if measurement.name.startswith("expect_") and measurement.note is not None
    ]


def _schema_sentence(finding: Finding, measured: Measurement | None, style: Style) -> str:
    columns = count(finding.n or 0)
    if not finding.value:
        return f"the same {columns} columns as the base"
    text = f"{count(int(finding.value))} of {columns} columns changed"
    samples = measured.samples[:5] if measured else ()
    return text + (f": {', '.join(map(style.code, samples))}" if samples else "")


def _exam_sentence(result: RuleResult, finding: Finding) -> str:
    exam, touched = count(finding.n or 0), int(finding.value or 0)
    if not touched:
        return f"all {exam} rows of the exam are as in the base"
    verb = "rows of the exam is" if touched == 1 else "rows of the exam are"
    allowed = f" (at most {bound(result.limit, 'rows')})"
    return f"{count(touched)} of {exam} {verb} changed, relabelled or gone{allowed}"


def _deal_sentence(finding: Finding, measured: Measurement | None, style: Style) -> str:
    kind = finding.slice.removeprefix("rows=")
    if not finding.n:
        return f"no row is {kind}"
    fell = ", ".join(map(style.prose, measured.samples)) if measured else ""
    text = f"rows {kind}" + (f": {fell}" if fell else "")
    if finding.outcome is Outcome.PASS:
        return f"{text}, in the contract's shares"
    p_value = style.prose(probability(finding.p_value or 0.0))
    return f"{text}, not in the contract's shares (adjusted p {p_value})"


_LEAKS = {
    "equal": "copies of test rows in train or valid",
    "near": "near copies of test rows in train or valid",
    "group": "test rows whose group is also in train or valid",
    "time": "rows of train and valid that are not before the test rows",
}


def _leak_sentence(result: RuleResult, finding: Finding, style: Style) -> str:
    what = _LEAKS[finding.slice.removeprefix("rows=")]
    assert finding.value is not None
    text = f"{what}: {estimate(finding.value, None, finding.unit, limit=result.limit)}"
    text += f" (at most {bound(result.limit, finding.unit)}"
    if finding.outcome is Outcome.FAIL:
        text += f"; adjusted p {style.prose(probability(finding.p_value or 0.0))}"
    return text + insignificance(result, finding) + ")"


def _drift_sentence(result: RuleResult, finding: Finding, style: Style) -> str:
    who = style.code(plain_slice(finding.slice))
    if finding.slice == "prediction":
        who = "what the base's model predicts"
    assert finding.value is not None and finding.p_value is not None
    effect = estimate(finding.value, finding.interval, finding.unit, limit=result.limit)
    text = f"{who} moved by {effect} (at most {bound(result.limit, finding.unit)}"
    if finding.outcome is Outcome.FAIL:
        text += f"; adjusted p {style.prose(probability(finding.p_value))}"
    return text + insignificance(result, finding) + ")"


def _slice_sentence(result: RuleResult, finding: Finding, style: Style) -> str:
    assert finding.value is not None and finding.p_value is not None
    if finding.slice == "all":
        return "no slice loses against the base"
    who = f"{style.code(plain_slice(finding.slice))} ({count(finding.n or 0)} rows)"
    lost = estimate(finding.value, finding.interval, finding.unit, signed=True, limit=result.limit)
    text = f"in {who} the model loses {lost} of a guess's loss against the base (at most "
    text += bound(result.limit, finding.unit)
    if finding.outcome is Outcome.FAIL:
        text += f"; adjusted p {style.prose(probability(finding.p_value))}"
    return text + insignificance(result, finding) + ")"


def _fall_sentence(result: RuleResult, finding: Finding, style: Style) -> str:
    assert finding.value is not None
    assert finding.p_value is not None
    lost = estimate(finding.value, finding.interval, finding.unit, signed=True, limit=result.limit)
    text = f"{style.named(finding.slice, None)} falls by {lost} over the periods of the test split "
    text += f"(at most {bound(result.limit, finding.unit)}"
    if finding.outcome is Outcome.FAIL:
        text += f"; p {style.prose(probability(finding.p_value))}"
    return text + insignificance(result, finding) + ")"


def insignificance(result: RuleResult, finding: Finding) -> str:
    """Return why an effect beyond its limit passes (its test); empty for all other findings."""
    beyond = finding.value is not None and finding.value > result.limit
    if finding.outcome is not Outcome.PASS or finding.p_value is None or not beyond:
        return ""
    return f"; not significant (p = {finding.p_value:.2g})"


def _metric_sentence(result: RuleResult, finding: Finding, style: Style) -> str:
    signed = is_difference(result.measurement, result.of, result.described)
    where = plain_slice(finding.slice)
    who = style.named(result.measurement, result.described) + (
        f" of {style.code(where)}" if where else ""
    )
    if result.of is Of.COMPARISON and signed:
        who += " against the base"
    unit = finding.unit
    if finding.value == 0 and result.limit == 0 and finding.interval is None:
        return f"{who}: none"
    shown = estimate(finding.value, finding.interval, unit, signed=signed, limit=result.limit)
    side = "at least" if result.bound == "at_least" else "at most"
    noise = ", within training noise" if finding.noise is not None else ""
    return f"{who} {shown} ({side} {bound(result.limit, unit, signed=signed)}){noise}"


def _undecided(result: RuleResult, finding: Finding) -> str:
    if finding.value is None:
        return "it could not be measured"
    interval = finding.interval
    if interval and interval.low <= result.limit <= interval.high:
        compares = result.of is Of.COMPARISON and is_difference(
            result.measurement, result.of, result.described
        )
        if compares and (interval.high - interval.low) / 2 > abs(result.limit) > 0:
            return f"inconclusive, the rows can't show a margin of {abs(result.limit):g}"
        return "inconclusive"
    return f"inconclusive, {count(finding.n or 0)} are too few"
