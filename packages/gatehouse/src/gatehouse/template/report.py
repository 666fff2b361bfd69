"""Descriptions of an update: by folder, from the changelog, by file."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from gatehouse.git import git
from gatehouse.places import SOURCE
from gatehouse.template.merge import Update

CHANGELOG = f"{SOURCE}/CHANGELOG.md"


def folders(place: Path, head: str) -> list[str]:
    """List changed files and lines by folder."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    output = git("diff", "--numstat", "--no-renames", "-z", head, root=place)
    for line in output.split("\0")[:-1]:
        added, removed, path = line.split("\t")
        parts = path.split("/")[:-1]
        total = sums["/".join(parts[:2]) or "."]
        total[0] += 1
        if added.isdigit():  # git counts none for binary files
            total[1] += int(added)
            total[2] += int(removed)
    width = max(map(len, sums), default=0)
    return [
        f"{name:{width}}  {files:4} files  +{added} -{removed}"
        for name, (files, added, removed) in sorted(sums.items())
    ]


def changelog(update: Update, root: Path) -> list[str]:
    """Return the lines added to the template's changelog between the two versions."""
    output = git("diff", "--unified=0", "--no-color", update.old.commit, update.new.commit,
               "--", f":(top){CHANGELOG}", root=root)  # fmt: skip
    lines = [line[1:] for line in output.splitlines() if line.startswith("+")]
    return [line for line in lines if line.startswith(("## ", "### ", "- ", "  "))]


def stat(place: Path, head: str) -> str:
    """Return one line for each changed file."""
    return git("diff", "--no-color", "--stat=100", head, root=place).rstrip()


def patch_of(place: Path, head: str) -> str:
    """Return every changed line, including conflict markers."""
    return git("diff", "--no-color", head, root=place).rstrip()
