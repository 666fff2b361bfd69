"""The served model: the INT8 graph with its contract, card and verdict, from one folder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gatehouse.columns.times import seconds_of
from gatehouse.contract import CONTRACT_FILE, Contract, Task, load_contract
from gatehouse.digest import file_digest
from gatehouse.errors import GatehouseError
from gatehouse.model import NUMBER, TEXT, TIME, Model
from gatehouse.typed import read_text
from gatehouse.verdict import Verdict
from gatehouse.workspace import MODEL, VERDICT

CARD = Path("reports/model_card.md")

Row = dict[str, Any]
Outputs = list[list[float]]


@dataclass(frozen=True)
class Served:
    """A loaded model with its metadata."""

    contract: Contract
    model: Model
    digest: str
    card: str | None
    verdict: Verdict | None
    verdict_digest: str | None

    def outputs(self, rows: Sequence[Row]) -> Outputs:
        """Return the graph's output, shape [N, K] as lists, for rows that fit the contract.

        Raises:
            GatehouseError: the graph fails on them, or its output is not a probability or not
                finite.
        """
        texts, numbers = self._of(TEXT), self._of(NUMBER)
        given_texts = [[row[name] or "" for row in rows] for name in texts]
        given_numbers = [
            [np.nan if row[name] is None else row[name] for row in rows] for name in numbers
        ]
        # One array for all columns of a kind, because creating arrays is the main cost here.
        as_texts = np.array(given_texts, dtype=object)
        as_numbers = np.array(given_numbers, dtype=np.float32)
        # Give the number of rows instead of -1, which NumPy cannot infer without columns.
        feeds = dict(zip(texts, as_texts.reshape(len(texts), len(rows), 1), strict=True))
        feeds |= zip(numbers, as_numbers.reshape(len(numbers), len(rows), 1), strict=True)
        for name in self._of(TIME):
            zone = self.contract.columns[name].timezone
            assert zone is not None
            feeds[name] = seconds_of([row[name] for row in rows], zone)[:, None]
        outputs = self.model.run(feeds)
        found: Outputs = outputs.tolist()
        if self.model.metadata.task is not Task.BINARY:
            self.model.check(outputs)
        # A binary answer contains only the positive class; NumPy would be slower here.
        elif not all(0 <= positive <= 1 for _, positive in found):
            raise GatehouseError(f"{self.model.path}: the graph gives a value outside of 0 to 1")
        return found

    def log_entries(self, outputs: Outputs) -> list[dict[str, Any]]:
        """Return the log's entry for each row: a prediction, or a class and its probability.

        Binary: the probability of the positive class. Multiclass: that of the predicted class.
        """
        classes, threshold = self.model.metadata.classes, self.model.metadata.threshold
        if not classes:
            return [{"prediction": value} for (value,) in outputs]
        if threshold is not None:
            return [
                {"probability": positive, "decision": classes[positive >= threshold]}
                for _, positive in outputs
            ]
        largest = [max(row) for row in outputs]
        return [
            {"probability": most, "decision": classes[row.index(most)]}
            for row, most in zip(outputs, largest, strict=True)
        ]

    def answers(self, outputs: Outputs, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the answer for each row: `entries`, plus all probabilities for many classes."""
        if self.model.metadata.task is not Task.MULTICLASS:
            return entries
        classes = self.model.metadata.classes
        return [
            {
                "probabilities": dict(zip(classes, row, strict=True)),
                "decision": entry["decision"],
            }
            for row, entry in zip(outputs, entries, strict=True)
        ]

    def _of(self, kind: str) -> list[str]:
        return self._inputs.get(kind, [])

    @cached_property
    def _inputs(self) -> dict[str, list[str]]:
        """Names of the graph's inputs by type."""
        found: dict[str, list[str]] = {}
        for name, kind in self.model.inputs.items():
            found.setdefault(kind, []).append(name)
        return found

    def describe(self) -> dict[str, Any]:
        """Return the answer of `/model`."""
        metadata = self.model.metadata
        return {
            "model": self.digest,
            "contract": metadata.contract,
            "data": metadata.data,
            "commit": metadata.commit,
            "trainer": metadata.trainer,
            "task": metadata.task,
            "classes": list(metadata.classes),
            "threshold": metadata.threshold,
            "card": self.card,
            "verdict": self.verdict.model_dump(mode="json") if self.verdict else None,
            "verdict_digest": self.verdict_digest,
        }


def load_served(root: Path) -> Served:
    """Load the model in `root`, laid out as the repository is; card and verdict may be missing.

    Raises:
        GatehouseError: a file is missing, broken, or of another model; or the graph can't process a
            row that fits the contract.
    """
    contract = load_contract(root / CONTRACT_FILE)
    path = root / MODEL
    try:
        content = path.read_bytes()
    except OSError as error:
        raise GatehouseError(f"{path}: cannot be read ({error.strerror}); make run") from None
    model, digest = Model(path, content), "sha256:" + hashlib.sha256(content).hexdigest()
    _check(model, contract)
    card, verdict = root / CARD, root / VERDICT
    served = Served(
        contract=contract,
        model=model,
        digest=digest,
        card=read_text(card) if card.exists() else None,
        verdict=Verdict.read(verdict) if verdict.exists() else None,
        verdict_digest=file_digest(verdict) if verdict.exists() else None,
    )
    if served.verdict and served.verdict.candidate.model != digest:
        raise GatehouseError(
            f"{verdict}: is on another model than {path}; run `gatehouse judge`, or take it away"
        )
    served.outputs([some_row(contract)])  # do not start if every row would fail
    return served


def some_row(contract: Contract) -> Row:
    """Return a row that fits the contract."""
    row: Row = {}
    for name, column in contract.inputs.items():
        row[name] = column.kind.example(column)
    return row


def _check(model: Model, contract: Contract) -> None:
    if model.metadata.contract != contract.digest:
        raise GatehouseError(
            f"{model.path}: was trained on another contract than {CONTRACT_FILE}; train again"
        )
    if model.metadata.classes != contract.classes:
        raise GatehouseError(
            f"{model.path}: the graph's classes are {model.metadata.classes or 'none'}, "
            f"the contract's {contract.classes or 'none'}; train again"
        )
    for name, kind in model.inputs.items():
        column = contract.inputs.get(name)
        if column is None:
            raise GatehouseError(f"{model.path}: the graph reads '{name}', no model input")
        moments = column.kind.moments
        if kind != (TIME if moments else NUMBER if column.is_numeric else TEXT):
            raise GatehouseError(f"{model.path}: input '{name}' is a {kind}, no {column.type}")
