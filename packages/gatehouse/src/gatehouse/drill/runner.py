"""Plants defects, measures, judges, and prints which gate caught which defect."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np

from gatehouse.base import read_record
from gatehouse.changes import policy_changes
from gatehouse.contract import Task
from gatehouse.drill.catalogue import CONTROLS, defects_of
from gatehouse.drill.defect import Defect
from gatehouse.drill.scene import NotApplicableError, Scene
from gatehouse.drill.trial import Trial
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, Subject, evidence_path
from gatehouse.gates import GATES
from gatehouse.gates.accuracy import ACCURACY
from gatehouse.gates.data import DATA, failures
from gatehouse.gates.own import gates_of
from gatehouse.gates.spec import GateSpec
from gatehouse.judge import Case, compared_with, judge
from gatehouse.judge_files import read_all_evidence
from gatehouse.measure import measure
from gatehouse.nearest import hint
from gatehouse.policy import POLICY_FILE, load_policy
from gatehouse.verdict import Verdict
from gatehouse.workspace import MODEL, Workspace


class Measurer:
    """Caches measurements that several trials share: same subject, same base, same settings."""

    def __init__(self) -> None:
        self._memory: dict[tuple[str, Subject, Subject | None, str], Evidence] = {}

    def measure(self, gate: GateSpec, candidate: Workspace, scene: Scene) -> Evidence:
        settings = str(scene.policy.settings(gate))
        if gate is ACCURACY:  # it also measures what the base's record names
            settings += read_record(candidate.root).to_json()
        base = scene.opponent
        of = compared_with(gate, base.present() if base else None)
        key = (gate.name, candidate.subject(gate), of, settings)
        if key not in self._memory:
            self._memory[key] = measure(gate, candidate, base, scene.policy)
        return self._memory[key]


def try_defect(defect: Defect, finished: Path, measurer: Measurer, seed: int) -> Trial:
    """Plant one defect in a copy of the finished run, measure and judge it.

    Raises:
        GatehouseError: the finished run lacks something that every trial needs.
    """
    start = perf_counter()
    with tempfile.TemporaryDirectory(prefix="gatehouse-drill-") as folder:
        scene = Scene.copy_of(finished, Path(folder) / "candidate", np.random.default_rng(seed))
        try:
            _check_judged(defect, scene)
            defect.plant(scene)
        except NotApplicableError as reason:
            return Trial(defect, perf_counter() - start, False, (), str(reason), skipped=True)
        stopped = measure_all(scene, measurer)
        defect.tamper(scene)
        verdict = judge_scene(scene)
        consequences = _consequences(defect, scene, stopped)
    trial = _trial(defect, verdict, consequences, perf_counter() - start)
    return replace(trial, reason=trial.reason.replace(f"{scene.root}/", ""))


def measure_all(scene: Scene, measurer: Measurer) -> bool:
    """Measure as the pipeline does; return whether the data gate skipped the other gates."""
    candidate = scene.candidate
    for gate in gates_of(scene.policy):
        evidence = measurer.measure(gate, candidate, scene)
        evidence.write(evidence_path(candidate.evidence, gate.name))
        if gate is DATA and failures(evidence, "critical"):
            return True
    return False


def judge_scene(scene: Scene) -> Verdict:
    """Judge the scene by the base's policy, as on a pull request."""
    base = scene.opponent
    return judge(
        Case(
            evidence=read_all_evidence(scene.candidate.evidence, scene.policy.gate_names),
            candidate=scene.candidate.present(),
            base=base.present() if base else None,
            today=scene.today,
            gates=gates_of(scene.policy),
        ),
        scene.policy,
        "base",
        proposed=scene.proposed,
        policy_changes=policy_changes(scene.policy, scene.proposed),
    )


def _check_judged(defect: Defect, scene: Scene) -> None:
    if defect.gate and all(rule.gate != defect.gate for rule in scene.policy.rules.values()):
        raise NotApplicableError(f"the policy has no rule of the {defect.gate} gate")


def _consequences(defect: Defect, scene: Scene, stopped: bool) -> set[str]:
    """Return the other gates that the defect turns red as a consequence, not by accident."""
    found = set(defect.also)
    if scene.contract.task is not Task.BINARY:
        found |= defect.beyond_two
    if stopped:
        found |= {*scene.policy.gate_names} - {DATA.name}
    return found


def _trial(defect: Defect, verdict: Verdict, consequences: set[str], seconds: float) -> Trial:
    red = {gate for gate in verdict.gates if verdict.gate_blocks(gate)}
    warned = {result.gate for result in verdict.rules if result.warns}
    if defect.gate is None:
        caught = not red - consequences
    else:
        consequences = consequences | {defect.gate}
        caught = defect.gate in (warned if defect.warns else red)
    strays = tuple(gate for gate in verdict.gates if gate in red - consequences)
    return Trial(defect, seconds, caught and defect.holds(verdict), strays,
                 _reason(verdict, defect.gate))  # fmt: skip


def _reason(verdict: Verdict, gate: str | None) -> str:
    """Return the worst finding of the gate, or of all gates for a control, as in the verdict."""
    chosen = [
        (finding.outcome.rank, result.blocks, f"{result.rule}: {finding.text}")
        for result in verdict.rules
        if gate in (None, result.gate) and (result.blocks or (gate and result.warns))
        for finding in result.findings
    ]
    return max(chosen, key=lambda found: found[:2], default=(0, False, "all green"))[2]


def run_drill(finished: Path, runs: int = 1, only: Sequence[str] = ()) -> bool:
    """Try every defect and control `runs` times, print the table, and return whether all is well.

    Raises:
        GatehouseError: `only` names no defect, or there is no finished run.
    """
    from gatehouse.drill.table import print_rates, print_trials, progress

    policy = finished / POLICY_FILE
    defects = defects_of(gates_of(load_policy(policy)) if policy.exists() else GATES)
    known = {defect.name: defect for defect in (*CONTROLS, *defects)}
    for name in only:
        if name not in known:
            raise GatehouseError(
                f"no defect is called '{name}'; there are: {', '.join(known)}{hint(name, known)}"
            )
    chosen = [known[name] for name in only] or list(known.values())
    if not (finished / MODEL).exists():
        raise GatehouseError(f"{finished / MODEL}: there is no finished run; do `make run` first")
    trials: list[Trial] = []
    measurer = Measurer()
    with progress(len(chosen) * runs) as advance:
        for run in range(runs):
            for defect in chosen:
                trials.append(try_defect(defect, finished, measurer, seed=run))
                advance(defect.name)
    print_trials(trials[: len(chosen)])
    if runs > 1:
        print_rates(trials)
    return all(trial.good for trial in trials)
