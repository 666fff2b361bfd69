"""Train the present settings with several seeds, and measure each metric's spread.

The models are trained, exported and quantized by the pipeline's own code, and scored on the valid
split: the test split stays unseen. The spread over seeds, with the same rows, is what a change that
changes nothing can move a metric by. The spread over bootstrapped train rows (Efron 1979), with the
same seed, says how much the rows themselves matter; it is for information.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gatehouse.pipeline.sections import section_of
from gatehouse.pipeline.settings import Settings, TrainSettings
from gatehouse.policy_noise import LEAST_SEEDS
from gatehouse.workspace import MODEL, Workspace

if TYPE_CHECKING:
    from gatehouse.pipeline.trainer import TrainingData
    from gatehouse.policy import Policy


@dataclass
class Spread:
    """The metrics of several models.

    Attributes:
        rows: of the valid split.
        seeds: each metric's values, one for each seed.
        resampled: each metric's values, one for each draw of train rows; empty if not wanted.
    """

    rows: int
    seeds: dict[str, list[float]] = field(default_factory=dict)
    resampled: dict[str, list[float]] = field(default_factory=dict)

    @property
    def trained(self) -> int:
        """Return how many seeds were trained."""
        return max(map(len, self.seeds.values()), default=0)

    def deviations(self) -> dict[str, float]:
        """Return each metric's standard deviation over the seeds, if all defined it."""
        return {name: deviation(values) for name, values in self.seeds.items()
                if np.isfinite(values).all()}  # fmt: skip


def deviation(values: list[float]) -> float:
    """Return the sample's standard deviation; NaN for fewer than two values."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def params_digest(settings: TrainSettings) -> str:
    """Return a short digest of the trainer's settings, ignoring the seed and other trainers.

    The trainer is not imported.
    """
    section = settings.model_dump(mode="json").get(section_of(settings.trainer))
    content = {"trainer": settings.trainer, "settings": section}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def measure(
    workspace: Workspace,
    settings: Settings,
    policy: Policy,
    seeds: int,
    report: Callable[[], None],
    *,
    resample: bool = False,
    minutes: float | None = None,
) -> Spread:
    """Train with `seeds` seeds and score each model.

    Args:
        workspace: with the prepared rows.
        settings: of the pipeline.
        policy: names the metrics.
        seeds: how many models to train, from the present seed on.
        report: called after each training.
        resample: also train as many models on bootstrapped train rows.
        minutes: start no further seed if it would end later, once there are enough for a spread.

    Raises:
        GatehouseError: there are no prepared rows, or a model can't be trained or used.
    """
    from gatehouse.pipeline.trainer import TrainingData

    rows, valid = workspace.split("train"), workspace.split("valid")
    data = TrainingData(workspace.contract, rows, valid, settings.features)
    found, started = Spread(len(data.valid)), time.monotonic()
    for number in range(seeds):
        used = time.monotonic() - started
        if minutes and number >= LEAST_SEEDS and used * (number + 1) / number > minutes * 60:
            break
        seeded = settings.train.model_copy(update={"seed": settings.train.seed + number})
        _add(found.seeds, _values(data, data, settings, seeded, policy))
        report()
        if resample:
            drawn = np.random.default_rng([policy.measure.seed, number])
            places = drawn.integers(0, len(data.train), len(data.train))
            rows = data.train.iloc[places].reset_index(drop=True)
            redrawn = replace(data, train=rows)
            _add(found.resampled, _values(redrawn, data, settings, settings.train, policy))
            report()
    return found


def _add(found: dict[str, list[float]], values: dict[str, float]) -> None:
    for name, value in values.items():
        found.setdefault(name, []).append(value)


def _values(
    learned: TrainingData, data: TrainingData, settings: Settings, train: TrainSettings,
    policy: Policy,
) -> dict[str, float]:  # fmt: skip
    """Train on the rows of `learned`; return each metric of the served graph on the valid split."""
    from gatehouse.gates.metrics import metrics_of
    from gatehouse.gates.metrics.figures import value_of
    from gatehouse.gates.metrics.own import metrics_by
    from gatehouse.gates.metrics.sample import Sample
    from gatehouse.gates.predictions import predict
    from gatehouse.model import Model
    from gatehouse.pipeline.quantize import cheapest, decided, quantize
    from gatehouse.pipeline.trainer import as_model, find_trainer

    contract = data.contract
    with tempfile.TemporaryDirectory() as folder, _quiet():
        trained = find_trainer(train.trainer)(learned, train, Path(folder))
    as_model(trained, contract, train)  # writes the metadata
    content = quantize(trained.graph.SerializeToString(), settings.quantize.method, learned.train)
    threshold = settings.decision.threshold
    if threshold == "cost":
        threshold = cheapest(content, contract, data.valid)
    model = Model(MODEL, decided(content, threshold))
    sample = Sample(predict(model, data.valid, contract), policy.measure.accuracy)
    metrics = metrics_of(contract.task, metrics_by(policy))
    fitting = [metric for metric in metrics if metric.fits(sample.predictions)]
    return {metric.name: value_of(metric, sample) for metric in fitting}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the trainer's output, which would break the progress bar."""
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),
    ):
        yield
