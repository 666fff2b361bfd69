"""A gate of a fork's own goes the way of the built-in ones: attacks a gate that is half there."""

from __future__ import annotations

import re
from pathlib import Path

import gates as package
import numpy as np
import pytest

from gatehouse.adopt.policy import _gates
from gatehouse.adopt.policy.start import Start
from gatehouse.base import BaseRecord, write_record
from gatehouse.changes import policy_changes
from gatehouse.drill.catalogue import defects_of
from gatehouse.drill.runner import Measurer, judge_scene
from gatehouse.drill.scene import Scene
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, evidence_path
from gatehouse.gates import GATES
from gatehouse.gates.own import find_gate, gates_of, own_gates
from gatehouse.github.notes import gate_notes
from gatehouse.judge_files import verdict_on
from gatehouse.measure import measure_and_write
from gatehouse.policy import parse_policy
from gatehouse.report.terminal import print_verdict
from gatehouse.run import CARD, REPORT, write_card, write_verdict_and_report
from gatehouse.site.build import SITE, write_site
from gatehouse.trusted import measuring
from gatehouse.verdict import Outcome, Verdict
from tests.gatehouse.tiny import POLICY, Finished
from tests.sample import lay_sample
from tests.shared import NAMES

OWN = 'gates:\n  missing: {object: "gates.missing:MISSING", settings: {column: job}}\nrules:\n'
RULE = """\
  missing-few:
    gate: missing
    measurement: missing_share
    slice: "*"
    at_most: 0.2
    why: The score means little for people of whom we know nothing
waivers: []
"""
TEXT = POLICY.replace("rules:\n", OWN).replace("waivers: []\n", RULE)


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets src/gates have the module `missing`."""
    folder = Path(__file__).parent / "own"
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])


@pytest.fixture
def run(finished: Finished) -> Finished:
    """A finished run whose policy names the gate; a third of its rows has no job."""
    (finished.root / "policy.yaml").write_text(TEXT)
    finished.write_all()
    gate = find_gate("missing", finished.policy)
    measure_and_write(gate, finished.workspace, None, finished.policy)
    return finished


def judged(run: Finished) -> Verdict:
    verdict = verdict_on(run.workspace)
    write_verdict_and_report(run.workspace, verdict)
    return verdict


def test_every_gate_is_whole() -> None:
    """Attacks a name that only a run in production would find missing."""
    policy = parse_policy(TEXT, "policy.yaml")
    gates = gates_of(policy)
    assert [gate.name for gate in gates] == [*NAMES, "missing"]
    assert len({gate.section.place for gate in gates}) == len(gates)
    assert {defect.gate for gate in gates for defect in gate.defects()} == {
        gate.name for gate in gates
    }
    known = {gate.name for gate in gates}
    assert all(defect.also | defect.beyond_two <= known for defect in defects_of(gates))
    for gate in GATES:
        field = type(policy.measure).model_fields.get(gate.name)
        assert gate.settings is (field.annotation if field else None)


def test_it_is_measured_judged_and_shown(run: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    """Attacks a gate that is absent from verdict, statuses, comment, report, card or terminal."""
    evidence = Evidence.read(evidence_path(run.workspace.evidence, "missing"))
    assert evidence.settings["missing"] == {"column": "job"}
    verdict = judged(run)
    assert verdict.gate_blocks("missing")
    assert [gate for gate in verdict.gates if verdict.gate_blocks(gate)] == ["missing"]
    note = gate_notes(verdict)["missing"]
    assert (note.state, note.text[:5]) == ("failure", "fail:")
    text = (run.root / REPORT).read_text("utf-8")
    (line,) = [line for line in text.splitlines() if line.startswith("- ❌ **missing**")]
    assert "`missing_share` of `job` 33.3% (at most 20%)" in line
    assert line.endswith("Ask for the values where the rows come from.")
    section = text.split("<summary>Missing values</summary>")[1].split("</details>")[0]
    assert re.search(r"`missing_share` \| `job` \| 33\.3% \| at most 20%", section)
    lay_sample(run.root, "model_card.yaml")
    write_card(run.workspace)
    assert "### Missing values" in (run.root / CARD).read_text("utf-8")
    print_verdict(verdict)
    assert re.search(r"(?m)^missing +fail +", capsys.readouterr().out)


def test_the_site_shows_it(run: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks a first page that knows the built-in gates alone."""
    judged(run)
    monkeypatch.chdir(run.root)
    list(write_site())
    page = (run.root / SITE / "index.html").read_text("utf-8")
    assert "Are values there?" in page


def test_evidence_of_another_column_is_stale(run: Finished) -> None:
    """Attacks settings that were changed after the numbers were seen."""
    path = run.root / "policy.yaml"
    path.write_text(path.read_text("utf-8").replace("column: job", "column: age"))
    assert "other settings" in verdict_on(run.workspace).errors["missing"]


def test_one_that_only_the_change_names_does_not_count(finished: Finished) -> None:
    """Attacks the base's judge with a gate, or a module's name, that the change brings."""
    before = finished.policy
    (finished.root / "policy.yaml").write_text(TEXT.replace("gates.missing:", "gates.strange:"))
    text = (finished.root / "policy.yaml").read_text("utf-8")
    changed = {change.key: change for change in policy_changes(before, finished.policy)}
    assert changed["gates.missing"].direction == "tightened"
    (finished.root / "base.yaml").write_text(POLICY)
    verdict = verdict_on(finished.workspace, policy="base.yaml")
    assert verdict.outcome is Outcome.PASS
    assert verdict.proposed is None or "missing-few" not in verdict.proposed.rules
    back = policy_changes(parse_policy(text, "p"), before)
    assert {c.direction for c in back if c.key.startswith("gates.")} == {"loosened"}


def test_the_gates_measure_those_of_the_base(finished: Finished) -> None:
    """Attacks a change that takes the gate out of its policy, or adds one that nobody owns."""
    record = BaseRecord(measure=finished.policy.measure, gates=parse_policy(TEXT, "p").gates)
    write_record(record, finished.root)
    assert [gate.name for gate in measuring._gates(finished.root)] == [*NAMES, "missing"]
    write_record(record.model_copy(update={"gates": {}}), finished.root)
    (finished.root / "policy.yaml").write_text(TEXT.replace("gates.missing:", "gates.strange:"))
    assert [gate.name for gate in measuring._gates(finished.root)] == [*NAMES]


def test_its_defect_is_caught(run: Finished, tmp_path: Path) -> None:
    """Attacks a drill that plants nothing for it."""
    (defect,) = [each for each in defects_of(gates_of(run.policy)) if each.gate == "missing"]
    text = TEXT.replace("at_most: 0.2\n    why: The score", "at_most: 0.4\n    why: The score")
    (run.root / "policy.yaml").write_text(text)
    scene = Scene.copy_of(run.root, tmp_path / "scene", np.random.default_rng(0))
    only = {"rules": {"missing-few": scene.policy.rules["missing-few"]}}
    scene.policy = scene.policy.model_copy(update=only)
    gate = find_gate("missing", scene.policy)
    for planted in (False, True):
        if planted:
            defect.plant(scene)
        Measurer().measure(gate, scene.candidate, scene).write(scene.evidence_file("missing"))
        assert judge_scene(scene).gate_blocks("missing") is planted


WRONG = {
    "no module": ("gates.missing:", "gates.absent:", "there is no module 'gates.absent' in src"),
    "no object": (":MISSING", ":ABSENT", "'gates.missing' has no object 'ABSENT'"),
    "no gate": (":MISSING", ":Settings", "gates.missing:Settings is no gatehouse.gates.spec"),
    "other name": ("  missing: {", "  lost: {", "has the name 'missing'; use that one"),
    "wrong settings": ("column: job", "colour: job", "gates.missing.settings: colour: there is no"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_its_name_is_said(case: str) -> None:
    """Attacks an error that does not say which line of policy.yaml to fix."""
    old, new, error = WRONG[case]
    text = TEXT.replace(old, new)
    if case == "other name":
        text = text.replace("gate: missing", "gate: lost")
    with pytest.raises(GatehouseError, match=re.escape(error)) as raised:
        gates_of(parse_policy(text, "policy.yaml"))
    assert "policy.yaml: gates." in str(raised.value)


REFUSED = {
    "a path out of src/gates": (
        "gates.missing:MISSING",
        "pipeline.train:main",
        "should match",
    ),
    "a name that is taken": ("  missing: {", "  drift: {", "the name drift is taken"),
    "a gate without a rule": ("gate: missing", "gate: data", "no rule judges missing"),
    "a rule without a gate": ("  missing: {", "  other: {", "there is no gate 'missing'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_policy_that_names_no_gate_is_refused(case: str) -> None:
    """Attacks a name from which anything could be imported, and a gate that nothing judges."""
    old, new, error = REFUSED[case]
    with pytest.raises(GatehouseError, match=error):
        parse_policy(TEXT.replace(old, new), "policy.yaml")


def test_what_it_imports_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks a job with few packages, in which only a module's name would say what is wrong."""
    (tmp_path / "heavy.py").write_text("import a_heavy_library\n")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    text = TEXT.replace("gates.missing:", "gates.heavy:")
    told = r"gates\.missing: 'gates\.heavy' needs the module 'a_heavy_library', which is not"
    with pytest.raises(GatehouseError, match=told):
        gates_of(parse_policy(text, "policy.yaml"))


def test_init_keeps_it() -> None:
    """Attacks a new table's policy that forgets the gates that the repository has."""
    own = parse_policy(TEXT, "policy.yaml").gates
    (gate,) = own_gates(own)
    start: Start = None  # type: ignore[assignment]  # the gate needs nothing of it
    head, _, rules = TEXT.split("  missing-few:")[0].partition(OWN)
    text = f"{head}{_gates(own)}\nrules:\n{rules}{''.join(gate.rules(start))}"
    policy = parse_policy(text, "policy.yaml")
    assert policy.gates == own
    assert policy.rules["missing-few"].at_most == 0.4
