"""Attacks what counts as recorded by the default branch: only what it itself once pointed to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gatehouse.evidence import Subject
from gatehouse.trusted.past import recorded_lock, was_recorded
from gatehouse.verdict import Outcome, Verdict
from tests.gatehouse.repository import Repository

OUTS = ("data/raw", "data/prepared", "models/model.onnx", "models/model.int8.onnx")


def subject(name: str, **more: str | None) -> Subject:
    given: dict[str, Any] = dict.fromkeys(("raw", "data", "model"), f"sha256:{name}")
    return Subject(**(given | {"contract": "sha256:c", "model_fp32": f"sha256:{name}"} | more))


def lock(name: str, command: str = "make") -> str:
    md5 = name * 32
    outs = [{"path": path, "hash": "md5", "md5": md5} for path in OUTS[2:]]
    outs += [{"path": path, "hash": "md5", "md5": f"{md5}.dir"} for path in OUTS[:2]]
    return json.dumps({"schema": "2.0", "stages": {"all": {"cmd": command, "outs": outs}}})


class Line:
    """A default branch, its server, and the shallow checkout of its tip."""

    def __init__(self, folder: Path) -> None:
        self.work = Repository(folder / "work")
        self.work.root.mkdir()
        self.work.git("init", "-q", "-b", "main")
        self.work.git("config", "user.name", "ada")
        self.work.git("config", "user.email", "ada@example.com")
        self.folder = folder

    def record(self, name: str, **more: str) -> None:
        verdict = Verdict(
            outcome=Outcome.PASS, candidate=subject(name, **more), base=None, policy="p",
            policy_from="here", rules=(), errors={},
        )  # fmt: skip
        verdict.write(self.work.root / "reports/verdict.json")
        (self.work.root / "dvc.lock").write_text(lock(name))
        self.work.commit(f"record {name}")

    def checkout(self) -> Path:
        root = self.folder / "trusted"
        source = f"file://{self.work.root}"
        self.work.run("git", "clone", "-q", "--depth=1", "-b", "main", source, str(root))
        return root


@pytest.fixture
def line(tmp_path: Path) -> Line:
    """Main recorded a, b and c; a merge brought e and its revert, which main never was."""
    made = Line(tmp_path)
    made.record("a")
    made.record("b")
    made.work.git("checkout", "-q", "-b", "evil")
    made.record("e")
    made.work.git("revert", "--no-edit", "HEAD")
    made.work.git("checkout", "-q", "main")
    made.work.git("merge", "-q", "--no-ff", "--no-edit", "evil")
    made.record("c")
    return made


def test_what_main_once_was(line: Line) -> None:
    """A pair of main's own past, whatever came since; not one beside it, nor a mixture."""
    root = line.checkout()
    for name in "abc":
        assert was_recorded(subject(name), root), name
        assert recorded_lock(lock(name, "true"), root) == lock(name), name
    assert not was_recorded(subject("e"), root)
    assert recorded_lock(lock("e"), root) is None
    for field in ("raw", "model", "model_fp32"):
        assert not was_recorded(subject("a", **{field: "sha256:b"}), root), field
        assert not was_recorded(subject("a", **{field: None}), root), field
    assert was_recorded(subject("a", contract="sha256:other", data=None), root)


@pytest.mark.parametrize("text", [None, "", "schema: '2.0'\n", "[", "stages: 1\n"])
def test_a_lock_that_names_nothing(text: str | None, line: Line) -> None:
    """Attacks with a lock that is none, or is empty: no commit records what it does."""
    assert recorded_lock(text, line.checkout()) is None


def test_a_broken_verdict_stops_nobody(line: Line) -> None:
    """Main once had a verdict that can't be read: the others count."""
    (line.work.root / "reports/verdict.json").write_text("{")
    line.work.commit("broken")
    assert was_recorded(subject("a"), line.checkout())
