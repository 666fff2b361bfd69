"""Suggestions for misspelt names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from pydantic import BaseModel


def hint(name: str, known: Iterable[str]) -> str:
    """Return the end of an error about an unknown name: `; did you mean 'seed'?`, or nothing."""
    lower = {each.lower(): each for each in known}
    close = [repr(lower[each]) for each in get_close_matches(name.lower(), lower, 3, 0.6)]
    return f"; did you mean {' or '.join(close)}?" if close else ""


def keys_at(annotation: Any, path: Sequence[Any]) -> set[str]:
    """Return the keys that a model or a field's type accepts at a path into its data."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = {field.alias or name: field for name, field in annotation.model_fields.items()}
        if not path:
            return set(fields)
        return keys_at(fields[path[0]].annotation, path[1:]) if path[0] in fields else set()
    inner = get_args(annotation)
    origin = get_origin(annotation)
    if isinstance(origin, type) and issubclass(origin, Mapping | Sequence):
        return keys_at(inner[-1 if issubclass(origin, Mapping) else 0], path[1:]) if path else set()
    return set().union(*(keys_at(each, path) for each in inner))
