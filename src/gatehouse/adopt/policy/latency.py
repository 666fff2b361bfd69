"""Rules of the latency gate."""

from __future__ import annotations

from gatehouse.adopt.policy.sizes import Sizes, unsure
from gatehouse.adopt.policy.words import rule
from gatehouse.contract import Task


def latency_rules(task: Task, sizes: Sizes) -> list[str]:
    rules = [
        "\n",
        rule(
            "latency-int8", "latency", "latency_ratio",
            "Quantization that does not keep up costs quality for nothing",
            slice="int8/fp32 single row", at_most=1.5 if sizes.few else 1.10,
            inconclusive="warn", on_fail="warn",
            comment="a small graph gains little by INT8; let this block once latency matters",
        ),
        rule(
            "latency-base", "latency", "latency_ratio", "A slower graph is felt by every caller",
            of="comparison", slice="candidate/base single row", at_most=1.15, inconclusive="warn",
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
        quality = "accuracy_difference" if task is Task.MULTICLASS else "roc_auc_difference"
        rules += [
            rule(
                "latency-agreement", "latency", "decision_agreement",
                "The served INT8 model must decide as the trained one does",
                slice="int8/fp32", at_least=0.98 if not sizes.few else 0.95,
                inconclusive=unsure(sizes),
            ),
            rule(
                "latency-quality", "latency", quality, "Quantization may not cost quality",
                slice="int8/fp32", at_least=-0.005 if not sizes.few else -0.02,
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
