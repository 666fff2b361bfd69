"""Defects in the record: manipulated evidence, policy and waivers."""

from __future__ import annotations

import json
from datetime import timedelta

from gatehouse.contract import CONTRACT_FILE, Role
from gatehouse.drill.graph import noisy
from gatehouse.drill.model_defects import biased_group, worse_than_base
from gatehouse.drill.scene import Scene, write_contract
from gatehouse.evidence import EVIDENCE_VERSION, Of
from gatehouse.gates.accuracy import ACCURACY
from gatehouse.gates.drift import DRIFT
from gatehouse.gates.fairness import FAIRNESS
from gatehouse.gates.latency import LATENCY
from gatehouse.measure import measure_and_write
from gatehouse.policy import Policy, Rule, Waiver

_REASON = "Planted by the drill to see whether it counts"


def evidence_missing(scene: Scene) -> None:
    """The fairness gate's evidence is missing."""
    scene.evidence_file(FAIRNESS.name).unlink()


def evidence_truncated(scene: Scene) -> None:
    """The latency gate's evidence is truncated in the middle."""
    path = scene.evidence_file(LATENCY.name)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def evidence_of_another_model(scene: Scene) -> None:
    """The accuracy gate's evidence was measured on another model."""
    stranger = Scene.copy_of(scene.root, scene.root / "stranger", scene.rng)
    stranger.edit_models(stranger.changed(noisy(0.3, 1.0)))
    _, path = measure_and_write(ACCURACY, stranger.candidate, scene.base, scene.policy)
    path.replace(scene.evidence_file(ACCURACY.name))


def evidence_of_newer_schema(scene: Scene) -> None:
    """The drift gate's evidence has a schema that this judge does not know."""
    path = scene.evidence_file(DRIFT.name)
    evidence = json.loads(path.read_text("utf-8"))
    evidence["version"] = EVIDENCE_VERSION + 1
    path.write_text(json.dumps(evidence), "utf-8")


def unprotected_attribute(scene: Scene) -> None:
    """Bias against a group, and a contract that no longer protects its attribute."""
    biased_group(scene)
    contract = scene.contract
    columns = {
        name: column.model_copy(update={"role": Role.FEATURE, "model_input": True})
        if column.role is Role.PROTECTED
        else column
        for name, column in contract.columns.items()
    }
    write_contract(contract.model_copy(update={"columns": columns}), scene.root / CONTRACT_FILE)
    scene.stamp_models()


def loosened_policy(scene: Scene) -> None:
    """A worse model, and a policy that would let it pass."""
    worse_than_base(scene)
    rules = dict(scene.policy.rules)
    for name in _base_rules(scene.policy):
        loose = {"at_least": -1.0} if rules[name].at_most is None else {"at_most": 1e9}
        rules[name] = rules[name].model_copy(update=loose)
    scene.proposed = scene.policy.model_copy(update={"rules": rules})


def expired_waiver(scene: Scene) -> None:
    """A worse model, and a waiver in the base's policy that expired yesterday."""
    worse_than_base(scene)
    scene.policy = _with_waivers(scene, days=-1)
    scene.proposed = scene.policy


def waiver_of_the_pull_request(scene: Scene) -> None:
    """A worse model, and a waiver that only the pull request's policy has."""
    worse_than_base(scene)
    scene.proposed = _with_waivers(scene, days=30)


def live_waiver(scene: Scene) -> None:
    """A control: a worse model, and a waiver in the base's policy that has not expired."""
    worse_than_base(scene)
    scene.policy = _with_waivers(scene, days=0)
    scene.proposed = scene.policy


def _base_rules(policy: Policy) -> list[str]:
    def wanted(rule: Rule) -> bool:
        return rule.gate == ACCURACY.name and rule.of is Of.COMPARISON

    return [name for name, rule in policy.rules.items() if wanted(rule)]


def _with_waivers(scene: Scene, days: int) -> Policy:
    expires = scene.today + timedelta(days=days)
    waivers = tuple(
        Waiver(rule=name, reason=_REASON, approver="drill", expires=expires)
        for name in _base_rules(scene.policy)
    )
    return scene.policy.model_copy(update={"waivers": waivers})
