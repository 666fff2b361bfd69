"""The example of the digits, run once in this process and in a folder of its own."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pipeline
import pytest

EXAMPLE = Path(__file__).parents[4] / "examples/digits"
MADE = ("data", "models", "reports", ".gatehouse", "cache", "tmp", "__pycache__", "dvc.lock")
MODULES = ("train", "rows", "drift", "stages", "few", "pipeline.cnn", "pipeline.transfer")


@pytest.fixture(scope="session")
def example() -> Iterator[Any]:
    """The example's modules by name, found as a stage in its folder finds them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLE)
        patch.setattr(pipeline, "__path__", list(pipeline.__path__))  # which train.py adds to
        modules = {name: importlib.import_module(name) for name in MODULES}
        yield SimpleNamespace(**{name.rpartition(".")[2]: found for name, found in modules.items()})
    for name in MODULES:
        del sys.modules[name]


@pytest.fixture(scope="session")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's folder as it is in Git."""
    root = tmp_path_factory.mktemp("example") / "digits"
    return shutil.copytree(EXAMPLE, root, ignore=shutil.ignore_patterns(*MADE))
