"""What an owner accepted, as a file of `acceptances/`: which failure, of which data and model.

An acceptance holds wherever these are judged, for a failure no worse than the accepted one. For one
finding that means: the same slice, and a value that does not lie farther beyond the rule's limit
than the accepted finding reached. A finding reaches as far as its interval's far end, or its value
where it has no interval: a time that is measured again is another number of the same model. A
finding that could not be measured covers only one that can't be measured either.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from gatehouse.errors import GatehouseError
from gatehouse.evidence import Interval, Subject
from gatehouse.policy import Login, Rule
from gatehouse.typed import Document, Frozen
from gatehouse.verdict import Finding

FOLDER = Path("acceptances")
DIGEST_LENGTH = 32
"""Hexadecimal digits of a SHA-256, so 128 bits: nobody finds another failure with the same ones."""

RuleName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class Failure(Frozen):
    """One finding that was accepted."""

    slice: str
    value: float | None = Field(description="null where it could not be measured")
    interval: Interval | None = None


class AcceptedRule(Frozen):
    """A rule as it read, and what failed under it."""

    rule: Rule
    failures: tuple[Failure, ...] = Field(min_length=1)


class Scope(Frozen):
    """What an acceptance is about; its digest is what the owner writes."""

    raw: str | None = Field(description="SHA-256 of the candidate's raw rows")
    data: str | None = Field(description="of its prepared rows")
    model: str | None = Field(description="of its served graph")
    model_fp32: str | None = Field(description="of the graph that training exported")
    base_model: str | None = Field(description="of the base's served graph")
    base_model_fp32: str | None = Field(description="of the graph that the base's training made")
    rules: dict[RuleName, AcceptedRule] = Field(min_length=1)

    @property
    def digest(self) -> str:
        """The first 32 digits of the SHA-256 of its content."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:DIGEST_LENGTH]


class Acceptance(Document):
    """A file of `acceptances/`: computed from a comment and the verdict that it describes."""

    version: Literal[1] = 1
    scope: Scope
    by: Login = Field(description="who accepted")
    reason: str = Field(min_length=1, description="in their words")
    pull: int = Field(ge=1, description="number of the pull request")
    comment: int = Field(ge=1, description="number of the comment")

    @property
    def path(self) -> Path:
        """Where it is recorded."""
        return FOLDER / f"{self.comment}.json"


def subjects(candidate: Subject, base: Subject | None) -> dict[str, str | None]:
    """The digests that a scope names."""
    return {
        "raw": candidate.raw,
        "data": candidate.data,
        "model": candidate.model,
        "model_fp32": candidate.model_fp32,
        "base_model": base.model if base else None,
        "base_model_fp32": base.model_fp32 if base else None,
    }


def of_model(acceptances: Iterable[Acceptance], candidate: Subject) -> tuple[Acceptance, ...]:
    """Those about the candidate's own data and model, whatever it was compared with."""
    here = subjects(candidate, None)
    own = [field for field in here if not field.startswith("base_")]
    return tuple(
        each for each in acceptances if all(getattr(each.scope, f) == here[f] for f in own)
    )


def covers(
    acceptance: Acceptance,
    candidate: Subject,
    base: Subject | None,
    name: str,
    rule: Rule,
    finding: Finding,
) -> bool:
    """Does an acceptance let this finding through?

    Where there is no base, as on main and in a release, the accepted one is not looked for: what
    the folder holds was merged.

    Args:
        acceptance: an owner's word.
        candidate: what is judged.
        base: what it is compared with.
        name: of the rule.
        rule: as the policy that decides has it.
        finding: which blocks.
    """
    scope = acceptance.scope
    entry = scope.rules.get(name)
    if entry is None or entry.rule != rule or not _may(acceptance.by, rule):
        return False
    for field, digest in subjects(candidate, base).items():
        if base is None and field.startswith("base_"):
            continue
        if getattr(scope, field) != digest:
            return False
    return any(_no_worse(rule, finding, failure) for failure in entry.failures)


def _may(by: str, rule: Rule) -> bool:
    """Whether the rule lets this user accept; who owns the policy is not for the judge to know."""
    if isinstance(rule.accept, tuple):
        return by.lower() in {each.lower() for each in rule.accept}
    return rule.accept is None


def _no_worse(rule: Rule, finding: Finding, accepted: Failure) -> bool:
    if finding.slice != accepted.slice:
        return False
    if finding.value is None or accepted.value is None:
        return finding.value is accepted.value
    reached = accepted.value
    if accepted.interval is not None:
        low, high = accepted.interval.low, accepted.interval.high
        reached = min(reached, low) if rule.at_least is not None else max(reached, high)
    return finding.value >= reached if rule.at_least is not None else finding.value <= reached


def read_folder(root: Path) -> tuple[Acceptance, ...]:
    """The acceptances in the folder `acceptances/` of `root`, by name; none where it is not there.

    Raises:
        GatehouseError: a file there is no acceptance, or has another name than its comment.
    """
    folder = root / FOLDER
    if not folder.is_dir():
        return ()
    found = []
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or not path.is_file():
            raise GatehouseError(f"{path}: is not a plain file; only the gates write to {FOLDER}/")
        found.append(parse(path.read_bytes(), FOLDER / path.name))
    return tuple(found)


def parse(data: bytes, path: Path) -> Acceptance:
    """The acceptance in a file's bytes.

    Raises:
        GatehouseError: it is none, is not written as Gatehouse writes it, or has another's name.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise GatehouseError(f"{path}: is not UTF-8 text; only the gates write it") from None
    found = Acceptance.parse(text, path)
    if found.path.as_posix() != path.as_posix() or found.to_json() != text:
        raise GatehouseError(
            f"{path}: is not as the gates write the acceptance in comment {found.comment}; "
            "take the file away"
        )
    return found


def by_path(acceptances: Iterable[Acceptance]) -> dict[str, bytes]:
    """The bytes of each acceptance's file, by its path."""
    return {each.path.as_posix(): each.to_json().encode() for each in acceptances}
