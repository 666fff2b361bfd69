"""What a sealed exam was asked, and its rows: attacks the count by reverts, and their source."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gatehouse.base import Base, find_base
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Asked, Evidence, Subject
from gatehouse.policy import Sealed
from gatehouse.released import ACCURACY_EVIDENCE
from gatehouse.sealed import SEALED_FILE, VARIABLE, asked_before, with_sealed
from tests.gatehouse.test_since import Rows

ROWS = b"the rows"
EXAM = "sha256:23ed4ecb42d17ffb2ba20e2b9f8b5f4bbbf0bab9ad6ca3f2bb1a1c0ad6c8d8f0"


class Branch(Rows):
    """A branch whose commits record what a sealed exam was asked."""

    def ask(self, asked: int, answer: float, exam: str = EXAM) -> str:
        found = Asked(exam=exam, asked=asked, answer=answer, first=0.8, gained=answer - 0.8)
        path = self.root / ACCURACY_EVIDENCE
        path.parent.mkdir(parents=True, exist_ok=True)
        Evidence(
            gate="accuracy", candidate=Subject(), settings={}, tools={}, measurements=(),
            asked=found,
        ).write(path)  # fmt: skip
        return self.commit("dvc.lock")

    def asked(self) -> Asked | None:
        return asked_before(self.git("rev-parse", "HEAD"), EXAM, self.root)

    def base(self, digest: str) -> Base:
        base = find_base("main", self.root)
        sealed = Sealed(digest=digest)
        return replace(base, record=base.record.model_copy(update={"sealed": sealed}))


@pytest.fixture
def branch(tmp_path: Path) -> Branch:
    (root := tmp_path / "here").mkdir()
    branch = Branch(root)
    branch.commit("policy.yaml", "contract.yaml", "dvc.lock")
    return branch


def test_a_branch_that_asked_nothing(branch: Branch) -> None:
    """Attacks the first question, and an exam that was sealed again."""
    assert branch.asked() is None
    branch.ask(9, 0.9, "sha256:other")
    assert branch.asked() is None


def test_a_revert_resets_neither_count_nor_answer(branch: Branch) -> None:
    """Attacks the budget by reverts, by evidence that is taken away, and by broken files."""
    branch.ask(7, 0.84)
    branch.ask(9, 0.86)
    branch.ask(8, 0.84)
    found = branch.asked()
    assert found is not None
    assert (found.asked, found.answer) == (9, 0.86)
    assert found.gained == pytest.approx(0.04), "of the newest record"
    (branch.root / ACCURACY_EVIDENCE).write_text("{")
    branch.commit()
    (branch.root / ACCURACY_EVIDENCE).unlink()
    branch.commit()
    assert branch.asked() == found


def test_what_lies_behind_a_merge_counts_for_nothing(branch: Branch) -> None:
    """Attacks the answers by a record on a branch that was merged and taken back there."""
    branch.ask(2, 0.82)
    before = branch.asked()
    branch.git("checkout", "-q", "-b", "side")
    kept = (branch.root / ACCURACY_EVIDENCE).read_text()
    branch.ask(200, 0.99)
    (branch.root / ACCURACY_EVIDENCE).write_text(kept)
    branch.commit()
    branch.git("checkout", "-q", "main")
    branch.commit("params.yaml")
    branch.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    assert branch.asked() == before


def test_rows_come_from_where_the_gates_say(
    branch: Branch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks the exam by other rows, and the gates by a source that is missing."""
    from gatehouse.digest import file_digest

    source, folder = tmp_path / "rows.parquet", tmp_path / "candidate"
    source.write_bytes(ROWS)
    digest = file_digest(source)
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(GatehouseError, match="GATEHOUSE_SEALED is not set, and policy"):
        with_sealed(branch.base(digest), branch.root, folder)
    monkeypatch.setenv(VARIABLE, str(source))
    branch.ask(5, 0.81, digest)
    found = with_sealed(branch.base(digest), branch.root, folder)
    assert (folder / SEALED_FILE).read_bytes() == ROWS
    assert found.record.asked is not None
    assert found.record.asked.asked == 5
    with pytest.raises(GatehouseError, match=r"and policy\.yaml names sha256:0000"):
        with_sealed(branch.base(f"sha256:{'0' * 64}"), branch.root, folder)
    assert not (folder / SEALED_FILE).exists()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nothing?signature=secret"))
    with pytest.raises(GatehouseError, match="cannot be downloaded"):
        with_sealed(branch.base(digest), branch.root, folder)


def test_without_sealed_rows_nothing_is_fetched(branch: Branch, tmp_path: Path) -> None:
    """Attacks those who have none: no variable is asked for."""
    base = find_base("main", branch.root)
    assert with_sealed(base, branch.root, tmp_path / "candidate") == base
