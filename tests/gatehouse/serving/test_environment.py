"""Attacks the serving environment: nothing of training is in it, and nothing of it is needed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.gatehouse.serving.place import ROW
from tests.gatehouse.serving.process import ROOT, environment
from tests.repository.test_sets import IMPORT_ONLY

PREDICT = """
import json
from gatehouse.serving.house import open_house
from gatehouse.serving.service import service
service.to_asgi()
print(open_house().predictor.answer(json.dumps(ROW).encode(), "1").decode())
"""


def locked() -> set[str]:
    text = (ROOT / "requirements" / "serve.txt").read_text("utf-8")
    found = re.findall(r"^([A-Za-z0-9_.-]+)==", text, re.MULTILINE)
    return {re.sub("[-_.]+", "-", name.lower()) for name in found}


def test_it_predicts_with_nothing_but_the_serving_set(root: Path) -> None:
    """What requirements/serve.txt does not lock cannot be imported."""
    script = IMPORT_ONLY + PREDICT.replace("ROW", repr(ROW))
    done = subprocess.run(
        [sys.executable, "-c", script, " ".join(locked() | {"gatehouse"}), "gatehouse.serving"],
        cwd=root, env=environment(root), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert '"decision": "yes"' in done.stdout


def test_the_set_has_nothing_of_training() -> None:
    """No torch, pandas, scikit-learn, DVC or Evidently in the image."""
    assert not locked() & {
        "torch", "pandas", "pyarrow", "scikit-learn", "scipy", "dvc", "evidently", "onnx",
        "great-expectations", "fairlearn",
    }  # fmt: skip
