"""Attacks the promise that no tool calls home, by looking at what one of them left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from tests.gatehouse.tiny import make_graph

OPEN = "import {package}, onnxruntime, sys; onnxruntime.InferenceSession(sys.argv[1])"


@pytest.mark.parametrize("package", ["gatehouse", "gatehouse.pipeline"])
def test_onnx_runtime_keeps_no_records(package: str, tmp_path: Path) -> None:
    """ONNX Runtime 1.31 writes a device's identity and what it did, unless it is told not to."""
    home = tmp_path / "home"
    home.mkdir()
    onnx.save_model(make_graph(), tmp_path / "model.onnx")
    environment = {name: value for name, value in os.environ.items() if "TELEMETRY" not in name}
    subprocess.run(
        [sys.executable, "-c", OPEN.format(package=package), str(tmp_path / "model.onnx")],
        env=environment | {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")},
        cwd=Path(__file__).parents[2] / "src",
        check=True,
    )
    assert [path for path in home.rglob("*") if path.is_file()] == []
