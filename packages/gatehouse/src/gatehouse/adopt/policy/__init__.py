"""The first policy.yaml: floors from the baseline, sizes from the number of rows.

A floor is below the worse of the two baseline models by a margin plus twice the half-width of the
interval on the future test split. A model as good as the baseline therefore passes with its whole
interval, and with fewer rows the floors are lower.
"""

from __future__ import annotations

from collections.abc import Mapping

from gatehouse.adopt.baseline import Baseline
from gatehouse.adopt.plan import ColumnPlan
from gatehouse.adopt.policy.accuracy import MARGIN
from gatehouse.adopt.policy.sizes import CONFIDENCE, DEPTH, Groups, Sizes
from gatehouse.adopt.policy.start import Start
from gatehouse.adopt.policy.words import models_text
from gatehouse.adopt.scan import Scan
from gatehouse.contract import Contract
from gatehouse.gates import GATES
from gatehouse.gates.own import own_gates
from gatehouse.policy import OwnGate

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

# How much training alone moves metrics (standard deviation): gatehouse noise --write
noise: null
# Dated exceptions to rules, each with its reason: docs/accepting.md
waivers: []
"""


def policy_text(
    scan: Scan,
    plan: ColumnPlan,
    contract: Contract,
    baseline: Baseline,
    sizes: Sizes,
    *,
    leaking: bool,
    own: Mapping[str, OwnGate],
) -> str:
    """Return the policy as YAML, with comments on the measurements.

    Args:
        scan: the table's rows.
        plan: the roles of its columns.
        contract: made from the plan.
        baseline: scores of untuned models.
        sizes: rows of the splits.
        leaking: whether a column predicts the target by itself.
        own: the repository's own gates, which are kept.
    """
    groups = Groups.of(scan, contract, sizes)
    start = Start(scan, plan, contract, baseline, sizes, groups, leaking)
    rules = [line for gate in (*GATES, *own_gates(own)) for line in gate.rules(start)]
    return (
        _head(baseline, sizes, groups) + _gates(own) + _RULES + "".join(rules).lstrip("\n") + _TAIL
    )


def _gates(own: Mapping[str, OwnGate]) -> str:
    comment = "# of your own, by name: docs/extending.md"
    if not own:
        return f"gates: {{}}                     {comment}\n"
    lines = [f"  {name}: {gate.model_dump_json()}\n" for name, gate in own.items()]
    return f"gates:                        {comment}\n" + "".join(lines)


def _head(baseline: Baseline, sizes: Sizes, groups: Groups) -> str:
    bins = min(15, max(5, sizes.test // 50))
    scores = baseline.scores.items()
    seen = "".join(f"#   {name}: {models_text(score)}\n" for name, score in scores)
    fairness = (
        f"confidence: 0.90, minimum_rows: {groups.rows}, "
        f"minimum_class_rows: {groups.of_class}, depth: {DEPTH}"
    )
    return f"""\
# What the evidence must show. In a pull request the base branch's copy of this file decides.
#
# Written by `gatehouse init`. The limits of the accuracy gate follow from a baseline, a linear
# model and gradient boosting, both untuned, cross-validated on {baseline.rows:,} rows:
{seen}# A floor is the worse of the two, less {MARGIN:g}, less twice the half-width of the interval
# that about {sizes.test:,} test rows will give. Raise it once your model stands: it is a first one.
version: 1
measure:                      # how to measure: a change here measures again
  confidence: {CONFIDENCE}
  resamples: 2000
  seed: 0
  drift: {{maximum_rows: 100000, rare_level: 20}}
  accuracy: {{calibration_bins: {bins}}}
  fairness: {{{fairness}}}
  latency: {{sessions: 11, calls: 300, batch: 256}}

"""
