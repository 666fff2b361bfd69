"""Source `simulated`: generated rows of the sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from gatehouse.pipeline.sections import Share
from gatehouse.pipeline.sources.spec import SourceSpec
from gatehouse.typed import Frozen

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.contract import Contract


class SimulatedSettings(Frozen):
    """What `gatehouse.samples.simulate.simulate` is called with; it says what each one means."""

    rows: Annotated[int, Field(ge=100)] = 48_842
    seed: Annotated[int, Field(ge=0, lt=2**64)] = 0
    drift: Annotated[float, Field(ge=-10, le=10)] = 0.0
    label_bias: Share = 0.0
    missingness: Annotated[float, Field(ge=0)] = 1.0


def _read(options: SimulatedSettings, _: Contract) -> tuple[pd.DataFrame, None]:
    from gatehouse.samples.simulate import simulate

    return simulate(**options.model_dump()), None


SIMULATED = SourceSpec(
    name="simulated", label="simulated rows of the sample", settings=SimulatedSettings, read=_read
)
