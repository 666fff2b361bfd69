"""Fingerprints: another file or lock that a stage rests on is another fingerprint, and no other."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.fingerprint.stages import fingerprint_path, write_fingerprints

FILES = {
    "dvc.yaml": """\
stages:
  fingerprints: {cmd: gatehouse fingerprints, always_changed: true, outs: [reports/fingerprints]}
  train:
    cmd: python -P -m pipeline.train
    deps: [reports/fingerprints/train.txt, contract.yaml]
    params: [train]
  script: {cmd: python -P own/run.py, deps: [reports/fingerprints/script.txt]}
  measure: {cmd: gatehouse measure drift, deps: [reports/fingerprints/measure.txt]}
  free: {cmd: make something}
""",
    "params.yaml": "train: {trainer: 'pipeline.trees:oak', seed: 0}\n",
    "contract.yaml": "name: x\n",
    "src/pipeline/__init__.py": "",
    "src/pipeline/train.py": """\
from typing import TYPE_CHECKING
from pipeline import loop
if TYPE_CHECKING:
    import onnx
    from pipeline.types import Rows
def train():
    import torch
    from .deep.net import Net, missing
    open(__file__ + "/../" + "table.json")
""",
    "src/pipeline/loop.py": "import ruamel.yaml as yaml\nimport json, sklearn.metrics\n",
    "src/pipeline/deep/__init__.py": "",
    "src/pipeline/deep/net.py": "try: import numpy\nexcept ImportError: from .. import spare\n",
    "src/pipeline/spare.py": "",
    "src/pipeline/table.json": "{}",
    "src/pipeline/other.json": "{}",
    "src/pipeline/types.py": "",
    "src/pipeline/trees.py": "import importlib\nimportlib.import_module('pipeline.bark')\n",
    "src/pipeline/bark.py": "",
    "src/pipeline/alone.py": "",
    "own/run.py": "import pipeline.beside\n",
    "own/beside.py": "",
    "requirements/run.txt": """\
numpy==2.0 ; python_version < "3.12" \\
    --hash=sha256:aa
    # via -r run.in
numpy==2.1 ; python_version >= "3.12" \\
    --hash=sha256:bb
onnx==1.0 \\
    --hash=sha256:cc
ruamel-yaml==0.19 \\
    --hash=sha256:dd
scikit-learn==1.9 \\
    --hash=sha256:ee
""",
    "requirements/torch.txt": "torch==2.13.0 \\\n    --hash=sha256:ff\n",
    "requirements/torch-cpu.txt": "torch==2.13.0+cpu \\\n    --hash=sha256:00\n",
}


@dataclass(frozen=True)
class Fork:
    root: Path

    def names(self, stage: str) -> set[str]:
        """What the fingerprint of a stage speaks of."""
        text = (self.root / fingerprint_path(stage)).read_text()
        return {line.split()[0] for line in text.splitlines()}

    def changed(self, file: str, old: str = "", new: str = "\n# touched\n") -> set[str]:
        """Stages whose fingerprint another text of a file changes; the file is then put back."""
        path, before = self.root / file, self.made()
        text = path.read_text()
        path.write_text(text.replace(old, new) if old else text + new)
        try:
            after = self.made()
        finally:
            path.write_text(text)
        return {stage for stage in before if before[stage] != after[stage]}

    def made(self) -> dict[str, str]:
        write_fingerprints(self.root)
        folder = self.root / "reports/fingerprints"
        return {path.stem: path.read_text() for path in folder.iterdir()}


@pytest.fixture
def fork(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fork:
    """A repository with a package `pipeline` of its own; the library is the installed one."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for name in [name for name in sys.modules if name.partition(".")[0] == "pipeline"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path / "src")
    importlib.invalidate_caches()
    write_fingerprints(tmp_path)
    return Fork(tmp_path)


def test_a_fingerprint_holds_what_the_stage_imports(fork: Fork) -> None:
    """Attacks imports in functions, relative ones, by text and by settings; and what is not run."""
    assert fork.names("train") == {
        "pipeline", "pipeline.train", "pipeline.loop", "pipeline.deep", "pipeline.deep.net",
        "pipeline.spare", "pipeline.trees", "pipeline.bark", "pipeline/table.json",
        "numpy==2.0", "ruamel-yaml==0.19", "scikit-learn==1.9", "torch==2.13.0",
    }  # fmt: skip
    assert fork.names("script") == {"run", "pipeline", "pipeline.beside"}
    own = {"gatehouse.measure", "gatehouse.gates.drift", "gatehouse.gates.drift.measure"}
    assert own | {"numpy==2.0"} <= fork.names("measure")
    assert not fork.names("measure") & {"gatehouse.gates.latency.measure", "gatehouse.cli"}
    assert set(fork.made()) == {"train", "script", "measure"}
    assert "pipeline" not in sys.modules


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        ("src/pipeline/deep/net.py", {"train"}),
        ("src/pipeline/bark.py", {"train"}),
        ("src/pipeline/table.json", {"train"}),
        ("src/pipeline/__init__.py", {"train", "script"}),
        ("own/beside.py", {"script"}),
        ("src/pipeline/alone.py", set()),
        ("src/pipeline/types.py", set()),
        ("src/pipeline/other.json", set()),
    ],
)
def test_a_touched_file_changes_what_rests_on_it(fork: Fork, file: str, stages: set[str]) -> None:
    """Attacks a stage that stays up to date with other code, and one that runs for nothing."""
    assert fork.changed(file) == stages


@pytest.mark.parametrize(
    ("file", "old", "new", "stages"),
    [
        ("requirements/run.txt", "sha256:ee", "sha256:e0", {"train", "measure"}),
        ("requirements/run.txt", "sha256:bb", "sha256:b0", {"train", "measure"}),
        ("requirements/run.txt", "sha256:cc", "sha256:c0", set()),
        ("requirements/run.txt", "# via -r run.in", "# via pandas", set()),
        ("requirements/torch.txt", "sha256:ff", "sha256:f0", set()),
        ("requirements/torch.txt", "2.13.0", "2.14.0", {"train"}),
        ("requirements/torch-cpu.txt", "2.13.0+cpu", "2.13.1+cpu", set()),
        ("params.yaml", "pipeline.trees:oak", "pipeline.train:train", {"train"}),
    ],
)
def test_another_lock_or_setting_changes_what_rests_on_it(
    fork: Fork, file: str, old: str, new: str, stages: set[str]
) -> None:
    """Attacks a new version that nothing runs again for; builds of torch agree by its version."""
    if file == "requirements/run.txt" and old == "sha256:cc":
        (fork.root / "src/pipeline/alone.py").write_text("import onnx\n")
    assert fork.changed(file, old, new) == stages


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("dvc.yaml", "python -P -m pipeline.train", "sh it", "dvc.yaml: train: which code `sh it`"),
        ("dvc.yaml", "-m pipeline.train", "-m pipeline.trian", "there is no module 'pipeline.tri"),
        ("dvc.yaml", "own/run.py", "own/ran.py", "dvc.yaml: script: .*ran.py: cannot be read"),
        ("params.yaml", "pipeline.trees:oak", "pipeline.beech:oak", "no module 'pipeline.beech'"),
        ("src/pipeline/loop.py", "import json", "import", r"loop\.py: is not Python"),
    ],
)
def test_what_can_not_be_followed_is_an_error(
    fork: Fork, file: str, old: str, new: str, message: str
) -> None:
    """Attacks a fingerprint that says too little because something was not found."""
    with pytest.raises(GatehouseError, match=message):
        fork.changed(file, old, new)


def test_a_project_below_has_the_locks_of_the_folder_above(fork: Fork) -> None:
    """Attacks an example in a folder of its own, and a project that has no lock at all."""
    below = fork.root / "examples/small"
    below.mkdir(parents=True)
    for name in ("dvc.yaml", "params.yaml", "contract.yaml", "own"):
        (below / name).symlink_to(fork.root / name)
    write_fingerprints(below)
    assert (below / fingerprint_path("train")).read_text() == fork.made()["train"]
    (fork.root / "requirements/run.txt").unlink()
    with pytest.raises(GatehouseError, match=r"requirements/run\.txt: is neither here nor in"):
        write_fingerprints(below)


def test_a_member_of_a_table_is_one_module(fork: Fork) -> None:
    """Attacks a fingerprint of all trainers, and one without the trainer that is named."""
    (fork.root / "params.yaml").write_text("train: {trainer: lightgbm, seed: 0}\n")
    fork.made()
    names = fork.names("train")
    assert {
        "gatehouse.pipeline.trainers.lightgbm",
        "gatehouse.pipeline.trainers.boosted_trees",
    } <= names
    assert not names & {"gatehouse.pipeline.trainers.xgboost", "gatehouse.pipeline.sources.file"}
