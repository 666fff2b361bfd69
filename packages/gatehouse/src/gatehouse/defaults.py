"""The policy's defaults as data, so that they can be compared with another version's defaults.

If a change brings another version of the library, the base's library judges it, and the new
version's code must not run. Its defaults are read from its `defaults.json` instead and fill in the
settings that policy.yaml leaves out. A default that the new version changes is therefore shown as
loosened or tightened. `python -m gatehouse.reference` writes the file.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from gatehouse.git import git, git_bytes
from gatehouse.places import LIBRARY, LIBRARY_LOCK, VENDOR
from gatehouse.policy import POLICY_FILE, Policy
from gatehouse.typed import parse_yaml, validate
from gatehouse.verdict import Change

FILE = "defaults.json"
_EACH = "*"
"""Stands for any entry name in a section whose entries the repository names."""
_LIMIT = 1 << 20
_WHEEL_LIMIT = 1 << 25
"""Maximum number of bytes read from a change."""
UNKNOWN = Change(
    key="defaults of the library that the change brings",
    before="known",
    after="can't be read",
    direction="loosened",
)

Entry = dict[str, Any]
Tree = dict[str, Entry]
"""By key: `{"default": value}`, or `{"keys": Tree}` for a section."""


def defaults_of(model: type[BaseModel] = Policy) -> Tree:
    """Return the defaults of a model's fields and sections as JSON values."""
    tree: Tree = {}
    values = model.model_construct().model_dump(mode="json")  # only fields with defaults
    for name, field in model.model_fields.items():
        section = _section(field.annotation)
        if section is not None:
            tree[name] = {"keys": section}
        elif name in values:
            tree[name] = {"default": values[name]}
    return tree


def _section(annotation: Any) -> Tree | None:
    """Return the defaults of a model, or of a dictionary's entry model; None for other types."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return defaults_of(annotation)
    if get_origin(annotation) is dict:
        inner = _section(get_args(annotation)[1])
        return None if inner is None else {_EACH: {"keys": inner}}
    return None


@dataclass(frozen=True)
class Defaults:
    """Defaults of the library that a change brings; `tree` is None if they can't be read."""

    tree: Tree | None

    @property
    def unknown(self) -> tuple[Change, ...]:
        """Return the change that counts as loosened if the defaults can't be read."""
        return (UNKNOWN,) if self.tree is None else ()

    def fill(self, text: str) -> Policy:
        """Return the policy in `text`, with these defaults where they differ from ours.

        Raises:
            GatehouseError: the text is not a valid policy, with or without these defaults.
        """
        settings = parse_yaml(text, POLICY_FILE)
        if self.tree is not None and isinstance(settings, dict):
            settings = _filled(settings, self.tree, defaults_of())
        return validate(Policy, settings, POLICY_FILE)


def _filled(settings: Mapping[str, Any], theirs: Tree, ours: Tree) -> dict[str, Any]:
    """Return settings with missing values filled from `theirs`, for the keys that we know."""
    filled = dict(settings)
    for key, our in ours.items():
        their = theirs.get(key, our)
        if key == _EACH:
            for name, entry in settings.items():
                filled[name] = _section_filled(entry, their, our)
        elif "keys" in our:
            if (section := _section_filled(settings.get(key, {}), their, our)) != {}:
                filled[key] = section
        elif key not in settings and "default" in their and their != our:
            filled[key] = their["default"]
    return filled


def _section_filled(settings: Any, theirs: Entry, ours: Entry) -> Any:
    """Return a section filled in the same way.

    Anything that is not a section is left as it is, so that the policy's own validation reports it.
    """
    if not isinstance(settings, Mapping) or "keys" not in theirs:
        return settings
    return _filled(settings, theirs["keys"], ours["keys"])


def changed_defaults(base: str, head: str, root: Path) -> Defaults | None:
    """Return the defaults of the library of `head`, or None if it is the base's library.

    Args:
        base: the commit whose library judges.
        head: the change's commit.
        root: a checkout that has both.

    Raises:
        GatehouseError: a commit is not in the checkout.
    """
    paths = (LIBRARY, VENDOR, LIBRARY_LOCK.as_posix())
    if git("ls-tree", base, "--", *paths, root=root) == git(
        "ls-tree", head, "--", *paths, root=root
    ):
        return None
    content = _at(head, f"{LIBRARY}/{FILE}", _LIMIT, root) or _in_wheel(head, root)
    try:
        tree = json.loads(content or b"")
    except (ValueError, RecursionError):
        return Defaults(None)
    return Defaults(tree if _is_tree(tree) else None)


def _in_wheel(commit: str, root: Path) -> bytes | None:
    listed = git("ls-tree", "--name-only", "-z", commit, "--", f"{VENDOR}/", root=root).split("\0")
    wheels = [path for path in listed if path.startswith(f"{VENDOR}/gatehouse-")]
    content = _at(commit, wheels[0], _WHEEL_LIMIT, root) if len(wheels) == 1 else None
    try:
        with zipfile.ZipFile(io.BytesIO(content or b"")) as files:
            entry = files.getinfo(f"{Path(LIBRARY).name}/{FILE}")
            return files.read(entry) if entry.file_size <= _LIMIT else None
    except (KeyError, RuntimeError, NotImplementedError, OSError, ValueError, zipfile.BadZipFile,
            zlib.error):  # fmt: skip
        return None


def _at(commit: str, path: str, limit: int, root: Path) -> bytes | None:
    """Return the bytes of a regular file in a commit; None if it is missing or above `limit`."""
    listed = git("ls-tree", "--long", commit, "--", path, root=root).split("\t")[0].split()
    if len(listed) != 4 or not listed[0].startswith("100") or int(listed[3]) > limit:
        return None
    return git_bytes("cat-file", "blob", listed[2], root=root)


def _is_tree(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(each, dict) and ("default" in each or _is_tree(each.get("keys")))
        for each in value.values()
    )


def to_json() -> str:
    """Return the text of `defaults.json` for this version."""
    return json.dumps(defaults_of(), indent=2) + "\n"
