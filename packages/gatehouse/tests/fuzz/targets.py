"""The layers that mutated files are tried on, and what must hold of each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from gatehouse.changes import contract_changes, policy_changes
from gatehouse.contract import parse_contract
from gatehouse.errors import GatehouseError
from gatehouse.evidence import evidence_path
from gatehouse.judge import Case, judge
from gatehouse.judge_files import read_all_evidence
from gatehouse.lock import relock
from gatehouse.policy import parse_policy
from gatehouse.report.context import flat
from gatehouse.trusted.archive import unpack
from gatehouse.trusted.candidate import check_outputs
from gatehouse.trusted.judgement import Judgement, Note
from gatehouse.trusted.recording import own_outputs
from gatehouse.typed import parse_yaml
from gatehouse.verdict import Outcome, Verdict
from gatehouse.workspace import MODEL, Workspace
from tests.fuzz.campaign import Target
from tests.fuzz.mutations import mutated
from tests.fuzz.seeds import Candidate, bad_evidence, bad_rows, blind_model, passing
from tests.fuzz.structures import json_file, model_file, table_file, yaml_file
from tests.fuzz.worker import Worker
from tests.shared import NAMES, SPECS

HEAD = "0" * 40
TODAY = date(2026, 1, 1)
ROWS = Path("data/raw/rows.parquet")
TEST = Path("data/prepared/test.parquet")


def cheap_targets(folder: Path) -> list[Target]:
    """Everything that is read without measuring."""
    good = passing(folder / "good")
    text = (good.root / "dvc.lock").read_bytes()
    return [
        Target("archive", mutated(good.archive()), _archive(good, folder)),
        Target("dvc.lock", yaml_file(text), _lock(good)),
        Target("model, lock as it was", model_file((good.root / MODEL).read_bytes()),
               _replaced(good, MODEL)),
        Target("table, lock as it was", table_file((good.root / ROWS).read_bytes()),
               _replaced(good, ROWS)),
        _judged(folder),
        *_evidence(passing(folder / "evidence")),
        _verdict(good, folder),
        Target("policy.yaml", yaml_file((good.root / "policy.yaml").read_bytes()), _policy(good)),
        Target("contract.yaml", yaml_file((good.root / "contract.yaml").read_bytes()),
               _contract(good)),
        Target("params.yaml", yaml_file((good.root / "params.yaml").read_bytes()), _params),
    ]  # fmt: skip


def measured_targets(folder: Path, worker: Worker) -> list[Target]:
    """What must be measured: the lock fits the mutated file again."""
    rows, model = bad_rows(folder / "rows"), blind_model(folder / "model")
    moved = passing(folder / "moved")
    return [
        Target("table that breaks the contract, lock fits",
               table_file((rows.root / ROWS).read_bytes()),
               _measured(rows, ROWS, "data", worker), share=0.5),
        Target("test split of another model, lock fits",
               table_file((moved.root / TEST).read_bytes()),
               _measured(moved, TEST, "accuracy", worker), share=0.5),
        Target("model that knows nothing, lock fits",
               model_file((model.root / MODEL).read_bytes()),
               _measured(model, MODEL, "accuracy", worker)),
    ]  # fmt: skip


def _archive(good: Candidate, folder: Path) -> Callable[[bytes], str]:
    path, target = folder / "candidate.zip", folder / "unpacked"
    expected = own_outputs(good.workspace)

    def attempt(data: bytes) -> str:
        path.write_bytes(data)
        beside = set(folder.iterdir())
        try:
            unpack(path, target, 5)
            check_outputs(target)
            found = own_outputs(Workspace(target))
            assert found.items() <= expected.items(), "taken, and not what the lock records"
            return "as it was" if found == expected else "a part, as it was"
        except GatehouseError:
            return "refused"
        finally:
            assert set(folder.iterdir()) <= beside | {target}
            shutil.rmtree(target, ignore_errors=True)

    return attempt


def _lock(good: Candidate) -> Callable[[bytes], str]:
    expected = own_outputs(good.workspace)

    def attempt(data: bytes) -> str:
        (good.root / "dvc.lock").write_bytes(data)
        try:
            check_outputs(good.root)
        except GatehouseError:
            return "refused"
        finally:
            good.relock()
        text = data.decode()
        assert all(md5 in text for md5 in expected.values()), "taken, and names other files"
        try:
            relock(text, good.root, expected)
        except GatehouseError:
            return "refused"
        return "as it was"

    return attempt


def _replaced(good: Candidate, path: Path) -> Callable[[bytes], str]:
    before = (good.root / path).read_bytes()

    def attempt(data: bytes) -> str:
        (good.root / path).write_bytes(data)
        try:
            check_outputs(good.root)
        except GatehouseError:
            return "refused"
        finally:
            (good.root / path).write_bytes(before)
        assert data == before, "taken, and not what the lock records"
        return "as it was"

    return attempt


def _judged(folder: Path) -> Target:
    note = Note(state="failure", text="accuracy: roc_auc 0.12 must be at least 0.8")
    seed = Judgement(head=HEAD, overall=note, gates=dict.fromkeys(NAMES, note)).to_json().encode()
    path = folder / "judged.json"

    def attempt(data: bytes) -> str:
        path.write_bytes(data)
        try:
            judged = Judgement.read(path)
        except GatehouseError:
            return "refused"
        states = {note.state for note in (judged.overall, *judged.gates.values())}
        assert "success" not in states
        assert all(note.description.isprintable() for note in judged.gates.values())
        return "red"

    return Target("judged.json", json_file(seed), attempt)


def _verdict_of(made: Candidate, **changes: Any) -> Verdict:
    case = Case(
        evidence=read_all_evidence(made.workspace.evidence, NAMES),
        candidate=changes.pop("candidate", made.workspace.present()),
        base=None,
        today=TODAY,
    )
    return judge(case, changes.pop("policy", made.policy), "here", **changes)


def _evidence(made: Candidate) -> list[Target]:
    """Mutated evidence may be good evidence; a pass must then stand in it, in plain numbers."""
    path = evidence_path(made.workspace.evidence, "accuracy")
    good = made.evidence("accuracy")
    digests, settings = good.candidate.model_dump(exclude_none=True), good.settings

    def attempt(data: bytes) -> str:
        path.write_bytes(data)
        verdict = _verdict_of(made)
        if verdict.outcome is Outcome.PASS:
            said = json.loads(data)
            assert said["candidate"].items() >= digests.items()
            assert said["settings"] == settings
            assert said.get("version", 1) == 1
            assert said["gate"] == "accuracy"
            lows = [m["interval"]["low"] if m.get("interval") else m["value"]
                    for m in said["measurements"] if m["name"] == "roc_auc"]  # fmt: skip
            assert lows
            assert min(lows) >= 0.8, "a pass that nothing earned"
            return "earned by its numbers"
        return "refused" if "accuracy" in verdict.errors else "red"

    return [
        Target("evidence that fails", json_file(bad_evidence(made).to_json().encode()), attempt),
        Target("evidence that passes", json_file(good.to_json().encode()), attempt),
    ]


def _verdict(good: Candidate, folder: Path) -> Target:
    path = folder / "verdict.json"
    seed = _verdict_of(good).to_json().encode()

    def attempt(data: bytes) -> str:
        path.write_bytes(data)
        try:
            Verdict.read(path)
        except GatehouseError:
            return "refused"
        return "read, decides nothing"

    return Target("verdict.json", json_file(seed), attempt)


def _text(data: bytes) -> str:
    # As the commit's files are had: Git's text is UTF-8, or refused.
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise GatehouseError("is not UTF-8 text") from None


def _policy(good: Candidate) -> Callable[[bytes], str]:
    """The pull request's own policy, shown beside the base's, which fails the candidate."""
    strict = good.policy
    floor = strict.rules["accuracy-floor"].model_copy(update={"at_least": 0.99})
    strict = strict.model_copy(update={"rules": strict.rules | {"accuracy-floor": floor}})

    def attempt(data: bytes) -> str:
        try:
            own = parse_policy(_text(data), "policy.yaml")
        except GatehouseError:
            return "refused"
        changes = policy_changes(strict, own)
        verdict = _verdict_of(good, policy=strict, proposed=own, policy_changes=changes)
        assert verdict.outcome is Outcome.FAIL
        return "red"

    return attempt


def _contract(good: Candidate) -> Callable[[bytes], str]:
    """Evidence of the contract as it was says nothing of another."""
    before = good.workspace.contract

    def attempt(data: bytes) -> str:
        try:
            own = parse_contract(_text(data), "contract.yaml")
        except GatehouseError:
            return "refused"
        candidate = good.workspace.present().model_copy(update={"contract": own.digest})
        changes = contract_changes(before, own)
        verdict = _verdict_of(good, candidate=candidate, contract_changes=changes)
        assert (verdict.outcome is Outcome.PASS) == (own == before)
        return "as it was" if own == before else "red"

    return attempt


def _params(data: bytes) -> str:
    try:
        params = parse_yaml(_text(data), "params.yaml")
    except GatehouseError:
        return "refused"
    if isinstance(params, dict):
        flat(params)
    return "read, decides nothing"


def _measured(made: Candidate, path: Path, gate: str, worker: Worker) -> Callable[[bytes], str]:
    before = (made.root / path).read_bytes()

    def attempt(data: bytes) -> str:
        if data == before:
            return "as it was"
        (made.root / path).write_bytes(data)
        made.relock()
        check_outputs(made.root)
        said = worker.run(measure_and_judge, made.root, gate)
        assert said != "green"
        return said

    return attempt


def measure_and_judge(root: Path, name: str) -> str:
    """Does the gate let the candidate in `root` through?"""
    from gatehouse.measure import measure

    made = Candidate(root)
    try:
        evidence = measure(SPECS[name], made.workspace, None, made.policy)
    except GatehouseError as error:
        # A reason that names nothing helps nobody: the file, the graph's part or the column.
        return "refused" if len(str(error)) > 20 else f"refused with no reason: {error}"
    evidence.write(evidence_path(made.workspace.evidence, name))
    return "red" if _verdict_of(made).gate_blocks(name) else "green"
