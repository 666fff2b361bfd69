"""From a table to the files of a fork: contract, policy, settings, model card."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gatehouse.adopt import files
from gatehouse.adopt.baseline import Baseline, Learning, leaks, learning, measure
from gatehouse.adopt.columns import plan_columns
from gatehouse.adopt.names import is_entity_name
from gatehouse.adopt.plan import ColumnPlan
from gatehouse.adopt.policy import policy_text
from gatehouse.adopt.policy.sizes import Sizes, sizes_of
from gatehouse.adopt.profile import Kind
from gatehouse.adopt.questions import Questions
from gatehouse.adopt.scan import Scan, scan
from gatehouse.adopt.table_place import Found, copy_file, find
from gatehouse.adopt.target import column_of, find_target
from gatehouse.adopt.texts import TEST, VALID, allowed_copies, card_text, contract_text, settings
from gatehouse.adopt.unlabelled import drop_unlabelled
from gatehouse.contract import Contract, Role, Task, parse_contract
from gatehouse.errors import GatehouseError
from gatehouse.ownership import load as load_ownership
from gatehouse.params import set_values
from gatehouse.policy import OwnGate, load_policy, parse_policy
from gatehouse.report.card_text import CardText
from gatehouse.typed import parse_yaml, validate, write_text

_FEW_ROWS = 1_000
_IMBALANCED = 0.05
"""Minimum share of a binary class; with more classes, the rarest may be rarer."""
_FEW_OF_CLASS = 50
_COLUMNS_TOLD = 5


@dataclass(frozen=True)
class Wanted:
    """The user's choices.

    Attributes:
        place: path or URL of the table.
        target: the column to predict.
        positive: the positive class of two.
        protected: columns for measuring fairness.
        ignored: columns that the model must not see.
        kept: columns that are features, whatever they look like.
        key: the column that identifies a row.
        weight: the column with the rows' training weights.
        task: used if the target leaves it open.
        force: overwrite files with uncommitted changes.
    """

    place: str
    target: str
    positive: str | None = None
    protected: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    key: str | None = None
    weight: str | None = None
    task: Task | None = None
    force: bool = False


@dataclass(frozen=True)
class Adopted:
    """The results of `gatehouse init`.

    Attributes:
        rows: number of rows that have a target.
        plan: of its columns.
        baseline: scores of two simple models.
        warnings: things to know before training.
        settings: of `data.file`.
        copied: message about the copy, if one was made.
        removed: deleted files of earlier runs.
    """

    rows: int
    plan: ColumnPlan
    baseline: Baseline
    warnings: tuple[str, ...]
    settings: dict[str, Any]
    copied: str | None
    removed: list[Path]


def init(wanted: Wanted, questions: Questions) -> Adopted:
    """Write contract.yaml, policy.yaml, params.yaml and model_card.yaml for a table.

    All texts are made and checked before the first file is written.

    Raises:
        GatehouseError: the table can't be fetched or read, a column is missing or can't have its
            role, or files with uncommitted changes would be overwritten. Nothing is then written.
    """
    files.check_repository()
    border = load_ownership()
    with find(wanted.place) as found:
        _check_names(wanted, found.table.columns)
        for note in found.table.notes:
            questions.tell(note)
        files.check_unchanged(_overwritten(found), questions, force=wanted.force)
        whole = scan(found.table, wanted.target)
        _tell_marks(whole, questions)
        seen = drop_unlabelled(found.table, whole, wanted.target, questions)
        target = find_target(seen, wanted.target, wanted.positive, wanted.task, questions)
        unlabelled = "refuse" if seen is whole else "drop"
        file = found.settings | {"missing": list(seen.marks), "unlabelled": unlabelled}
        plan = plan_columns(
            seen, target, wanted.protected, wanted.key, questions,
            ignored=wanted.ignored, kept=wanted.kept, weight=wanted.weight,
        )  # fmt: skip
        sizes = sizes_of(seen, plan, VALID, TEST)
        text, contract = _contract(plan, found, seen)
        data = learning(seen, contract, found.table.dialect.decimal)
        leaking = {name: v for name, v in leaks(data).items() if name not in wanted.kept}
        baseline = None
        if leaking:
            if not questions.interactive:
                baseline = _learned_without(data, leaking, sizes)
            needed = not questions.interactive and baseline is None
            plan = without_leaks(plan, leaking, questions, needed=needed)
            text, contract = _contract(plan, found, seen)
            data = learning(seen, contract, found.table.dialect.decimal)
        baseline = baseline or measure(data, sizes.test)
        kept = any(contract.columns[name].is_model_input for name in leaking)
        policy = policy_text(seen, plan, contract, baseline, sizes, leaking=kept, own=_own_gates())
        parse_policy(policy, files.POLICY)
        card = card_text(plan, found.title)
        validate(CardText, parse_yaml(card, files.CARD), files.CARD)
        # Write the settings first, because only they may be refused.
        set_values(settings(plan, file, sizes.train))
        copy_file(found)
        removed = files.take_away(border)
        write_text(files.CONTRACT, text)
        write_text(files.POLICY, policy)
        write_text(files.CARD, card)
        return Adopted(
            seen.rows, plan, baseline, tuple(_warnings(whole, seen, plan, baseline, sizes)),
            file, found.note, removed,
        )  # fmt: skip


def _own_gates() -> dict[str, OwnGate]:
    """Return the current policy's own gates; none if it can't be read: it is rewritten."""
    try:
        return load_policy(files.POLICY).gates
    except GatehouseError:
        return {}


def _tell_marks(seen: Scan, questions: Questions) -> None:
    """Report which texts are read as missing values, and where."""
    columns: dict[str, list[str]] = {}
    for name, marks in seen.marked().items():
        for mark in marks:
            columns.setdefault(mark, []).append(name)
    for mark, names in columns.items():
        shown = ", ".join(names[:_COLUMNS_TOLD]) + (", …" if len(names) > _COLUMNS_TOLD else "")
        questions.tell(
            f"'{mark}' counts as a missing value (in {shown}): see data.file.missing in params.yaml"
        )


def _contract(plan: ColumnPlan, found: Found, seen: Scan) -> tuple[str, Contract]:
    """Return the contract as text and parsed."""
    text = contract_text(plan, found.title, seen.copies)
    return text, parse_contract(text, files.CONTRACT)


def _overwritten(found: Found) -> Path | None:
    """Return the copy's path if it exists with other content."""
    copy = found.copy
    if copy is None or not copy.exists() or copy.resolve() == found.table.path.resolve():
        return None
    return None if copy.read_bytes() == found.table.path.read_bytes() else copy


def _check_names(wanted: Wanted, names: Sequence[str]) -> None:
    column_of(wanted.target, "--target", names)
    for name in wanted.protected:
        column_of(name, "--protected", names)
    for name in wanted.ignored:
        column_of(name, "--ignore", names)
    for name in wanted.kept:
        column_of(name, "--keep", names)
    for option, named in (("--key", wanted.key), ("--weight", wanted.weight)):
        if named is not None:
            column_of(named, option, names)


def _learned_without(data: Learning, leaking: Collection[str], sizes: Sizes) -> Baseline | None:
    """Return the baseline without these columns, or None if they are the only features."""
    names = [name for name in data.features if name not in leaking]
    if not names:
        return None
    categorical = tuple(name for name in data.categorical if name not in leaking)
    rest = replace(data, features=data.features[names], categorical=categorical)
    baseline = measure(rest, sizes.test)
    return baseline if _learns(data.task, baseline) else None


def without_leaks(
    plan: ColumnPlan, found: dict[str, float], questions: Questions, *, needed: bool = False
) -> ColumnPlan:
    """Return the plan without the columns that predict the target by themselves, or with warnings.

    Values that are known only after the fact would raise the floors beyond any model's reach.
    `needed` keeps the columns.
    """
    for name, value in found.items():
        metric = "R²" if plan.target.task is Task.REGRESSION else "ROC AUC"
        reason = f"predicts the target by itself ({metric} {value:.3f})"
        alone = len(plan.of(Role.FEATURE)) == 1
        if needed:
            questions.tell(
                f"'{name}' {reason}: kept, since nothing is learned without such columns. If it is "
                f"known only after the fact: the same command again with --force --ignore {name}"
            )
        if (
            not needed
            and not alone
            and questions.yes(
                f"'{name}' {reason}: most often it is known only after the fact. Leave it out?",
                default=True,
                note=f"'{name}' {reason}, as what is known only after the fact does: left out, and "
                "the floors of policy.yaml are measured without it. If it is known before the "
                f"prediction: the same command again with --force --keep {name}",
            )
        ):
            plan = plan.leaving_out(
                name, f"ignored: {reason}; known before the prediction? Then --keep {name}"
            )
        else:
            plan = plan.warned(name, f"{reason}: a leak?")
    return plan


def _warnings(
    whole: Scan, seen: Scan, plan: ColumnPlan, baseline: Baseline, sizes: Sizes
) -> list[str]:
    target, warnings = plan.target, []
    if 2 * seen.rows < whole.rows:
        warnings.append(
            f"only {seen.rows:,} of {whole.rows:,} rows have a value of '{target.name}': the model "
            "learns from these, and is judged on these; are they like the others?"
        )
    if seen.rows < _FEW_ROWS:
        warnings.append(
            f"{seen.rows:,} rows are few: about {sizes.test} are tested on, so that intervals are "
            "wide, floors are low, and much will be inconclusive, which warns"
        )
    if target.classes:
        value, n = target.smallest
        share = n / seen.rows
        if share < _IMBALANCED * 2 / len(target.classes):
            warnings.append(
                f"'{target.name}' is imbalanced: '{value}' is {share:.1%} of the rows; accuracy "
                "says little then, and "
                + (
                    "decision.threshold 0.5 may decide it never"
                    if target.positive is not None
                    else "recall by class says more"
                )
            )
        if n < _FEW_OF_CLASS:
            warnings.append(
                f"'{value}' of '{target.name}' has {n} row{'s' * (n != 1)}, about {sizes.rarest} "
                "to test on, so its results will be uncertain; consider merging rare classes"
            )
    warnings += [
        f"'{name}' is in several rows: rows of the same {name} are in train and in test, so "
        f"that metrics look better than on a new {name} (group leakage). Keep one row of each, or "
        "aggregate its rows into one"
        for name, profile in seen.profiles.items()
        if profile.kind is Kind.ENTITY and is_entity_name(name)
    ]
    if (allowed := allowed_copies(plan, seen.copies)) is not None:
        warnings.append(
            f"{seen.copies:.1%} of the rows have an exact copy: contract.yaml allows {allowed:.0%} "
            "(copies). If something was loaded twice, take it out of the file and do this again; "
            "a column that tells rows apart is better (--key)"
        )
    if not _learns(target.task, baseline):
        warnings.append(
            "the baseline does no better than guessing: these columns may not predict "
            f"'{target.name}'"
        )
    return warnings


def _learns(task: Task, baseline: Baseline) -> bool:
    name, chance = ("r2", 0.0) if task is Task.REGRESSION else ("roc_auc", 0.5)
    score = baseline.scores[name]
    return max(score.linear, score.boosted) > chance + 0.01
