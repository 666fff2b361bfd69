"""Attacks the reading of verdicts from Git: odd histories, broken files, hostile words."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gatehouse.site import history
from gatehouse.site.history import History, read_history
from gatehouse.verdict import Outcome, Verdict
from gatehouse.workspace import VERDICT
from tests.gatehouse.site.scene import COMMITS, FAILS, HOSTILE, commit, git, settings, write_run


@pytest.fixture
def fork(tmp_path: Path) -> Path:
    """A repository without a verdict."""
    root = tmp_path / "work"
    settings(root)
    commit(root, "Settings")
    return root


def subjects(found: History) -> list[str]:
    return [entry.subject for entry in found.entries]


def test_newest_first_with_each_outcome(scene: Path) -> None:
    """Attacks order, dates and outcomes, and a subject that is markup."""
    found = read_history(scene)
    assert found.notes == ()
    assert len(found.entries) == COMMITS
    assert subjects(found)[0] == f"Change number {COMMITS}"
    assert HOSTILE in subjects(found)
    outcomes = [verdict.outcome for _, verdict in reversed(found.verdicts)]
    failed = [i for i, outcome in enumerate(outcomes) if outcome is Outcome.FAIL]
    assert failed == [FAILS]
    times = [entry.when for entry in found.entries if entry.when]
    assert times == sorted(times, reverse=True)
    assert str(times[-1]) == "2026-03-02 09:00:00+00:00"


def test_a_commit_without_a_verdict_is_no_entry(fork: Path) -> None:
    """Attacks a page that lists every commit, and one that has nothing to list."""
    assert read_history(fork) == History(notes=("No commit here has a verdict yet.",))
    write_run(fork, 0)
    commit(fork, "A run")
    (fork / "notes").write_text("words")
    commit(fork, "Words")
    assert subjects(read_history(fork)) == ["A run"]


def test_a_merge_counts_once(fork: Path) -> None:
    """Attacks a branch's own commits, which nobody merged as they were, standing in the list."""
    write_run(fork, 0)
    commit(fork, "First")
    git(fork, "checkout", "--quiet", "-b", "change")
    for step in (1, 2):
        write_run(fork, step)
        commit(fork, f"On the branch {step}")
    git(fork, "checkout", "--quiet", "main")
    (fork / "notes").write_text("words")
    commit(fork, "Words")
    git(fork, "merge", "--quiet", "--no-ff", "--message", "Merged", "change")
    assert subjects(read_history(fork)) == ["Merged", "First"]


def test_a_bounded_history_says_so(scene: Path) -> None:
    """Attacks a page that grows without end."""
    found = read_history(scene, 5)
    assert len(found.entries) == 5
    assert "newest 5" in found.notes[0]
    assert read_history(scene, COMMITS).notes == ()


def test_a_shallow_clone_says_so(scene: Path, tmp_path: Path) -> None:
    """Attacks what actions/checkout brings by default: the newest commit alone."""
    clone = tmp_path / "clone"
    git(scene, "clone", "--quiet", "--depth=3", scene.as_uri(), str(clone))
    found = read_history(clone)
    assert len(found.entries) == 3
    assert "fetch --unshallow" in found.notes[0]


def test_no_repository_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks a downloaded archive, and a repository without a commit."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert "not a git repository" in read_history(tmp_path).notes[0]
    git(tmp_path, "init", "--quiet")
    assert "'HEAD' is not a commit here" in read_history(tmp_path).notes[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"version": 99}', "version"),
        (b'{"version": 1, "outcome": "<b>"}', "outcome"),
    ],
)
def test_a_verdict_that_cannot_be_read_is_one_row(fork: Path, content: bytes, message: str) -> None:
    """Attacks one broken commit that hides all others: anyone may write these files."""
    write_run(fork, 0)
    commit(fork, "Good")
    (fork / VERDICT).write_bytes(content)
    commit(fork, "Broken")
    broken, good = read_history(fork).entries
    assert isinstance(broken.verdict, str)
    assert message in broken.verdict
    assert isinstance(good.verdict, Verdict)


def test_a_verdict_that_is_gone_or_too_large(fork: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks a deletion, and a file that fills the memory."""
    write_run(fork, 0)
    commit(fork, "Good")
    (fork / VERDICT).unlink()
    commit(fork, "Taken away")
    assert [entry.verdict is None for entry in read_history(fork).entries] == [True, False]
    monkeypatch.setattr(history, "LARGEST", 10)
    assert isinstance(read_history(fork).entries[1].verdict, str)


def test_a_message_of_any_bytes(fork: Path) -> None:
    """Attacks a subject that is not UTF-8, and a setting of Git that prints between the fields."""
    write_run(fork, 0)
    git(fork, "add", "--all")
    message = b"caf\xe9 \xff\x1b[31m\n\nbody"
    given = ("user.name=T", "user.email=t@example.org", "i18n.commitEncoding=EUC-JP")
    words = ["git", *(word for each in given for word in ("-c", each)), "commit", "-qF", "-"]
    subprocess.run(words, cwd=fork, input=message, check=True)
    git(fork, "config", "log.showSignature", "true")
    assert subjects(read_history(fork)) == ["caf\ufffd \ufffd\x1b[31m"]


def test_a_folder_inside_of_a_repository(fork: Path) -> None:
    """Attacks paths that are taken from the top of the repository."""
    inner = fork / "models" / "one"
    inner.mkdir(parents=True)
    for name in ("policy.yaml", "contract.yaml", "model_card.yaml"):
        (inner / name).write_bytes((fork / name).read_bytes())
    write_run(inner, 0)
    commit(fork, "A run further down")
    assert read_history(fork).entries == ()
    assert isinstance(read_history(inner).entries[0].verdict, Verdict)
