"""Attacks the serving environment: nothing of training is in it, and nothing of it is needed."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.gatehouse.serving.place import ROW
from tests.gatehouse.serving.process import ROOT, running
from tests.repository.test_sets import IMPORT_ONLY

SERVE = """
import runpy
runpy.run_module("gatehouse.serving", run_name="__main__")
"""


def locked() -> set[str]:
    text = (ROOT / "requirements" / "serve.txt").read_text("utf-8")
    found = re.findall(r"^([A-Za-z0-9_.-]+)==", text, re.MULTILINE)
    return {re.sub("[-_.]+", "-", name.lower()) for name in found}


def test_it_serves_with_nothing_but_the_serving_set(root: Path) -> None:
    """What requirements/serve.txt does not lock cannot be imported, by the HTTP server either."""
    allowed = " ".join(locked() | {"gatehouse"})
    command = (sys.executable, "-c", IMPORT_ONLY + SERVE, allowed, "gatehouse.serving")
    with running(root, command) as service:
        assert service.client.post("/predict", json=ROW).json()["decision"] == "yes"
        assert service.client.get("/model").status_code == 200


def test_the_set_has_nothing_of_training() -> None:
    """No torch, pandas, scikit-learn, DVC or Evidently in the image."""
    assert not locked() & {
        "torch", "pandas", "pyarrow", "scikit-learn", "scipy", "dvc", "evidently", "onnx",
        "great-expectations", "fairlearn",
    }  # fmt: skip
