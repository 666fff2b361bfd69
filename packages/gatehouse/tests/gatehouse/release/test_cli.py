"""What `gatehouse image` refuses before anything leaves this machine."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from gatehouse.evidence import Subject
from gatehouse.release import judge_commit
from gatehouse.release.judge_commit import JudgedCommit
from gatehouse.release.result import BENTO, LABEL_COMMIT, LABEL_MODEL, LABEL_VERDICT, Release
from gatehouse.release.settled_verdict import settled, verdict_digest
from gatehouse.verdict import Outcome
from gatehouse.workspace import MODEL, VERDICT
from tests.gatehouse.release.images import layer, make_layout
from tests.gatehouse.release.test_settled_verdict import verdict

Command = Callable[..., Result]
NAME = "ghcr.io/octo/credit"
COMMIT = "c0ffee"
GRAPH = b"a graph"
MODEL_DIGEST = f"sha256:{hashlib.sha256(GRAPH).hexdigest()}"
PASSED = verdict(0.8).model_copy(update={"candidate": Subject(model=MODEL_DIGEST)})
WITH_KEY = ("image", "push", NAME, "--key", "cosign.key")
NOT_HERE = "skopeo is not installed, and is needed to push"


@pytest.fixture(autouse=True)
def _own_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No GitHub, and no program to push or to sign with: whatever gets that far says so.

    And no checkout: test_bound.py has what must fit it.
    """
    monkeypatch.setattr("gatehouse.release.bound.check_bound", lambda *_: None)
    monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_URL", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a build that passed has left its image."""
    release = Release(tmp_path / "work/.gatehouse/release")
    files = [
        (f"{BENTO}/{MODEL}", GRAPH),
        (f"{BENTO}/{VERDICT}", settled(PASSED).to_json().encode()),
    ]
    labels = {
        LABEL_COMMIT: COMMIT,
        LABEL_MODEL: MODEL_DIGEST,
        LABEL_VERDICT: verdict_digest(PASSED),
    }
    make_layout(release.image.folder, [layer(files)], labels)
    PASSED.write(release.verdict)
    release.provenance.write_text(json.dumps(provenance(COMMIT)))
    release.sbom.write_text("{}")
    return tmp_path / "work"


def provenance(commit: str) -> object:
    source = {"name": "source", "digest": {"gitCommit": commit}}
    return {"buildDefinition": {"resolvedDependencies": [source]}}


def test_what_was_built_is_pushed(folder: Path, gatehouse: Command) -> None:
    """The others would show nothing if this one did not get as far as pushing."""
    result = gatehouse(*WITH_KEY, cwd=folder)
    assert (result.exit_code, NOT_HERE in result.output) == (2, True), result.output


def test_without_a_key_nothing_is_pushed(
    folder: Path, gatehouse: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks a forgotten --key, for which a person's name went into a public log."""
    result = gatehouse("image", "push", NAME, cwd=folder)
    assert result.exit_code == 2
    assert "--key cosign.key" in result.output
    assert "skopeo" not in result.output
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", "https://example.org")
    assert NOT_HERE in gatehouse("image", "push", NAME, cwd=folder).output


@pytest.mark.parametrize(
    ("file", "content", "code", "message"),
    [
        (
            "verdict.json",
            PASSED.model_copy(update={"outcome": Outcome.FAIL}).to_json(),
            1,
            "not a pass",
        ),
        ("verdict.json", verdict(0.8).to_json(), 1, "is not the judged one"),
        (
            "verdict.json",
            verdict(0.8, auc=0.95).model_copy(update={"candidate": PASSED.candidate}).to_json(),
            1,
            "the verdict inside is not the attested one",
        ),
        ("verdict.json", '{"outcome": "fail"}', 2, "this key is missing"),
        ("verdict.json", "{", 2, "is not JSON"),
        ("provenance.json", json.dumps(provenance("beef")), 1, "another commit than its label"),
        ("provenance.json", "[]", 1, "another commit than its label"),
        ("sbom.cdx.json", "", 2, "is not JSON"),
    ],
)
def test_what_was_not_judged_is_not_pushed(
    folder: Path, gatehouse: Command, file: str, content: str, code: int, message: str
) -> None:
    """Attacks a folder made by hand: what is signed was pushed by someone who looked."""
    (folder / ".gatehouse/release" / file).write_text(content)
    result = gatehouse(*WITH_KEY, cwd=folder)
    assert result.exit_code == code, result.output
    assert message in result.output
    assert "skopeo" not in result.output


@pytest.mark.parametrize("label", [LABEL_COMMIT, LABEL_MODEL, LABEL_VERDICT])
def test_what_another_program_built_is_not_pushed(
    folder: Path, gatehouse: Command, label: str
) -> None:
    """The same files, and a label that says something else, or nothing."""
    release = Release(folder / ".gatehouse/release")
    files = {path: release.image.file(path) for path in (f"{BENTO}/{MODEL}", f"{BENTO}/{VERDICT}")}
    labels = release.image.labels
    for wrong in ({**labels, label: "x"}, {k: v for k, v in labels.items() if k != label}, {}):
        shutil.rmtree(release.image.folder)
        make_layout(release.image.folder, [layer(list(files.items()))], wrong)
        result = gatehouse(*WITH_KEY, cwd=folder)
        assert result.exit_code == 1, result.output
        assert "label" in result.output


@pytest.mark.parametrize("name", ["octo/credit", "credit", f"{NAME}:v1"])
def test_a_name_without_a_registry_is_no_target(
    folder: Path, gatehouse: Command, name: str
) -> None:
    """Programs do not agree where it would go."""
    result = gatehouse("image", "push", name, "--key", "cosign.key", cwd=folder)
    assert result.exit_code == 2
    assert "ghcr.io/" in result.output
    assert "skopeo" not in result.output


def test_who_signed_until_now_is_asked(tmp_path: Path, gatehouse: Command) -> None:
    """A new key signs nothing that nobody verified."""
    image = f"{NAME}@sha256:{'a' * 64}"
    result = gatehouse("image", "sign", image, "--key", "new.key", cwd=tmp_path)
    assert result.exit_code == 2
    assert "--verified-by" in result.output


def test_a_commit_that_does_not_pass_gets_no_image(
    folder: Path, gatehouse: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the image of the commit before is gone, so that it can't be pushed for this one."""
    failed = PASSED.model_copy(update={"outcome": Outcome.FAIL})
    monkeypatch.setattr(
        judge_commit, "judge_commit", lambda _, work: JudgedCommit(COMMIT, 0, work, failed, "")
    )
    result = gatehouse("image", "build", "--base", "oci:base", cwd=folder)
    assert result.exit_code == 1, result.output
    assert "does not pass, so it gets no image" in result.output
    assert not Release(folder / ".gatehouse/release").image.folder.exists()
    result = gatehouse(*WITH_KEY, cwd=folder)
    assert (result.exit_code, "make image" in result.output) == (2, True), result.output
