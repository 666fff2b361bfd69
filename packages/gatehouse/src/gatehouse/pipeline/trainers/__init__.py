"""Trainers next to torch's: one line in `params.yaml` switches (`train.trainer`).

Each has the signature of `gatehouse.pipeline.trainer.Trainer`, and imports its library when it is
called.
"""

from __future__ import annotations

from pathlib import Path

from gatehouse.pipeline.settings import TrainSettings
from gatehouse.pipeline.trainer import TrainedModel, TrainingData


def logistic_regression(data: TrainingData, settings: TrainSettings, reports: Path) -> TrainedModel:
    """scikit-learn's logistic regression; of a number its ridge regression."""
    from gatehouse.pipeline.trainers.linear import train_linear

    return train_linear(data, settings)


def hist_gradient_boosting(
    data: TrainingData, settings: TrainSettings, reports: Path
) -> TrainedModel:
    """scikit-learn's histogram gradient boosting."""
    from gatehouse.pipeline.trainers.trees import train_hist_gradient_boosting

    return train_hist_gradient_boosting(data, settings, reports)


def xgboost(data: TrainingData, settings: TrainSettings, reports: Path) -> TrainedModel:
    """XGBoost's boosted trees."""
    from gatehouse.pipeline.trainers.trees import train_xgboost

    return train_xgboost(data, settings, reports)


def lightgbm(data: TrainingData, settings: TrainSettings, reports: Path) -> TrainedModel:
    """LightGBM's boosted trees."""
    from gatehouse.pipeline.trainers.trees import train_lightgbm

    return train_lightgbm(data, settings, reports)


def keras_mlp(data: TrainingData, settings: TrainSettings, reports: Path) -> TrainedModel:
    """A Keras network on the torch backend; Keras is of the set of packages `extras`."""
    from gatehouse.pipeline.trainers.keras_network import train_keras

    return train_keras(data, settings, reports)
