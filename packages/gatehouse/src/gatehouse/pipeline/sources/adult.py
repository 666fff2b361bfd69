"""Source `adult`: the published rows of the sample."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.pipeline.sources.spec import SourceSpec
from gatehouse.typed import Frozen

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.contract import Contract


class AdultSettings(Frozen):
    """Where adult.data and adult.test are; null takes them from UCI's site."""

    folder: Path | None = None


def _read(options: AdultSettings, _: Contract) -> tuple[pd.DataFrame, pd.DataFrame]:
    from gatehouse.samples import adult

    return adult.load(options.folder)


ADULT = SourceSpec(
    name="adult",
    label="UCI Adult, with its official test split",
    settings=AdultSettings,
    read=_read,
)
