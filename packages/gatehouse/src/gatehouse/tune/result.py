"""The result of tuning: the winner, its uncertainty, and a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gatehouse.errors import GatehouseError
from gatehouse.evidence import Better, Interval
from gatehouse.tune.study import ERROR_TOLD, FOLD_VALUES, PRESENT, SETTINGS, Plan

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

PAGE = Path("reports/tune/index.html")
_SHOWN = 10
_CONFIDENCE = 0.95
_FEWEST = 4
"""Minimum number of trials for meaningful importances."""


@dataclass(frozen=True)
class Winner:
    """The best trial, compared with the current settings in params.yaml.

    Attributes:
        value: the mean of the metric over the folds.
        settings: values by key under `train`.
        is_present: whether params.yaml already has these settings.
        gain: the mean over folds of winner - present; None if the present settings were not
            completed.
        interval: Student's interval of the gain over the folds; wide, because there are few folds.
    """

    number: int
    value: float
    settings: Mapping[str, Any]
    is_present: bool
    gain: float | None
    interval: Interval | None


def winner_of(study: optuna.Study, plan: Plan) -> Winner:
    """Return the trial with the best mean.

    Raises:
        GatehouseError: no trial finished.
    """
    done = completed(study)
    if not done:
        failed = next(
            (t.user_attrs[ERROR_TOLD] for t in study.get_trials() if ERROR_TOLD in t.user_attrs),
            None,
        )
        raise GatehouseError(f"no trial finished{f': {failed}' if failed else ''}")
    best = min(done, key=_value) if plan.metric.better is Better.LOWER else max(done, key=_value)
    # The newest: an earlier call may have written its winner since.
    first = next((trial for trial in reversed(done) if PRESENT in trial.user_attrs), None)
    is_present = first is not None and first.params == best.params
    gain = interval = None
    if first is not None and not is_present:
        differences = np.subtract(best.user_attrs[FOLD_VALUES], first.user_attrs[FOLD_VALUES])
        gain, interval = float(differences.mean()), _interval(differences)
    return Winner(best.number, _value(best), best.user_attrs[SETTINGS], is_present, gain, interval)


def completed(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that were measured on every fold, by number."""
    from optuna.trial import TrialState

    return study.get_trials(states=(TrialState.COMPLETE,))


def _interval(differences: np.ndarray) -> Interval:
    from scipy import stats

    n = len(differences)
    error = float(differences.std(ddof=1)) / np.sqrt(n)
    half = float(stats.t.ppf((1 + _CONFIDENCE) / 2, n - 1)) * error
    mean = float(differences.mean())
    return Interval(low=mean - half, high=mean + half, confidence=_CONFIDENCE)


def write_page(study: optuna.Study, plan: Plan, path: Path = PAGE) -> Path:
    """Write one page that needs no network: history, importances, and the best trials."""
    import optuna.visualization as pictures

    title = f"Tuning of {plan.settings.trainer}: {plan.metric.name}, {plan.folds} folds"
    done = completed(study)
    figures = [("History", pictures.plot_optimization_history(study))]
    if len(done) >= _FEWEST:
        figures.append(("Importances", pictures.plot_param_importances(study)))
    parts = []
    for position, (name, figure) in enumerate(figures):
        figure.update_layout(
            title=None, yaxis_title=plan.metric.name if name == "History" else None
        )
        # The first figure embeds the library for the others; the page loads nothing.
        drawn = figure.to_html(full_html=False, include_plotlyjs=position == 0)
        parts.append(f"<h2>{name}</h2>\n{drawn}")
    ordered = sorted(done, key=_value, reverse=plan.metric.better is not Better.LOWER)[:_SHOWN]
    parts.append(f"<h2>Best trials</h2>\n{_table(ordered, plan)}")
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        "<style>body{font:16px system-ui;margin:2rem auto;max-width:70rem}"
        "td,th{padding:.2rem .8rem;text-align:left}</style>"
        f"<h1>{escape(title)}</h1>{''.join(parts)}</html>\n"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    return path


def _table(trials: list[FrozenTrial], plan: Plan) -> str:
    head = ["Trial", plan.metric.name, *plan.space]
    rows = [
        [str(t.number), f"{_value(t):.5f}", *(str(t.user_attrs[SETTINGS][k]) for k in plan.space)]
        for t in trials
    ]
    cells = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    heads = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{cells}</tbody></table>"


def _value(trial: FrozenTrial) -> float:
    assert trial.value is not None
    return float(trial.value)
