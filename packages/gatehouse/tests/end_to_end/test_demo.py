"""The whole loop: trained, served, drifted, alarmed, retrained, judged, served, green again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.end_to_end.clone import copy_checkout
from tests.release.base import base_image
from tests.release.needed import lost_tools
from tests.release.podman import SETTINGS
from tests.workflows.world import SMALL

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def in_image() -> bool:
    """Whether the new model can be served out of its image here."""
    return not lost_tools()


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, in_image: bool) -> tuple[str, Path]:
    """What the demo says, and the folder in which it played."""
    folder = tmp_path_factory.mktemp("demo")
    clone = copy_checkout(folder / "checkout")
    # Fewer resamples and calls: the story is the same, and shorter.
    for old, new in SMALL["policy.yaml"].items():
        if old.startswith(("resamples", "sessions", "at_most: 1.")):
            clone.replace("policy.yaml", old, new)
    clone.commit("Measure less")
    words = ["demo", "--folder", str(folder / "demo")]
    with pytest.MonkeyPatch.context() as patch:
        if in_image:
            words += ["--image", base_image(tmp_path_factory)]
            (folder / "containers.conf").write_text(SETTINGS)
            patch.setenv("CONTAINERS_CONF", str(folder / "containers.conf"))
        return clone.gatehouse(*words), folder / "demo"


def test_the_loop_is_closed(story: tuple[str, Path]) -> None:
    """Green on clean traffic, red on drifted traffic, green again with the new model."""
    output, _ = story
    looks = [line.split("monitor: ")[1] for line in output.splitlines() if "monitor: " in line]
    assert [look.split(".")[0] for look in looks] == ["PASS", "FAIL", "PASS"], output
    assert "drift-numbers" in looks[1]
    verdicts = [line for line in output.splitlines() if "verdict: " in line]
    assert [line.split()[1] for line in verdicts] == ["PASS", "FAIL", "PASS"], output
    # The new world's model is worse on the old one's exam.
    assert verdicts[1].endswith("by rows, drift, accuracy"), "only its new data may block it"


def test_another_model_serves_at_the_end(story: tuple[str, Path], in_image: bool) -> None:
    """The log holds both models' predictions; the new one's come out of its image."""
    output, folder = story
    served = [line.split()[1] for line in output.splitlines() if "answers at port" in line]
    assert len(set(served)) == 2, output
    assert ("podman runs it" in output) == in_image
    for log, model, rows in zip(("first", "second"), served, (24_000, 12_000), strict=True):
        lines = (folder / "logs" / log / "predictions.jsonl").read_text("utf-8").splitlines()
        models = {json.loads(line)["model"].removeprefix("sha256:")[:12] for line in lines}
        assert (models, len(lines)) == ({model}, rows)


def test_git_tells_the_story(story: tuple[str, Path]) -> None:
    """What is served is what the last verdict is of, and the snapshot is in Git by its digest."""
    output, folder = story
    verdict = json.loads((folder / "fork/reports/verdict.json").read_text("utf-8"))
    assert verdict["outcome"] == "pass"
    assert verdict["candidate"]["model"].removeprefix("sha256:")[:12] in output
    assert list((folder / "fork/data/snapshots").glob("*.dvc"))
