"""Attacks the words of the front page, and a list of words that lets them pass."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
LINT = ROOT / "packages/gatehouse/prose/lint.py"


def _lint(*files: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, LINT, *files], capture_output=True, text=True, check=False
    )


def test_the_front_pages() -> None:
    """Attacks pages that a hook of every fork must leave alone, and a README that grows."""
    done = _lint(*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")))
    assert (done.returncode, done.stdout) == (0, "")
    assert len((ROOT / "README.md").read_text("utf-8").split()) <= 1000


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.md", "Fine.\n\nIt is told here.\n", ":3:7: 'told'"),
        ("a.md", "Fine `told`.\n```sh\ntold\n```\n[x](told.md)\n", ""),
        ("a.md", "Of two classes one counts.\n", "'Of t'"),
        ("a.md", "What it needs is a list. It goes.\n", "'What it needs is a list. I'"),
        ("a.md", "What does it need?\n", ""),
        ("a.py", 'told = "it has to\\n" "be told"\n', ":1:26: 'told'"),
        ("a.py", 'f"{told} is {told}"  # mend it\n', "'mend'"),
        ("a.py", '"""A line that\n    has\n    to be."""\n', ":2:5: 'has to be'"),
    ],
)
def test_the_list_of_words(name: str, text: str, found: str, tmp_path: Path) -> None:
    """Attacks words in code that count, and words in prose that don't; lines and columns."""
    (tmp_path / name).write_text(text)
    done = _lint(tmp_path / name)
    assert found in done.stdout
    assert (done.returncode, bool(done.stdout)) == ((1, True) if found else (0, False)), done.stderr
