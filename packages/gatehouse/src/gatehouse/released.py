"""The past of a base: its branch's best released model, and how many candidates its exam judged.

Each merge may lose up to the margin of the rule that compares with the base, so many merges could
lose any amount. A change is therefore also compared with the best model that the branch released.
The gates recorded the paired difference of each merged model from the one before. The sum of these
differences finds the best model, whatever happened to the exam meanwhile; the accuracy gate then
measures that model on the exam of today.

Each candidate that an exam judged also says a little about its rows, so their number is reported.

Only commits merged directly into the branch count (first parents). An owner who accepts a loss
against the best released model starts again from the model that they accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from gatehouse.acceptance.record import FOLDER, parse
from gatehouse.base import LOCK, Base, Judged, find_base
from gatehouse.contract import Contract
from gatehouse.errors import GatehouseError
from gatehouse.evidence import RELEASED, Better, Evidence, Of, evidence_path
from gatehouse.first_run import other_question
from gatehouse.gates.accuracy import ACCURACY
from gatehouse.gates.metrics import headlines
from gatehouse.git import file_at, git
from gatehouse.since import since_last_word
from gatehouse.verdict import Outcome, Verdict
from gatehouse.workspace import EVIDENCE, VERDICT

COMMITS = 300
"""Maximum number of records to search, newest first."""
_UNKNOWN = 1e-9
"""How much better the older of two models counts if their difference was not recorded."""
ACCURACY_EVIDENCE = evidence_path(EVIDENCE, ACCURACY.name)


@dataclass(frozen=True)
class _Record:
    """A commit that recorded a run, and the text and content of its accuracy evidence."""

    commit: str
    text: str | None
    evidence: Evidence | None


def released_before(base: Base, root: Path, bring: Callable[[Base], object]) -> Base:
    """Return the base, with its branch's best released model if that is another one than its own.

    Args:
        base: the tip that a change would merge into.
        root: a checkout with the history of that tip.
        bring: fetches the data and model of an earlier commit. If it fails, the gate reports that.

    Raises:
        GatehouseError: Git fails.
    """
    if base.record.outputs is None or base.contract is None:
        return base
    records = list(_records(base.commit, root))
    record = base.record.model_copy(update={"judged": _judged(records)})
    best = _best(base.contract, records, root)
    if best is not None and best.record.outputs != base.record.outputs:
        record = record.model_copy(update={"released": best.record.outputs})
        try:
            bring(best)
        except GatehouseError as error:
            print(f"the best released model, of {best.commit[:12]}: {error}")
    return replace(base, record=record)


def with_past(base: Base, root: Path, bring: Callable[[Base], object]) -> Base:
    """Return the base with the earlier rows and the earlier model that measurements refer to.

    Args:
        base: the tip that a change would merge into.
        root: a checkout with the history of that tip.
        bring: fetches the data and model of an earlier commit.

    Raises:
        GatehouseError: Git fails.
    """
    return released_before(since_last_word(base, root, bring), root, bring)


def _records(tip: str, root: Path) -> Iterator[_Record]:
    words = ("log", "--first-parent", f"--max-count={COMMITS}", "--format=%H", tip, "--")
    for commit in git(*words, LOCK.as_posix(), root=root).split():
        if file_at(commit, LOCK, root) is None:
            return  # a commit that takes the record out starts again
        text = evidence = None
        try:
            text = file_at(commit, ACCURACY_EVIDENCE, root)
            evidence = None if text is None else Evidence.parse(text, ACCURACY_EVIDENCE)
        except GatehouseError:
            pass  # of an older schema
        yield _Record(commit, text, evidence)


def _judged(records: list[_Record]) -> Judged | None:
    """Count the different candidates recorded on the newest exam, since it last changed."""
    digest, models = None, set()
    for record in records:
        if record.evidence is None or record.evidence.exam is None:
            break
        digest = digest or record.evidence.exam.digest
        if record.evidence.exam.digest != digest:
            break
        models.add(record.evidence.candidate.model)
    return None if digest is None else Judged(exam=digest, candidates=len(models))


def _best(contract: Contract, records: list[_Record], root: Path) -> Base | None:
    """Return the commit of the model with the best headline metric, or None without a record."""
    best, most, value = None, 0.0, 0.0
    for record, older in pairwise([*records, None]):
        assert record is not None
        if best is None or (value > most and _passed(record.commit, root)):
            try:
                found = find_base(record.commit, root)
            except GatehouseError:
                break  # of an older schema
            if found.contract is None or other_question(contract, found.contract):
                break
            best, most = found, max(value, most)
        if _accepted(record.commit, root):
            break
        known = older is None or record.text != older.text
        gained = gain(contract, record.evidence) if known else None
        value += _UNKNOWN if gained is None else -gained
    return best


def gain(contract: Contract, evidence: Evidence | None) -> float | None:
    """Return how much better a candidate was than the model before it; None if unknown."""
    metric = headlines(contract.task)[0]
    for each in evidence.measurements if evidence else ():
        if (each.name, each.of, each.slice) == (metric.name, Of.COMPARISON, "all"):
            return -each.value if each.value and metric.better is Better.LOWER else each.value
    return None


def _passed(commit: str, root: Path) -> bool:
    """Return whether a model passed, since only such a model is released."""
    try:
        text = file_at(commit, VERDICT, root)
        return text is not None and Verdict.parse(text, VERDICT).outcome is Outcome.PASS
    except GatehouseError:
        return False


def _accepted(commit: str, root: Path) -> bool:
    """Return whether an owner accepted a loss against the best released model in a commit."""
    words = ("diff-tree", "--root", "-m", "--first-parent", "--no-commit-id", "--name-only",
             "--diff-filter=A", "-r", "-z", commit, "--", FOLDER.as_posix())  # fmt: skip
    for name in filter(None, git(*words, root=root).split("\0")):
        try:
            found = parse((file_at(commit, Path(name), root) or "").encode(), Path(name))
        except GatehouseError:
            continue
        rules = [entry.rule for entry in found.scope.rules.values()]
        if any((rule.gate, rule.slice) == (ACCURACY.name, RELEASED) for rule in rules):
            return True
    return False
