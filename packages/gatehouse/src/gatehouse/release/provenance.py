"""The origin of an image as SLSA provenance (https://slsa.dev/spec/v1.0/provenance)."""

from __future__ import annotations

import json
import os
from typing import Any

from gatehouse.digest import file_digest
from gatehouse.release.judge_commit import JudgedCommit
from gatehouse.release.packages import LOCK
from gatehouse.workspace import MODEL, MODEL_FP32

BUILD_TYPE = "urn:gatehouse:image:1"
SOURCE = "source"


def provenance_of(judged: JudgedCommit, base_image: str, base_digest: str) -> str:
    """Return the predicate of a build as JSON.

    Args:
        judged: the commit that was built.
        base_image: as requested.
        base_digest: `sha256:<hex>` of its manifest.
    """
    names = (MODEL.as_posix(), MODEL_FP32.as_posix(), LOCK.as_posix())
    files = [_file(name, file_digest(judged.folder / name)) for name in names]
    source: dict[str, Any] = {"name": SOURCE, "digest": {"gitCommit": judged.commit}}
    if "GITHUB_REPOSITORY" in os.environ:
        address = f"{_setting('GITHUB_SERVER_URL')}/{_setting('GITHUB_REPOSITORY')}"
        source["uri"] = f"git+{address}@{_setting('GITHUB_REF')}"
    predicate = {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {"commit": judged.commit, "baseImage": base_image},
            "internalParameters": {},
            "resolvedDependencies": [source, _file("base image", base_digest), *files],
        },
        "runDetails": _run_details(),
    }
    return json.dumps(predicate, indent=1, sort_keys=True) + "\n"


def built_from(predicate: Any) -> str | None:
    """Return the commit that a predicate names as its source, or None."""
    try:
        listed = predicate["buildDefinition"]["resolvedDependencies"]
        (commit,) = (each["digest"]["gitCommit"] for each in listed if each["name"] == SOURCE)
        return str(commit)
    except (KeyError, TypeError, ValueError):
        return None


def _file(name: str, digest: str) -> dict[str, Any]:
    kind, _, value = digest.partition(":")
    return {"name": name, "digest": {kind: value}}


def _run_details() -> dict[str, Any]:
    if "GITHUB_RUN_ID" not in os.environ:
        return {"builder": {"id": "urn:gatehouse:by-hand"}}
    server, repository = _setting("GITHUB_SERVER_URL"), _setting("GITHUB_REPOSITORY")
    run = f"{server}/{repository}/actions/runs/{_setting('GITHUB_RUN_ID')}"
    return {
        "builder": {"id": f"{server}/{_setting('GITHUB_WORKFLOW_REF')}"},
        "metadata": {"invocationId": f"{run}/attempts/{_setting('GITHUB_RUN_ATTEMPT')}"},
    }


def _setting(name: str) -> str:
    return os.environ.get(name, "")
