"""The rows gate: what a change did to the base's rows, and above all to the exam.

The exam is the base's test rows. The base's split rule assigns the raw rows of base and candidate,
which are then matched as multisets (`gatehouse.ledger`), so most numbers here are counts:

- `first_run`: is there a base, but none that can be compared with?
- `left_out_rows` and `split_leak` are about the candidate's rows alone, and are measured without a
  base too (`gatehouse.gates.rows.leaks`);
- `split_changes`: settings of the split rule that the change alters, which gives another exam;
- rows by outcome: unchanged, changed, relabelled, gone, added, repeated; columns that both
  contracts ignore do not count;
- `explained_rows`: rows that are gone because of a retention or the list of erased rows
  (`gatehouse.ledger.explained`); only if the base has one of these;
- `touched_exam_rows`: test rows of the base that are changed, relabelled, or gone and unexplained;
- `exam_growth`: new test rows, added or repeated, per row of the exam. This number and the touched
  rows are counted since an owner's last acceptance (`gatehouse.since`), so that small steps add up;
- `unfair_deal`: how far the distinct identities that were added, gone, changed or relabelled lie
  from the contract's shares of train, valid and test. Exact binomial tests, Bonferroni over the
  splits, Holm over the four kinds of rows (Holm 1979);
- `train_turnover`: rows outside test that a change touched, if the test rows are an official file,
  because then no new row can fall into test; 0 if the split rule assigns the test rows;
- `exam_leak`: rows outside test that equal an exam row in all graph inputs, or in all but one, as a
  share; the base's own share shows how many occur by chance. Rows whose numbers are in the same
  cells as an exam row's are counted too, and the kind that is farthest above the base decides;
- `not_from_run`: whether data and model come from no run that counts, which only the trusted
  workflow can tell (`gatehouse.origin`).

Equality of rows is decided by hashes under a key that is drawn for each run.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gatehouse.base import read_record
from gatehouse.evidence import Measurement, Of
from gatehouse.gates.holm import holm
from gatehouse.gates.rows.question import first_run, split_changes
from gatehouse.gates.rows.steps import Sides, earlier_rows, growth, touched
from gatehouse.gates.spec import Found
from gatehouse.gates.tools import versions
from gatehouse.origin import unknown_origin
from gatehouse.policy import Policy

if TYPE_CHECKING:
    from gatehouse.contract import Contract
    from gatehouse.ledger.explained import Kept
    from gatehouse.ledger.leak import Twins
    from gatehouse.ledger.ledger import Ledger, Table
    from gatehouse.workspace import Workspace

TOUCHES = ("added", "gone", "changed", "relabelled")
"""Deliberate changes to a row. Repeating a row is not one, since it changes no identity."""

_IN_CELLS = {
    "close": "all graph inputs, numbers by cells of a quarter of a standard deviation",
    "about": "all graph inputs, or in all but one, numbers by cells of a quarter of a standard "
    "deviation",
}
_TWINS = {"near": "all graph inputs, or in all but one"} | _IN_CELLS
"""The kinds of twins (`gatehouse.ledger.leak`), by what the two rows have in common."""
_DEVIATIONS = 4

_MATCHED = "rows matched as multisets by keyed 64-bit hashes"


def measure(candidate: Workspace, base: Workspace | None, policy: Policy) -> Found:
    """Measure the rows gate.

    Raises:
        GatehouseError: raw rows are missing or unreadable, or lack an identity column.
    """
    return Found(
        tools=versions("numpy", "pandas", "pyarrow", "scipy"),
        measurements=(
            first_run(candidate, base),
            *(_compared(candidate, base) if base else ()),
            *_alone(candidate, policy.measure.seed),
            unknown_origin(),
        ),
    )


def _compared(candidate: Workspace, base: Workspace) -> list[Measurement]:
    from gatehouse.ledger.leak import Exam
    from gatehouse.ledger.ledger import deal_parts
    from gatehouse.ledger.parts import raw_parts

    contract = base.contract.without_ignored(candidate.contract)
    parts = tuple(raw_parts(base.raw))
    official = any(part.official_test for part in parts)
    old = deal_parts(parts, contract, official_test=official)
    new = deal_parts(tuple(raw_parts(candidate.raw)), contract, official_test=official)
    exam = Exam(old, list(contract.inputs))
    erased = read_record(candidate.root).erased
    sides = Sides(old, new, contract, erased, official)
    ledger = sides.kept.ledger
    return [
        *_counts(ledger, old, new),
        *(_explained(sides.kept) if contract.retention or erased else ()),
        split_changes(candidate, base),
        touched(sides, earlier_rows(candidate, "touched_exam_rows")),
        growth(sides, earlier_rows(candidate, "exam_growth")),
        *_deals(ledger, contract, official_test=official),
        _turnover(sides.kept, official_test=official),
        *_leak(exam.twins(old), exam.twins(new), _touched(ledger)),
    ]


def _alone(candidate: Workspace, seed: int) -> list[Measurement]:
    """Measure the candidate's rows by the rule that split them, whatever the base's is."""
    from gatehouse.gates.rows.leaks import leaks, left_out
    from gatehouse.ledger.ledger import deal_parts
    from gatehouse.ledger.parts import raw_parts

    parts, contract = tuple(raw_parts(candidate.raw)), candidate.contract
    official = any(part.official_test for part in parts)
    table = deal_parts(parts, contract, official_test=official)
    return [left_out(table), *leaks(table, contract, seed)]


def _counts(ledger: Ledger, old: Table, new: Table) -> list[Measurement]:
    """Count the rows of both sides, and the rows of each outcome in each split."""
    from gatehouse.digest import SPLITS
    from gatehouse.ledger.compare import Outcome

    found = [
        Measurement(name="rows", of=of, value=len(side), unit="rows", n=len(side), method="exact")
        for of, side in ((Of.BASE, old), (Of.CANDIDATE, new))
    ]
    slices = {"all": None} | {f"split={name}": place for place, name in enumerate(SPLITS)}
    return found + [
        Measurement(
            name=f"{outcome.name.lower()}_rows",
            of=Of.COMPARISON,
            slice=name,
            value=ledger.count(outcome, split),
            unit="rows",
            n=len(new) if outcome in (Outcome.ADDED, Outcome.REPEATED) else len(old),
            method=f"{_MATCHED}; dealt by the base's split rule",
        )
        for outcome in Outcome
        for name, split in slices.items()
    ]


def _deals(ledger: Ledger, contract: Contract, *, official_test: bool) -> list[Measurement]:
    """Test how the touched identities were split; with an official test, into train and valid."""
    from gatehouse.ledger.compare import TEST, Outcome
    from gatehouse.ledger.fair import fair_deal
    from gatehouse.splits import rule_of

    deals, by_chance = [], rule_of(contract.split).by_chance
    valid, test = contract.split.shares if by_chance else (0.0, 0.0)
    if official_test:
        valid, test = valid / (1 - test), 0.0
    shares = (1 - valid - test, valid, test)
    for kind in TOUCHES:
        splits = ledger.units(Outcome[kind.upper()])[: None if by_chance else 0]
        deals.append(fair_deal(splits[splits != TEST] if official_test else splits, shares))
    return [
        Measurement(
            name="unfair_deal",
            of=Of.COMPARISON,
            slice=f"rows={kind}",
            value=deal.deviation,
            unit="share",
            p_value=p_value,
            n=deal.n,
            method="total variation distance of distinct identities (by group: of groups) from the "
            "contract's shares; "
            f"exact binomial of each split, Bonferroni; Holm-adjusted over {len(deals)} tests",
            samples=tuple(
                f"{name} {count:,}"
                for name, count in zip(("train", "valid", "test"), deal.counts, strict=True)
            ),
            note=None if by_chance else "not tested: the split rule does not deal by chance",
        )
        for kind, deal, p_value in zip(
            TOUCHES, deals, holm([deal.p_value for deal in deals]), strict=True
        )
    ]


def _explained(kept: Kept) -> list[Measurement]:
    """Count the explained rows among those that are gone, in total and in the exam."""
    from gatehouse.ledger.compare import TEST
    from gatehouse.ledger.explained import Reason

    return [
        Measurement(
            name="explained_rows",
            of=Of.COMPARISON,
            slice=f"reason={reason.name.lower()}{where}",
            value=kept.count(reason, split),
            unit="rows",
            n=len(kept.reasons),
            method=method,
        )
        for reason, method in (
            (Reason.RETENTION, "gone rows older than all that are left, in a complete sweep"),
            (Reason.ERASURE, "gone rows in the base's list, by HMAC-SHA-256; none if they are too "
             "many of the exam"),
        )
        for where, split in (("", None), (" & split=test", TEST))
    ]  # fmt: skip


def _turnover(kept: Kept, *, official_test: bool) -> Measurement:
    """Measure the touched rows outside test per row that the base has there."""
    from gatehouse.ledger.compare import TEST
    from gatehouse.ledger.explained import Reason

    outside = int((kept.ledger.base_splits != TEST).sum())
    touched = _touched(kept.ledger) - sum(
        kept.count(reason) - kept.count(reason, TEST)
        for reason in (Reason.RETENTION, Reason.ERASURE)
    )
    return Measurement(
        name="train_turnover",
        of=Of.COMPARISON,
        value=touched / outside if official_test and outside else 0,
        unit="share",
        n=outside,
        method="rows outside test that are added, repeated, changed, relabelled, or gone and "
        "unexplained / rows of "
        "the base outside test; 0 where the split rule deals test, which unfair_deal judges; exact",
    )


def _touched(ledger: Ledger) -> int:
    """Count the rows outside test that the change added, repeated, removed or altered."""
    from gatehouse.ledger.compare import TEST, Outcome

    return sum(
        ledger.count(outcome) - ledger.count(outcome, TEST)
        for outcome in Outcome
        if outcome is not Outcome.UNCHANGED
    )


def _leak(old: Twins, new: Twins, touched: int) -> list[Measurement]:
    """Measure the kind of twins that is farthest above the base's share.

    Args:
        old: twins of the base.
        new: twins of the candidate.
        touched: rows outside test that the change added, removed or altered.
    """
    kinds = {kind: _above_chance(old, new, kind, touched) for kind in _TWINS}
    worst = max(kinds, key=lambda kind: kinds[kind])
    values = {
        Of.BASE: (old.share(worst), old.rows),
        Of.CANDIDATE: (new.share(worst), new.rows),
        Of.COMPARISON: (kinds[worst], new.rows),
    }
    less = f", less {_DEVIATIONS} standard deviations of chance" * (worst in _IN_CELLS)
    return [
        Measurement(
            name="exam_leak",
            of=of,
            value=value,
            unit="share",
            n=rows,
            method=f"rows outside test that equal an exam row in {_TWINS[worst]}, by keyed 64-bit "
            "hashes" + (f"; candidate - base{less}" * (of is Of.COMPARISON)),
        )
        for of, (value, rows) in values.items()
    ]


def _above_chance(old: Twins, new: Twins, kind: str, touched: int) -> float:
    """Return how far a share of twins lies above the base's.

    With few inputs the cells are coarse, and many twins occur by chance. Each row that the change
    touched is a draw at the base's rate, so the share that these rows can add by chance is
    subtracted.
    """
    share = old.share(kind)
    above = new.share(kind) - share
    if kind not in _IN_CELLS or not new.rows:
        return above
    spread = math.sqrt(touched * share * (1 - share)) / new.rows
    return above - _DEVIATIONS * spread
