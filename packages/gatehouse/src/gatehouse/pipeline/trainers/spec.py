"""Definition of a trainer: one object with its settings and the values that tuning tries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from gatehouse.contract import Task
from gatehouse.errors import GatehouseError
from gatehouse.pipeline.spaces import Space
from gatehouse.typed import Frozen

if TYPE_CHECKING:
    from gatehouse.pipeline.settings import TrainSettings
    from gatehouse.pipeline.trainer import TrainedModel, TrainingData

S = TypeVar("S", bound=Frozen)

_PLACE = "params.yaml: train.trainer"


class NoSettings(Frozen):
    """The settings of a trainer without settings."""


@dataclass(frozen=True, kw_only=True)
class TrainerSpec(Generic[S]):
    """A trainer.

    Every command reads params.yaml, so a built-in trainer imports its library inside the function.

    Attributes:
        name: name in `train.trainer`, for a fork's own trainer the part after the colon; its
            section under `train` has this name.
        label: one-line description.
        settings: model of its section, in which each setting has a default.
        train: takes data, its own settings, all of `train` and a folder for curves. Under torchrun
            every process calls it.
        space: values that tuning tries, by key of its section.
        tasks: tasks that it supports.
        packages: names of the modules that it imports besides the library's own.
        extras: are they in the set of packages `extras`?
        served: how the graph is served: are there products of matrices to quantize?
    """

    name: str
    label: str
    settings: type[S]
    train: Callable[[TrainingData, S, TrainSettings, Path], TrainedModel]
    space: Space = field(default_factory=dict)
    tasks: tuple[Task, ...] = tuple(Task)
    packages: tuple[str, ...] = ()
    extras: bool = False
    served: Literal["INT8", "native"] = "native"

    def options(self, settings: TrainSettings) -> S:
        """Return the trainer's section of `settings`.

        Raises:
            GatehouseError: the section does not fit the model.
        """
        return settings.section(self.name, self.settings, "train")

    @property
    def tried(self) -> Space:
        """Values that tuning tries, by key under `train`."""
        return {f"{self.name}.{key}": over for key, over in self.space.items()}

    def __call__(self, data: TrainingData, settings: TrainSettings, reports: Path) -> TrainedModel:
        """Train on `data`; metrics and curves can be written into the folder `reports`.

        Raises:
            GatehouseError: a package is not installed, the trainer or the mitigation does not
                support this target, or its settings are wrong.
        """
        if missing := [name for name in self.packages if find_spec(name) is None]:
            raise GatehouseError(
                f"{_PLACE}: {self.name} needs {', '.join(missing)}, which is not installed "
                "here; "
                + (
                    "it is in the set of packages extras: make setup EXTRAS=1; in workflows write "
                    "extras next to run after packages: in pipeline.yml and retrain.yml"
                    if self.extras
                    else "list it in requirements/run.in, then make lock and make setup"
                )
            )
        if data.contract.task not in self.tasks:
            raise GatehouseError(
                f"{_PLACE}: {self.name} learns {' and '.join(self.tasks)} targets, and "
                f"contract.yaml's is a {data.contract.task} one; name another trainer"
            )
        options = self.options(settings)
        if settings.mitigation.method is None:
            return self.train(data, options, settings, reports)
        from gatehouse.pipeline.mitigation import mitigated

        return mitigated(
            lambda rows, folder: self.train(rows, options, settings, folder),
            data,
            settings,
            reports,
        )
