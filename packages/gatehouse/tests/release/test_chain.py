"""From a commit to a prediction of its image, with real tools; and images that must not run."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from gatehouse.git import git
from gatehouse.release.layout import Layout
from gatehouse.release.machinery import machinery_digest
from gatehouse.release.packages import PYTHON
from gatehouse.release.promote import PRODUCTION
from gatehouse.release.result import Release
from gatehouse.release.settled_verdict import verdict_digest
from gatehouse.release.signing import PROVENANCE, SBOM, VERDICT
from gatehouse.verdict import Verdict
from tests.gatehouse.release.images import Files
from tests.release import forging
from tests.release.base import base_image
from tests.release.chain import Chain, make_keys
from tests.release.rollout import Cluster, ask, asking

pytestmark = pytest.mark.slow

MEGABYTES = 400
COMPILERS = {"gcc", "g++", "cc", "c++", "clang", "ld", "as", "make", "tcc", "rustc", "go"}
ROW = {
    "age": 50, "workclass": "Private", "education_num": 13, "marital_status": "Married-civ-spouse",
    "occupation": "Exec-managerial", "relationship": "Husband", "capital_gain": 0,
    "capital_loss": 0, "hours_per_week": 45, "native_country": "United-States",
}  # fmt: skip


def release_of(chain: Chain) -> Release:
    return Release(chain.clone.root / ".gatehouse/release")


@pytest.fixture(scope="module")
def pushed(chain: Chain) -> str:
    """The built image in the registry, signed and attested."""
    return chain.push()


def without(program: str, folder: Path) -> str:
    """A PATH with all programs of this machine but one, by links in the new `folder`."""
    folder.mkdir()
    for place in reversed(os.environ["PATH"].split(os.pathsep)):
        for path in Path(place).iterdir() if Path(place).is_dir() else ():
            if path.name != program:
                (folder / path.name).unlink(missing_ok=True)
                (folder / path.name).symlink_to(path)
    return str(folder)


def test_the_same_commit_gives_the_same_digest(
    chain: Chain, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Judged and built again, with other times measured and by podman: one image, one SBOM.

    And the images that podman and buildah have here are those from before.
    """
    release = release_of(chain)
    paths = (release.sbom, release.licences, release.provenance)
    kept = {path: path.read_bytes() for path in paths}
    before, told = release.image.digest, Verdict.read(release.verdict)
    path = without("buildah", tmp_path / "bin")
    base = base_image(tmp_path_factory)
    chain.gatehouse("image", "build", "--base", base, PATH=path)
    assert release.image.digest == before
    assert {path: path.read_bytes() for path in kept} == kept
    assert verdict_digest(Verdict.read(release.verdict)) == verdict_digest(told)
    here = chain.run("podman", "images", "--format", "{{.Repository}}:{{.Tag}}").split()
    time = chain.run("git", "show", "--no-patch", "--format=%ct").strip()
    digest = Layout(Path(base.removeprefix("oci:"))).digest[7:19]
    assert not {f"localhost/gatehouse:{time}", f"localhost/gatehouse-base:{digest}"} & set(here)


def test_what_is_in_the_image(chain: Chain) -> None:
    """Small, not root, nothing to compile or to train with, and labels that say what it is."""
    release = release_of(chain)
    image, size, names = release.image, 0, set[str]()
    for each in image.manifest["layers"]:
        blob = image.folder / "blobs/sha256" / each["digest"][7:]
        with gzip.open(blob) as stream, tarfile.open(fileobj=stream, mode="r|") as layer:
            for entry in layer:
                size += entry.size
                names.add(entry.name)
    assert size < MEGABYTES * 1e6
    assert {Path(name).name for name in names if "/bin/" in f"/{name}"} & COMPILERS == set()
    folders = {name.split("/")[2] for name in names if name.startswith("app/site/")}
    assert {"torch", "pandas", "sklearn", "dvc", "evidently"} & folders == set()
    assert image.config["User"] == "65532:65532"
    assert "ORT_DISABLE_TELEMETRY=1" in image.config["Env"]
    bento = yaml.safe_load(image.file("app/bento/bento.yaml"))
    assert bento["image"]["python_version"] == PYTHON, "whatever Python built it"
    commit = chain.clone.run("git", "rev-parse", "HEAD").strip()
    verdict = Verdict.read(release.verdict)
    assert image.labels == {
        "org.opencontainers.image.revision": commit,
        "gatehouse.model": verdict.candidate.model,
        "gatehouse.verdict": verdict_digest(verdict),
        "gatehouse.machinery": machinery_digest(chain.clone.root),
    }
    packages = {each["name"] for each in json.loads(release.sbom.read_text())["components"]}
    assert {"onnxruntime", "bentoml", "numpy"} <= packages
    assert all(f"| {name} |" in release.licences.read_text() for name in packages)


@pytest.fixture(scope="module")
def cluster(
    chain: Chain, pushed: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """The pushed image runs in production: pulled by digest, with the rights that Git gives it."""
    folder = tmp_path_factory.mktemp("cluster")
    with Cluster.running(folder, chain.registry.variables) as made:
        made.release(pushed)
        yield made


def test_the_pushed_image_predicts(chain: Chain, pushed: str, cluster: Cluster) -> None:
    """Verified, pulled and deployed by digest: it answers by the judged model."""
    said = chain.gatehouse("image", "verify", pushed, "--key", chain.public)
    assert said.splitlines()[-1] == f"{pushed}: verified"
    verdict = Verdict.read(release_of(chain).verdict)
    answer = ask(f"{cluster.url}/predict", ROW)
    assert 0 < answer["probability"] < 1
    assert answer["model"] == verdict.candidate.model
    told = ask(f"{cluster.url}/model")
    assert told["verdict_digest"] == verdict_digest(verdict)
    assert told["verdict"]["outcome"] == "pass"


def test_the_pod_is_confined(cluster: Cluster) -> None:
    """Attacks manifests whose security context says less than it seems to."""

    def inside(*words: str, code: int = 0) -> str:
        assert cluster.pod
        return cluster.podman.run("podman", "exec", cluster.pod.container, *words, code=code)

    def python(line: str, code: int = 0) -> str:
        return inside("python3", "-I", "-c", line, code=code)

    assert python("import os; print(os.getuid())") == "65532"
    assert "Read-only file system" in python("open('/made', 'w')", code=1)
    python("open('/tmp/made', 'w')")
    status = dict(
        line.split(":", 1)
        for line in python("print(open('/proc/self/status').read())").splitlines()
    )
    assert int(status["CapEff"], 16) == 0
    assert status["NoNewPrivs"].strip() == "1"


def test_the_registry_is_closed(chain: Chain, pushed: str) -> None:
    """With no password or a wrong one, nothing is pushed and nothing can be looked at."""
    for auth in (chain.registry.stranger(None), chain.registry.stranger("wrong")):
        words = ["image", "push", chain.name, "--key", chain.private]
        assert "could not push" in chain.gatehouse(*words, code=2, REGISTRY_AUTH_FILE=auth)
        words = ["image", "verify", pushed, "--key", chain.public]
        said = chain.gatehouse(*words, code=2, REGISTRY_AUTH_FILE=auth)
        assert "could not verify" in said


def test_a_tag_is_no_name(chain: Chain, pushed: str) -> None:
    """A tag can be moved to another image after it was looked at."""
    tagged = f"{chain.name}:latest"
    said = chain.gatehouse("image", "verify", tagged, "--key", chain.public, code=2)
    assert "a tag can be moved" in said


def test_an_unsigned_image_is_refused(chain: Chain, pushed: str) -> None:
    """The same bytes, pushed by someone with no key."""
    reference = forging.push(chain, release_of(chain).image, "octo/unsigned")
    assert "no signatures found" in chain.refused(reference)


def test_a_stranger_s_signature_is_refused(chain: Chain, tmp_path: Path) -> None:
    """Signed and attested, by another key; and whoever asks by that key refuses ours."""
    other = make_keys(tmp_path / "keys")
    name = f"{chain.registry.host}/octo/stranger"
    reference = chain.push(name, str(other / "cosign.key"))
    assert "no matching signatures" in chain.refused(reference)
    assert "no matching signatures" in chain.refused(chain.push(), str(other / "cosign.pub"))


def test_a_new_key_takes_over(chain: Chain, pushed: str, tmp_path: Path) -> None:
    """Signed anew, for whoever trusts the new key alone; but only what the old one had signed."""
    new = make_keys(tmp_path / "keys")
    key, public = str(new / "cosign.key"), str(new / "cosign.pub")
    sign = ("image", "sign", pushed, "--key", key, "--verified-by")
    assert "no matching signatures" in chain.gatehouse(*sign, public, code=1)
    assert "no matching signatures" in chain.refused(pushed, public)
    assert chain.gatehouse(*sign, chain.public).splitlines()[-1] == f"{pushed}: signed"
    for each in (public, chain.public):
        said = chain.gatehouse("image", "verify", pushed, "--key", each)
        assert said.splitlines()[-1] == f"{pushed}: verified"


def test_an_image_under_another_name_is_refused(chain: Chain, pushed: str) -> None:
    """Copied with its signatures: what was signed for one name is not passed off as another."""
    copy = f"{chain.registry.host}/octo/retagged"
    chain.run("cosign", "copy", pushed, f"{copy}:v1")
    message = chain.refused(f"{copy}@{pushed.partition('@')[2]}")
    assert "its signature is of another image or name" in message


def test_bytes_changed_in_the_registry_are_refused(chain: Chain, tmp_path: Path) -> None:
    """Who holds the registry's disk changes a layer: what is pulled is not what was signed."""
    other: Files = [("etc/own", b"another image, so that the others stay whole")]
    image = forging.with_layer(release_of(chain).image, tmp_path / "image", other)
    reference = forging.push(chain, image, "octo/tampered")
    forging.sign(chain, reference)
    release = release_of(chain)
    for kind, path in ((VERDICT, release.verdict), (PROVENANCE, release.provenance),
                       (SBOM, release.sbom)):  # fmt: skip
        forging.attest(chain, reference, kind, path)
    words = ["image", "verify", reference, "--key", chain.public]
    assert "verified" in chain.gatehouse(*words)
    blob = chain.registry.blob(image.manifest["layers"][-1]["digest"])
    blob.write_bytes(bytes(reversed(blob.read_bytes())))
    assert "verified" not in chain.gatehouse(*words, code=2)


def test_another_model_inside_is_refused(chain: Chain, tmp_path: Path) -> None:
    """Signed by the right key, with the right verdict, but the model inside is not that one."""
    release = release_of(chain)
    other: Files = [("app/bento/src/models/model.int8.onnx", b"another")]
    image = forging.with_layer(release.image, tmp_path / "image", other)
    reference = forging.push(chain, image, "octo/other-model")
    forging.sign(chain, reference)
    assert f"{VERDICT}" in chain.refused(reference), "signed, and nothing attested"
    forging.attest(chain, reference, VERDICT, release.verdict)
    assert PROVENANCE in chain.refused(reference)
    forging.attest(chain, reference, PROVENANCE, release.provenance)
    assert SBOM in chain.refused(reference)
    forging.attest(chain, reference, SBOM, release.sbom)
    assert "is not the judged one" in chain.refused(reference)


def test_a_verdict_that_is_no_pass_is_refused(chain: Chain, tmp_path: Path) -> None:
    """Attested by the right key; a second attestation beside it, a pass, does not help."""
    release = release_of(chain)
    failed = json.loads(release.verdict.read_text()) | {"outcome": "fail"}
    (tmp_path / "fail.json").write_text(json.dumps(failed))
    other: Files = [("etc/failed", b"")]
    image = forging.with_layer(release.image, tmp_path / "image", other)
    reference = forging.push(chain, image, "octo/failed")
    forging.sign(chain, reference)
    forging.attest(chain, reference, VERDICT, tmp_path / "fail.json")
    assert "is not a pass" in chain.refused(reference)
    forging.attest(chain, reference, VERDICT, release.verdict)
    assert "is not a pass" in chain.refused(reference)


def test_promoted_and_reverted_under_load(
    chain: Chain, pushed: str, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A second model, from its commit to predictions and back: no request of the loop fails."""
    first = Verdict.read(release_of(chain).verdict).candidate.model
    chain.clone.replace("params.yaml", "epochs: 6", "epochs: 7")
    chain.train()
    chain.build(base_image(tmp_path_factory))
    second = Verdict.read(release_of(chain).verdict).candidate.model
    image = chain.push()
    assert (second, image) != (first, pushed)

    url = f"{cluster.url}/predict"
    with asking(url, ROW, count=4) as clients:
        cluster.release(image)
        assert ask(url, ROW)["model"] == second
        changed = git("show", "--numstat", "--format=", root=cluster.repository).split()
        assert changed == ["1", "1", str(PRODUCTION)]
        cluster.revert()
        assert ask(url, ROW)["model"] == first
    for each in clients:
        assert each.failures == []
        turns = [model for model, _ in itertools.groupby(each.models)]
        assert turns == [first, second, first]
