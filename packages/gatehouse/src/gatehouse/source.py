"""The data source named by `gatehouse run --data` and `gatehouse set data=`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatehouse.errors import GatehouseError
from gatehouse.places import PARAMS

if TYPE_CHECKING:
    from gatehouse.pipeline.sources.spec import SourceSpec


def source_settings(source: str, path: Path = PARAMS) -> dict[str, Any]:
    """Return the settings, by dotted key, that make `source` the data source.

    Args:
        source: the name of a source, or `module:object` for the fork's own source; otherwise a
            local file or a URL, which `data.source: file` reads.
        path: of `params.yaml`.

    Raises:
        GatehouseError: `source` is none of these, or the settings are unreadable.
    """
    from gatehouse.pipeline.sections import OWN_OBJECT
    from gatehouse.pipeline.settings import load_settings
    from gatehouse.pipeline.sources import BY_NAME

    if source in BY_NAME or re.fullmatch(OWN_OBJECT, source):
        return {"data.source": source}
    changes = {"data.source": "file"} | _place(source, BY_NAME)
    now = load_settings(path).data.file
    if (changes["data.file.path"], changes["data.file.url"]) != (now.path.as_posix(), now.url):
        changes["data.file.sha256"] = None  # it belonged to the other file
    return changes


def _place(source: str, sources: Iterable[str]) -> dict[str, Any]:
    from gatehouse.pipeline.sources.file import OWN

    if "://" in source:
        return {"data.file.url": source, "data.file.path": OWN.as_posix()}
    file = Path(source)
    if not file.is_file():
        raise GatehouseError(
            f"'{source}' is no data source ({', '.join(sources)}), no file here, and no URL"
        )
    if file.is_absolute() and file.is_relative_to(Path.cwd()):
        file = file.relative_to(Path.cwd())
    return {"data.file.path": file.as_posix(), "data.file.url": None}


def find_source(name: str) -> SourceSpec[Any]:
    """Return the source called `name`, or the fork's own object of that name.

    Raises:
        GatehouseError: there is no such module or object, or it is not a source of that name.
    """
    from gatehouse.pipeline.sections import find_member
    from gatehouse.pipeline.sources import BY_NAME
    from gatehouse.pipeline.sources.spec import SourceSpec

    return find_member(name, BY_NAME, SourceSpec, "data.source")


def check_source(path: Path = PARAMS) -> None:
    """Check that the source has what it needs before DVC deletes the earlier run's rows.

    Raises:
        GatehouseError: the settings are wrong, or something that they name is missing.
    """
    from gatehouse.pipeline.settings import load_settings

    data = load_settings(path).data
    source = find_source(data.source)
    options = source.options(data)
    if fault := source.fault(options):
        raise GatehouseError(f"{path}: data.source is {data.source}, so {fault}")
    source.check(options)
