"""From files on disk to a verdict: read the judge's inputs and call it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

from gatehouse.acceptance.record import Acceptance, read_folder
from gatehouse.base import Base, comparable, find_base, recorded_base, take_base
from gatehouse.changes import contract_changes, policy_changes
from gatehouse.defaults import Defaults
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, Subject, evidence_path, read_evidence
from gatehouse.gates.own import gates_of
from gatehouse.git import commit_of, file_at
from gatehouse.judge import Case, judge
from gatehouse.policy import POLICY_FILE, Policy, load_policy, parse_policy
from gatehouse.typed import read_text
from gatehouse.verdict import Verdict
from gatehouse.workspace import Workspace


def read_all_evidence(folder: Path, gates: Iterable[str]) -> dict[str, Evidence | str]:
    """Return the evidence of each of `gates`, or why it can't be used."""
    found: dict[str, Evidence | str] = {}
    for gate in gates:
        try:
            found[gate] = read_evidence(evidence_path(folder, gate), gate)
        except GatehouseError as error:
            found[gate] = str(error)
    return found


def evidence_here(folder: Path, gates: Iterable[str]) -> dict[str, Evidence | str]:
    """Return the evidence of each of `gates`, or why it can't be used; skip missing files."""
    found = read_all_evidence(folder, gates)
    return {gate: each for gate, each in found.items() if evidence_path(folder, gate).exists()}


def today() -> date:
    """Return today's date in UTC, so that a waiver expires everywhere at the same time."""
    return datetime.now(UTC).date()


def verdict_on(
    candidate: Workspace,
    base: Base | None = None,
    policy: str | None = None,
    on: date | None = None,
    unmeasured: Mapping[str, str] | None = None,
    acceptances: tuple[Acceptance, ...] | None = None,
    defaults: Defaults | None = None,
) -> Verdict:
    """Return the verdict on the files in `candidate`.

    Args:
        candidate: the folder with data, models and evidence.
        base: judge by this commit's policy, and compare with its data and model.
        policy: a file or commit whose policy decides instead.
        on: the date on which waivers are checked; today (UTC) by default.
        unmeasured: reasons why gates have no evidence, more precise than that it is missing.
        acceptances: owners' acceptances that count; by default those in the folder `acceptances/`.
        defaults: of the candidate's library, if it differs from the one that runs.

    Raises:
        GatehouseError: a policy or contract is unreadable, or the base can't be fetched.
    """
    own = load_policy(candidate.root / POLICY_FILE)
    deciding, source = own, str(POLICY_FILE)
    if base is not None and base.policy is not None:
        deciding, source = base.policy, f"{POLICY_FILE} of {base.name}"
    elif base is not None and own.waivers:
        # The base has no policy, so no waiver was approved there.
        deciding = own.model_copy(update={"waivers": ()})
        source = f"{POLICY_FILE}, without its waivers ({base.name} has no policy)"
    if policy is not None:
        deciding, source = named_policy(policy, candidate.root), policy
        if base is not None:
            approved = base.policy.waivers if base.policy else ()
            kept = tuple(waiver for waiver in deciding.waivers if waiver in approved)
            deciding = deciding.model_copy(update={"waivers": kept})
    case = Case(
        evidence=evidence_here(candidate.evidence, deciding.gate_names) | dict(unmeasured or {}),
        candidate=candidate.present(),
        base=_base_subject(candidate, base),
        today=on or today(),
        acceptances=read_folder(candidate.root) if acceptances is None else acceptances,
        gates=gates_of(deciding),
    )
    contracts = base.contract if base else None
    proposed = None if deciding is own else own
    if proposed is not None and defaults is not None:
        proposed = defaults.fill(read_text(candidate.root / POLICY_FILE))
    changes = policy_changes(deciding, proposed) if proposed is not None else ()
    return judge(
        case,
        deciding,
        source,
        proposed=proposed,
        policy_changes=(*changes, *(defaults.unknown if defaults is not None else ())),
        contract_changes=contract_changes(contracts, candidate.contract) if contracts else (),
    )


def named_policy(name: str, root: Path = Path()) -> Policy:
    """Return the policy in a file, or in the commit that `name` resolves to.

    Raises:
        GatehouseError: it is neither, or both.
    """
    is_file = (root / name).is_file()
    try:
        commit = commit_of(name, root)
    except GatehouseError:
        if is_file:
            return load_policy(root / name)
        raise GatehouseError(f"'{name}' is neither a policy file nor a commit here") from None
    if is_file:
        # A pull request could add a file with the name of the requested branch.
        raise GatehouseError(
            f"'{name}' is a file and a commit; write ./{name} for the file, "
            f"or the commit's hash ({commit})"
        )
    text = file_at(commit, POLICY_FILE, root)
    if text is None:
        raise GatehouseError(f"{name}: that commit has no {POLICY_FILE}")
    return parse_policy(text, f"{name}:{POLICY_FILE}")


def _base_subject(candidate: Workspace, base: Base | None) -> Subject | None:
    if base is None:
        workspace = recorded_base(candidate.root)
    else:
        workspace = comparable(take_base(base, candidate.root), candidate.root)
    return workspace.present() if workspace else None


def base_named(ref: str | None, root: Path = Path()) -> Base | None:
    """Return the base `ref`, or None if `ref` is None; an empty name is an error."""
    return None if ref is None else find_base(ref, root)
