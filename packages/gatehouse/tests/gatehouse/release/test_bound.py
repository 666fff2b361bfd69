"""What is signed fits the commit that is checked out: attacks by a build that was taken over."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import Result

from gatehouse import places
from gatehouse.acceptance.offer import scope_of
from gatehouse.acceptance.record import FOLDER, Acceptance
from gatehouse.digest import dvc_md5
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, evidence_path
from gatehouse.judge_files import today, verdict_on
from gatehouse.places import LIBRARY, VENDOR
from gatehouse.policy import load_policy
from gatehouse.release.bound import check_bound
from gatehouse.release.machinery import machinery_digest
from gatehouse.release.result import (
    BENTO,
    LABEL_COMMIT,
    LABEL_MACHINERY,
    LABEL_MODEL,
    LABEL_VERDICT,
    SITE,
    Release,
)
from gatehouse.release.settled_verdict import settled, verdict_digest
from gatehouse.release.signing import RefusedError
from gatehouse.release.verify import check_release
from gatehouse.verdict import Outcome, Verdict
from gatehouse.workspace import EVIDENCE, MODEL, MODEL_FP32, VERDICT, Workspace
from tests.gatehouse.release.images import layer, make_layout
from tests.gatehouse.repository import Repository
from tests.shared import NAMES

CODE = {
    f"{LIBRARY}/__init__.py": "",
    f"{LIBRARY}/judge.py": "def judge(): ...\n",
    "src/gates/__init__.py": "",
    "bentofile.yaml": "service: gatehouse.serving.service:service\n",
    "pyproject.toml": "[project]\n",
    "requirements/serve.txt": "onnxruntime==1 --hash=sha256:0\n",
}
INSIDE = (f"{LIBRARY}/__init__.py", f"{LIBRARY}/judge.py", "src/gates/__init__.py",
          "pyproject.toml", "contract.yaml")  # fmt: skip


@dataclass
class Handed:
    """A build's result, which a test changes and then packs, with everything consistent.

    Attributes:
        repository: whose HEAD is released.
        labels: of the image, beyond those that follow from model and verdict.
        inside: files of the image by their path from the Bento's folder.
        policy: file by which the build judges.
        installed: files of the image by their path from its installed packages.
    """

    repository: Repository
    labels: dict[str, str]
    inside: dict[str, bytes]
    policy: Path
    installed: dict[str, bytes] = field(default_factory=dict)

    @property
    def release(self) -> Release:
        return Release(self.repository.root / ".gatehouse/release")

    @property
    def candidate(self) -> Workspace:
        return Workspace(self.release.candidate)

    def judged(self) -> Verdict:
        """The verdict on what lies in the candidate's folder, by the build's policy."""
        for name, source in (("contract.yaml", self.repository.root), ("policy.yaml", None)):
            shutil.copyfile(
                self.policy if source is None else source / name, self.release.candidate / name
            )
        verdict = verdict_on(self.candidate)
        for name in ("contract.yaml", "policy.yaml"):
            (self.release.candidate / name).unlink()
        return verdict

    def pack(self, verdict: Verdict | None = None) -> Release:
        """The release, whose image, labels, provenance and verdict agree with each other."""
        verdict = verdict or self.judged()
        graph = (self.release.candidate / MODEL).read_bytes()
        files = self.inside | {
            MODEL.as_posix(): graph,
            VERDICT.as_posix(): settled(verdict).to_json().encode(),
        }
        labels = {
            LABEL_MODEL: verdict.candidate.model or "",
            LABEL_VERDICT: verdict_digest(verdict),
        }
        shutil.rmtree(self.release.image.folder, ignore_errors=True)
        places = {f"{BENTO}/{name}": content for name, content in files.items()}
        places |= {f"{SITE}/{name}": content for name, content in self.installed.items()}
        packed = layer([*places.items()])
        make_layout(self.release.image.folder, [packed], labels | self.labels)
        verdict.write(self.release.verdict)
        source = {"name": "source", "digest": {"gitCommit": self.labels[LABEL_COMMIT]}}
        provenance = {"buildDefinition": {"resolvedDependencies": [source]}}
        self.release.provenance.write_text(json.dumps(provenance))
        self.release.sbom.write_text("{}")
        return self.release

    def refused(self, verdict: Verdict | None = None) -> str:
        """Why the release is refused, though nothing in it contradicts itself."""
        release = self.pack(verdict)
        check_release(release)
        with pytest.raises(RefusedError) as caught:
            check_bound(release, self.repository.root, today())
        return str(caught.value)

    def measured_on(self, **subject: str) -> None:
        """Let all evidence speak of other data or another model."""
        for gate in NAMES:
            path = evidence_path(self.candidate.evidence, gate)
            evidence = Evidence.read(path)
            known = {k: v for k, v in subject.items() if getattr(evidence.candidate, k)}
            seen = evidence.candidate.model_copy(update=known)
            evidence.model_copy(update={"candidate": seen}).write(path)


@pytest.fixture
def handed(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Handed:
    """What an honest build of HEAD leaves; HEAD records a verdict."""
    root = repository.root
    monkeypatch.setattr(places, "PACKAGE", root / LIBRARY)
    for name, text in CODE.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    verdict_on(repository.workspace).write(root / VERDICT)
    commit = repository.commit("a verdict")
    release = Release(root / ".gatehouse/release")
    for path in ("data", "models", EVIDENCE):
        shutil.copytree(root / path, release.candidate / path)
    labels = {LABEL_COMMIT: commit, LABEL_MACHINERY: machinery_digest(root)}
    inside = {name: (root / name).read_bytes() for name in INSIDE}
    return Handed(repository, labels, inside, root / "policy.yaml")


def test_an_honest_build_fits(handed: Handed) -> None:
    """The others would show nothing if this one did not pass."""
    release = handed.pack()
    check_release(release)
    check_bound(release, handed.repository.root, today())


def test_without_a_recorded_verdict_the_files_decide(handed: Handed) -> None:
    """A first model that was committed by hand: MD5 of each file, and the evidence."""
    handed.repository.git("rm", "-q", VERDICT.as_posix())
    handed.labels[LABEL_COMMIT] = handed.repository.commit("no verdict")
    check_bound(handed.pack(), handed.repository.root, today())


def test_another_commit(handed: Handed) -> None:
    """A release of an earlier commit, whole and once signed, is handed over again."""
    handed.pack()
    (handed.repository.root / "README.md").write_text("a later commit")
    handed.repository.commit("later")
    assert handed.refused().startswith("commit: the image: ")


def test_a_looser_policy(handed: Handed, tmp_path: Path) -> None:
    """The verdict is a pass by limits that HEAD does not have."""
    text = handed.policy.read_text()
    handed.policy = tmp_path / "policy.yaml"
    handed.policy.write_text(text.replace("at_least: 0.8\n", "at_least: 0.1\n", 1))
    assert handed.refused().startswith("policy: the verdict: ")


def test_a_looser_policy_under_the_right_name(handed: Handed, tmp_path: Path) -> None:
    """And says that it was reached by HEAD's."""
    digest = load_policy(handed.policy).digest
    text = handed.policy.read_text()
    handed.policy = tmp_path / "policy.yaml"
    handed.policy.write_text(text.replace("at_least: 0.8\n", "at_least: 0.1\n", 1))
    message = handed.refused(handed.judged().model_copy(update={"policy": digest}))
    assert message.startswith("verdict: does not follow")
    assert "accuracy-floor" in message


def test_a_policy_without_a_rule(handed: Handed) -> None:
    """A rule is gone from the verdict, whose evidence would have failed it."""
    verdict = handed.judged()
    fewer = verdict.model_copy(update={"rules": verdict.rules[1:]})
    message = handed.refused(fewer)
    assert f"differ in {verdict.rules[0].rule}" in message


def test_another_model(handed: Handed) -> None:
    """Labels, verdict, evidence and image all speak of a model that dvc.lock does not record."""
    root = handed.release.candidate
    shutil.copyfile(root / MODEL_FP32, root / MODEL)
    handed.measured_on(**handed.candidate.present().model_dump(include={"model"}))
    message = handed.refused()
    assert message.startswith("models/model.int8.onnx (MD5): the file handed over: ")


def test_another_model_beside_the_files_of_the_right_one(handed: Handed) -> None:
    """The right files are handed over, and the image holds and names another model."""
    root, right = handed.release.candidate, (handed.release.candidate / MODEL).read_bytes()
    shutil.copyfile(root / MODEL_FP32, root / MODEL)
    handed.measured_on(**handed.candidate.present().model_dump(include={"model"}))
    release = handed.pack()
    (root / MODEL).write_bytes(right)
    check_release(release)
    with pytest.raises(RefusedError, match=r"^model: the verdict: "):
        check_bound(release, handed.repository.root, today())


def test_a_model_with_the_same_md5(handed: Handed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files of one MD5 can be made on purpose; the recorded verdict has the SHA-256."""
    root = handed.release.candidate
    shutil.copyfile(root / MODEL_FP32, root / MODEL)
    handed.measured_on(**handed.candidate.present().model_dump(include={"model"}))
    right = handed.repository.root
    monkeypatch.setattr(
        "gatehouse.release.bound.dvc_md5",
        lambda path: dvc_md5(right / path.relative_to(root)),
    )
    message = handed.refused()
    assert message.startswith("model: the files handed over: ")
    assert "reports/verdict.json of HEAD: " in message


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("data/raw/rows.parquet", "data/raw (MD5)"),
        ("data/raw/test.parquet", "data/raw (MD5)"),
        ("models/model.onnx", "models/model.onnx (MD5)"),
    ],
)
def test_other_data(handed: Handed, file: str, message: str) -> None:
    """Evidence and verdict speak of rows, or of a first graph, that HEAD does not record."""
    with (handed.release.candidate / file).open("ab") as stream:
        stream.write(b"more")
    here = handed.candidate.present().model_dump(include={"raw", "data", "model_fp32"})
    handed.measured_on(**here)
    assert handed.refused().startswith(f"{message}: the file handed over: ")


def test_data_that_are_not_handed_over(handed: Handed) -> None:
    """The verdict speaks of the right rows, and nobody can look."""
    verdict = handed.judged()
    shutil.rmtree(handed.release.candidate / "data/raw")
    assert handed.refused(verdict).startswith("data/raw: is missing from the release")


def test_other_data_are_judged(handed: Handed) -> None:
    """The right files are handed over, and evidence and verdict speak of others."""
    verdict = handed.judged()
    other = verdict.candidate.model_copy(update={"data": "sha256:" + "0" * 64})
    handed.measured_on(data="sha256:" + "0" * 64)
    message = handed.refused(verdict.model_copy(update={"candidate": other}))
    assert message.startswith("data: the files handed over: 000000000000, ")


def test_another_contract(handed: Handed) -> None:
    """The verdict is on a contract that HEAD does not have."""
    verdict = handed.judged()
    other = verdict.candidate.model_copy(update={"contract": "sha256:" + "0" * 64})
    message = handed.refused(verdict.model_copy(update={"candidate": other}))
    assert message.startswith("contract: the verdict: 000000000000, ")


def test_a_recorded_verdict_on_other_data(handed: Handed) -> None:
    """HEAD's lock and HEAD's verdict name different rows: nothing says which were judged."""
    root = handed.repository.root
    recorded = Verdict.read(root / VERDICT)
    other = recorded.candidate.model_copy(update={"raw": "sha256:" + "0" * 64})
    recorded.model_copy(update={"candidate": other}).write(root / VERDICT)
    handed.labels[LABEL_COMMIT] = handed.repository.commit("another verdict")
    assert handed.refused().startswith("raw: the files handed over: ")


def test_an_owner_s_word_counts_where_head_records_it(handed: Handed) -> None:
    """A failure that HEAD records as accepted is released; one that the build brings is not."""
    root, folder = handed.repository.root, handed.release.candidate / FOLDER
    text = handed.policy.read_text()
    assert "at_least: 0.8\n" in text
    handed.policy.write_text(text.replace("at_least: 0.8\n", "at_least: 0.9999\n", 1))
    handed.labels[LABEL_COMMIT] = handed.repository.commit("stricter")
    failed = handed.judged()
    blocking = [result.rule for result in failed.rules if result.blocks]
    scope = scope_of(failed, load_policy(handed.policy), blocking)
    word = Acceptance(by="@olga", reason="known and wanted", scope=scope, pull=1, comment=7)
    word.write(handed.release.candidate / word.path)
    accepted = handed.judged()
    assert accepted.outcome is Outcome.PASS
    assert handed.refused(accepted).startswith("verdict: does not follow")
    shutil.copytree(folder, root / FOLDER)
    handed.labels[LABEL_COMMIT] = handed.repository.commit("accepted")
    check_bound(handed.pack(accepted), root, today())


@pytest.mark.parametrize("gate", ["accuracy", "data"])
def test_evidence_that_fails(handed: Handed, gate: str) -> None:
    """The verdict is a pass, and the evidence handed over with it is not enough for one."""
    verdict = handed.judged()
    path = evidence_path(handed.candidate.evidence, gate)
    evidence = Evidence.read(path)
    worse = tuple(
        each.model_copy(update={"value": 0.5, "interval": None}) for each in evidence.measurements
    )
    evidence.model_copy(update={"measurements": worse}).write(path)
    message = handed.refused(verdict)
    assert message.startswith("verdict: does not follow")
    assert str(gate) in message


@pytest.mark.parametrize("content", [None, "{", '{"version": 2}', "[]"])
def test_evidence_that_cannot_be_read(handed: Handed, content: str | None) -> None:
    """Missing or broken evidence is an error, and an error is no pass."""
    verdict = handed.judged()
    path = evidence_path(handed.candidate.evidence, "fairness")
    path.unlink() if content is None else path.write_text(content)
    assert "fairness" in handed.refused(verdict)


def test_another_machinery_by_its_label(handed: Handed) -> None:
    """An image that an older library built, and says so."""
    handed.labels[LABEL_MACHINERY] = "sha256:" + "0" * 64
    assert handed.refused().startswith("machinery: the image: 000000000000, ")
    del handed.labels[LABEL_MACHINERY]
    assert handed.refused().startswith("machinery: the image: none, ")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (f"{LIBRARY}/judge.py", b"def judge(): return 'pass'\n"),
        (f"{LIBRARY}/judge.py", None),
        ("src/gates/__init__.py", None),
        (f"{LIBRARY}/new.py", b""),
        ("src/sitecustomize.py", b""),
        ("contract.yaml", b"{}"),
        ("pyproject.toml", b""),
        (f"{LIBRARY}/__pycache__/none.cpython-311.pyc", b""),
        ("src/__pycache__/judge.cpython-311.pyc", b""),
        ("models/other.onnx", b""),
    ],
)
def test_another_machinery_under_the_right_label(
    handed: Handed, name: str, content: bytes | None
) -> None:
    """The image holds other code than the commit, or more, or less."""
    if content is None:
        del handed.inside[name]
    else:
        handed.inside[name] = content
    message = handed.refused()
    assert message.startswith(f"machinery: {name} in the image: not as in the commit")


def test_a_library_installed_beside_its_source(handed: Handed) -> None:
    """What is installed would be imported, and not what was compared."""
    handed.installed["gatehouse/judge.py"] = (
        handed.repository.root / LIBRARY / "judge.py"
    ).read_bytes()
    assert f"{SITE}/gatehouse/judge.py in the image: not as in the commit" in handed.refused()


@pytest.fixture
def slim(handed: Handed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Handed:
    """What an honest build leaves of a repository that has the library as a wheel."""
    root = handed.repository.root
    code = {path.name: path.read_bytes() for path in (root / LIBRARY).glob("*.py")}
    shutil.rmtree(root / "packages")
    (root / VENDOR).mkdir()
    (tmp_path / "gatehouse").mkdir()
    with zipfile.ZipFile(root / VENDOR / "gatehouse-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("gatehouse-1.0.dist-info/METADATA", "Name: gatehouse\n")
        for name, content in code.items():
            wheel.writestr(f"gatehouse/{name}", content)
            (tmp_path / "gatehouse" / name).write_bytes(content)
    monkeypatch.setattr(places, "PACKAGE", tmp_path / "gatehouse")
    commit = handed.repository.commit("the library as its wheel")
    handed.labels |= {LABEL_COMMIT: commit, LABEL_MACHINERY: machinery_digest(root)}
    handed.inside = {name: content for name, content in handed.inside.items()
                     if not name.startswith("packages/")}  # fmt: skip
    handed.installed = {f"gatehouse/{name}": content for name, content in code.items()}
    return handed


def test_an_installed_wheel_fits(slim: Handed) -> None:
    """Bytecode of its sources is let in, as is what else is installed."""
    slim.installed["gatehouse/__pycache__/judge.cpython-311.pyc"] = b"bytecode"
    slim.installed["numpy/__init__.py"] = b""
    check_bound(slim.pack(), slim.repository.root, today())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("judge.py", b"def judge(): return True\n"),
        ("judge.py", None),
        ("more.py", b""),
        ("__pycache__/none.cpython-311.pyc", b""),
    ],
)
def test_another_library_than_the_wheel(slim: Handed, name: str, content: bytes | None) -> None:
    """The image holds another library than the commit's wheel, or more, or less."""
    if content is None:
        del slim.installed[f"gatehouse/{name}"]
    else:
        slim.installed[f"gatehouse/{name}"] = content
    message = slim.refused()
    assert message.startswith(
        f"machinery: {SITE}/gatehouse/{name} in the image: not as in the commit"
    )


def test_another_wheel_in_the_checkout_signs_nothing(slim: Handed) -> None:
    """Attacks a checker that is not the commit's: the wheel in the work tree is another one."""
    (wheel,) = (slim.repository.root / VENDOR).iterdir()
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    with pytest.raises(GatehouseError, match=f"{wheel.name}: differs from HEAD"):
        check_bound(slim.pack(), slim.repository.root, today())


def test_bytecode_of_the_commit_s_sources_is_let_in(handed: Handed) -> None:
    """The build compiles, and nothing can be compared with it."""
    handed.inside[f"{LIBRARY}/__pycache__/judge.cpython-311.pyc"] = b"bytecode"
    check_bound(handed.pack(), handed.repository.root, today())


@pytest.mark.parametrize("path", [f"{LIBRARY}/judge.py", "bentofile.yaml"])
def test_a_changed_checkout_signs_nothing(handed: Handed, path: str) -> None:
    """Attacks a checker that was changed in the work tree."""
    (handed.repository.root / path).write_text("changed")
    with pytest.raises(GatehouseError, match=f"{path}: differs from HEAD"):
        check_bound(handed.pack(), handed.repository.root, today())


def test_a_link_among_the_files(handed: Handed) -> None:
    """A link makes a file of the signing machine stand for one that was handed over."""
    rows = handed.release.candidate / "data/raw/rows.parquet"
    rows.unlink()
    rows.symlink_to(handed.repository.root / "data/raw/rows.parquet")
    assert "is a link" in handed.refused()


def test_the_command_names_what_differs(handed: Handed, gatehouse: Callable[..., Result]) -> None:
    """`gatehouse image check`, which the workflow runs before anything is signed."""
    handed.pack()
    root = handed.repository.root
    result = gatehouse("image", "check", cwd=root)
    assert (result.exit_code, result.output) == (0, f"fits {handed.labels[LABEL_COMMIT][:12]}\n")
    handed.labels[LABEL_MACHINERY] = "sha256:" + "0" * 64
    handed.pack()
    for words in (("check",), ("push", "ghcr.io/octo/credit", "--key", "cosign.key")):
        result = gatehouse("image", *words, cwd=root)
        assert result.exit_code == 1, result.output
        assert "refused: machinery: the image: 000000000000" in result.output
