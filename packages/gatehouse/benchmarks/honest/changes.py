"""Honest changes: base and candidate trained for real, in process, on simulated rows.

A table of Adult-like rows is adopted by `gatehouse init`, and a base is trained on it. Each change
is what a colleague would propose in good faith: another seed, 5 % new rows, harmless cleaning,
another family of models, a new feature. The real gates measure, and the policy of `init` decides.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from gatehouse.adopt.init import Wanted, init
from gatehouse.adopt.questions import Questions
from gatehouse.contract import CONTRACT_FILE, Column, Contract
from gatehouse.digest import PREPARED
from gatehouse.draws import draws_here
from gatehouse.drill.scene import write_contract
from gatehouse.evidence import Evidence
from gatehouse.gates import GATES
from gatehouse.gates.latency import LATENCY
from gatehouse.gates.spec import GateSpec
from gatehouse.judge import Case, judge
from gatehouse.measure import measure
from gatehouse.model import write_metadata
from gatehouse.pipeline.quantize import decided, quantize
from gatehouse.pipeline.settings import PARAMS_FILE, Settings, load_settings
from gatehouse.pipeline.trainer import TrainingData, as_model, find_trainer
from gatehouse.policy import POLICY_FILE, Policy, load_policy
from gatehouse.prepare import prepare
from gatehouse.samples.simulate import simulate
from gatehouse.seal import data_digest
from gatehouse.table import RAW, ROWS_FILE, write_table
from gatehouse.verdict import Outcome, Verdict
from gatehouse.workspace import MODEL, MODEL_FP32, Workspace

NETWORK = "pipeline.network:torch_mlp"
TREES = ("lightgbm", "xgboost", "hist_gradient_boosting")
FAMILIES = (NETWORK, *TREES)
LINEAR, FEW = "logistic_regression", 10_000
"""Of similar quality on a few thousand rows; on 30,000, its AUC is truly lower by 0.015."""
BASES = (NETWORK, TREES[0], NETWORK, TREES[1], NETWORK, TREES[2])
"""Trainers of the bases, in turn. Only the network draws at random, so it is every second one."""
OWNERS = {
    "feature": {"drift-schema"},
    "cleaning": {"exam-untouched", "drift-tails"},
    "family": {"latency-base"},
}
"""Rules that ask for an owner by design: of a new column; of changed rows of the exam, and far
values (here, a code for missing ones) that are gone; of trees that truly are slower."""
_SHOWN = (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.ERROR)
TARGET, POSITIVE = "income", ">50K"
CLEANINGS = ("ignored column", "impossible values", "spelling")
NEW = "union_member"
TODAY = date(2030, 1, 1)


@dataclass
class Recipe:
    """All that makes a workspace: contract, rows, trainer and seed."""

    contract: Contract
    rows: pd.DataFrame
    trainer: str
    seed: int = 0
    note: str = ""

    def build(self, root: Path, settings: Settings) -> Workspace:
        """Do in `root` what the pipeline's stages do."""
        write_contract(self.contract, root / CONTRACT_FILE)
        write_table(self.rows, root / RAW / ROWS_FILE)
        prepare(self.contract, root / RAW, root / PREPARED)
        space = Workspace(root)
        train = settings.train.model_copy(update={"trainer": self.trainer, "seed": self.seed})
        data = TrainingData(self.contract, space.split("train"), space.split("valid"))
        with contextlib.redirect_stdout(io.StringIO()):
            trained = find_trainer(self.trainer)(data, train, root / "curves")
        model = as_model(trained, self.contract, train)
        origin = {"data": data_digest(root / PREPARED)}
        write_metadata(trained.graph, model.metadata.model_copy(update=origin))
        content = trained.graph.SerializeToString()
        (root / MODEL).parent.mkdir(exist_ok=True)
        (root / MODEL_FP32).write_bytes(content)
        small = quantize(content, settings.quantize.method, data.train)
        (root / MODEL).write_bytes(decided(small, settings.decision.threshold))
        return space


@dataclass
class Fork:
    """A table that `gatehouse init` adopted, and the base that was trained on it.

    Attributes:
        root: a folder with params.yaml and all else that `init` asks for.
        size: rows of the table.
        number: of the table, the seed of its rows.
        trainer: of the base.
    """

    root: Path
    size: int
    number: int
    trainer: str
    policy: Policy = field(init=False)
    base: Recipe = field(init=False)
    space: Workspace = field(init=False)
    _memory: dict[object, Evidence] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = self.all_rows.iloc[: self.size]
        rows.to_parquet(self.root / "table.parquet")
        wanted = Wanted(
            "table.parquet", TARGET, positive=POSITIVE, protected=("sex", "race"),
            ignored=("fnlwgt", "education"), force=True,
        )  # fmt: skip
        with contextlib.chdir(self.root), contextlib.redirect_stderr(io.StringIO()):
            init(wanted, Questions(interactive=False))
        self.policy = load_policy(self.root / POLICY_FILE)
        self.base = Recipe(Workspace(self.root).contract, rows, self.trainer)
        (self.root / "base").mkdir()
        self.space = self.base.build(self.root / "base", self.settings)

    @cached_property
    def all_rows(self) -> pd.DataFrame:
        """The table's rows, then 5 % new ones for each of several changes."""
        return simulate(self.size + 10 * (self.size // 20), seed=1_000_003 + self.number)

    @cached_property
    def settings(self) -> Settings:
        return load_settings(self.root / PARAMS_FILE)

    def change(self, recipe: Recipe, *, latency: bool = False) -> Measured:
        """Build the candidate and measure it as the pipeline does."""
        root = self.root / "candidate"
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        space = recipe.build(root, self.settings)
        gates = tuple(gate for gate in GATES if latency or gate is not LATENCY)
        evidence = {gate.name: self._measured(gate, space) for gate in gates}
        return Measured(self, recipe, space, evidence, gates)

    def _measured(self, gate: GateSpec, space: Workspace) -> Evidence:
        """Return the gate's evidence; the data gate doesn't measure unchanged rows again."""
        key = gate.name, space.subject(gate), gate.compares and draws_here(space)
        if key not in self._memory:
            self._memory[key] = measure(gate, space, self.space, self.policy)
        return self._memory[key]


@dataclass(frozen=True)
class Measured:
    """A measured change; it can be judged by several policies with the same settings."""

    fork: Fork
    recipe: Recipe
    space: Workspace
    evidence: dict[str, Evidence]
    gates: tuple[GateSpec, ...]

    def judged(self, policy: Policy) -> Verdict:
        names = {gate.name for gate in self.gates}
        rules = {name: rule for name, rule in policy.rules.items() if rule.gate in names}
        case = Case(self.evidence, self.space.present(), self.fork.space.present(), TODAY)
        return judge(case, policy.model_copy(update={"rules": rules}), "base")


def seed(fork: Fork, number: int) -> Recipe:
    """Another seed."""
    return Recipe(fork.base.contract, fork.base.rows, fork.trainer, seed=1 + number)


def more_rows(fork: Fork, number: int) -> Recipe:
    """5 % new rows of the same source."""
    step = fork.size // 20
    start = fork.size + number % 10 * step
    new = fork.all_rows.iloc[start : start + step]
    rows = pd.concat([fork.base.rows, new], ignore_index=True)
    return Recipe(fork.base.contract, rows, fork.trainer)


def cleaning(fork: Fork, number: int) -> Recipe:
    """Harmless cleaning: of an ignored column, of impossible values, of a spelling."""
    rows, contract, note = fork.base.rows.copy(), fork.base.contract, CLEANINGS[number % 3]
    columns = dict(contract.columns)
    if note == CLEANINGS[0]:
        rows["fnlwgt"] += 1
        columns["fnlwgt"] = _changed(columns["fnlwgt"], range=None)
    elif note == CLEANINGS[1]:  # 99,999 stands for what the census does not disclose
        column = rows["capital_gain"].astype("Int64")
        rows["capital_gain"] = column.mask(column == 99_999)
        columns["capital_gain"] = _changed(columns["capital_gain"], missing=0.02)
    else:
        old, new = "Married-AF-spouse", "Married-armed-forces-spouse"
        rows["marital_status"] = rows["marital_status"].replace(old, new)
        listed = [new if name == old else name for name in columns["marital_status"].categories]
        columns["marital_status"] = _changed(columns["marital_status"], categories=tuple(listed))
    contract = contract.model_copy(update={"columns": columns})
    return Recipe(contract, rows, fork.trainer, note=note)


def family(fork: Fork, number: int) -> Recipe:
    """Another family of models."""
    families = (*FAMILIES, LINEAR) if fork.size < FEW else FAMILIES
    others = [name for name in families if name != fork.trainer]
    trainer = others[number % len(others)]
    return Recipe(fork.base.contract, fork.base.rows, trainer, note=trainer)


def feature(fork: Fork, number: int) -> Recipe:
    """A new feature: every second one says something of the label, the others nothing."""
    rows, informative = fork.base.rows.copy(), number % 2
    positive = (rows[TARGET] == POSITIVE).to_numpy(float)
    rng = np.random.default_rng([fork.number, number])
    chance = 0.3 + (0.15 * positive if informative else 0.0)
    rows[NEW] = np.where(rng.random(len(rows)) < chance, "yes", "no")
    column = Column.model_validate(
        {"type": "category", "categories": ["no", "yes"], "description": "Member of a union"}
    )
    columns = {**fork.base.contract.columns, NEW: column}
    contract = fork.base.contract.model_copy(update={"columns": columns})
    return Recipe(contract, rows, fork.trainer, note="informative" if informative else "neutral")


def _changed(column: Column, **values: object) -> Column:
    return column.model_copy(update=values)


KINDS: dict[str, Callable[[Fork, int], Recipe]] = {
    "seed": seed,
    "5 % new rows": more_rows,
    "cleaning": cleaning,
    "family": family,
    "feature": feature,
}


@dataclass(frozen=True)
class Result:
    """Which rules of a verdict are red or warn, and the text of the first finding of each."""

    kind: str
    about: str
    red: dict[str, str]
    warned: dict[str, str]

    @property
    def owners(self) -> set[str]:
        """Red rules that ask for an owner by design."""
        return set(self.red) & OWNERS.get(self.kind, set())

    @property
    def wrongly(self) -> set[str]:
        """All other red rules."""
        return set(self.red) - self.owners


def result(kind: str, change: Measured, policy: Policy) -> Result:
    """Judge a change."""
    fork, rules = change.fork, change.judged(policy).rules
    red, warned = (
        {
            each.rule: next(f"{f.slice}: {f.text}" for f in each.findings if f.outcome in _SHOWN)
            for each in rules
            if (each.blocks if blocks else each.warns)
        }
        for blocks in (True, False)
    )
    about = f"table {fork.number}, {fork.trainer}, {change.recipe.note or change.recipe.seed}"
    return Result(kind, about, red, warned)


def measured(
    lay: Callable[[Path], object], size: int, per_kind: int, bases: Sequence[str], timed: int = 0
) -> Iterator[tuple[str, Measured]]:
    """Measure `per_kind` changes of each kind, dealt over a table for each of `bases`.

    Args:
        lay: writes what `gatehouse init` needs into a folder.
        size: rows of a table.
        per_kind: a multiple of the number of bases.
        bases: trainers; half of them the network.
        timed: for how many changes latency is measured.
    """
    done, each = 0, per_kind // len(bases)
    seeds = per_kind // bases.count(NETWORK)
    for table, trainer in enumerate(bases):
        with tempfile.TemporaryDirectory() as folder:
            lay(Path(folder))
            fork = Fork(Path(folder), size, table, trainer)
            for kind, make in KINDS.items():
                drawn = seeds if trainer == NETWORK else 0  # trees draw nothing at random
                for number in range(drawn if make is seed else each):
                    change = make(fork, table * each + number)
                    yield kind, fork.change(change, latency=done < timed)
                    done += 1
