"""Rules of the latency gate."""

from __future__ import annotations

import math

from gatehouse.adopt.policy.sizes import CONFIDENCE, Sizes, unsure
from gatehouse.adopt.policy.words import rule
from gatehouse.contract import Task
from gatehouse.gates.bootstrap import wilson_interval


def latency_rules(task: Task, sizes: Sizes) -> list[str]:
    rules = [
        "\n",
        rule(
            "latency-int8", "latency", "latency_ratio",
            "Quantization that does not keep up costs quality for nothing",
            slice="int8/fp32 *", at_most=1.5 if sizes.few else 1.25,
            inconclusive="warn", on_fail="warn",
            comment="a small graph gains little by INT8; let this block once latency matters",
        ),
        rule(
            "latency-base", "latency", "latency_ratio", "A slower graph is felt by every caller",
            of="comparison", slice="candidate/base *", at_most=1.15, inconclusive="warn",
        ),
    ]  # fmt: skip
    if task is Task.REGRESSION:
        rules += [
            rule(
                "latency-agreement", "latency", "prediction_difference",
                "The served INT8 model must predict as the trained one does",
                comment="in standard deviations of the predictions",
                slice="int8/fp32", at_most=0.10, inconclusive=unsure(sizes),
            ),
            rule(
                "latency-quality", "latency", "r2_difference", "Quantization may not cost quality",
                slice="int8/fp32", at_least=-0.01, inconclusive=unsure(sizes),
            ),
        ]  # fmt: skip
    else:
        agreement, comment = _agreement(sizes)
        quality = "accuracy_difference" if task is Task.MULTICLASS else "roc_auc_difference"
        rules += [
            rule(
                "latency-agreement", "latency", "decision_agreement",
                "The served INT8 model must decide as the trained one does",
                comment=comment, slice="int8/fp32", at_least=agreement,
                inconclusive=unsure(sizes),
            ),
            rule(
                "latency-quality", "latency", quality, "Quantization may not cost quality",
                comment=f"decisions that differ as often as {agreement:g} allows: "
                "this margin holds their noise" if task is Task.MULTICLASS else "",
                slice="int8/fp32", at_least=-_quality(task, agreement, sizes),
                inconclusive=unsure(sizes, by_class=task is Task.BINARY),
            ),
        ]  # fmt: skip
    rules.append(
        rule(
            "latency-batching", "latency", "single_row_difference",
            "What is judged on many rows must be what is served on one",
            slice="int8", at_most=0.02,
        )
    )  # fmt: skip
    return rules


def _quality(task: Task, agreement: float, sizes: Sizes) -> float:
    """Return how much of the metric INT8 may cost.

    Accuracy changes by whole rows: if a share d of the decisions on n rows differs, with as many
    fixed as broken, the difference scatters by sqrt(d/n) (McNemar 1947), and twice that is not
    evidence. Ranks change less.
    """
    usual = 0.02 if sizes.few else 0.005
    if task is not Task.MULTICLASS:
        return usual
    noise = 2 * math.sqrt((1 - agreement) / max(1, sizes.test))
    return max(usual, math.ceil(noise * 1000) / 1000)


def _agreement(sizes: Sizes) -> tuple[float, str]:
    """Return the least share of equal decisions that can be shown, and why it is that low.

    With few rows that all agree, the gate's interval (Wilson) begins below the limit; the splits
    are random, so there may be even fewer rows.
    """
    usual = 0.95 if sizes.few else 0.98
    fewest = max(1, int(sizes.test - 2 * math.sqrt(sizes.test)))
    shown = wilson_interval(fewest, fewest, CONFIDENCE).low
    if shown >= usual:
        return usual, ""
    return math.floor(shown * 100) / 100, (
        f"on {fewest} test rows that all agree the interval begins at {shown:.3f}: no more can be "
        "shown"
    )
