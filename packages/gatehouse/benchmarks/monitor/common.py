"""What both monitor benchmarks need: a small served model, and tables written into a page."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from pipeline.network import torch_mlp

from gatehouse.contract import CONTRACT_FILE, load_contract
from gatehouse.digest import PREPARED
from gatehouse.model import Metadata, write_metadata
from gatehouse.pipeline.ingest import ingest
from gatehouse.pipeline.settings import load_settings
from gatehouse.pipeline.trainer import TrainingData
from gatehouse.policy import POLICY_FILE
from gatehouse.prepare import prepare
from gatehouse.seal import data_digest
from gatehouse.table import RAW, read_table
from gatehouse.workspace import MODEL, Workspace

PAGE = Path("packages/gatehouse/docs/monitoring.md")
EPOCHS = 4


def served(root: Path) -> Workspace:
    """The default data, split, and the default trainer's model of few epochs, laid out in `root`.

    The graph is not quantized: what is measured does not depend on it.
    """
    settings, contract = load_settings(), load_contract()
    for name in (CONTRACT_FILE, POLICY_FILE):
        shutil.copyfile(name, root / name)
    ingest(settings.data, contract, root / RAW)
    prepare(contract, root / RAW, root / PREPARED)
    train, valid = (read_table(root / PREPARED / f"{name}.parquet") for name in ("train", "valid"))
    few = settings.train.model_copy(
        update={"torch_mlp": settings.train.torch_mlp.model_copy(update={"epochs": EPOCHS})}
    )
    with tempfile.TemporaryDirectory() as reports:
        graph = torch_mlp(TrainingData(contract, train, valid), few, Path(reports)).graph
    metadata = Metadata(
        contract=contract.digest,
        data=data_digest(root / PREPARED),
        commit="",
        classes=contract.classes,
        threshold=settings.decision.threshold,
        trainer=settings.train.trainer,
    )
    write_metadata(graph, metadata)
    (root / MODEL).parent.mkdir(parents=True)
    (root / MODEL).write_bytes(graph.SerializeToString(deterministic=True))
    return Workspace(root)


def write(name: str, text: str) -> None:
    """Put `text` between the markers of benchmark `name` in the page, and print it."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, found, rest = PAGE.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise SystemExit(f"{PAGE}: has no markers {begin} and {end}")
    PAGE.write_text(f"{before}{begin}\n{text.strip()}\n{end}{after}", encoding="utf-8")
    print(text)
