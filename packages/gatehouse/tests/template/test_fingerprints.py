"""dvc.yaml and the code of this repository: the stages that a changed file runs again."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from dvc.repo import Repo

from tests.end_to_end.clone import Clone, copy_checkout

TOUCHED = {
    "gatehouse/samples/simulate.py": {"ingest"},
    "gatehouse/samples/adult_model.json": {"ingest"},
    "gatehouse/prepare.py": {"prepare", "rows", "drift", "accuracy", "fairness", "latency"},
    "gatehouse/gates/data/measure.py": {"validate"},
    "gatehouse/gates/rows/measure.py": {"rows"},
    "pipeline/network.py": {"train"},
    "gatehouse/pipeline/curves.py": {"train"},
    "gatehouse/pipeline/quantize.py": {"quantize"},
    "gatehouse/gates/drift/measure.py": {"drift"},
    "gatehouse/gates/accuracy/new_rows.py": {"accuracy"},
    "gatehouse/gates/metrics/area.py": {"accuracy", "latency", "card"},
    "gatehouse/gates/fairness/gaps.py": {"fairness"},
    "gatehouse/gates/latency/measure.py": {"latency"},
    "gatehouse/report/card.py": {"card"},
    "gatehouse/judge.py": set[str](),
    "gatehouse/pipeline/trainers/boosted_trees.py": set[str](),
}
"""A file of each stage, and of none: the stages whose fingerprint it changes."""

TOUCH = """\
import json, sys
from pathlib import Path
from gatehouse.fingerprint.stages import FINGERPRINTS, write_fingerprints

def made():
    write_fingerprints()
    return {path.stem: path.read_text() for path in FINGERPRINTS.iterdir()}

before, found = made(), {}
for name in json.loads(sys.argv[1]):
    (path,) = Path().glob("**/src/" + name)
    text = path.read_text()
    path.write_text(text + "\\n")
    after = made()
    found[name] = [stage for stage in before if before[stage] != after[stage]]
    path.write_text(text)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A copy of this checkout in which DVC holds all stages to be up to date; nothing has run."""
    clone = copy_checkout(tmp_path_factory.mktemp("stages") / "clone")
    (clone.root / "reports").mkdir(exist_ok=True)
    (clone.root / "reports/base.json").write_text("{}")
    clone.gatehouse("fingerprints")
    with Repo(str(clone.root)) as repo:
        for stage in repo.index.stages:
            for out in stage.outs:
                path = Path(out.fs_path)
                path.parent.mkdir(parents=True, exist_ok=True)
                if not path.exists():
                    path.write_text("made")
    clone.run(sys.executable, "-m", "dvc", "commit", "--force", "--quiet")
    return clone


def stale(clone: Clone) -> set[str]:
    """The stages that `dvc repro` would run first, but for the one that always runs."""
    clone.gatehouse("fingerprints")
    told = clone.run(sys.executable, "-m", "dvc", "status", "--json")
    return set(json.loads(told)) - {"fingerprints"}


def test_each_module_runs_its_own_stages_again(clone: Clone) -> None:
    """Attacks a module that no stage sees, as gates/metrics/area.py once was; and one for all."""
    told = clone.run(sys.executable, "-P", "-c", TOUCH, json.dumps(list(TOUCHED)))
    found = json.loads(told.splitlines()[-1])
    assert {name: set(stages) for name, stages in found.items()} == TOUCHED


def test_dvc_runs_what_has_another_fingerprint_or_settings_again(clone: Clone) -> None:
    """Attacks a stage that runs again for nothing, and a threshold that trains."""
    assert stale(clone) == set()
    for file, old, new, stages in (
        ("src/pipeline/network.py", '"""', '""" ', {"train"}),
        ("params.yaml", "  threshold: 0.5 ", "  threshold: 0.4 ", {"quantize", "card"}),
        ("params.yaml", "    epochs: 16 ", "    epochs: 17 ", {"train", "card"}),
    ):
        before = (clone.root / file).read_text("utf-8")
        clone.replace(file, old, new)
        assert stale(clone) == stages
        (clone.root / file).write_text(before, "utf-8")
    assert stale(clone) == set()
