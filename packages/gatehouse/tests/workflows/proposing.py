"""What holds of a job that opens a pull request with what another job made."""

from __future__ import annotations

from typing import Any

from tests.workflows.definitions import REPOSITORY, load, steps_of

ACTION = "./.github/actions/open-pull-request"
RUNS_CODE = (".venv", "make ", "python", "sh scripts", "dvc ", "gatehouse ")


def no_code_of_the_repository(job: Any) -> None:
    """No step runs what was checked out or made, but for the one action, which runs none either."""
    steps = [*job["steps"], *steps_of(load(REPOSITORY / ACTION / "action.yml"))]
    for step in steps:
        assert not step.get("uses", "").startswith("./") or step["uses"] == ACTION, step["name"]
        for word in RUNS_CODE:
            assert word not in step.get("run", ""), step["name"]
