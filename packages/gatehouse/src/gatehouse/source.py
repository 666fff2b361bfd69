"""The data source that `gatehouse run --data` and `gatehouse set data=` name."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from gatehouse.errors import GatehouseError
from gatehouse.params import PARAMS, set_values


def set_source(source: str, path: Path = PARAMS) -> list[str]:
    """Make `source` the data source of `params.yaml`, comments kept; the settings that changed.

    Raises:
        GatehouseError: `source` is none, or the settings are unreadable.
    """
    return set_values(source_settings(source, path), path)


def source_settings(source: str, path: Path = PARAMS) -> dict[str, Any]:
    """The settings, by dotted key, that make `source` the data source.

    Args:
        source: the name of a source, else a file here or a URL, which `data.source: file` reads.
        path: of `params.yaml`.

    Raises:
        GatehouseError: `source` is none of these, or the settings are unreadable.
    """
    from gatehouse.pipeline.settings import DataSettings, load_settings

    sources = get_args(DataSettings.model_fields["source"].annotation)
    if source in sources:
        return {"data.source": source}
    changes = {"data.source": "file"} | _place(source, sources)
    now = load_settings(path).data.file
    if (changes["data.file.path"], changes["data.file.url"]) != (now.path.as_posix(), now.url):
        changes["data.file.sha256"] = None  # it was of the other file
    return changes


def _place(source: str, sources: tuple[str, ...]) -> dict[str, Any]:
    from gatehouse.pipeline.settings import OWN

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


def check_source(path: Path = PARAMS) -> None:
    """Tell that the file is missing before DVC takes the earlier run's rows away.

    Raises:
        GatehouseError: the settings are wrong, or name a file that is not here.
    """
    from gatehouse.pipeline.settings import load_settings

    data = load_settings(path).data
    if data.source == "file" and data.file.url is None and not data.file.path.is_file():
        raise GatehouseError(
            f"{data.file.path}: there is no such file; data.file.path in {path} names it "
            "(where DVC keeps it: dvc pull)"
        )
