"""Which commit a provenance names, whatever it holds."""

from __future__ import annotations

from typing import Any

import pytest

from gatehouse.release.provenance import built_from


def predicate(*dependencies: Any) -> Any:
    return {"buildDefinition": {"resolvedDependencies": list(dependencies)}}


SOURCE = {"name": "source", "digest": {"gitCommit": "c0ffee"}}
FILE = {"name": "models/model.onnx", "digest": {"sha256": "00"}}


def test_the_source_is_found() -> None:
    """Beside files, that have no commit."""
    assert built_from(predicate(FILE, SOURCE)) == "c0ffee"


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        [],
        {},
        predicate(),
        predicate(FILE),
        predicate(SOURCE, SOURCE),
        predicate({"digest": {}}),
        predicate("source"),
    ],
)
def test_anything_else_names_none(wrong: Any) -> None:
    """No source, two sources, other forms: none, and so no image is taken for built from one."""
    assert built_from(wrong) is None
