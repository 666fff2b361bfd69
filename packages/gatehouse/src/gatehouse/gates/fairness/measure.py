"""The fairness gate: group metrics and their gaps, by protected attribute and by intersection.

Point values equal those of Fairlearn's `MetricFrame`. Gaps have simultaneous intervals over all
pairs of groups (see `gaps`) and include only groups that are large enough; smaller groups are
reported but do not decide. The policy sets the maximum number of attributes of an intersection,
because the number of intersections doubles with each attribute. The metrics and the resampling
depend on the task: see `fairness_classes` and `fairness_values`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.contract import Task
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Measurement
from gatehouse.gates.exam import exam_of
from gatehouse.gates.fairness import classes as fairness_classes
from gatehouse.gates.fairness import values as fairness_values
from gatehouse.gates.predictions import Predictions
from gatehouse.gates.spec import Found
from gatehouse.gates.tools import versions
from gatehouse.policy import Policy

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.workspace import Workspace


def measure(candidate: Workspace, base: Workspace | None, policy: Policy) -> Found:
    """Measure the fairness of the candidate on the exam.

    Attributes that only the base's contract protects are measured too, so that no change can hide
    an attribute.

    Raises:
        GatehouseError: data or model is missing, they do not fit each other, or a protected
            attribute was removed.
    """
    contract = candidate.contract
    exam = exam_of(candidate, base)
    protected = list(
        dict.fromkeys([*(base.contract.protected if base else ()), *contract.protected])
    )
    gone = [name for name in protected if name not in exam.rows]
    if gone:
        raise GatehouseError(
            f"the exam has no column '{gone[0]}', which the contract (the candidate's or the "
            "base's) protects; bring it back, or stop protecting it in a pull request of its own"
        )
    return Found(
        exam=exam.record,
        tools=versions("numpy", "scipy", "onnxruntime"),
        measurements=tuple(measure_rows(exam.rows, protected, exam.ours, policy)),
    )


def measure_rows(
    rows: pd.DataFrame, protected: list[str], predictions: Predictions, policy: Policy
) -> list[Measurement]:
    """Measure metrics and gaps by each protected attribute of `rows`, and by intersections."""
    measurements: list[Measurement] = []
    chosen = partitions(protected, policy.measure.fairness.depth)
    regression = predictions.task is Task.REGRESSION
    measure = fairness_values.measure if regression else fairness_classes.measure
    for attributes in chosen:
        groups = group_labels(rows, attributes)
        measurements += measure(" & ".join(attributes), groups, predictions, policy, len(chosen))
    return measurements


def partitions(attributes: Sequence[str], depth: int) -> list[tuple[str, ...]]:
    """Return each attribute alone, then the intersections of 2 to `depth` attributes."""
    sizes = range(1, min(depth, len(attributes)) + 1)
    return [chosen for size in sizes for chosen in combinations(attributes, size)]


def group_labels(rows: pd.DataFrame, attributes: tuple[str, ...]) -> NDArray[np.object_]:
    """Label each row's group, as `sex=Female & race=Black`; missing values are a group too."""
    import pandas as pd

    names, index = np.array([""], object), np.zeros(len(rows), np.intp)
    for attribute in attributes:
        column = rows[attribute].astype(object)
        codes, values = pd.factorize(column.where(column.notna(), "(missing)").astype(str))
        pairs, index = np.unique(index * len(values) + codes, return_inverse=True)
        before = names[pairs // max(1, len(values))]
        own = f"{attribute}=" + np.asarray(values, object)[pairs % max(1, len(values))]
        names = own if attribute == attributes[0] else before + " & " + own
    return np.asarray(names[index], object)
