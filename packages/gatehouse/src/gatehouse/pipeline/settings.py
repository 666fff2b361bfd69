"""Settings of the pipeline (`params.yaml`), typed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from gatehouse.pipeline.derived import Features
from gatehouse.pipeline.sections import (
    OWN_OBJECT,
    Positive,
    Sections,
    Share,
    check_member,
    with_sections,
)
from gatehouse.pipeline.sources import BY_NAME as SOURCES_BY_NAME
from gatehouse.pipeline.sources import SOURCES, FileSettings
from gatehouse.pipeline.spaces import Choice, Range
from gatehouse.pipeline.trainers import BY_NAME as TRAINERS_BY_NAME
from gatehouse.pipeline.trainers import TRAINERS
from gatehouse.typed import Frozen, parse_yaml, read_text, validate

PARAMS_FILE = Path("params.yaml")

TrainerName = Annotated[
    str,
    AfterValidator(lambda name: check_member(name, TRAINERS_BY_NAME, "trainer")),
    Field(json_schema_extra={"pattern": f"^({'|'.join(TRAINERS_BY_NAME)}|{OWN_OBJECT})$"}),
]
"""Only the fork's modules and the library's take part in a run."""


SourceName = Annotated[
    str,
    AfterValidator(lambda name: check_member(name, SOURCES_BY_NAME, "source")),
    Field(json_schema_extra={"pattern": f"^({'|'.join(SOURCES_BY_NAME)}|{OWN_OBJECT})$"}),
]


class DataSection(Sections):
    """The section `data`; each source has a section of its name in it."""

    source: SourceName
    file: FileSettings = FileSettings()

    def members(self) -> tuple[str, ...]:
        return (self.source,)

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        named = SOURCES_BY_NAME.get(self.source)
        fault = named and named.fault(getattr(self, named.name))
        if fault:
            raise ValueError(f"source is {self.source}, so {fault}")
        return self


if TYPE_CHECKING:
    DataSettings: TypeAlias = DataSection
else:
    DataSettings = with_sections("DataSettings", DataSection, SOURCES)


class FairnessPenalty(Frozen):
    """The equalized odds penalty in the loss (`gatehouse.pipeline.fairness_penalty`); 0 is off."""

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


class Mitigation(Frozen):
    """Fairlearn's mitigators (`gatehouse.pipeline.mitigation`); null is off."""

    method: Literal["threshold_optimizer", "grid_search"] | None = Field(
        None,
        description="threshold_optimizer: a threshold per group, needs the attribute as a model "
        "input; grid_search: trains one model per grid point and keeps the best",
    )
    constraint: Literal["demographic_parity", "equalized_odds"] = "demographic_parity"
    attribute: str | None = Field(None, description="a protected attribute of the contract")
    grid: Annotated[int, Field(ge=2)] = Field(20, description="models that grid_search trains")
    weight: Share = Field(
        0.5,
        description="of the constraint when grid_search chooses a model; the error has the rest",
    )


class TrainSection(Sections):
    """The section `train`; each trainer has a section of its name in it."""

    trainer: TrainerName
    seed: Annotated[int, Field(ge=0)] = 0
    tensorboard: bool = Field(False, description="loss curves in .gatehouse/tensorboard as well")
    mitigation: Mitigation = Mitigation()
    torch_mlp: TorchMlpSettings = TorchMlpSettings()

    def members(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.trainer, self.torch_mlp.distill.teacher)))


if TYPE_CHECKING:
    TrainSettings: TypeAlias = TrainSection
else:
    TrainSettings = with_sections("TrainSettings", TrainSection, TRAINERS)


class DecisionSettings(Frozen):
    """How the served graph decides."""

    threshold: Annotated[float, Field(gt=0, lt=1)] | Literal["cost"] = Field(
        0.5,
        description="of two classes: the probability from which on a decision is positive; cost: "
        "the one that is cheapest on the valid split, by `cost` in contract.yaml",
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
    features: Features = Field({}, description="derived features, by name")
    train: TrainSettings
    decision: DecisionSettings = DecisionSettings()
    quantize: QuantizeSettings
    tune: TuneSettings = TuneSettings()

    @model_validator(mode="after")
    def _check_threshold(self) -> Self:
        if self.train.mitigation.method == "threshold_optimizer" and self.decision.threshold != 0.5:
            raise ValueError(
                f"decision.threshold is {self.decision.threshold}, and threshold_optimizer makes "
                "each group decide at 0.5; set decision.threshold to 0.5"
            )
        return self


def load_settings(path: Path = PARAMS_FILE) -> Settings:
    """The settings at `path`.

    Raises:
        GatehouseError: naming the file, line, key and fix.
    """
    return validate(Settings, parse_yaml(read_text(path), path), path)
