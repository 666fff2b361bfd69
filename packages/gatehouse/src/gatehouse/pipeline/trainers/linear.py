"""scikit-learn's logistic and ridge regression."""

from __future__ import annotations

import numpy as np

from gatehouse.contract import Task
from gatehouse.pipeline.settings import TrainSettings
from gatehouse.pipeline.trainer import TrainedModel, TrainingData
from gatehouse.pipeline.trainers.convert import TARGET_OPSET, whole
from gatehouse.pipeline.trainers.features import FEATURES, Features, check_classes


def train_linear(data: TrainingData, settings: TrainSettings) -> TrainedModel:
    """Fit on standardised numbers and categories' indicators; the stage reports the losses."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.linear_model import LogisticRegression, Ridge

    check_classes(data)
    options = settings.logistic_regression
    scale = data.scale() if data.contract.task is Task.REGRESSION else None
    features = Features.for_sums(data)
    # In float64, in which the solvers converge; the graph's float32 are close enough.
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
