"""Which settings of params.yaml go out: to MLflow, into the model card, the report and the site.

What is not listed stays: a source or trainer of one's own may have a setting that holds a password.
"""

from __future__ import annotations

from typing import Any

_LISTED = (
    "data.source",
    "data.simulated.",
    "data.file.sha256",
    "data.file.separator",
    "data.file.encoding",
    "data.file.decimal",
    "data.file.missing",
    "data.file.unlabelled",
    "train.trainer",
    "train.torch_mlp.fairness_penalty.attribute",
    "train.torch_mlp.distill.teacher",
    "decision.",
    "quantize.",
    "tune.",
)
"""Keys whose values go out; with a dot at the end, all below."""
_NUMBERS = "train."
"""Below it numbers, booleans and lists of them go out as well: a trainer's own settings."""


def disclosed(key: str, value: Any) -> bool:
    """May the setting `key` (dotted) go out with its value?"""
    if any(key == each or (each[-1] == "." and key.startswith(each)) for each in _LISTED):
        return True
    return key.startswith(_NUMBERS) and _is_number(value)


def _is_number(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_number, value))
    return value is None or isinstance(value, bool | int | float)
