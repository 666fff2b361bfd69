"""The built-in trainers that params.yaml can name in `train.trainer`."""

from __future__ import annotations

from typing import Any

from gatehouse.pipeline.trainers.hist_gradient_boosting import HIST_GRADIENT_BOOSTING
from gatehouse.pipeline.trainers.keras_mlp import KERAS_MLP
from gatehouse.pipeline.trainers.lightgbm import LIGHTGBM
from gatehouse.pipeline.trainers.logistic_regression import LOGISTIC_REGRESSION
from gatehouse.pipeline.trainers.spec import TrainerSpec
from gatehouse.pipeline.trainers.xgboost import XGBOOST

TRAINERS: tuple[TrainerSpec[Any], ...] = (
    LOGISTIC_REGRESSION,
    HIST_GRADIENT_BOOSTING,
    XGBOOST,
    LIGHTGBM,
    KERAS_MLP,
)
"""Each is in a module of its name, where the fingerprint of stage `train` looks for its code."""

BY_NAME = {trainer.name: trainer for trainer in TRAINERS}
