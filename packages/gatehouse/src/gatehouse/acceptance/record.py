"""An owner's acceptance as a file in `acceptances/`: which failure, of which data and model.

An acceptance is valid wherever these are judged, for a failure no worse than the accepted one. For
a single finding this means the same slice, and a value no farther beyond the rule's limit than the
accepted finding reached. A finding reaches to the far end of its interval, or to its value if it
has no interval: a new timing of the same model gives another number. An accepted finding that could
not be measured covers only a finding that can't be measured either.
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
"""Hexadecimal digits of a SHA-256, so 128 bits. Nobody can find another failure that matches."""

RuleName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class Failure(Frozen):
    """One finding that was accepted."""

    slice: str
    value: float | None = Field(description="null where it could not be measured")
    interval: Interval | None = None


class AcceptedRule(Frozen):
    """A rule at the time of the acceptance, and its failures."""

    rule: Rule
    failures: tuple[Failure, ...] = Field(min_length=1)


class Scope(Frozen):
    """The scope of an acceptance; the owner writes its digest."""

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
        """Path where it is recorded."""
        return FOLDER / f"{self.comment}.json"


def subjects(candidate: Subject, base: Subject | None) -> dict[str, str | None]:
    """Return the digests that a scope names."""
    return {
        "raw": candidate.raw,
        "data": candidate.data,
        "model": candidate.model,
        "model_fp32": candidate.model_fp32,
        "base_model": base.model if base else None,
        "base_model_fp32": base.model_fp32 if base else None,
    }


def of_model(acceptances: Iterable[Acceptance], candidate: Subject) -> tuple[Acceptance, ...]:
    """Return those about the candidate's own data and model, whatever it was compared with."""
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
    """Return whether an acceptance covers this finding.

    Without a base, as on main and in a release, the accepted base is not compared, because
    everything in the folder was merged.

    Args:
        acceptance: an owner's acceptance.
        candidate: the judged subject.
        base: the subject that it is compared with.
        name: name of the rule.
        rule: the rule in the policy that decides.
        finding: the blocking finding.
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
    """Return whether the rule lets this user accept; the judge does not know the owners."""
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
    """Return the acceptances in the folder `acceptances/` of `root`, by name; empty without it.

    Raises:
        GatehouseError: a file is not an acceptance, or is not named after its comment.
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
    """Parse the acceptance in a file's bytes.

    Raises:
        GatehouseError: it is not an acceptance, not written as Gatehouse writes it, or misnamed.
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
    """Return the bytes of each acceptance's file, by its path."""
    return {each.path.as_posix(): each.to_json().encode() for each in acceptances}
