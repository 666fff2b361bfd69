"""The sealed exam: rows that only the gates can read, looked at so coarsely that they last.

Only three numbers leave: the ladder's answer (`gatehouse.gates.accuracy.ladder`), the gain on the
visible exam that it does not confirm, and whether sealed rows were found in the candidate's rows
outside test.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from gatehouse.base import read_record
from gatehouse.digest import PREPARED, SPLITS, file_digest
from gatehouse.errors import GatehouseError
from gatehouse.evidence import SEALED, SEALED_ELSEWHERE, Asked, Measurement, Of
from gatehouse.gates.accuracy.ladder import climb, rounded, rounded_up
from gatehouse.gates.accuracy.measure import measure_models
from gatehouse.gates.exam import Exam
from gatehouse.gates.metrics import headlines
from gatehouse.gates.predictions import Predictions, predict
from gatehouse.policy import SEALED_LEAK, Policy
from gatehouse.sealed import SEALED_FILE
from gatehouse.table import read_table
from gatehouse.workspace import MODEL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from gatehouse.policy import Sealed
    from gatehouse.workspace import Workspace

GAP = "sealed_gap"
"""The gain on the visible exam that the sealed one does not confirm."""
_DEVIATIONS = 4


def on_sealed(
    exam: Exam, base: Workspace, measured: Sequence[Measurement], policy: Policy
) -> tuple[list[Measurement], Asked | None]:
    """Return what the sealed rows say, and what was asked so far; nothing without such rows.

    The base's own model asks nothing. Nor does a candidate after the budget was used up.

    Args:
        exam: the visible exam of candidate and base.
        base: the base; its contract names the columns of the sealed rows.
        measured: the gate's measurements on the visible exam.
        policy: its settings of measuring count.

    Raises:
        GatehouseError: the sealed rows are unreadable or others than the base's policy names.
    """
    record, root = read_record(exam.candidate.root), exam.candidate.root
    sealed, before = record.sealed, record.asked
    if sealed is None:
        return [], None
    path = root / SEALED_FILE
    if not path.is_file():
        return _unknown(headlines(base.contract.task)[0].name, SEALED_ELSEWHERE), before
    if file_digest(path) != sealed.digest:
        raise GatehouseError("the sealed rows are not those of policy.yaml: check sealed.digest")
    metric = headlines(base.contract.task)[0].name
    leak = _leak(exam, base, path)
    same = file_digest(root / MODEL) == file_digest(base.root / MODEL)
    if before is not None and before.asked >= sealed.budget and not same:
        note = f"the budget of {sealed.budget:,} questions is used up; seal other rows"
        return [*_unknown(metric, note)[:2], leak], before
    gained = next((m.value or 0.0 for m in measured
                   if (m.name, m.of, m.slice) == (metric, Of.COMPARISON, "all")), 0.0)  # fmt: skip
    rows = read_table(path, plain=base.contract.columns)
    now, accepted = _ask(exam, base, rows, sealed, before, gained, policy, same=same)
    note = f"question {now.asked:,} of {sealed.budget:,}; "
    if not accepted:
        note += "the candidate's model does not accept the sealed rows"
    elif now.answer > (before.answer if before else now.first):
        note += "better than before"
    else:
        note += "not better than before by a step"
    method = f"ladder (Blum and Hardt 2015): the best answer so far, in steps of {sealed.step:g}"
    return [
        Measurement(name=metric, slice=SEALED, value=now.answer, unit="1", n=len(rows),
                    method=method, decides=False, note=note),
        Measurement(name=GAP, of=Of.COMPARISON, value=now.gained - (now.answer - now.first),
                    unit="1", n=len(rows), note=note,
                    method=f"gain on the exam since the first question - gain by the {method}"),
        leak,
    ], now  # fmt: skip


def _ask(
    exam: Exam,
    base: Workspace,
    rows: pd.DataFrame,
    sealed: Sealed,
    before: Asked | None,
    gained: float,
    policy: Policy,
    *,
    same: bool,
) -> tuple[Asked, bool]:
    """Return what was asked with this question, and whether the candidate accepts the rows.

    Errors name no row: a model could be made to fail on a certain one.
    """
    metric = headlines(base.contract.task)[0]
    theirs = _predict(base, rows, base)
    if theirs is None:
        raise GatehouseError("the base's model does not accept the sealed rows; seal other rows")
    ours = None if same else _predict(exam.candidate, rows, base)
    models = {Of.CANDIDATE: theirs if ours is None else ours, Of.BASE: theirs}
    found = {
        each.of: each
        for each in measure_models(models, policy)
        if (each.name, each.slice) == (metric.name, "all")
    }
    was, value = found[Of.BASE].value, found[Of.CANDIDATE].value
    if was is None:
        raise GatehouseError(f"{metric.name} on the sealed rows is {metric.undefined}")
    if before is None:
        answer = rounded(was, sealed.step)
        before = Asked(exam=sealed.digest, asked=1, answer=answer, first=answer, gained=0.0)
    if same:
        return before, True
    answer, variance, interval = before.answer, before.variance, found[Of.COMPARISON].interval
    if ours is not None and value is not None and interval is not None:
        z = NormalDist().inv_cdf((1 + interval.confidence) / 2)
        variance += ((interval.high - interval.low) / (2 * z)) ** 2
        answer = climb(answer, value, math.sqrt(variance), step=sealed.step, budget=sealed.budget)
    if answer > before.answer:
        variance = 0.0
    update = {
        "asked": before.asked + 1,
        "answer": answer,
        "variance": rounded_up(variance) if variance else 0.0,
        "gained": before.gained + gained,
    }
    return before.model_copy(update=update), ours is not None


def _predict(side: Workspace, rows: pd.DataFrame, base: Workspace) -> Predictions | None:
    """Return the predictions of the rows; None if the model does not accept them."""
    try:
        return predict(side.model, rows, base.contract)
    except GatehouseError:
        return None


def _unknown(metric: str, note: str) -> list[Measurement]:
    return [
        Measurement(name=name, of=of, slice=where, value=None, unit="1", n=0,
                    method="not measured", decides=name != metric, note=note)
        for name, of, where in (
            (metric, Of.CANDIDATE, SEALED),
            (GAP, Of.COMPARISON, "all"),
            (SEALED_LEAK, Of.COMPARISON, "all"),
        )
    ]  # fmt: skip


def _above(share: float, chance: float, n: int, m: int) -> bool:
    """Return whether a share of n rows lies surely above a share of m rows."""
    pooled = (n * share + m * chance) / (n + m)
    return share - chance > _DEVIATIONS * math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))


def _leak(exam: Exam, base: Workspace, path: Path) -> Measurement:
    """Measure whether more sealed rows than by chance have a twin in the rows outside test.

    The exam's own rows show how many have one by chance.
    """
    from gatehouse.ledger.compare import TEST
    from gatehouse.ledger.leak import Exam as Inputs
    from gatehouse.ledger.ledger import Table
    from gatehouse.ledger.parts import Part

    def table(split: int, *files: Path) -> Table:
        parts = tuple(Part(file.name, "", file) for file in files)
        rows = sum(len(read_table(file, columns=[base.contract.target])) for file in files)
        return Table(parts, np.full(rows, split, np.uint8))

    train, valid, test = (f"{name}.parquet" for name in SPLITS)
    prepared = exam.candidate.root / PREPARED
    outside = Inputs(table(TEST, prepared / train, prepared / valid), list(base.contract.inputs))
    ours, chance = (outside.twins(table(0, file)) for file in (path, base.prepared / test))
    found = any(
        _above(ours.share(kind), chance.share(kind), ours.rows, chance.rows)
        for kind in ("equal", "near")
    )
    return Measurement(
        name=SEALED_LEAK,
        of=Of.COMPARISON,
        value=int(found),
        unit="1",
        n=ours.rows,
        method="1 if sealed rows equal a row outside test in all inputs of the graph, or in all "
        f"but one, more often than exam rows do by {_DEVIATIONS} standard deviations; keyed 64-bit "
        "hashes",
    )
