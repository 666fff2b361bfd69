"""The rows behind a failing slice: the ten rows with the largest errors.

Rows are shown only if the contract says `show_rows: true`. They are the candidate's own test rows
with the model's predictions, and are shown only if data and model here are the judged ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.base import dealt
from gatehouse.contract import Contract, Role, Task
from gatehouse.errors import GatehouseError
from gatehouse.gates.accuracy import ACCURACY
from gatehouse.gates.fairness import FAIRNESS
from gatehouse.gates.slices.grammar import parse_slice
from gatehouse.report.escape import plain
from gatehouse.report.words import plain_name, plain_slice
from gatehouse.verdict import Finding, Outcome, RuleResult, Verdict
from gatehouse.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.gates.predictions import Predictions

SHOWN = 10
"""Number of rows per slice."""
_SLICES = 20
_LONGEST = 60
"""Maximum number of characters per value."""


@dataclass(frozen=True)
class Behind:
    """The rows behind one failing slice.

    Attributes:
        anchor: of its section in the page.
        gate: by its name.
        rule: the failing rule.
        slice: as the verdict names it.
        title: readable name of the failure.
        about: description of the rows.
        columns: headers of the table.
        rows: up to ten, each with one text per column.
    """

    anchor: str
    gate: str
    rule: str
    slice: str
    title: str
    about: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def red_slices(verdict: Verdict) -> list[tuple[RuleResult, Finding]]:
    """Return the slices of rows that fail a rule of the gates accuracy and fairness."""
    return [
        (result, finding)
        for result in verdict.rules
        if result.gate in (ACCURACY.name, FAIRNESS.name)
        for finding in result.findings
        if finding.outcome is Outcome.FAIL
    ][:_SLICES]


def rows_behind(here: Workspace, verdict: Verdict) -> list[Behind]:
    """Return the rows behind each failing slice of a verdict.

    Raises:
        GatehouseError: data or model are missing, or are not the judged ones.
    """
    if not here.prepared.exists():  # DVC does not store it, so a fresh checkout has none
        dealt(here)
    judged, present = verdict.candidate, here.present(("data", "model"))
    if (present.data, present.model) != (judged.data, judged.model):
        raise GatehouseError("data and model here are not those that were judged")
    from gatehouse.gates.exam import exam_of

    exam = exam_of(here, None)
    shown = [name for name in _may_be_shown(here.contract) if name in exam.rows]
    found: list[Behind] = []
    for result, finding in red_slices(verdict):
        for about, chosen in _chosen(result, finding, exam.rows, exam.ours):
            found.append(
                Behind(
                    anchor=f"rows-{len(found) + 1}",
                    gate=result.gate,
                    rule=result.rule,
                    slice=finding.slice,
                    title=_title(result, finding),
                    about=about,
                    columns=_heads(here.contract, shown),
                    rows=_worst(exam.rows[shown], exam.ours, chosen),
                )
            )
    return found


def _title(result: RuleResult, finding: Finding) -> str:
    where = plain(plain_slice(finding.slice), 80)
    name = plain(plain_name(result.measurement, result.described), 80)
    text = f"{name} of {where}" if where else name
    return text[:1].upper() + text[1:]


def _chosen(
    result: RuleResult, finding: Finding, rows: pd.DataFrame, predictions: Predictions
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield the rows of a slice, if any, as a description and a mask of shape [N]."""
    if finding.slice == "all":
        yield f"All {len(rows):,} test rows", np.ones(len(rows), bool)
    elif finding.slice.startswith("class=") and result.gate == ACCURACY.name:
        name = finding.slice.removeprefix("class=")
        if name in predictions.classes:
            chosen = predictions.labels == predictions.classes.index(name)
            yield f"The {int(chosen.sum()):,} test rows of this class", chosen
    elif result.gate == ACCURACY.name:
        from gatehouse.gates.slices.masks import rows_of

        with suppress(ValueError, GatehouseError):  # other rows than the exam's are no slice of it
            chosen = rows_of(parse_slice(finding.slice), [rows])
            yield f"The {int(chosen.sum()):,} test rows of this slice", chosen
    elif result.gate == FAIRNESS.name:
        attributes = tuple(finding.slice.split(" & "))
        if set(attributes) <= set(rows):
            yield _worst_group(rows, attributes, predictions)


def _worst_group(
    rows: pd.DataFrame, attributes: tuple[str, ...], predictions: Predictions
) -> tuple[str, NDArray[np.bool_]]:
    """Return the group with the most errors, among those with ten rows if there are any."""
    from gatehouse.gates.fairness.measure import group_labels

    names, index, sizes = np.unique(
        group_labels(rows, attributes), return_inverse=True, return_counts=True
    )
    means = np.bincount(index, weights=_errors(predictions)) / sizes
    means[sizes < min(SHOWN, sizes.max())] = -np.inf
    worst = int(means.argmax())
    number = means[worst]
    error = (
        f"mean error {number:.3g}"
        if predictions.task is Task.REGRESSION
        else f"{number:.1%} are wrong"
    )
    group = plain(str(names[worst]), 80)
    return f"The group {group}: {int(sizes[worst]):,} test rows, {error}", index == worst


def _errors(predictions: Predictions) -> NDArray[np.float64]:
    """Return the error of each of N rows, shape [N]: 0 or 1, or the distance for a regression."""
    if predictions.task is Task.REGRESSION:
        return np.asarray(np.abs(predictions.scores - predictions.labels))
    return np.asarray(predictions.decisions != predictions.labels, np.float64)


def _heads(contract: Contract, shown: list[str]) -> tuple[str, ...]:
    """Return the headers: true value, prediction and probability, then columns of the row."""
    score = () if contract.task is Task.REGRESSION else ("score",)
    heads = (contract.target, "the model says", *score, *shown)
    return tuple(plain(name, _LONGEST) for name in heads)


def _may_be_shown(contract: Contract) -> list[str]:
    """Return inputs and protected attributes that may be logged; never a key."""
    return [
        name
        for name, column in contract.columns.items()
        if column.logged and (column.is_model_input or column.role is Role.PROTECTED)
    ]


def _worst(
    rows: pd.DataFrame, predictions: Predictions, chosen: NDArray[np.bool_]
) -> tuple[tuple[str, ...], ...]:
    """Return the ten rows among `chosen`, shape [N], with the largest errors, worst first."""
    wrong = _errors(predictions)
    if predictions.task is Task.BINARY:
        wrong = wrong + np.abs(predictions.scores - predictions.labels)
    elif predictions.task is Task.MULTICLASS:  # a more confident error is worse
        wrong = wrong * (1 + predictions.scores)
    places = np.flatnonzero(chosen)
    places = places[np.argsort(-wrong[places], kind="stable")][:SHOWN]
    found = []
    for place in places:
        score = () if predictions.task is Task.REGRESSION else (f"{predictions.scores[place]:.4g}",)
        answers = (
            _label(each[place], predictions) for each in (predictions.labels, predictions.decisions)
        )
        found.append((*answers, *score, *(_text(rows[name].iloc[place]) for name in rows)))
    return tuple(found)


def _label(number: float, predictions: Predictions) -> str:
    if predictions.task is Task.REGRESSION:
        return f"{number:.6g}"
    return plain(predictions.classes[int(number)], _LONGEST)


def _text(value: object) -> str:
    """Return a value of a row as plain text; missing values are named as such."""
    import pandas as pd

    if pd.isna(value):
        return "(missing)"
    return plain(f"{value:.6g}" if isinstance(value, float) else value, _LONGEST)
