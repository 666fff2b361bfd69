"""Honest changes, trained for real: hardly one may be red, and few may get a new warning.

benchmarks/honest has the changes, and the rates of hundreds of them by the size of the table.
"""

from __future__ import annotations

from collections import Counter
from importlib import import_module

import pytest

from tests.gatehouse.adopt.conftest import lay_out

pytestmark = pytest.mark.slow


def test_ten_honest_changes_of_each_kind() -> None:
    """Attacks limits inside noise: ten changes of each kind on tables of 1,000 rows, no latency."""
    changes = import_module("benchmarks.honest.changes")
    bases = [changes.NETWORK, "lightgbm", changes.NETWORK, "xgboost", "hist_gradient_boosting"]
    found = [
        changes.result(kind, change, change.fork.policy)
        for kind, change in changes.measured(lay_out, 1_000, 10, bases)
    ]
    assert Counter(each.kind for each in found) == dict.fromkeys(changes.KINDS, 10)
    assert sum(bool(each.wrongly) for each in found) <= 1, found
    assert sum(bool(each.warned) for each in found) <= 5, found
