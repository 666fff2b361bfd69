"""Attacks the service with what nobody thought of; docs/serving.md has longer runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.campaign import campaign
from tests.gatehouse.serving.fuzz import targets
from tests.gatehouse.serving.place import lay_out, serving
from tests.gatehouse.serving.process import running


@pytest.mark.slow
def test_no_request_ends_in_a_500_or_a_wrong_answer(tmp_path: Path) -> None:
    """Good rows are answered, others are refused just where the service's own schema says so."""
    root = lay_out(tmp_path)
    with serving(root) as client, running(root, GATEHOUSE_SERVE_TIMEOUT="0.1") as service:
        for target in targets(client, service):
            counts = campaign(target, 150)
            assert sum(counts.values()) >= 20, target.name
