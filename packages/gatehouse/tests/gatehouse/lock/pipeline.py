"""A Git and DVC repository whose stages take a moment: settings in, numbers out."""

from __future__ import annotations

from pathlib import Path

from tests.gatehouse.repository import Repository

MAKE = """\
import json, pathlib, sys
settings = dict(line.split(": ") for line in open("params.yaml").read().split("\\n") if line)
stage, out, *deps = sys.argv[1:]
value = [stage, settings.get(stage), *(pathlib.Path(dep).read_text() for dep in deps)]
pathlib.Path(out).parent.mkdir(parents=True, exist_ok=True)
pathlib.Path(out).write_text(json.dumps(value))
"""

STAGES = """\
stages:
  data: {cmd: python make.py data data.txt, params: [data], outs: [data.txt]}
  train:
    cmd: python make.py train model.txt data.txt
    deps: [data.txt]
    params: [train]
    outs: [model.txt]
  score:
    cmd: python make.py score reports/evidence/accuracy.json model.txt
    deps: [model.txt]
    outs: [reports/evidence/accuracy.json: {cache: false}]
  aside: {cmd: python make.py aside aside.txt, params: [aside], outs: [aside.txt]}
"""

# Far enough apart that Git merges them line by line.
PARAMS = "data: 1\n\n\n\n\ntrain: 1\n\n\n\n\naside: 1\n"


def record(repository: Repository, attributes: Path) -> None:
    """Commit a run on `main`; its verdict stands for what is written after DVC."""
    root = repository.root
    root.mkdir()
    (root / "make.py").write_text(MAKE)
    (root / "dvc.yaml").write_text(STAGES)
    (root / "params.yaml").write_text(PARAMS)
    (root / ".gitignore").write_text("/*.txt\n/.venv/\n")
    (root / ".gitattributes").write_bytes(attributes.read_bytes())
    repository.git("init", "-q", "-b", "main")
    repository.git("config", "user.name", "Tester")
    repository.git("config", "user.email", "tester@example.org")
    repository.dvc("init", "-q")
    repository.dvc("config", "core.autostage", "false")
    run(repository)
    repository.commit("a run")


def run(repository: Repository) -> str:
    """Run what is out of date, and write a verdict; what DVC said."""
    told = repository.dvc("repro")
    (repository.root / "reports/verdict.json").write_text(
        (repository.root / "dvc.lock").read_text()
    )
    return told


def change(repository: Repository, setting: str, value: int) -> None:
    """Set, run and commit."""
    path = repository.root / "params.yaml"
    old = next(line for line in path.read_text().splitlines() if line.startswith(f"{setting}:"))
    path.write_text(path.read_text().replace(old, f"{setting}: {value}"))
    run(repository)
    repository.commit(f"{setting} is {value}")


def branches(repository: Repository, ours: tuple[str, int], theirs: tuple[str, int]) -> None:
    """One change on `main`, which is checked out, and one on `change`."""
    repository.git("switch", "-qc", "change")
    change(repository, *theirs)
    repository.git("switch", "-q", "main")
    repository.dvc("checkout", "-q")
    change(repository, *ours)
