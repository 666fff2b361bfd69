"""Stand-in for actions/upload-artifact: a real archive, made by the real one's rules."""

from __future__ import annotations

import hashlib
import os
import re
import zipfile
from pathlib import Path

from tests.workflows.stand_ins.inputs import fail, inputs, lines, output, truth, workspace


def searched(pattern: str) -> Path:
    """The folder or file that a pattern starts from: what stands before its first wildcard."""
    parts = []
    for part in Path(pattern).parts:
        if re.search(r"[*?\[]", part):
            break
        parts.append(part)
    return workspace() / Path(*parts)


def found_by(pattern: str) -> set[Path]:
    start = searched(pattern)
    rest = (workspace() / pattern).relative_to(start).as_posix()
    hits = [start] if rest == "." else list(start.glob(rest))
    files = {path for path in hits if path.is_file()}
    for folder in (path for path in hits if path.is_dir()):
        files |= {path for path in folder.rglob("*") if path.is_file()}
    return files


def files_of(patterns: list[str], *, hidden: bool) -> tuple[list[Path], Path]:
    """The files, and the folder that their names in the archive start from."""
    wanted = [pattern for pattern in patterns if not pattern.startswith("!")]
    files = {file for pattern in wanted for file in found_by(pattern)}
    for pattern in patterns:
        if pattern.startswith("!"):
            files -= found_by(pattern[1:])
    starts = [searched(pattern) for pattern in wanted]
    if len(starts) == 1:
        root = starts[0].parent if starts[0].is_file() else starts[0]
    else:
        root = Path(os.path.commonpath(starts))
        root = root.parent if root.is_file() else root
    if not hidden:
        files = {
            file
            for file in files
            if not any(part.startswith(".") for part in file.relative_to(root).parts)
        }
    return sorted(files), root


def main() -> None:
    given = inputs()
    name, patterns = given["name"], lines(given["path"])
    if not name or re.search(r"[\"':<>|*?\r\n\\/]", name):
        fail(f"name: {name!r} is empty or has a character that GitHub refuses")
    if given["if-no-files-found"] not in ("warn", "error", "ignore"):
        fail(f"if-no-files-found: found {given['if-no-files-found']!r}")
    for pattern in patterns:
        if (workspace() / pattern.lstrip("!")).resolve() == workspace():
            fail(f"path: {pattern!r} would upload the whole checkout")
        if ".." in Path(pattern).parts:
            fail(f"path: {pattern!r}: relative pathing is refused")
    files, root = files_of(patterns, hidden=truth(given, "include-hidden-files"))
    if not files:
        message = f"no files were found with the path: {given['path']}"
        if given["if-no-files-found"] == "error":
            fail(message)
        print(f"::{'warning' if given['if-no-files-found'] == 'warn' else 'debug'}::{message}")
        return
    folder = Path(os.environ["STAND_IN_ARTIFACTS"], os.environ["GITHUB_RUN_ID"])
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}.zip"
    if target.exists() and not truth(given, "overwrite"):
        fail(f"{name}: an artifact with this name already exists on the workflow run")
    part = target.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.relative_to(root).as_posix())
    part.replace(target)
    print(f"{name}: {len(files)} files")
    output("artifact-digest", hashlib.sha256(target.read_bytes()).hexdigest())
    output("artifact-id", str(len(list(folder.glob("*.zip")))))


if __name__ == "__main__":
    main()
