"""Git trees as mappings, read and written without changing index or work tree."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

from gatehouse.git import git, git_bytes

_FILE = ("100644", "100755")


class Entry(NamedTuple):
    """A file in a tree: its mode as Git writes it, and its blob."""

    mode: str
    blob: str

    @property
    def plain(self) -> bool:
        """Whether it is a regular file: not a link or submodule."""
        return self.mode in _FILE


Tree = dict[str, Entry]


def read_tree(commit: str, root: Path) -> Tree:
    """Return every file of a commit, by its path from the top of the repository."""
    output = git_bytes("ls-tree", "-r", "-z", "--full-tree", commit, root=root)
    found = {}
    for line in output.decode(errors="surrogateescape").split("\0")[:-1]:
        about, path = line.split("\t", 1)
        mode, _, blob = about.split()
        found[path] = Entry(mode, blob)
    return found


def write_tree(tree: Tree, root: Path) -> str:
    """Store a tree; return its hash."""
    lines = (f"{entry.mode} {entry.blob}\t{path}\0" for path, entry in tree.items())
    with tempfile.TemporaryDirectory(prefix="gatehouse-index-") as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git_bytes("update-index", "-z", "--index-info", root=root, variables=index,
                  stdin="".join(lines).encode(errors="surrogateescape"))  # fmt: skip
        return git("write-tree", root=root, **index).strip()


def text_of(entry: Entry, root: Path) -> str | None:
    """Return the text of a file, or None if it is not UTF-8 text."""
    content = git_bytes("cat-file", "blob", entry.blob, root=root)
    try:
        return None if b"\0" in content else content.decode()
    except UnicodeDecodeError:
        return None


def with_text(entry: Entry, text: str, root: Path) -> Entry:
    """Return the entry with another text, which is stored."""
    return with_bytes(entry, text.encode(), root)


def with_bytes(entry: Entry, content: bytes, root: Path) -> Entry:
    """Return the entry with other bytes, which are stored."""
    blob = git_bytes("hash-object", "-w", "--stdin", root=root, stdin=content)
    return Entry(entry.mode, blob.decode().strip())
