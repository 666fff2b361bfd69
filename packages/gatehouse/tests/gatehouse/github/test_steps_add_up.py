"""Attacks the exam in eight small steps, each of which would pass by itself.

Each step is a pull request that is fetched, measured, judged, published and merged; the rows gate
counts for real, the other gates find what they do in a good run.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import pytest

from gatehouse.base import BASE_FILE, BaseRecord
from gatehouse.evidence import read_evidence
from gatehouse.github.teams import TOKEN
from gatehouse.prepare import prepare
from gatehouse.privacy.erased import ERASED, Erased
from gatehouse.split import deal
from gatehouse.trusted.judgement import Judgement
from gatehouse.workspace import Workspace
from tests.gatehouse.github.fork import Fork
from tests.gatehouse.tiny import rows

pytestmark = pytest.mark.slow

GROWTH = """\
  exam-growth:
    gate: rows
    measurement: exam_growth
    of: comparison
    at_most: 0.25
    why: The exam may not be diluted
  accuracy-floor:
"""
BEFORE = 3_500
"""Rows of the first record."""

Change = Callable[[pd.DataFrame, int], pd.DataFrame]
"""The rows of a step, from those before it and its number."""


@dataclass
class Steps:
    """Pull requests one after the other, each merged before the next.

    Attributes:
        fork: where they happen.
        squash: how they are merged.
        done: their number.
    """

    fork: Fork
    squash: bool = False
    done: int = 0

    def try_one(self, change: Change) -> tuple[int, Judgement]:
        """The next step, judged; its pull request's number."""
        fork = self.fork
        self.done += 1

        def edit() -> None:
            file = fork.root / "data/raw/rows.parquet"
            change(pd.read_parquet(file), self.done).to_parquet(file, index=False)
            here = Workspace(fork.root)
            prepare(here.contract, here.raw, here.prepared)
            fork.retrain(scale=0.0211 + self.done / 1e6)

        pull = fork.pull_request(edit, branch=f"step-{self.done}")
        event = fork.finish(pull, actor="ada")
        judged = fork.judge(event)
        fork.publish(event)
        return pull, judged

    def merge(self, pull: int) -> None:
        assert self.fork.state(self.fork.head(pull)) == "success"
        self.fork.merge(pull, squash=self.squash)

    def until_red(self, change: Change, most: int) -> tuple[int, Judgement] | None:
        """Merge at most so many steps; the first that is red, which is not merged."""
        for _ in range(most):
            pull, judged = self.try_one(change)
            if judged.overall.state != "success":
                return pull, judged
            self.merge(pull)
        return None

    def accept(self, pull: int) -> None:
        """An owner accepts the step, which is then green, and merged."""
        (offered,) = re.findall(r"^/gatehouse accept .*$", self.fork.said(), re.MULTILINE)
        self.fork.github.comment(pull, offered.replace("<reason>", "was looked at"), "olga")
        event = self.fork.finish(pull, actor="ada")
        self.fork.judge(event)
        self.fork.token({"members": "read"}, TOKEN)
        self.fork.publish(event)
        self.merge(pull)

    def counted(self, measurement: str) -> float:
        """What the last step's evidence counts."""
        evidence = read_evidence(
            self.fork.judged_folder / "record/reports/evidence/rows.json", "rows"
        )
        (value,) = (m.value for m in evidence.measurements if m.name == measurement)
        assert value is not None
        return value


@pytest.fixture
def steps(fork: Fork) -> Steps:
    path = fork.root / "policy.yaml"
    text = path.read_text()
    untouched = "measurement: touched_exam_rows\n    of: comparison\n    at_most: 0\n"
    assert untouched in text
    text = text.replace(untouched, untouched.replace("at_most: 0", "at_most: 20"))
    path.write_text(text.replace("  accuracy-floor:\n", GROWTH, 1))
    fork.work.commit("limits that leave some room")
    fork.work.git("push", "-q", str(fork.github.origin), "main")
    fork.work.run("git", "-C", str(fork.trusted), "pull", "-q", "--ff-only")
    fork.github.state.teams["ml"] = ("olga",)
    fork.measure_rows()
    return Steps(fork)


def more(count: int) -> Change:
    """So many new rows in each step, fairly dealt."""
    return lambda before, step: pd.concat(
        [before, rows(count, BEFORE + count * (step - 1))], ignore_index=True
    )


def test_growth_in_eight_small_steps_is_red(steps: Steps) -> None:
    """Attacks the exam by many easy rows: each step stays below a fifth of the limit."""
    found = steps.until_red(more(130), most=8)
    assert found is not None, "eight steps were green"
    pull, judged = found
    assert steps.done == 8
    assert judged.overall.state == "failure"
    assert "new test rows for each row of the exam" in judged.overall.text
    assert steps.counted("exam_growth") > 0.25
    assert "new test rows for each row of the exam 28.8%" in judged.overall.text
    told = r"28\.8% .*\(since an owner's last word; by this change alone 3\.\d\d%\)"
    assert re.search(told, steps.fork.said())
    record = BaseRecord.read(steps.fork.judged_folder / "record" / BASE_FILE)
    assert set(record.since) == {"exam_growth", "touched_exam_rows"}

    steps.accept(pull)
    _, judged = steps.try_one(more(130))
    assert judged.overall.state == "success", judged.overall.text
    assert steps.counted("exam_growth") < 0.05


def test_honest_growth_in_eight_steps_is_green(steps: Steps) -> None:
    """A false alarm: eight steps whose sum stays below the limit."""
    assert steps.until_red(more(90), most=8) is None
    assert 0.15 < steps.counted("exam_growth") < 0.25


def test_exam_rows_touched_in_eight_small_steps_are_red(steps: Steps) -> None:
    """Attacks a limit of twenty rows: three are relabelled or taken out in each step."""
    import pyarrow as pa

    contract = Workspace(steps.fork.root).contract

    def touch(before: pd.DataFrame, step: int) -> pd.DataFrame:
        exam = deal(pa.Table.from_pandas(before, preserve_index=False), contract) == 2
        if step % 2:
            return before.drop(index=before.index[exam][:3]).reset_index(drop=True)
        turned = before.index[exam][-3 * step :][:3]  # others in each step, so that none is back
        labels = before["rich"].copy()
        labels[turned] = labels[turned].map({"yes": "no", "no": "yes"})
        return before.assign(rich=labels)

    steps.squash = True
    found = steps.until_red(touch, most=8)
    assert found is not None, "eight steps were green"
    pull, judged = found
    assert steps.done == 7
    assert "21 of 650 rows of the exam" in judged.overall.text
    told = "**21 exam rows touched** (since an owner's last word; by this change alone 3)"
    assert told in steps.fork.said()
    assert steps.counted("touched_exam_rows") == 21

    steps.accept(pull)
    _, judged = steps.try_one(touch)
    assert judged.overall.state == "success", judged.overall.text
    assert steps.counted("touched_exam_rows") == 3


def test_rows_that_an_owner_listed_as_erased(fork: Fork) -> None:
    """The list on main explains rows that are gone; one that a change brings explains none."""
    import pyarrow as pa

    contract = Workspace(fork.root).contract
    before = pd.read_parquet(fork.root / "data/raw/rows.parquet")
    exam = deal(pa.Table.from_pandas(before, preserve_index=False), contract) == 2
    asked, hard = before.index[exam][:3], before.index[exam][3]
    erased = Erased(key="a1" * 32, rows=())

    def listing(rows: pd.DataFrame) -> None:
        batch = pa.RecordBatch.from_pandas(rows, preserve_index=False)
        erased.with_rows(erased.entries(batch, contract)).write(fork.root / ERASED)

    fork.measure_rows()
    listing(before.loc[asked])
    fork.work.commit("an owner's list")
    fork.work.git("push", "-q", str(fork.github.origin), "main")
    fork.work.run("git", "-C", str(fork.trusted), "pull", "-q", "--ff-only")
    steps = Steps(fork)

    def take_more(rows: pd.DataFrame, step: int) -> pd.DataFrame:
        listing(before.loc[[*asked, hard]])
        return rows.drop(index=[*asked, hard])

    _, judged = steps.try_one(take_more)
    assert "1 of 650 rows of the exam is changed" in judged.overall.text
    _, judged = steps.try_one(lambda rows, step: rows.drop(index=asked))
    assert judged.overall.state == "success", judged.overall.text
    assert "3 gone (3 by erasure), 0 relabelled; exam untouched" in fork.said()
