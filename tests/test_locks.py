"""The lock files, which make installs reproducible and keep the image small."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
TRAINING_ONLY = {"torch", "pandas", "scikit-learn", "dvc", "evidently", "great-expectations"}


def entries(lock: Path) -> list[str]:
    """Return one string per locked release: its requirement, then its hashes."""
    text = re.sub(r"^#.*\n", "", lock.read_text(), flags=re.MULTILINE)
    return [entry for entry in text.replace("\\\n", " ").splitlines() if entry.strip()]


def pins(lock: Path) -> set[str]:
    """Return the releases of a lock, as `name==version`."""
    return {entry.split()[0] for entry in entries(lock)}


def names(lock: Path) -> set[str]:
    return {pin.split("==")[0] for pin in pins(lock)}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_release_is_pinned_with_a_hash(lock: Path) -> None:
    """Attacks a release that could be replaced under the same name."""
    loose = [
        entry.split()[0]
        for entry in entries(lock)
        if "==" not in entry.split()[0] or not re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry)
    ]
    assert entries(lock)
    assert not loose


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_no_lock_names_an_index_or_a_path(lock: Path) -> None:
    """Attacks locks that work only behind the mirror, or on the machine, that made them."""
    assert not re.findall(
        r"https?:|file:|--(?:extra-)?index|--find-links|(?<!\S)/\w+", lock.read_text()
    )


def test_the_serving_lock_has_nothing_of_training() -> None:
    """Attacks an image that grows by gigabytes because of a requirement added to the service."""
    assert not names(ROOT / "requirements/serve.txt") & TRAINING_ONLY


def test_only_torchs_own_locks_have_torch() -> None:
    """Attacks a run or dev lock that would replace the chosen build of torch by the CUDA one."""
    with_torch = {lock.stem for lock in LOCKS if "torch" in names(lock)}
    assert with_torch == {"torch", "torch-cpu"}


@pytest.mark.parametrize(
    ("smaller", "larger"), [("serve", "run"), ("run", "dev")], ids=["serve-run", "run-dev"]
)
def test_smaller_sets_are_inside_larger_ones(smaller: str, larger: str) -> None:
    """Attacks a model judged with one version of a library and served with another."""
    folder = ROOT / "requirements"
    assert pins(folder / f"{smaller}.txt") <= pins(folder / f"{larger}.txt")


def test_torch_agrees_with_the_other_locks() -> None:
    """Attacks torch's lock changing the version of a library that the run set has locked."""
    folder = ROOT / "requirements"
    run = folder / "run.txt"
    shared = names(folder / "torch.txt") & names(run)
    assert {"sympy", "networkx", "jinja2"} <= shared
    assert {pin for pin in pins(folder / "torch.txt") if pin.split("==")[0] in shared} <= pins(run)


def test_both_builds_of_torch_are_one_version() -> None:
    """Attacks a model trained with one release of torch on GPU machines and another on CPU."""
    (cuda,) = [pin for pin in pins(ROOT / "requirements/torch.txt") if "torch==" in pin]
    assert pins(ROOT / "requirements/torch-cpu.txt") == {f"{cuda}+cpu"}
