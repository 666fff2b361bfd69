"""From a small fork's commit to a prediction of its image, whose library is the vendored wheel."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gatehouse.release.result import BENTO, SITE, Release
from gatehouse.verdict import Verdict
from tests.end_to_end.slim import Slim
from tests.release.base import base_image
from tests.release.chain import Chain, make_keys
from tests.release.needed import need_tools
from tests.release.registry import Registry
from tests.release.rollout import Cluster, ask
from tests.release.test_chain import ROW

pytestmark = pytest.mark.slow


def test_the_image_predicts_by_the_wheel(
    slim_fork: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """`make image`, then pushed, signed, verified, deployed by digest and asked."""
    need_tools()
    fork = Slim(tmp_path / "fork")
    left_out = shutil.ignore_patterns(".venv")
    shutil.copytree(slim_fork / "work", fork.root, symlinks=True, ignore=left_out)
    fork.set_up()
    with Registry(tmp_path / "registry") as registry:
        chain = Chain(fork, registry, make_keys(tmp_path / "keys"))
        chain.run("make", "image", f"BASE_IMAGE={base_image(tmp_path_factory)}")
        release = Release(fork.root / ".gatehouse/release")
        inside = release.image.digests(BENTO)
        (wheel,) = (fork.root / "vendor").iterdir()
        assert f"vendor/{wheel.name}" in inside
        assert not [name for name in inside if name.startswith("packages/")]
        assert "judge.py" in release.image.digests(f"{SITE}/gatehouse")
        assert "\n| gatehouse | " in release.licences.read_text()
        pushed = chain.push()
        said = chain.gatehouse("image", "verify", pushed, "--key", chain.public)
        assert said.splitlines()[-1] == f"{pushed}: verified"
        (tmp_path / "cluster").mkdir()
        with Cluster.running(tmp_path / "cluster", registry.variables) as cluster:
            cluster.release(pushed)
            answer = ask(f"{cluster.url}/predict", ROW)
            assert answer["model"] == Verdict.read(release.verdict).candidate.model
            assert cluster.pod
            line = "import gatehouse; print(gatehouse.__file__)"
            words = ("podman", "exec", cluster.pod.container, "python3", "-c", line)
            assert cluster.podman.run(*words) == f"/{SITE}/gatehouse/__init__.py"
