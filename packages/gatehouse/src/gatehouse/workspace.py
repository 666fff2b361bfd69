"""Paths of a candidate's (or a base's) files, and their digests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.contract import CONTRACT_FILE, Contract, load_contract
from gatehouse.digest import PREPARED, file_digest, raw_digest
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Subject
from gatehouse.seal import data_digest, sealed_digest
from gatehouse.table import RAW, read_table

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.gates.spec import GateSpec
    from gatehouse.model import Model

MODEL_FP32 = Path("models/model.onnx")
MODEL = Path("models/model.int8.onnx")
EVIDENCE = Path("reports/evidence")
VERDICT = Path("reports/verdict.json")


@dataclass(frozen=True)
class Workspace:
    """A folder with the layout of the repository; files are read only when needed."""

    root: Path = Path()

    @cached_property
    def contract(self) -> Contract:
        return load_contract(self.root / CONTRACT_FILE)

    @property
    def raw(self) -> Path:
        return self.root / RAW

    @property
    def prepared(self) -> Path:
        return self.root / PREPARED

    @property
    def evidence(self) -> Path:
        return self.root / EVIDENCE

    @cached_property
    def model(self) -> Model:
        """The served graph (INT8)."""
        return self._load(MODEL)

    @cached_property
    def model_fp32(self) -> Model:
        """The graph that training exported."""
        return self._load(MODEL_FP32)

    def _load(self, path: Path) -> Model:
        from gatehouse.model import Model

        model = Model(self.root / path)
        strangers = sorted(set(model.inputs) - set(self.contract.inputs))
        if strangers:
            raise GatehouseError(
                f"{path}: the graph reads {', '.join(strangers)}, which the contract does not feed "
                "to the model; train without, or mark model_input: true in contract.yaml"
            )
        self._check_origin(path, model)
        if model.metadata.classes != self.contract.classes:
            raise GatehouseError(
                f"{path}: the graph's classes are {model.metadata.classes}, "
                f"the contract's {self.contract.classes}; train again"
            )
        return model

    def _check_origin(self, path: Path, model: Model) -> None:
        """Refuse a graph whose metadata names another contract or other data."""
        origin = {"contract": model.metadata.contract, "data": model.metadata.data}
        for field, digest in origin.items():
            if digest != self._digest(field):
                raise GatehouseError(
                    f"{path}: the graph says it was trained on another {field} "
                    f"({digest.removeprefix('sha256:')[:12]}) than is here; train again"
                )

    def split(self, name: str) -> pd.DataFrame:
        """Return the rows of the prepared split `name`: train, valid or test.

        Raises:
            GatehouseError: the file is missing or unreadable, or the split has no rows.
        """
        path = self.prepared / f"{name}.parquet"
        frame = read_table(path, plain=self.contract.columns)
        if frame.empty:
            raise GatehouseError(f"{path}: has no rows")
        return frame

    def subject(self, gate: GateSpec) -> Subject:
        """Return digests of the files that the evidence of `gate` describes.

        Raises:
            GatehouseError: one of the files is missing.
        """
        return Subject(**{field: self._digest(field) for field in gate.looks_at})

    def present(self, fields: Iterable[str] = tuple(Subject.model_fields)) -> Subject:
        """Return digests of existing files; null for missing ones and rows without a seal.

        No table and no graph is opened.

        Args:
            fields: of a subject; the others are null.
        """
        found: dict[str, str] = {}
        for field in fields:
            try:
                sealed = field == "data"
                found[field] = sealed_digest(self.prepared) if sealed else self._digest(field)
            except GatehouseError:
                continue
        return Subject(**found)

    def _digest(self, field: str) -> str:
        match field:
            case "contract":
                return self.contract.digest
            case "raw":
                return raw_digest(self.raw)
            case "data":
                return data_digest(self.prepared)
            case "model":
                return file_digest(self.root / MODEL)
            case "model_fp32":
                return file_digest(self.root / MODEL_FP32)
        raise AssertionError(field)
