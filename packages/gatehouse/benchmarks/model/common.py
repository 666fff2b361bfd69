"""What both model benchmarks need: Adult's prepared splits, and models from memory."""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path

import pandas as pd

from gatehouse.contract import load_contract
from gatehouse.model import Metadata, Model, write_metadata
from gatehouse.pipeline.ingest import ingest
from gatehouse.pipeline.settings import Settings, TrainSettings, load_settings
from gatehouse.pipeline.trainer import TrainingData, find_trainer
from gatehouse.prepare import prepare
from gatehouse.table import read_table


def adult() -> tuple[Settings, TrainingData, pd.DataFrame]:
    """The repository's settings, Adult's train and valid splits, and its official test rows."""
    return splits("adult")


def splits(source: str) -> tuple[Settings, TrainingData, pd.DataFrame]:
    """The repository's settings, and the source's train and valid splits and test rows."""
    settings, contract = load_settings(), load_contract()
    with tempfile.TemporaryDirectory() as name:
        raw, prepared = Path(name) / "raw", Path(name) / "prepared"
        ingest(settings.data.model_copy(update={"source": source}), contract, raw)
        prepare(contract, raw, prepared)
        train, valid, test = (
            read_table(prepared / f"{split}.parquet") for split in ("train", "valid", "test")
        )
    return settings, TrainingData(contract, train, valid), test


def trained(data: TrainingData, settings: TrainSettings) -> bytes:
    """The graph that the trainer of `settings` gives, with metadata."""
    with tempfile.TemporaryDirectory() as reports, contextlib.redirect_stdout(io.StringIO()):
        graph = find_trainer(settings.trainer)(data, settings, Path(reports)).graph
    metadata = Metadata(
        contract=data.contract.digest,
        data="",
        commit="",
        classes=data.contract.classes,
        threshold=0.5,
        trainer=settings.trainer,
    )
    write_metadata(graph, metadata)
    content: bytes = graph.SerializeToString(deterministic=True)
    return content


def in_memory(content: bytes) -> Model:
    """The model of a graph that is in no file."""
    return Model(Path("(in memory)"), content)


def write_between(path: Path, name: str, text: str) -> None:
    """Put `text` between the markers called `name` in a Markdown file."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, found, rest = path.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise SystemExit(f"{path}: has no markers {begin} and {end}")
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")
