"""A fork's own metrics: objects of its package `gates` that policy.yaml names."""

from __future__ import annotations

from gatehouse.errors import GatehouseError
from gatehouse.gates.metrics import BY_NAME, METRICS
from gatehouse.gates.metrics.metric import Metric
from gatehouse.named import load_instance
from gatehouse.policy import POLICY_FILE, Policy


def metrics_by(policy: Policy) -> tuple[Metric, ...]:
    """Return the metrics that a policy measures: all built-in ones, then the fork's own.

    Raises:
        GatehouseError: an own metric can't be loaded, is not a Metric, or its name is taken.
    """
    own: dict[str, Metric] = {}
    for name in policy.measure.accuracy.metrics:
        where = f"{POLICY_FILE}: measure.accuracy.metrics"
        found = load_instance(name, where, Metric)
        if found.name in BY_NAME or found.name in own:
            raise GatehouseError(f"{where}: '{name}': another metric is called '{found.name}'")
        own[found.name] = found
    return (*METRICS, *own.values())
