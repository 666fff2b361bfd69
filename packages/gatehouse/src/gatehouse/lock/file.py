"""`dvc.lock` as text and as data, in the format that DVC writes."""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from gatehouse.errors import GatehouseError
from gatehouse.typed import parse_yaml

SCHEMA = "2.0"


def parse_lock(text: str, name: str) -> CommentedMap:
    """Parse the lock file in `text` and check its entries: paths are text, stages are maps.

    Args:
        text: text of the lock file.
        name: name of the file, for errors.

    Raises:
        GatehouseError: the text is not a lock file of schema 2.0, which DVC 3 writes.
    """
    lock = parse_yaml(text, name)
    if not isinstance(lock, CommentedMap):
        raise GatehouseError(f"{name}: is not a lock file that DVC wrote")
    if lock.get("schema") != SCHEMA:
        raise GatehouseError(
            f"{name}: schema: expected '{SCHEMA}', found {lock.get('schema')!r}; "
            "write it again with DVC 3 (dvc repro)"
        )
    stages = lock.get("stages", {})
    if not isinstance(stages, dict):
        raise GatehouseError(f"{name}: stages: is not a map of stages")
    for stage, record in stages.items():
        if not isinstance(stage, str) or not isinstance(record, dict):
            raise GatehouseError(f"{name}: stages.{stage}: is not a stage that DVC wrote")
        for kind in ("deps", "outs"):
            if not _are_entries(record.get(kind, [])):
                raise GatehouseError(f"{name}: stages.{stage}.{kind}: is not a list of paths")
    return lock


def dump_lock(lock: CommentedMap) -> str:
    """Return the text of a lock file in DVC's layout."""
    yaml = YAML()
    yaml.default_flow_style = False
    stream = io.StringIO()
    yaml.dump(lock, stream)
    return stream.getvalue()


def _are_entries(entries: Any) -> bool:
    return isinstance(entries, list) and all(
        isinstance(entry, dict) and isinstance(entry.get("path"), str) for entry in entries
    )
