"""Attacks with runs that break off, archives made by hand, hostile names, and a failing GitHub."""

from __future__ import annotations

import io
import re
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from gatehouse.lock import relock
from tests.github.faults import RESET
from tests.github.state import PullRequest, Run
from tests.workflows.world import World

HOSTILE = "a$(touch${IFS}pwned);`id`'\"<img/src=x>@all&&${{github.token}}"


def archive_of(world: World, extra: dict[str, bytes] | None = None) -> bytes:
    """The candidate that main records, with entries replaced or added."""
    root = world.author.root
    names = ["dvc.lock"]
    for folder in ("data/raw", "models", "reports/train"):
        names += [path.relative_to(root).as_posix() for path in (root / folder).rglob("*.*")]
    files = {name: (root / name).read_bytes() for name in names if (root / name).is_file()}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in (files | (extra or {})).items():
            archive.writestr(name, content)
    return packed.getvalue()


def uploaded(world: World, content: bytes, branch: str = "change") -> tuple[PullRequest, Run]:
    """A pull request of words, and the end of a run that uploaded `content`."""
    pull = world.open(
        lambda fork: (fork.root / "README.md").write_text("Other words") and None, branch
    )
    run = world.ended(pull, "success")
    world.github.artifact(run.id, "candidate-x", content)
    return pull, run


def link(world: World) -> bytes:
    """An archive in which the model is a link to a file of the machine."""
    packed = io.BytesIO(archive_of(world))
    with zipfile.ZipFile(packed, "a") as archive:
        entry = zipfile.ZipInfo("models/other.onnx")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    return packed.getvalue()


ARCHIVES: dict[str, tuple[Callable[[World], bytes], str]] = {
    "no archive": (lambda world: b"PK not really", "damaged"),
    "cut short": (lambda world: archive_of(world)[:-3000], "damaged"),
    "a way out": (lambda world: archive_of(world, {"models/../../evil.onnx": b""}), "no part"),
    "a link": (link, "not a plain file"),
    "a bomb": (
        lambda world: archive_of(world, {"data/raw/zeros.parquet": bytes(9_000_000)}),
        "larger than 8 MB",
    ),
}


def test_archives_made_by_hand_are_red(world: World) -> None:
    """Damaged, too large, with a way out or a link: refused, with the reason, nothing left."""
    world.variables = {"CANDIDATE_MB": "8"}
    for at, (name, (make, reason)) in enumerate(ARCHIVES.items()):
        pull, run = uploaded(world, make(world), f"change-{at}")
        assert world.judge(run).code == 0
        assert reason in world.red(pull), name
        assert reason in world.said(pull), name
    assert not list(world.act.folder.rglob("evil.onnx"))


def test_a_model_with_data_outside_is_red(world: World) -> None:
    """The graph's weights lie in a file of the machine: not read, red, though the lock fits."""
    import onnx
    from onnx.external_data_helper import set_external_data

    root = world.author.root
    for name in ("model.onnx", "model.int8.onnx"):
        path = root / "models" / name
        model = onnx.load(path)
        tensor = next(each for each in model.graph.initializer if each.raw_data)
        set_external_data(tensor, location="../../../../../../etc/passwd")
        tensor.ClearField("raw_data")
        path.unlink()
        path.write_bytes(model.SerializeToString())
    text = (root / "dvc.lock").read_text()
    names = ["models/model.onnx", "models/model.int8.onnx"]
    lock = relock(text, root, names).encode()
    pull, run = uploaded(world, archive_of(world, {"dvc.lock": lock}))
    judged = world.judge(run)
    assert judged.code == 0
    world.red(pull, "accuracy", "latency")
    assert "root:" not in judged.log + world.said(pull)


def test_a_failed_pipeline_is_red_with_its_reason(world: World) -> None:
    """Training code that raises: red at once, naming job and step, not pending for ever."""

    def break_it(fork: object) -> None:
        path = world.author.root / "src/pipeline/network.py"
        path.write_text(path.read_text() + '\nraise RuntimeError("no memory left")\n')

    pull = world.open(break_it)
    checked = world.through(pull)
    assert checked.code != 0
    assert "machinery" not in checked.results, "src/pipeline is no machinery"
    assert "Pipeline (Run the pipeline)" in world.red(pull)
    assert "not judged" in world.said(pull)


def test_a_cancelled_run_is_red(world: World) -> None:
    """Cancelled is neither green nor for ever pending."""
    pull = world.open(lambda fork: (fork.root / "README.md").write_text("Other words") and None)
    run = world.ended(pull, "cancelled")
    assert world.judge(run).code == 0
    assert "cancelled" in world.red(pull)


def test_hostile_names_stay_text(world: World) -> None:
    """A branch, a job and a step whose names are shell, Markdown and expressions: none is run."""
    branch = re.sub(r"[\s~^:?*\[\\]", "", HOSTILE)
    pull = world.open(
        lambda fork: (fork.root / "README.md").write_text("Other words") and None, branch
    )
    _, checked = world.check(pull)
    assert checked.code == 0, checked.log[-6000:]
    run = world.ended(pull, "failure")
    run.jobs = [{"name": HOSTILE, "conclusion": "failure",
                 "steps": [{"name": "</summary>[x](javascript:1)\n# big", "number": 1,
                            "status": "completed", "conclusion": "failure"}]}]  # fmt: skip
    judged = world.judge(run)
    assert judged.code == 0, judged.log[-6000:]
    world.red(pull)
    comment = world.said(pull)
    for raw in ("<img", "@all", "[x](javascript", "\n# big", "</summary>["):
        assert raw not in comment
    assert not list(Path(world.act.folder).rglob("pwned"))


@pytest.mark.parametrize("fault", [500, RESET])
def test_a_failing_github_is_tried_again(world: World, fault: int) -> None:
    """Statuses and comments that fail twice are said in the end."""
    pull = world.open(lambda fork: (fork.root / "README.md").write_text("Other words") and None)
    run = world.ended(pull, "cancelled")
    for path in (r"/statuses/", r"/comments"):
        world.github.fail("POST", path, fault, times=2)
    assert world.judge(run).code == 0
    assert "cancelled" in world.red(pull)
    assert "cancelled" in world.said(pull)


def test_a_github_that_stays_down_is_never_green(world: World) -> None:
    """The status can't be set: the workflow fails, and what was pending stays so."""
    pull, run = uploaded(world, archive_of(world))
    world.announce(run)
    world.github.fail("POST", r"/statuses/", 502, times=1000)
    judged = world.judge(run)
    assert judged.code != 0
    assert judged.results["publish"] == "failure"
    assert world.status(pull.head_sha).startswith("pending: ")
    shutil.rmtree(world.act.folder)
