"""Which acceptances count on a pull request, and what its folder `acceptances/` must contain.

The files in the base's folder count as they are. Every other file must match a valid comment: an
accepting comment whose digest is that of a failure in the gates' newest answer, or of the file
recorded at that time. Until the file is merged, the comment must not be deleted or edited.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.acceptance.offer import scope_of
from gatehouse.acceptance.record import FOLDER, Acceptance, Scope, by_path, parse
from gatehouse.codeowners import OWNERS_FILE
from gatehouse.errors import GatehouseError
from gatehouse.github.acceptors import Acceptors, find_acceptors, find_involved
from gatehouse.github.blobs import folder_of, text_of
from gatehouse.github.comments import GateComment, read_commands
from gatehouse.github.continued import speaking_pulls
from gatehouse.github.teams import read_teams
from gatehouse.policy import Policy
from gatehouse.trusted.merge_target import MergeTarget
from gatehouse.verdict import Verdict

if TYPE_CHECKING:
    from github.Repository import Repository


@dataclass(frozen=True)
class Accepted:
    """The acceptances that count on a pull request.

    Attributes:
        before: the verdict with the base's acceptances only.
        acceptances: the base's, and those of valid comments.
        record: the files that the head lacks, by their path.
        problems: why the head's folder can't be merged.
        unrecorded: why it lacks files, if the gates can't write to the branch.
        answers: replies to the commands that do not count, by the comment's number.
    """

    before: Verdict
    acceptances: tuple[Acceptance, ...]
    record: Mapping[str, bytes]
    problems: tuple[str, ...]
    unrecorded: tuple[str, ...]
    answers: Mapping[int, str]


def of_base(repository: Repository, base: str) -> tuple[Acceptance, ...]:
    """Return the acceptances that the base records.

    Raises:
        GatehouseError: GitHub refused, or a file there is not an acceptance.
    """
    files = folder_of(repository, base, FOLDER)
    return tuple(parse(data, Path(path)) for path, data in files.items())


def find_accepted(
    repository: Repository, target: MergeTarget, base: str, policy: Policy, verdict: Verdict
) -> Accepted:
    """Find the acceptances that count for a target.

    Args:
        repository: accessed with a token that may read contents, actions and pull requests.
        target: the target that is judged.
        base: the commit whose policy decides.
        policy: of the base.
        verdict: with the base's acceptances only.

    Raises:
        GatehouseError: GitHub refused, or a file of the base's folder is not an acceptance.
    """
    before = folder_of(repository, base, FOLDER)
    here = folder_of(repository, target.head, FOLDER)
    recorded, problems = _recorded(before, here)
    given: dict[int, Acceptance] = {}
    answers: dict[int, str] = {}
    unread: list[str] = []
    # A change that goes on has two pull requests, and owners may have commented on both.
    numbers = speaking_pulls(repository, target)
    words = [each for number in numbers for each in read_commands(repository, number)]
    comments = tuple(sorted(words, key=lambda each: each.comment))
    if comments:
        codeowners = text_of(repository, base, OWNERS_FILE)
        owner = repository.full_name.partition("/")[0]
        who = find_acceptors(policy, codeowners, partial(read_teams, owner=owner))
        unread = who.unread_teams()
        # Skipped for other people's comments: the lookup takes time, and fails for very long
        # changes.
        spoken = any(s.command and who.owns(s.login, s.command.rules) for s in comments)
        people = (find_involved(repository, number) for number in numbers if spoken)
        involved = frozenset[str]().union(*people)
        given, answers = _valid(comments, who, involved, verdict, recorded)
    valid = by_path(given.values())
    for path, data in here.items():
        if path not in before and valid.get(path) != data:
            why = f" ({'; '.join(unread)})" if unread else ""
            problems.append(
                f"{path}: is not what a comment that counts gives{why}; take the file away"
            )
    known = tuple(parse(data, Path(path)) for path, data in before.items())
    lacking = {path: data for path, data in valid.items() if path not in (before | here)}
    unrecorded = tuple(
        f"{path}: is not on the branch, to which the gates can't write; once all else passes, the "
        "change goes on with its record on a branch of this repository"
        for path in (lacking if target.branch is None else ())
    )
    counted = (*known, *given.values())
    return Accepted(verdict, counted, lacking, tuple(problems), unrecorded, answers)


def _recorded(
    before: Mapping[str, bytes], here: Mapping[str, bytes]
) -> tuple[dict[int, Acceptance], list[str]]:
    """Return the head's records beyond the base, by comment, and its deviations from the base."""
    problems = [
        f"{path}: the branch has another one than the base; update the branch, or restore it"
        for path, data in before.items()
        if here.get(path) != data
    ]
    found = {}
    for path, data in here.items():
        if path in before:
            continue
        try:
            given = parse(data, Path(path))
        except GatehouseError:
            continue  # reported later, as a file that matches no comment
        found[given.comment] = given
    return found, problems


def _valid(
    comments: tuple[GateComment, ...],
    who: Acceptors,
    involved: frozenset[str],
    verdict: Verdict,
    recorded: Mapping[int, Acceptance],
) -> tuple[dict[int, Acceptance], dict[int, str]]:
    """Return the valid acceptances, and why the other comments don't count, by comment."""
    given: dict[int, Acceptance] = {}
    answers: dict[int, str] = {}
    for each in comments:
        command = each.command
        if command is not None and command.verb == "revoke":
            # A revocation counts, whatever is wrong with the comment, if its author may accept.
            if who.owns(each.login, command.rules):
                given = {n: a for n, a in given.items() if a.scope.digest != command.digest}
            else:
                answers[each.comment] = f"@{each.login} may not take back an owner's word"
            continue
        if each.problem is not None or command is None:
            answers[each.comment] = each.problem or "the command can't be understood"
            continue
        if why := who.why_not(each.login, command.rules, involved):
            answers[each.comment] = why
            continue
        try:
            scope = _scope(each.comment, command.rules, command.digest, verdict, who, recorded)
        except GatehouseError as error:
            answers[each.comment] = str(error)
            continue
        given[each.comment] = Acceptance(
            scope=scope,
            by=f"@{each.login}",
            reason=command.reason,
            pull=each.pull,
            comment=each.comment,
        )
    return given, answers


def _scope(
    comment: int,
    rules: tuple[str, ...],
    digest: str,
    verdict: Verdict,
    who: Acceptors,
    recorded: Mapping[int, Acceptance],
) -> Scope:
    """Return the scope that a comment accepted: the recorded case, or the one judged now."""
    before = recorded.get(comment)
    if before and before.scope.digest == digest and set(before.scope.rules) == set(rules):
        return before.scope
    now = scope_of(verdict, who.policy, rules)
    if now.digest != digest:
        raise GatehouseError(
            f"the digest {digest} is of another failure, data or model than was judged; copy the "
            "command from the gates' newest comment"
        )
    return now
