"""Attacks the comparison of two commits by what makes a run, and by what trains."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse.ownership import OWNERSHIP_FILE
from gatehouse.trusted.tree_diff import equal_inputs, unlike_runs
from tests.gatehouse.repository import Repository

BORDER = "* owned @octo/ml\nsrc/pipeline/ free\nparams.yaml free\nlib/ machinery\n"
DVC = """\
stages:
  train:
    desc: Train
    cmd: python -P -m gatehouse.pipeline.train
    deps: [src/pipeline/train.py]
    outs: [models/model.onnx]
"""
FILES = {
    OWNERSHIP_FILE.as_posix(): BORDER,
    "dvc.yaml": DVC,
    "dvc.lock": "schema: '2.0'\n",
    "params.yaml": "seed: 0\n",
    "contract.yaml": "version: 1\n",
    "Makefile": "run:\n",
    "src/pipeline/train.py": "pass\n",
    "packages/gatehouse/src/run.py": "pass\n",
    ".github/workflows/pipeline.yml": "on: push\n",
}


@pytest.fixture
def two(tmp_path: Path) -> Repository:
    """A repository with one commit."""
    repository = Repository(tmp_path)
    repository.git("init", "-q", "-b", "main")
    repository.git("config", "user.name", "ada")
    repository.git("config", "user.email", "ada@example.com")
    write(repository, FILES)
    repository.commit("one")
    return repository


def write(repository: Repository, files: dict[str, str]) -> None:
    for name, text in files.items():
        (repository.root / name).parent.mkdir(parents=True, exist_ok=True)
        (repository.root / name).write_text(text)


def unlike(repository: Repository) -> list[str]:
    repository.commit("two")
    old, new = (repository.git("rev-parse", name).strip() for name in ("HEAD^", "HEAD"))
    return unlike_runs(old, new, repository.root)


@pytest.mark.parametrize(
    "path",
    [
        "Makefile", "pyproject.toml", "requirements/run.txt", "scripts/install.sh", "lib/x.py",
        "packages/gatehouse/src/run.py", ".github/workflows/pipeline.yml",
        "vendor/gatehouse-1.0-py3-none-any.whl", "requirements/gatehouse.txt",
        ".github/workflows/new.yml",
        ".github/actions/setup/action.yml", ".github/ownership.txt", ".dvc/config", ".dvcignore",
        "data/.dvc/config", "docs/.gitattributes", "src/pipeline/dvc.yaml", ".gitmodules",
    ],
)  # fmt: skip
def test_what_makes_a_run(path: str, two: Repository) -> None:
    """Attacks with each kind of path that could make another run of it."""
    (two.root / path).parent.mkdir(parents=True, exist_ok=True)
    with (two.root / path).open("a") as stream:
        stream.write("# more\n")
    assert unlike(two) == [path]


@pytest.mark.parametrize(
    "path",
    ["params.yaml", "contract.yaml", "policy.yaml", "src/pipeline/new.py", "README.md", "dvc.lock",
     "src/gates/mine.py", "data/own/rows.csv"],
)  # fmt: skip
def test_what_is_modelling(path: str, two: Repository) -> None:
    """A setting, a new module or other words make no other run."""
    (two.root / path).parent.mkdir(parents=True, exist_ok=True)
    with (two.root / path).open("a") as stream:
        stream.write("# more\n")
    assert unlike(two) == []


def test_modes_and_links_count(two: Repository) -> None:
    """Attacks a script by its mode, and a file by a link to another one."""
    (two.root / "Makefile").chmod(0o755)
    (two.root / "packages/gatehouse/src/run.py").unlink()
    (two.root / "packages/gatehouse/src/run.py").symlink_to("../pipeline/train.py")
    assert unlike(two) == ["Makefile", "packages/gatehouse/src/run.py"]


def test_a_file_that_is_gone_counts(two: Repository) -> None:
    """Attacks by taking a file away."""
    (two.root / "Makefile").unlink()
    assert unlike(two) == ["Makefile"]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("[src/pipeline/train.py]", "[src/pipeline/train.py, src/pipeline/new.py]", []),
        ("desc: Train", "desc: Learn", []),
        ("python -P", "python", ["dvc.yaml"]),
        ("outs: [models/model.onnx]", "outs: [{models/model.onnx: {cache: false}}]", ["dvc.yaml"]),
        ("    desc: Train\n", "    wdir: data\n", ["dvc.yaml"]),
        ("    desc: Train\n", "    frozen: true\n", ["dvc.yaml"]),
        ("stages:\n", "vars: [x.yaml]\nstages:\n", ["dvc.yaml"]),
        ("  train:\n", "  other: {cmd: true}\n  train:\n", ["dvc.yaml"]),
        ("stages:\n", "stages: [\n", ["dvc.yaml"]),
        (DVC, "stages: {train: true}\n", ["dvc.yaml"]),
        (DVC, "", ["dvc.yaml"]),
    ],
)
def test_of_dvc_yaml_the_stages_count(
    old: str, new: str, found: list[str], two: Repository
) -> None:
    """A dependency more is modelling; a command, an output or a switch is another run."""
    assert old in DVC
    write(two, {"dvc.yaml": DVC.replace(old, new)})
    assert unlike(two) == found


def test_a_border_of_the_change_frees_nothing(two: Repository) -> None:
    """Attacks by a border file that calls the machinery free: the tip's decides."""
    write(
        two,
        {
            OWNERSHIP_FILE.as_posix(): BORDER + "packages/gatehouse/src/ free\n",
            "lib/x": "1",
        },
    )
    assert unlike(two) == [".github/ownership.txt", "lib/x"]


@pytest.mark.parametrize(
    ("path", "equal"),
    [
        ("README.md", True), ("docs/x.md", True), ("dvc.lock", True), ("reports/report.md", True),
        ("acceptances/1.json", True), ("model_card.yaml", True), ("policy.yaml", True),
        ("params.yaml", False), ("contract.yaml", False), ("src/pipeline/new.py", False),
        ("dvc.yaml", False), ("requirements/run.txt", False), ("data/own/rows.csv", False),
        ("data/snapshots/x.parquet.dvc", False), ("Makefile", False), ("sitecustomize.py", False),
        (".github/workflows/pipeline.yml", False), ("packages/gatehouse/src/run.py", False),
        ("vendor/gatehouse-1.0-py3-none-any.whl", False), ("requirements/gatehouse.txt", False),
        ("models/start.onnx", False), ("src/docs/x.py", False), ("docs/.gitattributes", False),
        ("reports/dvc.yaml", False), ("reports/.dvc/config", False), ("deploy/.dvcignore", False),
    ],
)  # fmt: skip
def test_equal_inputs(path: str, equal: bool, two: Repository) -> None:
    """Attacks the reuse of a model with each kind of path that could train another one."""
    (two.root / path).parent.mkdir(parents=True, exist_ok=True)
    with (two.root / path).open("a") as stream:
        stream.write("# more\n")
    two.commit("two")
    assert equal_inputs("HEAD^", "HEAD", two.root) == equal


def test_files_that_a_run_brought(two: Repository) -> None:
    """Attacks a retraining's record: its files must be there byte by byte, and no others."""
    brought = {"params.yaml": b"seed: 5\n", "data/snapshots/x.parquet.dvc": b"outs: []\n"}
    write(two, {path: content.decode() for path, content in brought.items()})
    two.commit("two")

    def alike(**more: bytes | None) -> bool:
        files = brought | {"reports/verdict.json": b"any"} | more
        kept = {path: content for path, content in files.items() if content is not None}
        return equal_inputs("HEAD^", "HEAD", two.root, brought=kept)

    assert alike()
    assert not alike(**{"params.yaml": b"seed: 6\n"})
    assert not alike(**{"params.yaml": None})
    assert not alike(**{"data/snapshots/x.parquet.dvc": None})
    assert not alike(**{"data/snapshots/y.parquet.dvc": b"outs: []\n"})
