"""Tells the rows gate whether a candidate's data and model come from a run that counts."""

from __future__ import annotations

from pathlib import Path

from gatehouse.base import Base, take_base
from gatehouse.errors import GatehouseError
from gatehouse.evidence import PAIR, evidence_path, read_evidence
from gatehouse.gates.rows import ROWS
from gatehouse.origin import with_origin
from gatehouse.trusted.past import was_recorded
from gatehouse.workspace import Workspace

NOT_MADE_HERE = "it was not made here: the base's policy says `model: recorded`"


def origin_problem(made: str | None, candidate: Workspace, base: Base, root: Path) -> str | None:
    """Return why data and model do not count as made by a run, or None if they do.

    Data and model of the base count, and those that the default branch once recorded.

    Args:
        made: why the run that made the candidate does not count, or None if it does.
        candidate: the unpacked candidate; none of its tables and graphs is opened.
        base: the commit that it would merge into, whose data and model are here.
        root: the checkout of the default branch's tip.

    Raises:
        GatehouseError: the default branch's history can't be fetched.
    """
    if base.policy is not None and base.policy.model == "recorded":
        made = NOT_MADE_HERE
    if made is None:
        return None
    subject = candidate.present(PAIR)
    before = take_base(base, root)
    if before is not None and before.present(PAIR).pair == subject.pair:
        return None
    return None if was_recorded(subject, root) else made


def write_origin(candidate: Workspace, problem: str | None) -> None:
    """Add the known origin to the rows gate's evidence, if there is any.

    Args:
        candidate: the candidate with its evidence; statements of the measuring process about the
            origin are replaced.
        problem: why data and model do not count, or None if they do.
    """
    path = evidence_path(candidate.evidence, ROWS.name)
    try:
        evidence = read_evidence(path, ROWS.name)
    except GatehouseError:
        return  # every rule of the gate will report this
    with_origin(evidence, problem).write(path)
