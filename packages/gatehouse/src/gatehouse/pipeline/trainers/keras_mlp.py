"""A Keras network on the torch backend, exported like torch's own networks."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from gatehouse.contract import Task
from gatehouse.errors import GatehouseError
from gatehouse.pipeline.sections import Positive
from gatehouse.pipeline.spaces import Choice, Range
from gatehouse.pipeline.trainers.spec import TrainerSpec
from gatehouse.typed import Frozen

if TYPE_CHECKING:
    from gatehouse.pipeline.settings import TrainSettings
    from gatehouse.pipeline.trainer import TrainedModel, TrainingData

_STEPS, _SMALLEST_BATCH = 16, 16
"""As in `gatehouse.pipeline.fit`: a small table gets smaller batches."""


class KerasMlpSettings(Frozen):
    """Settings of the trainer `keras_mlp`."""

    hidden: Annotated[tuple[Positive, ...], Field(min_length=1)] = (128, 64)
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    epochs: Positive = Field(40, description="at most")
    patience: Positive = 5
    batch: Positive = 256
    learning_rate: Annotated[float, Field(gt=0)] = 0.002
    threads: Positive = 1


def _train(
    data: TrainingData, options: KerasMlpSettings, settings: TrainSettings, reports: Path
) -> TrainedModel:
    """Fit dense layers on standardised numbers and category indicators, on the CPU.

    Raises:
        GatehouseError: Keras has another backend.
    """
    keras = _keras()
    import numpy as np
    import torch

    from gatehouse.pipeline.curves import Epoch, loss_name, report
    from gatehouse.pipeline.device import deterministic
    from gatehouse.pipeline.export import assemble, torch_core
    from gatehouse.pipeline.trainer import TrainedModel
    from gatehouse.pipeline.trainers.features import FEATURES, Features

    task = data.contract.task
    deterministic(settings.seed, options.threads)
    keras.utils.set_random_seed(settings.seed)
    scale = data.scale() if task is Task.REGRESSION else None
    features = Features.for_sums(data)
    train, valid = (
        (
            features.of(frame),
            data.labels(frame) if scale is None else scale.shrink(data.labels(frame)),
            data.weights(frame),
        )
        for frame in (data.train, data.valid)
    )
    width = train[0].shape[1]
    with keras.device("cpu"):
        layers: list[Any] = [keras.Input((width,))]
        for hidden in options.hidden:
            layers += [
                keras.layers.Dense(hidden, activation="relu"),
                keras.layers.Dropout(options.dropout),
            ]
        network = keras.Sequential([*layers, keras.layers.Dense(data.width)])
        network.compile(
            optimizer=keras.optimizers.AdamW(options.learning_rate),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            if scale is None
            else keras.losses.MeanSquaredError(),
            weighted_metrics=[],
        )
        stop = keras.callbacks.EarlyStopping(patience=options.patience, restore_best_weights=True)
        history = network.fit(
            train[0],
            train[1],
            sample_weight=train[2],
            validation_data=valid,
            epochs=options.epochs,
            batch_size=min(options.batch, max(_SMALLEST_BATCH, len(train[0]) // _STEPS)),
            callbacks=[stop],
            verbose=0,
        ).history
        curve = [Epoch(*e) for e in zip(history["loss"], history["val_loss"], strict=True)]
        best = int(np.argmin(history["val_loss"]))
        print(
            f"train: best of {len(curve)} epochs is {best + 1}, "
            f"{loss_name(task).replace('_', ' ')} {curve[best].valid_loss:.4f} on the valid split"
        )
        report(reports, task, curve, best)
        with torch.no_grad():
            found = network(torch.from_numpy(valid[0]), training=False)
        own = found.softmax(dim=1).numpy() if scale is None else scale.stretch(found.numpy())
        with warnings.catch_warnings():
            # Keras queries the number of rows without using it. The stage compares the graph with
            # the network on a different number of rows.
            warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
            core = torch_core(network, (torch.zeros(2, width),), [FEATURES], scale)
    nodes = [*features.nodes, *core.graph.node]
    weights = [*features.weights, *core.graph.initializer]
    return TrainedModel(assemble(features.encoding, nodes, weights, core), own.astype(np.float64))


def _keras() -> Any:
    os.environ["KERAS_BACKEND"] = "torch"  # read when Keras is imported
    import keras

    if keras.backend.backend() != "torch":
        raise GatehouseError(
            f"params.yaml: train.trainer: keras_mlp needs Keras on torch, and its backend here is "
            f"{keras.backend.backend()}"
        )
    return keras


KERAS_MLP = TrainerSpec(
    name="keras_mlp",
    label="a Keras MLP on torch",
    settings=KerasMlpSettings,
    train=_train,
    space={
        "hidden": Choice(choices=([64, 64], [128, 64], [256, 128])),
        "dropout": Range(low=0.0, high=0.4),
        "learning_rate": Range(low=0.0003, high=0.01, log=True),
    },
    packages=("keras",),
    extras=True,
    served="INT8",
)
