"""torch's two ONNX exporters on the default network: writes the table in docs/model.md.

    .venv/bin/python packages/gatehouse/benchmarks/model/exporter.py

The newer exporter needs the package onnxscript, which Gatehouse does not install.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
import warnings
from pathlib import Path
from time import perf_counter

import numpy as np
import onnx
import torch
from common import write_between
from pipeline.network import Network

from gatehouse.contract import load_contract
from gatehouse.pipeline.encode import Encoding
from gatehouse.pipeline.settings import load_settings


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("packages/gatehouse/docs/model.md"))
    out: Path = parser.parse_args().out
    encoding = Encoding.of(load_contract())
    numbers = np.random.default_rng(0).normal(size=(9999, len(encoding.numbers)))
    network = Network(encoding, numbers.astype(np.float32), load_settings().train.torch_mlp).eval()
    examples = (
        torch.zeros(2, len(encoding.numbers)),
        torch.zeros(2, len(encoding.categories), dtype=torch.int64),
    )
    lines = ["| exporter | seconds | nodes |", "|---|---|---|"]
    for name, dynamo in (("TorchScript", False), ("torch.export", True)):
        batch = (
            {"dynamic_shapes": ({0: torch.export.Dim("N")},) * 2}
            if dynamo
            else {"dynamic_axes": {"numbers": {0: "N"}, "rows": {0: "N"}}}
        )
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = Path(folder) / "network.onnx"
            start = perf_counter()
            with contextlib.redirect_stdout(io.StringIO()):
                torch.onnx.export(
                    network,
                    examples,
                    path,
                    input_names=["numbers", "rows"],
                    opset_version=18,
                    dynamo=dynamo,
                    **batch,
                )
            seconds = perf_counter() - start
            nodes = len(onnx.load(path, load_external_data=False).graph.node)
        lines.append(f"| {name} | {seconds:.2f} | {nodes} |")
    write_between(out, "exporter", "\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
