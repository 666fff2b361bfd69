"""How well each new column predicts the target alone: on the exam, in train, on new test rows.

This reveals a column that leaks the label, also one that does so only in rows whose values the
change could choose. Numbers are ranked as they are, categories by the target's rate among the
train rows of that category. The value is the ROC AUC (Hanley and McNeil 1982), flipped if needed so
that it is at least 0.5 in train.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gatehouse.contract import Contract, Role, Task
from gatehouse.evidence import COLUMN_AUC, NEW, Measurement
from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.exam import Exam
from gatehouse.gates.predictions import labels_of

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.workspace import Workspace


def on_new_columns(exam: Exam, base: Workspace) -> list[Measurement]:
    """Measure the AUC of each column that the base's contract lacks, except keys and weights."""
    contract = exam.candidate.contract
    names = [
        name
        for name, column in contract.columns.items()
        if name not in base.contract.columns
        and column.role not in (Role.TARGET, Role.KEY, Role.GROUP, Role.WEIGHT)
        and name in exam.rows
    ]
    if not names:
        return []
    train = exam.candidate.split("train")
    tables = {"train": train, "exam": exam.rows, NEW: exam.new}
    truths = {where: labels_of(rows, contract) for where, rows in tables.items()}
    found = []
    for name in names:
        values = {where: _ranked(rows, name, train, contract) for where, rows in tables.items()}
        best, turned = _best_class(values["train"], truths["train"], contract)
        for where in ("exam", "train", NEW):
            value = _auc(values[where], _is_of(truths[where], truths["train"], best, contract))
            found.append(
                Measurement(
                    name=COLUMN_AUC,
                    slice=f"column={name} on {where}",
                    value=None if value is None else (1 - value if turned else value),
                    unit="1",
                    n=len(tables[where]),
                    method="ROC AUC of one column; exact",
                    note="not defined: no rows, or of one class only" if value is None else None,
                )
            )
    return found


def _ranked(rows: pd.DataFrame, name: str, train: pd.DataFrame, contract: Contract) -> Floats:
    """Numbers by which the column orders the rows, shape [N]; missing values rank lowest."""
    import pandas as pd

    column = rows[name]
    if not contract.columns[name].is_numeric:
        rates = pd.Series(labels_of(train, contract)).groupby(train[name].astype(str)).mean()
        column = column.astype(str).map(rates)
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return np.asarray(np.where(np.isnan(numbers), -np.inf, numbers))


def _is_of(truth: Floats, train: Floats, k: int, contract: Contract) -> Floats:
    """1.0 for rows of class `k`, or in the upper half of a numeric target; shape [N]."""
    if contract.task is Task.REGRESSION:
        return np.asarray(truth > np.median(train), np.float64)
    return np.asarray(truth == k, np.float64)


def _best_class(values: Floats, truth: Floats, contract: Contract) -> tuple[int, bool]:
    """The class that the column predicts best in train, and whether to flip its AUC."""
    watched = range(len(contract.classes)) if contract.task is Task.MULTICLASS else [1]
    areas = {k: _auc(values, _is_of(truth, truth, k, contract)) or 0.5 for k in watched}
    best = max(areas, key=lambda k: abs(areas[k] - 0.5))
    return best, areas[best] < 0.5


def _auc(values: Floats, positive: Floats) -> float | None:
    from scipy.stats import rankdata

    hits = int(positive.sum())
    if not 0 < hits < len(positive):
        return None
    ranks = rankdata(values)[positive == 1].sum()
    return float((ranks - hits * (hits + 1) / 2) / (hits * (len(positive) - hits)))
