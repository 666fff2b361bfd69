"""What is mutated: a candidate that passes, and candidates that no mutation can mend."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML

from gatehouse.digest import dvc_md5
from gatehouse.evidence import Evidence
from gatehouse.trusted.candidate import OUTPUTS
from gatehouse.workspace import MODEL, MODEL_FP32
from tests.gatehouse.tiny import Finished, lay_out, make_graph, origin

# Few draws: a fuzzer tries many models, and none of them is near a limit.
_QUICK = (
    ("resamples: 2000", "resamples: 200"),
    ("sessions: 11, calls: 300", "sessions: 6, calls: 1"),
)


@dataclass(frozen=True)
class Candidate(Finished):
    """A candidate in a folder."""

    def relock(self) -> str:
        """Write a dvc.lock that fits; its text."""
        outs = [
            {"path": str(path), "hash": "md5", "md5": dvc_md5(self.root / path)} for path in OUTPUTS
        ]
        lock = {"schema": "2.0", "stages": {"all": {"cmd": "make it", "outs": outs}}}
        stream = io.StringIO()
        YAML().dump(lock, stream)
        (self.root / "dvc.lock").write_text(stream.getvalue())
        return stream.getvalue()

    def archive(self) -> bytes:
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in ("dvc.lock", "data", "models"):
                found = self.root / name
                for path in [found, *sorted(found.rglob("*"))]:
                    if path.is_file():
                        archive.write(path, path.relative_to(self.root).as_posix())
        return data.getvalue()


def passing(folder: Path) -> Candidate:
    """A candidate with evidence that passes."""
    folder.mkdir(parents=True)
    lay_out(folder)
    made = Candidate(folder)
    text = (folder / "policy.yaml").read_text()
    for old, new in _QUICK:
        assert old in text
        text = text.replace(old, new)
    (folder / "policy.yaml").write_text(text)
    made.write_all()
    made.relock()
    return made


def bad_rows(folder: Path) -> Candidate:
    """Every age breaks the contract; stored plainly, so that mutations reach the values."""
    made = passing(folder)
    path = folder / "data/raw/rows.parquet"
    frame = pd.read_parquet(path)
    frame = frame.assign(age=5000.0 + frame["age"])
    frame.to_parquet(path, index=False, compression="none", use_dictionary=False)
    made.relock()
    return made


def blind_model(folder: Path) -> Candidate:
    """A model that looks at how many rows there are, and at nothing in them."""
    import onnx

    made = passing(folder)
    for path in (MODEL, MODEL_FP32):
        onnx.save_model(_blind(**origin(folder)), folder / path)
    made.relock()
    return made


def _blind(**said: Any) -> Any:
    from onnx import TensorProto, helper

    model = make_graph(**said)
    del model.graph.node[:]
    del model.graph.initializer[:]
    half = helper.make_tensor("half", TensorProto.FLOAT, [1], [0.5])
    model.graph.initializer.append(helper.make_tensor("two", TensorProto.INT64, [1], [2]))
    model.graph.initializer.append(helper.make_tensor("zero", TensorProto.INT64, [1], [0]))
    model.graph.node.extend(
        [
            helper.make_node("Shape", ["age"], ["shape"]),
            helper.make_node("Gather", ["shape", "zero"], ["count"], axis=0),
            helper.make_node("Concat", ["count", "two"], ["wanted"], axis=0),
            helper.make_node("ConstantOfShape", ["wanted"], ["probabilities"], value=half),
        ]
    )
    return model


def bad_evidence(made: Candidate) -> Evidence:
    """Evidence of the accuracy gate that fails by far."""
    whole = made.evidence("accuracy")
    (first,) = whole.measurements
    assert first.interval is not None
    low = first.interval.model_copy(update={"low": 0.11, "high": 0.13})
    worse = first.model_copy(update={"value": 0.12, "interval": low})
    return whole.model_copy(update={"measurements": (worse,)})
