"""What a change of the model alone changes: both models on the same exam rows.

A better model decides some rows differently, so no default rule limits this.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gatehouse.contract import Task
from gatehouse.evidence import Measurement, Of
from gatehouse.gates.bootstrap import Floats, wilson_interval
from gatehouse.gates.drift.chance import CONFIDENCE
from gatehouse.gates.exam import Exam
from gatehouse.gates.predictions import Predictions
from gatehouse.gates.scale import robust_deviation
from gatehouse.workspace import Workspace

FLIPS, DISTANCE = "flip_rate", "score_distance"
_GROUPS = 50
"""Maximum groups of one attribute that are measured, largest first."""


def changed_predictions(exam: Exam, base: Workspace) -> list[Measurement]:
    """Return flip rate and score distance, of all exam rows and of each protected group."""
    ours, theirs = exam.ours, exam.theirs
    found = []
    for where, rows in _slices(exam, base):
        n = int(rows.sum())
        if ours.task is not Task.REGRESSION:
            flips = int((ours.decisions[rows] != theirs.decisions[rows]).sum())
            found.append(
                Measurement(
                    name=FLIPS, of=Of.COMPARISON, slice=where, value=flips / n, unit="share", n=n,
                    interval=wilson_interval(flips, n, CONFIDENCE),
                    method="share of exam rows that the models decide differently; Wilson interval",
                )
            )  # fmt: skip
        found.append(
            Measurement(
                name=DISTANCE, of=Of.COMPARISON, slice=where, n=n,
                value=float(_distances(ours, theirs)[rows].mean()),
                unit="sigma" if ours.task is Task.REGRESSION else "1",
                method=_METHODS[ours.task],
            )
        )  # fmt: skip
    return found


_METHODS = {
    Task.BINARY: "mean absolute difference of the models' probabilities",
    Task.MULTICLASS: "mean total variation distance of the models' probabilities",
    Task.REGRESSION: "mean absolute difference of the models' values / deviation of the base's",
}


def _distances(ours: Predictions, theirs: Predictions) -> Floats:
    if ours.outputs is not None and theirs.outputs is not None:
        return np.asarray(np.abs(ours.outputs - theirs.outputs).sum(axis=1) / 2)
    return np.asarray(np.abs(ours.scores - theirs.scores) / robust_deviation(theirs.scores))


def _slices(exam: Exam, base: Workspace) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    yield "all", np.ones(len(exam.base_rows), bool)
    for attribute in base.contract.protected:
        values = exam.base_rows[attribute]
        for group in values.value_counts().index[:_GROUPS]:
            yield f"{attribute}={group}", (values == group).to_numpy(bool)
