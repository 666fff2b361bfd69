"""Allowed locations of outputs: listed places, and names that mean the same on every machine."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

Kind = Literal["file", "folder"]

# ASCII letters, digits, dots, - and _: only one spelling of a name, and no hidden file.
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}"
_ROWS = r"(?i:\.csv|\.csv\.gz|\.parquet)"
_WORD = re.compile(_NAME)
# Windows treats these as devices, whatever their suffix.
_DEVICE = re.compile(r"(?i:con|prn|aux|nul|conin\$|conout\$|com[0-9]|lpt[0-9])(\..*)?")
_LONGEST = 240
_DEEPEST = 8

FETCHED = re.compile(rf"data/raw|models/{_NAME}\.onnx")
"""Outputs of the pipeline that DVC keeps; prepared rows are split from the raw ones."""

_FOLDERS = re.compile(r"data/raw|data/prepared|reports/fingerprints")
_FILES = re.compile(rf"models/{_NAME}\.onnx|reports/evidence/{_NAME}\.json|reports/model_card\.md")
# Training outputs that Git keeps: files, or a folder of plots.
_EITHER = re.compile(rf"reports/train(/{_NAME}){{1,6}}")
_TRACKED = re.compile(rf"data/(own|snapshots)/{_NAME}{_ROWS}")

TABLES = ("data/own", "data/snapshots")
"""Folders of the tables that `.dvc` files track."""

OUTPUTS = (
    "data/raw, data/prepared, models/NAME.onnx, reports/evidence, reports/fingerprints, "
    "reports/train"
)
TRACKED = "data/own and data/snapshots, as NAME.csv, NAME.csv.gz or NAME.parquet"


def unsafe(path: str) -> str | None:
    """Return why `path` may not name a file in one of our folders, or None if it may.

    An accepted path has one spelling and means one place below the folder on every system. `..`,
    absolute paths, backslashes, drives, NUL, empty parts and non-ASCII text all contain characters
    or parts that are not allowed.
    """
    if len(path) > _LONGEST:
        return f"is longer than {_LONGEST} characters"
    parts = path.split("/")
    if len(parts) > _DEEPEST:
        return f"lies more than {_DEEPEST} folders deep"
    for part in parts:
        if not _WORD.fullmatch(part):
            return (
                "may only have names of ASCII letters, digits, dots, - and _, which do not begin "
                "with a dot"
            )
        if part.endswith(".") or _DEVICE.fullmatch(part):
            return f"has the name {part}, which Windows does not allow"
    return None


def output_fault(path: str, kind: Kind) -> str | None:
    """Return why a stage of `dvc.lock` may not have the output `path`, or None if it may."""
    if why := unsafe(path):
        return why
    if _EITHER.fullmatch(path) or (_FOLDERS if kind == "folder" else _FILES).fullmatch(path):
        return None
    if _FOLDERS.fullmatch(path):
        return "is a folder, and is recorded as a file (its md5 lacks .dir)"
    if _FILES.fullmatch(path):
        return "is a file, and is recorded as a folder (its md5 ends with .dir)"
    return f"is not a place for outputs, which are {OUTPUTS}"


def tracked_fault(path: str) -> str | None:
    """Return why a `.dvc` file may not track the rows at `path`, or None if it may."""
    if why := unsafe(path):
        return why
    return None if _TRACKED.fullmatch(path) else f"lies elsewhere than in {TRACKED}"


def clash(paths: Iterable[str]) -> str | None:
    """Describe two paths that are the same on some system or nested, or return None."""
    seen: dict[str, str] = {}
    for path in paths:
        if (other := seen.setdefault(path.lower(), path)) != path:
            return f"{other} and {path} are one where case does not count"
    for path in sorted(seen):
        parts = path.split("/")
        for end in range(1, len(parts)):
            if (above := "/".join(parts[:end])) in seen:
                return f"{seen[path]} is in {seen[above]}"
    return None
