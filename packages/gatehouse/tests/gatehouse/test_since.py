"""Since when changes of the exam count: attacks growth in many small steps, and forged words."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gatehouse.acceptance.record import Acceptance, AcceptedRule, Failure, Scope
from gatehouse.base import Base, Counted, Outputs, find_base
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Of
from gatehouse.policy import Rule
from gatehouse.since import last_word, since_last_word
from tests.gatehouse.tiny import CONTRACT, POLICY


def word(comment: int, measurement: str, gate: str = "rows") -> Acceptance:
    rule = Rule(gate=gate, measurement=measurement, of=Of.COMPARISON, at_most=0, why="a test")
    entry = AcceptedRule(rule=rule, failures=(Failure(slice="all", value=3),))
    digests = dict.fromkeys(
        ("raw", "data", "model", "model_fp32", "base_model", "base_model_fp32"), "sha256:0"
    )
    return Acceptance(
        scope=Scope(**digests, rules={"a-rule": entry}),
        by="@owner", reason="was looked at", pull=1, comment=comment,
    )  # fmt: skip


class History:
    """A repository with commits that change what a test names."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.count = 0
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "a")
        self.git("config", "user.email", "a@example.org")

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.root, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, *paths: str | Acceptance) -> str:
        for path in paths:
            self.count += 1
            name = path if isinstance(path, str) else path.path.as_posix()
            (self.root / name).parent.mkdir(exist_ok=True)
            text = self.text(path) if isinstance(path, str) else path.to_json()
            (self.root / name).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "a change")
        return self.git("rev-parse", "HEAD")

    def text(self, path: str) -> str:
        """Content that the file has not had before."""
        return str(self.count)

    def since(self, measurement: str = "exam_growth") -> str | None:
        return last_word(self.git("rev-parse", "HEAD"), measurement, self.root)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path)


def test_without_a_word_all_counts_from_the_first_record(history: History) -> None:
    """Attacks steps that are each judged against the one before."""
    history.commit("policy.yaml", "contract.yaml")
    assert history.since() is None
    first = history.commit("dvc.lock")
    for _ in range(3):
        history.commit("dvc.lock", "params.yaml")
    assert history.since() == first


@pytest.mark.parametrize("path", ["policy.yaml", "contract.yaml"])
def test_what_an_owner_approved_is_a_word(history: History, path: str) -> None:
    """Attacks a count that never ends: an owner who changed the rules has spoken."""
    history.commit("policy.yaml", "contract.yaml", "dvc.lock")
    history.commit("dvc.lock")
    spoken = history.commit(path)
    history.commit("dvc.lock")
    assert history.since() == spoken


def test_an_acceptance_counts_for_what_it_accepted(history: History) -> None:
    """Attacks a word on another rule, or on another gate's number of the same name."""
    first = history.commit("policy.yaml", "contract.yaml", "dvc.lock")
    history.commit("dvc.lock", word(1, "exam_leak"), word(2, "exam_growth", "accuracy"))
    assert history.since() == first
    spoken = history.commit("dvc.lock", word(3, "exam_growth"))
    history.commit("dvc.lock")
    assert history.since() == spoken
    assert history.since("touched_exam_rows") == first


def test_what_is_no_acceptance_is_no_word(history: History) -> None:
    """Attacks the count by a file that only lies there."""
    first = history.commit("policy.yaml", "dvc.lock")
    history.commit("acceptances/5.json", "acceptances/README.md")
    forged = word(7, "exam_growth")
    (history.root / "acceptances/8.json").write_text(forged.to_json())
    history.commit()
    assert history.since() == first


def test_what_lies_behind_a_merge_is_no_word(history: History) -> None:
    """Attacks the count by a policy that was changed and changed back on a merged branch."""
    first = history.commit("policy.yaml", "contract.yaml", "dvc.lock")
    history.git("checkout", "-q", "-b", "side")
    before = (history.root / "policy.yaml").read_text()
    history.commit("policy.yaml")
    (history.root / "policy.yaml").write_text(before)
    history.commit("dvc.lock")
    history.git("checkout", "-q", "main")
    history.commit("params.yaml")
    history.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    assert history.since() == first
    history.git("checkout", "-q", "-b", "other")
    history.commit(word(9, "exam_growth"))
    history.git("checkout", "-q", "main")
    history.commit("params.yaml")
    history.git("merge", "-q", "--no-ff", "-m", "merge", "other")
    assert history.since() == history.git("rev-parse", "HEAD")


class Rows(History):
    """A history whose policy, contract and record can be read; `dvc.lock` has other rows each time.

    Attributes:
        brought: commits whose data was fetched.
        lost: is it nowhere any more?
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.brought: list[str] = []
        self.lost = False

    def text(self, path: str) -> str:
        texts = {"policy.yaml": POLICY, "contract.yaml": CONTRACT, "dvc.lock": lock(self.count)}
        return f"{texts.get(path, '')}# {self.count}\n"

    def bring(self, base: Base) -> None:
        self.brought.append(base.commit)
        if self.lost:
            raise GatehouseError("in no cache and no remote")

    def counted(self) -> dict[Counted, Outputs]:
        """From which rows each measurement counts, where it is not from the base's."""
        base = find_base("main", self.root)
        return dict(since_last_word(base, self.root, self.bring).record.since)

    def outputs(self, commit: str) -> Outputs | None:
        return find_base(commit, self.root).record.outputs


def lock(number: int) -> str:
    """A `dvc.lock` that records raw rows of its own."""

    def out(path: str, md5: str) -> str:
        return f"    - path: {path}\n      hash: md5\n      md5: '{md5}'\n      size: 1\n"

    rows = out("data/raw", f"{number:032x}.dir") + "      nfiles: 1\n"
    models = [out(path, "0" * 32) for path in ("models/model.onnx", "models/model.int8.onnx")]
    return (
        "schema: '2.0'\nstages:\n  all:\n    cmd: python make.py\n    outs:\n"
        f"{rows}{''.join(models)}"
    )


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    return Rows(tmp_path)


def test_each_measurement_counts_from_its_own_word(rows: Rows) -> None:
    """Attacks one word that lets another measurement's count begin anew."""
    first = rows.commit("policy.yaml", "contract.yaml", "dvc.lock")
    spoken = rows.commit("dvc.lock", word(1, "exam_growth"))
    rows.commit("dvc.lock")
    assert rows.counted() == {
        "touched_exam_rows": rows.outputs(first),
        "exam_growth": rows.outputs(spoken),
    }
    assert set(rows.brought) == {first, spoken}


def test_rows_that_are_the_base_s_are_not_fetched(rows: Rows) -> None:
    """Attacks a run that fetches what it has: an owner spoke, and the rows are as they were."""
    rows.commit("policy.yaml", "contract.yaml", "dvc.lock")
    assert rows.counted() == {}
    rows.commit("dvc.lock")
    rows.commit("policy.yaml", "contract.yaml")
    assert rows.counted() == {}
    assert rows.brought == []


def test_a_return_to_the_first_rows_counts_from_them(rows: Rows) -> None:
    """Attacks a revert, which leaves nothing to count."""
    rows.commit("policy.yaml", "contract.yaml", "dvc.lock")
    before = (rows.root / "dvc.lock").read_text()
    rows.commit("dvc.lock")
    (rows.root / "dvc.lock").write_text(before)
    rows.commit()
    assert rows.counted() == {}


def test_rows_that_are_lost_still_count(rows: Rows, capsys: pytest.CaptureFixture[str]) -> None:
    """Attacks the count by deleting old data: the record names it, and the gate can't count."""
    first = rows.commit("policy.yaml", "contract.yaml", "dvc.lock")
    rows.commit("dvc.lock")
    rows.lost = True
    assert rows.counted()["exam_growth"] == rows.outputs(first)
    assert f"the rows of {first[:12]}, from which exam_growth counts" in capsys.readouterr().out


def test_a_base_that_records_nothing_counts_from_nothing(rows: Rows) -> None:
    """Attacks a first run."""
    rows.commit("policy.yaml", "contract.yaml")
    assert rows.counted() == {}


def test_a_record_that_was_taken_away_and_came_back(rows: Rows) -> None:
    """Attacks the count by deleting `dvc.lock` and recording anew: it begins where rows began."""
    first = rows.commit("policy.yaml", "contract.yaml", "dvc.lock")
    (rows.root / "dvc.lock").unlink()
    rows.commit()
    rows.commit("dvc.lock")
    assert rows.counted()["exam_growth"] == rows.outputs(first)
