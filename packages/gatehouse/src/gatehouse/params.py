"""Change settings in `params.yaml` in place, keeping comments and layout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from gatehouse import yaml_text
from gatehouse.errors import GatehouseError
from gatehouse.nearest import hint
from gatehouse.places import PARAMS
from gatehouse.typed import parse_yaml, read_text, validate, write_text

if TYPE_CHECKING:
    from gatehouse.pipeline.settings import Settings


def parse_settings(assignments: tuple[str, ...]) -> dict[str, Any]:
    """Parse `KEY=VALUE` texts; values are read as YAML (0.5, null, [1, 2]).

    Raises:
        GatehouseError: a text is not an assignment, or a key occurs twice.
    """
    found: dict[str, Any] = {}
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise GatehouseError(
                f"'{text}': is not KEY=VALUE; write it as train.seed=1, with no spaces around ="
            )
        if key in found:
            raise GatehouseError(f"{key}: is set twice; name it once")
        found[key] = yaml_text.plain(parse_yaml(value, f"the value of {key}"))
    return found


def set_values(changes: Mapping[str, Any], path: Path = PARAMS) -> list[str]:
    """Write settings into `path`: either all of them or, if one is wrong, none.

    Args:
        changes: values by dotted key, such as `train.seed`.
        path: of `params.yaml`.

    Returns:
        One line for each setting that changed, such as `train.seed is now 1`.

    Raises:
        GatehouseError: there is no such setting, a value is not of the setting's type, or the file
            is unreadable. The file is then unchanged.
    """
    from gatehouse.pipeline.settings import Settings

    before = read_text(path)
    data = yaml_text.plain(parse_yaml(before, path))
    if not isinstance(data, dict):
        raise GatehouseError(f"{path}: holds no settings; take the file from Git again")
    wanted: dict[yaml_text.Key, Any] = {}
    for key, value in changes.items():
        _check_key(key, Settings)
        wanted[tuple(key.split("."))] = value
    text = yaml_text.set_values(before, wanted, path)
    _check_own(validate(Settings, parse_yaml(text, path), path), changes)
    if text != before:
        write_text(path, text)
    return [
        f"{yaml_text.dotted(key)} is now {yaml_text.written(value)}"
        for key, value in wanted.items()
        if not yaml_text.same(yaml_text.get(data, key), value)
    ]


def _check_key(key: str, settings: type[BaseModel]) -> None:
    """Refuse a key that the settings don't have; the model itself checks other types."""
    from gatehouse.pipeline.sections import Sections

    section: type[BaseModel] | None = settings
    above: list[str] = []
    for part in (parts := key.split(".")):
        if section is None:
            return
        if part not in section.model_fields:
            if issubclass(section, Sections) and part.isidentifier() and part != parts[-1]:
                return  # it may be the section of the fork's own object
            where = ".".join(above) or "params.yaml"
            raise GatehouseError(
                f"{key}: there is no such setting; {where} has: "
                + ", ".join(section.model_fields)
                + hint(part, section.model_fields)
            )
        above.append(part)
        section = _section(section.model_fields[part].annotation)


def _check_own(settings: Settings, changes: Iterable[str]) -> None:
    """Validate the sections of the fork's own objects, importing only those that changed.

    Raises:
        GatehouseError: a section does not fit its object.
    """
    from gatehouse.pipeline.sections import section_of

    for place, part, name in (
        ("data", settings.data, settings.data.source),
        ("train", settings.train, settings.train.trainer),
    ):
        own = section_of(name)
        changed = any(key.startswith(f"{place}.{own}.") for key in changes)
        if not changed or own in type(part).model_fields:
            continue
        if place == "data":
            from gatehouse.source import find_source

            find_source(name).options(settings.data)
        else:
            from gatehouse.pipeline.trainer import find_trainer

            find_trainer(name).options(settings.train)


def _section(annotation: Any) -> type[BaseModel] | None:
    options = [annotation, *get_args(annotation)]
    return next((o for o in options if isinstance(o, type) and issubclass(o, BaseModel)), None)
