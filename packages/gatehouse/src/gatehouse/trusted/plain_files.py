"""Checks files in places where nobody approves them: plain files with usual suffixes are allowed.

A link leads out of its folder. A submodule and a Git LFS pointer bring content that nobody
reviewed. Somebody could start a program. If two names differ only by case or Unicode form, a
checkout on macOS or Windows keeps only one of the files.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from gatehouse.charts.limits import is_plain
from gatehouse.git import git_bytes
from gatehouse.ownership import OWNERSHIP_FILE, Ownership
from gatehouse.report.links import PICTURE

PLAIN = "100644"
"""Git's mode of a file that is not a link, not a submodule and not executable."""

SUFFIXES = frozenset(
    (".csv", ".dvc", ".gif", ".gitignore", ".gitkeep", ".gz", ".ico", ".jpeg", ".jpg", ".json",
     ".jsonl", ".lock", ".md", ".onnx", ".parquet", ".pdf", ".png", ".rst", ".tsv", ".txt",
     ".webp", ".yaml", ".yml")
)  # fmt: skip
"""Suffixes of free and generated files: tables, models, pictures, text. An entry can also be a
whole name.

SVG and HTML are excluded: both can contain scripts, and the site publishes the files in docs/.
The gates' own picture may contain only shapes and texts.
"""
_PICTURE = f"reports/{PICTURE}"

CODE = frozenset([".py", ".pyi"])
"""Additional suffixes of free files below `CODE_FOLDERS`."""

CODE_FOLDERS = ("src/", "tests/")

_LFS = b"version https://git-lfs.github.com/spec/"
_LFS_BYTES = 1024
"""Upper limit on the size of a Git LFS pointer, by its specification."""
_SHOWN = 5
"""Maximum number of files that a message names."""


@dataclass(frozen=True)
class _Blob:
    path: str
    mode: str
    sha: str


def plain_file_problems(base: str, head: str, border: Ownership, root: Path) -> list[str]:
    """Return why files that the change adds or edits may not be where they are.

    Args:
        base: the commit to compare with.
        head: the commit of the change.
        border: the base's ownership, which defines the free and generated files.
        root: a checkout that has both commits.
    """
    changed = [blob for blob in _changed(base, head, root) if _is_free(blob.path, border)]
    found = {blob.path: why for blob in changed if (why := _fault(blob))}
    plain = [blob for blob in changed if blob.path not in found]
    found |= dict.fromkeys(_not_drawn(plain, root), "is no picture as the gates draw it")
    found |= dict.fromkeys(_pointers(plain, root), "is a pointer of Git LFS; track it with DVC")
    found |= _twins(changed, base, head, root)
    problems = [f"{path}: {why}" for path, why in found.items()]
    more = (
        [f"and {len(problems) - _SHOWN} more files of this kind"] if len(problems) > _SHOWN else []
    )
    return problems[:_SHOWN] + more


def _is_free(path: str, border: Ownership) -> bool:
    return not border.kind_of(path).guarded


def _changed(base: str, head: str, root: Path) -> list[_Blob]:
    """Return the files that the change adds or edits."""
    # Not `git diff`: a user's or the repository's configuration can hide files there.
    output = git_bytes("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", base, head,
                     root=root)  # fmt: skip
    words = output.decode(errors="surrogateescape").split("\0")[:-1]
    blobs = []
    for facts, path in zip(words[::2], words[1::2], strict=True):
        _, mode, _, sha, status = facts.removeprefix(":").split()
        if status != "D":
            blobs.append(_Blob(path, mode, sha))
    return blobs


def _fault(blob: _Blob) -> str | None:
    name = blob.path.rpartition("/")[2]
    if not blob.path.isprintable():
        return "its name has characters that cannot be seen; rename it"
    if blob.mode != PLAIN:
        kinds = {"100755": "is executable (git update-index --chmod=-x)", "120000": "is a link",
                 "160000": "is a submodule"}  # fmt: skip
        return f"{kinds.get(blob.mode, 'is not a plain file')}; keep plain files there"
    suffix = name[name.rfind(".") :] if "." in name else ""
    if suffix in SUFFIXES or (suffix in CODE and blob.path.startswith(CODE_FOLDERS)):
        return None
    if (not suffix and name == "LICENSE") or blob.path == _PICTURE:
        return None
    kind = f"a name with {suffix}" if suffix else "a name without a suffix"
    return (
        f"{kind} is not among those that need no owner; code belongs into src/pipeline/, and "
        f"{OWNERSHIP_FILE} can call the path `owned`"
    )


def _not_drawn(blobs: Iterable[_Blob], root: Path) -> list[str]:
    """Return the picture's path if the blobs include it and it has more than shapes and texts."""
    return [
        blob.path
        for blob in blobs
        if blob.path == _PICTURE
        and not is_plain(
            git_bytes("cat-file", "blob", blob.sha, root=root).decode(errors="replace")
        )
    ]


def _pointers(blobs: Iterable[_Blob], root: Path) -> list[str]:
    """Return the paths of Git LFS pointers among the blobs."""
    paths: dict[str, list[str]] = {}
    for blob in blobs:
        paths.setdefault(blob.sha, []).append(blob.path)
    if not paths:
        return []
    names = "\n".join(paths).encode() + b"\n"
    sizes = git_bytes("cat-file", "--batch-check=%(objectname) %(objectsize)", stdin=names,
                      root=root)  # fmt: skip
    small = [line.split()[0] for line in sizes.decode().splitlines()
             if int(line.split()[1]) <= _LFS_BYTES]  # fmt: skip
    return [
        path
        for sha in small
        if git_bytes("cat-file", "blob", sha, root=root).startswith(_LFS)
        for path in paths[sha]
    ]


def _twins(blobs: Iterable[_Blob], base: str, head: str, root: Path) -> dict[str, str]:
    """Find blobs whose new name or folder a file system can confuse with another one."""
    there = _spelled(base, root)
    spellings: dict[str, set[str]] = {}
    for part in _spelled(head, root):
        spellings.setdefault(_folded(part), set()).add(part)
    return {
        blob.path: f"{part} and {others[0]} differ only by case or Unicode form; rename one"
        for blob in blobs
        for part in _folders_and_name(blob.path)
        if part not in there and (others := sorted(spellings[_folded(part)] - {part}))
    }


def _spelled(commit: str, root: Path) -> set[str]:
    """Return the paths of a commit's files and folders."""
    output = git_bytes("ls-tree", "-r", "-t", "-z", "--name-only", commit, root=root)
    return set(output.decode(errors="surrogateescape").split("\0")[:-1])


def _folders_and_name(path: str) -> Iterable[str]:
    """Return `a`, `a/b` and `a/b/c` for `a/b/c`."""
    return accumulate(path.split("/"), lambda folder, name: f"{folder}/{name}")


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
