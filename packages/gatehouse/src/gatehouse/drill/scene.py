"""A scene of the drill: a copy of a finished run in which one defect is planted."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from gatehouse.contract import CONTRACT_FILE, Column, Contract, Task
from gatehouse.digest import PREPARED
from gatehouse.drill.graph import Change, Margin, rewrite
from gatehouse.evidence import Of, evidence_path
from gatehouse.gates.predictions import labels_of
from gatehouse.gates.scale import robust_deviation
from gatehouse.judge_files import today
from gatehouse.model import Model, write_metadata
from gatehouse.policy import POLICY_FILE, Policy, Rule, load_policy
from gatehouse.seal import seal
from gatehouse.table import RAW, read_table, write_table
from gatehouse.workspace import EVIDENCE, MODEL, MODEL_FP32, Workspace

if TYPE_CHECKING:
    import onnx
    import pandas as pd

COPIED = (CONTRACT_FILE, POLICY_FILE, Path("params.yaml"), RAW, PREPARED, MODEL, MODEL_FP32)

Edit = Callable[["pd.DataFrame"], "pd.DataFrame"]
Rewrite = Callable[["onnx.ModelProto"], "onnx.ModelProto"]


class NotApplicableError(Exception):
    """The contract or the data does not support this defect; the message says what is missing."""


@dataclass
class Scene:
    """Everything that the judge will see: a candidate, a base, and the policies of both.

    Attributes:
        root: folder of the candidate, a copy of the finished run.
        base: the base of the comparison; the finished run unless a control changes it.
        policy: the base's policy, which decides.
        proposed: the candidate's own policy.
        rng: source of every random choice in this scene.
        today: date for checking waivers.
        comparable: can the candidate be compared with the base?
    """

    root: Path
    base: Workspace
    policy: Policy
    proposed: Policy
    rng: np.random.Generator
    today: date = field(default_factory=today)
    comparable: bool = True

    @classmethod
    def copy_of(cls, finished: Path, root: Path, rng: np.random.Generator) -> Scene:
        """Return a scene in `root` that is an exact copy of the finished run."""
        for path in COPIED:
            source, target = finished / path, root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target)
            else:
                shutil.copyfile(source, target)
        policy = load_policy(finished / POLICY_FILE)
        return cls(root, Workspace(finished), policy, policy, rng)

    @property
    def candidate(self) -> Workspace:
        """The candidate with its current files."""
        return Workspace(self.root)

    @property
    def opponent(self) -> Workspace | None:
        """The base that the gates compare with, or None for a first run."""
        return self.base if self.comparable else None

    @property
    def contract(self) -> Contract:
        return self.candidate.contract

    @cached_property
    def margin(self) -> Margin:
        """The margin that a defect of the model changes.

        For a multiclass task, it is that of the most frequent class, which the gates measure best.
        """
        contract = self.contract
        if contract.task is Task.BINARY:
            return Margin(contract.task)
        rows = self.base.split("test")
        if contract.task is Task.REGRESSION:
            values = self.base.model.scores(rows)
            centre, spread = float(np.median(values)), robust_deviation(values)
            return Margin(contract.task, centre=centre, spread=spread)
        labels = labels_of(rows, contract).astype(int)
        place = int(np.bincount(labels).argmax())
        return Margin(contract.task, len(contract.classes), place)

    def changed(self, change: Change) -> Rewrite:
        """Return graph surgery that applies `change` to the margin."""
        return lambda model: rewrite(model, self.margin, change)

    def evidence_file(self, gate: str) -> Path:
        return evidence_path(self.root / EVIDENCE, gate)

    def edit_rows(self, edit: Edit) -> None:
        """Change the output of `ingest`, then split it as the pipeline does."""
        from gatehouse.prepare import prepare

        for file in sorted((self.root / RAW).glob("*.parquet")):
            write_table(edit(read_table(file)), file)
        prepare(self.contract, self.root / RAW, self.root / PREPARED)
        self.stamp_models()

    def edit_tables(self, edit: Edit) -> None:
        """Change raw and prepared rows alike, as if the pipeline had split rows that it rejects."""
        for folder in (RAW, PREPARED):
            for file in sorted((self.root / folder).glob("*.parquet")):
                write_table(edit(read_table(file)), file)
        self.stamp_models()

    def edit_models(self, rewrite: Rewrite, *paths: Path) -> None:
        """Change the graphs (both, unless `paths` names one)."""
        for path in paths or (MODEL, MODEL_FP32):
            model = rewrite(onnx_model(self.root / path))
            (self.root / path).write_bytes(model.SerializeToString())

    def own_base(self) -> Scene:
        """Copy the finished run and use the copy as a base that this scene may change."""
        other = Scene.copy_of(self.base.root, self.root / "base", self.rng)
        self.base = other.candidate
        return other

    def share_rows(self) -> None:
        """Give the base the candidate's rows, as if their defect had been merged before."""
        if self.base.root != self.root / "base":
            self.own_base()
        other = Scene(self.base.root, self.base, self.policy, self.proposed, self.rng)
        for folder in (RAW, PREPARED):
            shutil.rmtree(other.root / folder)
            shutil.copytree(self.root / folder, other.root / folder)
        other.stamp_models()
        self.base = other.candidate

    def edit_base_models(self, rewrite: Rewrite) -> None:
        """Apply the surgery to the base's graphs without effect, since extra nodes take time."""
        other = self.own_base()
        contract = self.contract
        if any(contract.columns[name].is_model_input for name in contract.protected):
            other.feed_protected()
        other.edit_models(rewrite)

    def feed_protected(self) -> None:
        """Feed protected attributes to the graph, like a contract with model_input: true."""
        contract = self.contract
        columns = dict(contract.columns)
        for name in contract.protected:
            columns[name] = columns[name].model_copy(update={"model_input": True})
        write_contract(contract.model_copy(update={"columns": columns}), self.root / CONTRACT_FILE)
        self.stamp_models()

    def stamp_models(self) -> None:
        """Record the current contract and data as the origin of the graphs."""
        origin = {"contract": self.contract.digest, "data": seal(self.root / PREPARED)}
        for path in (MODEL, MODEL_FP32):
            model = onnx_model(self.root / path)
            metadata = Model(path, model.SerializeToString()).metadata
            write_metadata(model, metadata.model_copy(update=origin))
            (self.root / path).write_bytes(model.SerializeToString())

    def column(self, wanted: str, fits: Callable[[Column], bool]) -> str:
        """Return the first column of the contract that fits.

        Raises:
            NotApplicableError: no column fits.
        """
        for name, column in self.contract.columns.items():
            if fits(column):
                return name
        raise NotApplicableError(f"the contract has no {wanted}")

    def rule(
        self,
        gate: str,
        measurements: Sequence[str],
        of: Of,
        bound: Literal["at_least", "at_most"] | None = None,
        *,
        where: str | None = None,
        warns: bool = False,
    ) -> Rule:
        """Return the policy's first blocking rule (with `warns`, any rule) on these measurements.

        Args:
            gate: name of the gate.
            measurements: names of the measurements.
            of: the candidate, or the comparison.
            bound: the bound that the rule must have.
            where: the slice that the rule must be about.
            warns: also accept rules that only warn.

        Raises:
            NotApplicableError: there is no such rule.
        """
        for rule in self.policy.rules.values():
            if (
                (rule.gate, rule.of) == (gate, of)
                and rule.measurement in measurements
                and (bound is None or getattr(rule, bound) is not None)
                and (where is None or fnmatchcase(where, rule.slice))
                and (warns or rule.on_fail == "fail")
            ):
                return rule
        kind = "" if warns else "blocking "
        limit = f" with {bound}" if bound else ""
        raise NotApplicableError(
            f"the policy has no {kind}rule{limit} on {' or '.join(measurements)} ({of})"
        )


def onnx_model(path: Path) -> onnx.ModelProto:
    """Load the graph at `path`, for changes."""
    import onnx

    return onnx.load_model(path)


def write_contract(contract: Contract, path: Path) -> None:
    """Store a contract as YAML."""
    from ruamel.yaml import YAML

    with path.open("w", encoding="utf-8") as stream:
        YAML(typ="safe").dump(contract.model_dump(mode="json", exclude_none=True), stream)
