"""The built-in sources that params.yaml can name in `data.source`."""

from __future__ import annotations

from typing import Any

from gatehouse.pipeline.sources.adult import ADULT
from gatehouse.pipeline.sources.file import FILE, FileSettings
from gatehouse.pipeline.sources.simulated import SIMULATED
from gatehouse.pipeline.sources.spec import SourceSpec

__all__ = ["BY_NAME", "SOURCES", "FileSettings"]

SOURCES: tuple[SourceSpec[Any], ...] = (SIMULATED, ADULT, FILE)
"""Each is in a module of its name, where the fingerprint of stage `ingest` looks for its code."""

BY_NAME = {source.name: source for source in SOURCES}
