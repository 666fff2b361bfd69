"""Writes dvc.yaml: the stages of the repository's own, which run here on this folder's files.

DVC can't include a file, and a copy by hand would fall behind: a test holds this one to its source.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
TRAIN = "      - packages/gatehouse/src/gatehouse/pipeline/train.py\n"
OWN = "".join(
    f"      - {name}\n" for name in ("train.py", "cnn.py", "transfer.py", "transfer.yaml")
)


def stages(text: str) -> str:
    """The text of the repository's dvc.yaml as this folder needs it."""
    assert text.count(TRAIN) == 1, "where has the stage `train` its dependencies now?"
    head = "# Made by stages.py from ../../dvc.yaml.\n"
    text = text.replace(TRAIN, OWN + TRAIN).replace("src/", "../../src/")
    return head + text.replace("python -P -m gatehouse.pipeline.train", "python -P train.py")


if __name__ == "__main__":
    made = stages((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    Path("dvc.yaml").write_text(made, encoding="utf-8")
