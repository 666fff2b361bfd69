"""What `gatehouse tune` tries of each trainer; `tune.space` in params.yaml can say otherwise."""

from __future__ import annotations

from collections.abc import Mapping

from gatehouse.pipeline.settings import Choice, Range

_BOOSTING = {
    "learning_rate": Range(low=0.02, high=0.3, log=True),
    "l2": Range(low=0.01, high=10.0, log=True),
}


def _of(section: str, space: Mapping[str, Range | Choice]) -> dict[str, Range | Choice]:
    return {f"{section}.{key}": over for key, over in space.items()}


SPACES: dict[str, dict[str, Range | Choice]] = {
    "torch_mlp": _of(
        "torch_mlp",
        {
            "hidden": Choice(choices=([64, 64], [128, 128], [256, 128], [256, 256])),
            "bins": Choice(choices=(32, 64, 128)),
            "dropout": Range(low=0.0, high=0.4),
            "learning_rate": Range(low=0.001, high=0.03, log=True),
            "weight_decay": Range(low=0.01, high=0.5, log=True),
        },
    ),
    "logistic_regression": _of(
        "logistic_regression", {"l2": Range(low=0.001, high=1000.0, log=True)}
    ),
    "hist_gradient_boosting": _of(
        "hist_gradient_boosting",
        _BOOSTING
        | {
            "leaves": Range(low=7, high=127, log=True),
            "smallest_leaf": Range(low=5, high=100, log=True),
        },
    ),
    "xgboost": _of(
        "xgboost",
        _BOOSTING
        | {
            "depth": Range(low=3, high=10),
            "smallest_leaf": Range(low=0.5, high=20.0, log=True),
        },
    ),
    "lightgbm": _of(
        "lightgbm",
        _BOOSTING
        | {
            "leaves": Range(low=7, high=127, log=True),
            "smallest_leaf": Range(low=5, high=100, log=True),
        },
    ),
    "keras_mlp": _of(
        "keras_mlp",
        {
            "hidden": Choice(choices=([64, 64], [128, 64], [256, 128])),
            "dropout": Range(low=0.0, high=0.4),
            "learning_rate": Range(low=0.0003, high=0.01, log=True),
        },
    ),
}
"""By the name of the trainer's function, which is that of its section under `train`."""
