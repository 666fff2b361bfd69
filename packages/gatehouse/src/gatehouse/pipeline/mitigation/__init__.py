"""Fairlearn's mitigators around any trainer: `train.mitigation` in params.yaml."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.pipeline.mitigation.checks import check_mitigation

if TYPE_CHECKING:
    from gatehouse.pipeline.settings import TrainSettings
    from gatehouse.pipeline.trainer import TrainedModel, TrainingData


def mitigated(
    train: Callable[[TrainingData, Path], TrainedModel],
    data: TrainingData,
    settings: TrainSettings,
    reports: Path,
) -> TrainedModel:
    """Train by `train` with the mitigator that the settings name.

    Args:
        train: a trainer with its settings; it takes the data and a folder for curves.
        data: rows to learn from.
        settings: settings of `train`, with a mitigation that is on.
        reports: folder for the curves.

    Raises:
        GatehouseError: the mitigator does not fit the contract or the rows, or Fairlearn is not
            installed.
    """
    check_mitigation(settings.mitigation, data.contract)
    if settings.mitigation.method == "grid_search":
        from gatehouse.pipeline.mitigation.grid_search import searched

        return searched(train, data, settings, reports)
    from gatehouse.pipeline.mitigation.threshold_optimizer import optimized

    return optimized(train, data, settings, reports)
