"""What is released was measured now, and judged by the commit's own policy."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from gatehouse import places
from gatehouse.errors import GatehouseError
from gatehouse.places import LIBRARY, VENDOR
from gatehouse.release.build import build
from gatehouse.release.judge_commit import judge_commit
from gatehouse.release.result import Release
from gatehouse.release.settled_verdict import settled
from gatehouse.verdict import Verdict
from gatehouse.workspace import MODEL, MODEL_FP32, VERDICT
from tests.gatehouse.repository import Repository
from tests.sample import lay_sample


@pytest.fixture
def released(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """The tiny repository with what a model card needs, on main; as if its code were what runs."""
    monkeypatch.setattr(places, "PACKAGE", repository.root / LIBRARY)
    lay_sample(repository.root, "model_card.yaml")
    repository.commit("a card")
    return repository


def replace(repository: Repository, old: str, new: str) -> None:
    path = repository.root / "policy.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.slow
def test_a_forged_record_decides_nothing(released: Repository, tmp_path: Path) -> None:
    """The policy can't be met; evidence and verdict that lie in Git say that it was."""
    replace(released, "at_least: 0.8\n", "at_least: 0.9999\n")
    released.write_evidence("accuracy")
    forged = released.evidence("accuracy")
    better = tuple(m.model_copy(update={"value": 1.0}) for m in forged.measurements)
    released.write_evidence("accuracy", measurements=better)
    (released.root / VERDICT).write_text('{"outcome": "pass"}')
    released.commit("forged")
    judged = judge_commit(released.root, tmp_path / "commit")
    assert not judged.passes
    blocking = [result.rule for result in judged.verdict.rules if result.blocks]
    assert blocking == ["accuracy-floor"]
    assert not (judged.folder / VERDICT).exists()
    with pytest.raises(GatehouseError, match="gets no image"):
        build(judged, "oci:base", tmp_path / "work", Release(tmp_path / "release"))


@pytest.mark.slow
def test_a_pass_is_of_the_commit(released: Repository, tmp_path: Path) -> None:
    """What is changed and not committed counts for nothing; what is judged lies there, settled."""
    commit = released.git("rev-parse", "HEAD").strip()
    replace(released, "at_least: 0.8\n", "at_least: 0.9999\n")
    judged = judge_commit(released.root, tmp_path / "commit")
    assert (judged.passes, judged.commit) == (True, commit)
    assert judged.verdict.candidate == released.workspace.present()
    assert Verdict.read(judged.folder / VERDICT) == settled(judged.verdict)
    assert (judged.folder / "reports/model_card.md").is_file()
    # A model that was put in the judged one's place meanwhile gets no image either.
    shutil.copyfile(judged.folder / MODEL_FP32, judged.folder / MODEL)
    with pytest.raises(GatehouseError, match="gets no image"):
        build(judged, "oci:base", tmp_path / "work", Release(tmp_path / "release"))


def test_another_model_than_the_recorded_one_is_refused(
    released: Repository, tmp_path: Path
) -> None:
    """The work tree's model must be the one that dvc.lock of the commit records."""
    shutil.copyfile(released.root / MODEL_FP32, released.root / MODEL)
    with pytest.raises(GatehouseError, match=r"not what its dvc\.lock records"):
        judge_commit(released.root, tmp_path / "1")
    (released.root / MODEL).unlink()
    with pytest.raises(
        GatehouseError, match=r"model\.int8\.onnx: not here; .* \(`gatehouse objects fetch`\)"
    ):
        judge_commit(released.root, tmp_path / "2")


def test_without_a_record_there_is_nothing_to_release(released: Repository, tmp_path: Path) -> None:
    """A commit with no dvc.lock, as of a template whose pipeline never ran."""
    released.git("checkout", "-q", "sources")
    with pytest.raises(GatehouseError, match="no recorded model"):
        judge_commit(released.root, tmp_path / "commit")


@pytest.mark.parametrize(
    "path",
    [f"{LIBRARY}/judge.py", f"{LIBRARY}/new.py", "bentofile.yaml", "requirements/serve.txt",
     "pyproject.toml", "vendor/gatehouse-1.0-py3-none-any.whl"],
)  # fmt: skip
def test_code_that_is_not_the_commit_s_judges_nothing(
    released: Repository, tmp_path: Path, path: str
) -> None:
    """Attacks a judge changed in the work tree, by which a failing commit got an image."""
    for name in (f"{LIBRARY}/judge.py", "bentofile.yaml"):
        (released.root / name).parent.mkdir(parents=True, exist_ok=True)
        (released.root / name).write_text("committed")
    released.commit("code")
    (released.root / path).parent.mkdir(parents=True, exist_ok=True)
    (released.root / path).write_text("changed")
    with pytest.raises(GatehouseError, match=rf"{path}: differs from HEAD.*commit it.*git stash"):
        judge_commit(released.root, tmp_path / "commit")
    released.git("add", path)
    with pytest.raises(GatehouseError, match=f"{path}: differs from HEAD"):
        judge_commit(released.root, tmp_path / "commit")


def test_the_pipeline_s_code_may_be_gone_as_a_whole(released: Repository, tmp_path: Path) -> None:
    """Attacks with what training may change: it is not on disk where a commit is judged."""
    for name in (
        f"{LIBRARY}/judge.py",
        "src/pipeline/train.py",
        "src/pipeline/a/b é.py",
    ):
        (released.root / name).parent.mkdir(parents=True, exist_ok=True)
        (released.root / name).write_text("committed")
    released.commit("code")
    pipeline = released.root / "src/pipeline"
    (pipeline / "train.py").unlink()
    with pytest.raises(GatehouseError, match=r"src/pipeline/train\.py: differs from HEAD"):
        judge_commit(released.root, tmp_path / "1")
    shutil.rmtree(pipeline)
    judged = judge_commit(released.root, tmp_path / "2")
    assert judged.passes
    assert not (judged.folder / "src/pipeline").exists()
    assert (judged.folder / f"{LIBRARY}/judge.py").exists()
    (released.root / f"{LIBRARY}/judge.py").unlink()
    with pytest.raises(GatehouseError, match=rf"^{LIBRARY}/judge\.py: differs from HEAD"):
        judge_commit(released.root, tmp_path / "3")
    released.git("checkout", "--", LIBRARY)
    pipeline.symlink_to(tmp_path)
    with pytest.raises(GatehouseError, match=r"src/pipeline.* differs from HEAD"):
        judge_commit(released.root, tmp_path / "4")


@pytest.mark.parametrize("held", ["source", "wheel"])
def test_another_checkout_s_code_judges_nothing(
    repository: Repository, tmp_path: Path, held: str
) -> None:
    """Attacks a gatehouse that is installed from elsewhere."""
    if held == "source":
        path = repository.root / LIBRARY / "judge.py"
        path.parent.mkdir(parents=True)
        path.write_text("committed")
    else:
        path = repository.root / VENDOR / "gatehouse-1.whl"
        path.parent.mkdir()
        with zipfile.ZipFile(path, "w") as wheel:
            wheel.writestr("gatehouse/judge.py", "committed")
    repository.commit("a library")
    with pytest.raises(GatehouseError, match="is not this checkout's"):
        judge_commit(repository.root, tmp_path / "commit")
