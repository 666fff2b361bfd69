"""Settings of the pipeline (`params.yaml`), typed."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from gatehouse.pipeline.sections import (
    OWN_OBJECT,
    Positive,
    Sections,
    Share,
    check_member,
    with_sections,
)
from gatehouse.pipeline.spaces import Choice, Range
from gatehouse.pipeline.trainers import BY_NAME as TRAINER_NAMES
from gatehouse.pipeline.trainers import TRAINERS
from gatehouse.typed import Frozen, parse_yaml, read_text, validate

PARAMS_FILE = Path("params.yaml")

TrainerName = Annotated[
    str,
    AfterValidator(lambda name: check_member(name, TRAINER_NAMES, "trainer")),
    Field(json_schema_extra={"pattern": f"^({'|'.join(TRAINER_NAMES)}|{OWN_OBJECT})$"}),
]
"""Only the fork's modules and the library's take part in a run."""


class SimulatedSettings(Frozen):
    """What `gatehouse.samples.simulate.simulate` is called with; it says what each one means."""

    rows: Annotated[int, Field(ge=100)]
    seed: Annotated[int, Field(ge=0, lt=2**64)] = 0
    drift: Annotated[float, Field(ge=-10, le=10)] = 0.0
    label_bias: Share = 0.0
    missingness: Annotated[float, Field(ge=0)] = 1.0


class AdultSettings(Frozen):
    """Where adult.data and adult.test are; null takes them from UCI's site."""

    folder: Path | None = None


OWN = Path("data/own")
"""A folder for files of one's own; where `data.file.path` points before a file is named."""

FORMATS = (".parquet", ".csv", ".csv.gz")


class FileSettings(Frozen):
    """One CSV or Parquet file: at `url`, else at `path`, which DVC watches."""

    path: Path = Field(OWN, description="a file on this machine")
    url: str | None = Field(None, description="any URL that fsspec reads; DVC does not watch it")
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = Field(
        None, description="what the file's bytes must be"
    )
    separator: Annotated[str, Field(pattern=r"^[ -!#-~\t]$")] = Field(
        ",", description="between the columns of a CSV: one ASCII character"
    )
    encoding: str = Field("utf-8", description="of a CSV's text: any that Python knows")
    decimal: Literal[".", ","] = Field(".", description="before the decimals of a CSV's numbers")
    missing: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        (),
        description='further texts that mean a missing value, such as "?", unless the contract '
        "lists them as a category; an empty cell, NA, NaN, NULL and None do always",
    )
    unlabelled: Literal["refuse", "drop"] = Field(
        "refuse",
        description="rows whose target has no value: drop leaves them out, and says how many; "
        "refuse leaves them to the data gate, which stops",
    )

    @property
    def format(self) -> str | None:
        """Which of `FORMATS` the file's name ends with, if any."""
        name = self.path.name if self.url is None else urlsplit(self.url).path
        return next((ending for ending in FORMATS if name.lower().endswith(ending)), None)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if re.match(r"\w{2,}:/", self.path.as_posix()):
            raise ValueError("path is a file on this machine; write a URL into data.file.url")
        with contextlib.suppress(UnicodeError):  # one letter may be no text, as in UTF-16
            try:
                b"a".decode(self.encoding)
            except LookupError:
                raise ValueError(
                    f"encoding: Python knows no text encoding '{self.encoding}'; write one such as "
                    "utf-8, cp1252, latin-1 or utf-16"
                ) from None
        if self.url is not None and "://" not in self.url:
            raise ValueError("url is one such as s3://bucket/rows.parquet; write a file into path")
        if self.url is not None and urlsplit(self.url).password is not None:
            raise ValueError(
                "url holds a password, and this file is in Git for good; give it to fsspec by the "
                "environment, such as AWS_SECRET_ACCESS_KEY"
            )
        return self


class DataSettings(Frozen):
    source: Literal["simulated", "adult", "file"]
    simulated: SimulatedSettings
    adult: AdultSettings
    file: FileSettings

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.source == "file" and self.file.format is None:
            raise ValueError(
                "source is file, so data.file.path or data.file.url must name one that ends with "
                + ", ".join(FORMATS)
            )
        return self


class FairnessPenalty(Frozen):
    """The equalized odds penalty of `gatehouse.pipeline.fairness` in the loss; weight 0 is off."""

    attribute: str | None = None
    weight: Annotated[float, Field(ge=0)] = 0.0


class Prune(Frozen):
    """Hidden units that are taken out after training, and training after that; share 0 is off."""

    share: Annotated[float, Field(ge=0, lt=1)] = Field(0.0, description="of each hidden layer")
    epochs: Positive = Field(8, description="that the smaller network trains on")


class Distill(Frozen):
    """A teacher whose outputs the network learns next to the labels; null is off."""

    teacher: TrainerName | None = Field(None, description="another trainer, with its own settings")
    weight: Share = Field(0.5, description="of the teacher in the loss; the labels have the rest")
    temperature: Annotated[float, Field(ge=1)] = Field(
        2.0, description="over 1 softens the teacher's probabilities"
    )


class TorchMlpSettings(Frozen):
    """Settings of `pipeline.network:torch_mlp`."""

    hidden: Annotated[tuple[Positive, ...], Field(min_length=1)] = (128, 128)
    bins: Positive = 128
    embedding: Positive = 4
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    masked: Annotated[float, Field(ge=0, lt=1)] = 0.01
    epochs: Positive = 16
    patience: Positive = 8
    batch: Positive = 1024
    learning_rate: Annotated[float, Field(gt=0)] = 0.008
    weight_decay: Annotated[float, Field(ge=0)] = 0.2
    threads: Positive = 1
    fairness_penalty: FairnessPenalty = FairnessPenalty()
    prune: Prune = Prune()
    distill: Distill = Distill()


class _Train(Sections):
    """Settings of training; each trainer has a section of its name."""

    trainer: TrainerName
    seed: Annotated[int, Field(ge=0)] = 0
    tensorboard: bool = Field(False, description="loss curves in .gatehouse/tensorboard as well")
    torch_mlp: TorchMlpSettings = TorchMlpSettings()

    def members(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.trainer, self.torch_mlp.distill.teacher)))


if TYPE_CHECKING:
    TrainSettings: TypeAlias = _Train
else:
    TrainSettings = with_sections("TrainSettings", _Train, TRAINERS)


class DecisionSettings(Frozen):
    """How the served graph decides."""

    threshold: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.5, description="of two classes: the probability from which on a decision is positive"
    )


class QuantizeSettings(Frozen):
    method: Literal["dynamic", "static"]


class TuneSettings(Frozen):
    """What `gatehouse tune` does."""

    trials: Positive = 40
    folds: Annotated[int, Field(ge=2, le=20)] = 3
    metric: str | None = Field(
        None, description="null: roc_auc, log_loss of several classes, root_mean_squared_error"
    )
    space: dict[str, Range | Choice] = Field(
        {}, description="by key under train; empty: the trainer's own"
    )


class Settings(Frozen):
    """All of `params.yaml`."""

    data: DataSettings
    train: TrainSettings
    decision: DecisionSettings = DecisionSettings()
    quantize: QuantizeSettings
    tune: TuneSettings = TuneSettings()


def load_settings(path: Path = PARAMS_FILE) -> Settings:
    """The settings at `path`.

    Raises:
        GatehouseError: naming the file, line, key and fix.
    """
    return validate(Settings, parse_yaml(read_text(path), path), path)
