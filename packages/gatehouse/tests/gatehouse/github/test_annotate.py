"""Attacks the notes beside a change: they decide nothing, and nothing waits for them."""

from __future__ import annotations

import pytest

from gatehouse.github.annotate import annotate
from gatehouse.report.annotations import Annotation
from tests.gatehouse.github.hub import Hub
from tests.github.openapi import available, check_call

NOTE = Annotation(path="params.yaml", line=4, level="failure", title="accuracy-floor", text="low")


def test_they_are_a_neutral_check_run_on_the_commit(hub: Hub) -> None:
    """Attacks a check run that could be taken for the verdict."""
    annotate(hub.connect({"checks": "write"}), hub.head(1), [NOTE])
    (made,) = hub.github.state.check_runs
    assert (made["head_sha"], made["status"], made["conclusion"]) == (
        hub.head(1), "completed", "neutral",
    )  # fmt: skip
    assert made["name"] != "gatehouse"
    (note,) = made["output"]["annotations"]
    assert (note["path"], note["start_line"], note["message"]) == ("params.yaml", 4, "low")
    if available():
        check_call("POST", "/repos/octo/model/check-runs", made)


@pytest.mark.parametrize("grants", [{}, {"statuses": "write"}, {"checks": "read"}])
def test_a_token_that_may_not_is_no_failure(
    hub: Hub, grants: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks a verdict that is lost with its notes."""
    annotate(hub.connect(grants), hub.head(1), [NOTE])
    assert "no notes next to the change: GitHub refused" in capsys.readouterr().out
    assert not hub.github.state.check_runs


def test_nothing_is_asked_of_github_for_no_notes(hub: Hub) -> None:
    """Attacks an empty check run on each green commit."""
    annotate(hub.connect({"checks": "write"}), hub.head(1), [])
    assert not hub.github.state.check_runs
