"""The fairness gate: group metrics and their gaps, by protected attribute and by intersection.

Point values equal those of Fairlearn's `MetricFrame`. Gaps have simultaneous intervals over all
pairs of groups (see `gaps`) and include only groups that are large enough; smaller groups are
reported by name, and pooled. The base's model is measured on the same rows, so that each gap is
compared with the base's by a paired difference. The policy sets the maximum number of attributes
of an intersection, because the number of intersections doubles with each attribute. The metrics
depend on the task: see `classes` and `values`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.contract import Task
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Measurement
from gatehouse.gates.exam import exam_of
from gatehouse.gates.fairness import classes, values
from gatehouse.gates.fairness.classes import Decided
from gatehouse.gates.fairness.means import Index
from gatehouse.gates.fairness.partition import Partition
from gatehouse.gates.predictions import Predictions
from gatehouse.gates.spec import Found
from gatehouse.gates.tools import versions
from gatehouse.policy import Policy

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.workspace import Workspace

Codes = tuple[Index, NDArray[np.object_]]
MISSING = "(missing)"
COMPARED = (*classes.GAPS, *values.GAPS)
"""The gaps that are compared with the base's."""


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
    models = (exam.ours,) if base is None else (exam.ours, exam.theirs)
    return Found(
        exam=exam.record,
        tools=versions("numpy", "scipy", "onnxruntime"),
        measurements=tuple(measure_rows(exam.rows, protected, models, policy)),
    )


def measure_rows(
    rows: pd.DataFrame, protected: Sequence[str], models: Sequence[Predictions], policy: Policy
) -> list[Measurement]:
    """Measure metrics and gaps by each protected attribute of `rows`, and by intersections.

    `models` are the predictions of the candidate, and of the base if gaps are compared with it.
    """
    chosen = partitions(protected, policy.measure.fairness.depth)
    return measure_partitions(rows, chosen, models, policy, len(chosen))


def measure_partitions(
    rows: pd.DataFrame,
    chosen: Sequence[tuple[str, ...]],
    models: Sequence[Predictions],
    policy: Policy,
    family: int,
) -> list[Measurement]:
    """Measure the groups and gaps of partitions by attributes, of `family` that are tested."""
    columns = {name: _codes(rows[name]) for name in dict.fromkeys(sum(chosen, ()))}
    regression = models[0].task is Task.REGRESSION
    decided = None if regression else Decided.of(models)
    found: list[Measurement] = []
    for attributes in chosen:
        index, names = _crossed(columns, attributes)
        part = Partition(" & ".join(attributes), names, index, policy, family)
        found += values.measure(part, models) if decided is None else classes.measure(part, decided)
    return found


def partitions(attributes: Sequence[str], depth: int) -> list[tuple[str, ...]]:
    """Return each attribute alone, then the intersections of 2 to `depth` attributes."""
    sizes = range(1, min(depth, len(attributes)) + 1)
    return [chosen for size in sizes for chosen in combinations(attributes, size)]


def group_labels(rows: pd.DataFrame, attributes: tuple[str, ...]) -> NDArray[np.object_]:
    """Label each row's group, as `sex=Female & race=Black`; missing values are a group too."""
    index, names = _crossed({name: _codes(rows[name]) for name in attributes}, attributes)
    return np.asarray(names[index], object)


def _codes(column: pd.Series) -> Codes:
    """Return each row's value as an index, shape [N], and the distinct values as text."""
    import pandas as pd

    codes, found = pd.factorize(column, use_na_sentinel=True)
    texts = np.array([*map(str, found), MISSING], object)
    names, index = np.unique(texts, return_inverse=True)  # 1 and "1" are one group
    return index[codes], names  # a missing value has the code -1


def _crossed(columns: Mapping[str, Codes], attributes: tuple[str, ...]) -> Codes:
    """Return each row's group, shape [N], and the names of the groups, sorted."""
    import pandas as pd

    index, names = np.zeros(len(columns[attributes[0]][0]), np.intp), np.array([""], object)
    for place, attribute in enumerate(attributes):
        codes, texts = columns[attribute]
        flat = index * len(texts) + codes
        index, pairs = pd.factorize(flat)
        own = f"{attribute}=" + texts[pairs % len(texts)]
        names = own if not place else names[pairs // len(texts)] + " & " + own
    order = np.argsort(names)
    rank = np.empty(len(names), np.intp)
    rank[order] = np.arange(len(names))
    return rank[index], names[order]
