"""Settings that the boosted trees of all libraries share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gatehouse.pipeline.sections import Positive
from gatehouse.pipeline.spaces import Range, Space
from gatehouse.typed import Frozen


class BoostingSettings(Frozen):
    """Settings shared by the boosted trees of all libraries."""

    rounds: Positive = Field(500, description="at most; of trees, times the classes of several")
    patience: Positive = Field(
        20, description="rounds without a smaller loss on the valid split before training stops"
    )
    learning_rate: Annotated[float, Field(gt=0)] = 0.1
    l2: Annotated[float, Field(ge=0)] = 1.0
    threads: Positive = 1


class LeafwiseSettings(BoostingSettings):
    """Settings of trees that grow leaf by leaf."""

    leaves: Annotated[int, Field(ge=2)] = 31
    smallest_leaf: Positive = Field(20, description="rows of a leaf, at least")


BOOSTING: Space = {
    "learning_rate": Range(low=0.02, high=0.3, log=True),
    "l2": Range(low=0.01, high=10.0, log=True),
}
LEAFWISE: Space = {
    **BOOSTING,
    "leaves": Range(low=7, high=127, log=True),
    "smallest_leaf": Range(low=5, high=100, log=True),
}
