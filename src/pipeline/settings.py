"""Settings of the pipeline (`params.yaml`), typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from gatehouse.typed import Frozen, parse_yaml, read_text, validate

PARAMS_FILE = Path("params.yaml")

Share = Annotated[float, Field(ge=0, le=1)]


class SimulatedSettings(Frozen):
    rows: Annotated[int, Field(ge=100)]
    seed: Annotated[int, Field(ge=0)] = 0
    drift: float = 0.0
    label_bias: Share = 0.0
    missingness: Annotated[float, Field(ge=0)] = 1.0


class AdultSettings(Frozen):
    folder: Path | None = None


class DataSettings(Frozen):
    source: Literal["simulated", "adult"]
    simulated: SimulatedSettings
    adult: AdultSettings


class SplitSettings(Frozen):
    valid: Annotated[float, Field(gt=0, lt=1)]
    test: Annotated[float, Field(gt=0, lt=1)]


class TrainSettings(Frozen):
    trainer: Annotated[str, Field(pattern=r"^[\w.]+:\w+$")]
    seed: Annotated[int, Field(ge=0)] = 0


class QuantizeSettings(Frozen):
    method: Literal["dynamic", "static"]


class Settings(Frozen):
    """All of `params.yaml`."""

    data: DataSettings
    split: SplitSettings
    train: TrainSettings
    quantize: QuantizeSettings


def load_settings(path: Path = PARAMS_FILE) -> Settings:
    """The settings at `path`.

    Raises:
        GatehouseError: naming the file, line, key and fix.
    """
    return validate(Settings, parse_yaml(read_text(path), path), path)
