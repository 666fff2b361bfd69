"""Fixtures that these tests share with those of the machinery and of the pipeline."""

from __future__ import annotations

from tests.gatehouse.conftest import _own_settings, gatehouse
from tests.gatehouse.pipeline.conftest import shop

__all__ = ["_own_settings", "gatehouse", "shop"]
