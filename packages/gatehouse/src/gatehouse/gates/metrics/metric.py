"""Definition of a metric: one object that all code that measures or shows the metric reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatehouse.contract import Task
from gatehouse.evidence import Better, Described, Interval

if TYPE_CHECKING:
    from gatehouse.gates.bootstrap import Statistic
    from gatehouse.gates.metrics.sample import Sample
    from gatehouse.gates.predictions import Predictions

TASKS = tuple(Task)
CLASSES = (Task.BINARY, Task.MULTICLASS)

Edge = tuple[Interval, str]
"""An interval of a metric's own, and its method."""

ONE_CLASS = "not defined: the test split has one class only, or lacks one"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One measure of how well a model predicts labelled rows.

    Jobs that write comments import the built-in metrics without having numpy, so functions import
    the packages that they need. A fork's own metrics are loaded only where they are measured.

    Attributes:
        name: name in evidence and policy; scikit-learn's name if it has the metric.
        label: name for people.
        unit: of the value; "1" for a number without a unit.
        better: which values are better.
        tasks: tasks for which it is measured.
        weighted: takes a sample and returns the metric as a function of row counts or weights,
            [B, N] to [B], NaN where it is not defined. If the function is a `closed.Closed`, such
            as a mean, its interval is a closed form; else it is the bootstrap's.
        interval: takes predictions, value and confidence and returns an interval that replaces
            these. If it is None or returns None, they are used.
        undefined: why the metric can be NaN, for people.
        per_class: for multiclass models, is it also measured for each class against the rest?
        needs_outputs: for multiclass models, does it need the probability of every class?
        needs_costs: does it need the cost of each row's wrong decisions?
        by_group: is it also measured for each protected group?
        headline: does it compare two models that should perform equally: INT8 and FP32, or the base
            on new test rows and on the exam?
        tunable: can a tuning study optimize it?
        tuned: tasks whose tuning studies optimize it by default.
    """

    name: str
    label: str
    unit: str
    better: Better
    tasks: tuple[Task, ...]
    weighted: Callable[[Sample], Statistic]
    interval: Callable[[Predictions, float, float], Edge | None] | None = None
    undefined: str = "not defined on these rows"
    per_class: bool = False
    needs_outputs: bool = False
    needs_costs: bool = False
    by_group: bool = False
    headline: bool = False
    tunable: bool = True
    tuned: tuple[Task, ...] = ()

    def fits(self, predictions: Predictions) -> bool:
        """Return whether predictions of one of its tasks have what it needs."""
        several = predictions.task is Task.MULTICLASS
        lacks_outputs = several and self.needs_outputs and predictions.outputs is None
        return not lacks_outputs and not (self.needs_costs and predictions.costs is None)

    @property
    def described(self) -> Described:
        """Return the description of a fork's own metric for the evidence."""
        return Described(label=self.label, better=self.better)
