"""What a metric is: one object of its own, which everything that measures or shows it reads."""

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
"""An interval where all resamples are alike, and its method."""

ONE_CLASS = "not defined: the test split has one class only, or lacks one"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One figure of how well a model predicts labelled rows.

    Jobs that write comments import the built-in ones and have no numpy, so that functions import
    what they need. A fork's own is loaded where it is measured, and nowhere else.

    Attributes:
        name: as evidence and policy have it; scikit-learn's, where it has the metric.
        label: for people.
        unit: of the value; "1" for a number without one.
        better: which way is better.
        tasks: where it is measured.
        weighted: from a sample, how the metric follows from counts of its rows: [B, N] to [B],
            NaN where it is not defined. The metric itself counts each row once.
        interval: in place of the bootstrap's, of predictions, value and confidence; None (also as
            the answer): the bootstrap's.
        undefined: why the metric is NaN, for people.
        per_class: of several classes, is it measured for each one against the rest?
        needs_outputs: of several classes, does it need the probability of each of them?
        headline: do two models that should do alike differ by it at most: INT8 and FP32, or the
            base on new test rows and on the exam?
        tunable: may a study of settings look for the best value?
        tuned: the tasks whose studies do by default.
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
    headline: bool = False
    tunable: bool = True
    tuned: tuple[Task, ...] = ()

    @property
    def described(self) -> Described:
        """What evidence tells of a metric that is a fork's own."""
        return Described(label=self.label, better=self.better)
