"""scikit-learn's logistic and ridge regression."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from gatehouse.contract import Task
from gatehouse.pipeline.sections import Positive
from gatehouse.pipeline.spaces import Range
from gatehouse.pipeline.trainers.spec import TrainerSpec
from gatehouse.typed import Frozen

if TYPE_CHECKING:
    from gatehouse.pipeline.settings import TrainSettings
    from gatehouse.pipeline.trainer import TrainedModel, TrainingData


class LogisticRegressionSettings(Frozen):
    """Settings of the trainer `logistic_regression`, which is ridge regression for a number."""

    l2: Annotated[float, Field(gt=0)] = Field(
        1.0, description="weight of the squared coefficients: 1/C of LogisticRegression, or alpha"
    )
    iterations: Positive = 1000


def _train(
    data: TrainingData, options: LogisticRegressionSettings, _: TrainSettings, __: Path
) -> TrainedModel:
    """Fit on standardised numbers and category indicators; the stage reports the losses."""
    import numpy as np
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.linear_model import LogisticRegression, Ridge

    from gatehouse.pipeline.trainer import TrainedModel
    from gatehouse.pipeline.trainers.convert import TARGET_OPSET, whole
    from gatehouse.pipeline.trainers.features import FEATURES, Features, check_classes

    check_classes(data)
    scale = data.scale() if data.contract.task is Task.REGRESSION else None
    features = Features.for_sums(data)
    # The solvers converge in float64; the graph's float32 results are close enough.
    rows, valid = (features.of(frame).astype(np.float64) for frame in (data.train, data.valid))
    labels, weights = data.labels(data.train), data.weights(data.train)
    converter = {}
    if scale is None:
        model = LogisticRegression(C=1 / options.l2, max_iter=options.iterations)
        own = model.fit(rows, labels, weights).predict_proba(valid)
        converter = {id(model): {"zipmap": False}}
    else:
        model = Ridge(alpha=options.l2)
        own = scale.stretch(model.fit(rows, scale.shrink(labels), weights).predict(valid))[:, None]
    core = convert_sklearn(
        model,
        initial_types=[(FEATURES, FloatTensorType([None, rows.shape[1]]))],
        target_opset=TARGET_OPSET,
        options=converter,
    )
    return TrainedModel(whole(core, features, scale), own)


LOGISTIC_REGRESSION = TrainerSpec(
    name="logistic_regression",
    label="scikit-learn's logistic regression; of a number, its ridge regression",
    settings=LogisticRegressionSettings,
    train=_train,
    space={"l2": Range(low=0.001, high=1000.0, log=True)},
    packages=("sklearn", "skl2onnx"),
)
