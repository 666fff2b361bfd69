"""The settings to tune: their ranges or choices."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gatehouse.errors import GatehouseError
from gatehouse.nearest import hint
from gatehouse.pipeline.sections import section_of
from gatehouse.pipeline.settings import TrainSettings
from gatehouse.pipeline.spaces import Choice, Range, Space
from gatehouse.pipeline.trainer import find_trainer
from gatehouse.pipeline.trainers import BY_NAME
from gatehouse.typed import Frozen

if TYPE_CHECKING:
    from optuna.trial import Trial

_DIGITS = 3
"""Number of significant digits of a setting: more would be noise in params.yaml."""


def suggest(trial: Trial, space: Space) -> dict[str, Any]:
    """Return a value for each setting, by its key under `train`."""
    return {key: _suggest(trial, key, over) for key, over in space.items()}


def _suggest(trial: Trial, key: str, over: Range | Choice) -> Any:
    if isinstance(over, Choice):  # Optuna allows no lists as choices, but text
        return json.loads(trial.suggest_categorical(key, [json.dumps(one) for one in over.choices]))
    low, high = over.low, over.high
    if isinstance(low, int) and isinstance(high, int):
        return trial.suggest_int(key, low, high, log=over.log)
    return float(f"{trial.suggest_float(key, low, high, log=over.log):.{_DIGITS}g}")


def expanded(settings: TrainSettings) -> dict[str, Any]:
    """Return the settings as plain data, including the trainer's own section.

    Raises:
        GatehouseError: the trainer's section is invalid.
    """
    own = find_trainer(settings.trainer)
    dumped = settings.model_dump(mode="json")
    return dumped | {own.name: own.options(settings).model_dump(mode="json")}


def present(space: Space, settings: TrainSettings) -> dict[str, Any]:
    """Return the current settings as a trial's parameters; {} if one is outside the space."""
    dumped = expanded(settings)
    found: dict[str, Any] = {}
    for key, over in space.items():
        value = _at(dumped, key)
        if isinstance(over, Choice):
            if value not in [json.loads(json.dumps(one)) for one in over.choices]:
                return {}
            found[key] = json.dumps(value)
        elif isinstance(value, int | float) and over.low <= value <= over.high:
            found[key] = value
        else:
            return {}
    return found


def applied(settings: TrainSettings, changes: Mapping[str, Any]) -> TrainSettings:
    """Return the settings with changed values, by key under `train`.

    Raises:
        GatehouseError: there is no such setting, or it can't have this value.
    """
    from pydantic import ValidationError

    dumped = expanded(settings)
    for key, value in changes.items():
        *above, last = key.split(".")
        section = _at(dumped, ".".join(above)) if above else dumped
        if not isinstance(section, dict) or last not in section:
            raise GatehouseError(
                f"params.yaml: tune.space.{key}: there is no setting train.{key}; "
                f"{'.'.join(['train', *above])} has: "
                + ", ".join(section if isinstance(section, dict) else [])
                + hint(last, section if isinstance(section, dict) else [])
            )
        section[last] = value
    try:
        found = TrainSettings.model_validate(dumped)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise GatehouseError(
            f"params.yaml: tune.space: train.{place} can't be {first['input']!r}: {first['msg']} "
            "(of lists name choices: [[64, 64], [128, 128]])"
        ) from None
    find_trainer(found.trainer).options(found)
    return found


def check(space: Space, settings: TrainSettings) -> None:
    """Refuse a space with an unknown setting, or with a value that a setting can't have.

    Raises:
        GatehouseError: with the setting.
    """
    if not space:
        raise GatehouseError(
            f"params.yaml: tune.space: is empty, and there is no space for the trainer "
            f"{settings.trainer}; name what is to be tried, such as "
            "my_trainer.learning_rate: {low: 0.001, high: 0.1, log: true}"
        )
    own = section_of(settings.trainer)
    for key, over in space.items():
        section = key.partition(".")[0]
        if own in BY_NAME and section != own and _is_section(settings, section):
            raise GatehouseError(
                f"params.yaml: tune.space.{key}: {settings.trainer} does not read the section "
                f"{section}; name settings of its own, or change train.trainer"
            )
        values = over.choices if isinstance(over, Choice) else (over.low, over.high)
        for value in values:
            applied(settings, {key: value})


def _is_section(settings: TrainSettings, key: str) -> bool:
    return isinstance(getattr(settings, key, None), Frozen)


def _at(values: Any, key: str) -> Any:
    for part in key.split("."):
        if not isinstance(values, dict) or part not in values:
            return None
        values = values[part]
    return values
