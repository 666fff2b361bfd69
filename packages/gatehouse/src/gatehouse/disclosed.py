"""Which settings of params.yaml are published: in MLflow, the model card, the report and the site.

Other settings stay private: your own source or trainer may have a setting that holds a password.
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
    "features.",
    "train.trainer",
    "train.mitigation.",
    "train.torch_mlp.fairness_penalty.attribute",
    "train.torch_mlp.distill.teacher",
    "decision.",
    "quantize.",
    "tune.",
)
"""Keys whose values are published; a trailing dot includes all keys below."""
_NUMBERS = "train."
"""Below this key, numbers, booleans and lists of them are also published: trainers' settings."""


def disclosed(key: str, value: Any) -> bool:
    """Return whether the value of the setting `key` (dotted) may be published."""
    if any(key == each or (each[-1] == "." and key.startswith(each)) for each in _LISTED):
        return True
    return key.startswith(_NUMBERS) and _is_number(value)


def _is_number(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_number, value))
    return value is None or isinstance(value, bool | int | float)
