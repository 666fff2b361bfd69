"""Find the training data of a served model by the model's digest."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from gatehouse.base import dealt, find_base, take_base
from gatehouse.digest import file_digest
from gatehouse.errors import GatehouseError
from gatehouse.git import file_at, git
from gatehouse.workspace import MODEL, VERDICT, Workspace

_COMMITS = 500


@dataclass(frozen=True)
class Reference:
    """A model with its training data, and where it was found."""

    model: str
    workspace: Workspace
    found: str


def find_reference(model: str, root: Path = Path()) -> Reference:
    """Find the model with this digest: the work tree's, or that of a commit that judged it.

    The commit's files come from DVC's cache or remote.

    Raises:
        GatehouseError: no commit names it, or its files can't be fetched.
    """
    here = Workspace(root)
    if (root / MODEL).is_file() and file_digest(root / MODEL) == model:
        try:
            if not here.prepared.exists():  # DVC does not store it, so a fresh checkout has none
                dealt(here)
            _ = here.model  # raises if the data or contract here are not the model's
        except GatehouseError:
            pass  # a commit may still have them
        else:
            return Reference(model, here, "the work tree")
    commits = git("log", f"--max-count={_COMMITS}", "--format=%H", "--", str(VERDICT), root=root)
    for commit in commits.split():
        if _judged(commit, root) != model:
            continue
        workspace = take_base(find_base(commit, root), root)
        if workspace is not None and file_digest(workspace.root / MODEL) == model:
            _ = dealt(workspace).model
            return Reference(model, workspace, f"commit {commit[:12]}")
    raise GatehouseError(
        f"no commit here has judged the model that the log names ({model}), so its training data "
        f"is not known: {VERDICT} is committed with each model; fetch the whole history "
        "(git fetch --unshallow), or name another model with --model"
    )


def _judged(commit: str, root: Path) -> str | None:
    text = file_at(commit, VERDICT, root)
    try:
        found = json.loads(text or "null")
        return str(found["candidate"]["model"])
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
