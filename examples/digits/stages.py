"""Writes dvc.yaml: the stages of the repository's own, which run here on this folder's files.

DVC can't include a file, and a copy by hand would fall behind: a test holds this one to its source.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
TRAIN = "python -P -m gatehouse.pipeline.train"


def stages(text: str) -> str:
    """The text of the repository's dvc.yaml as this folder needs it."""
    assert text.count(TRAIN) == 1, "how does the stage `train` begin now?"
    head = "# Made by stages.py from ../../dvc.yaml.\n"
    return head + text.replace(TRAIN, "python -P train.py")


if __name__ == "__main__":
    made = stages((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    Path("dvc.yaml").write_text(made, encoding="utf-8")
