"""What Prometheus and Grafana are told: the alerting rules and the dashboard's queries."""

from __future__ import annotations

import json
from typing import Any

from tests.deploy.objects import DEPLOY, load

RULES = DEPLOY / "monitoring/rules.yaml"
DASHBOARD = DEPLOY / "monitoring/dashboard.json"


def rules() -> list[Any]:
    """All alerting rules."""
    return [rule for group in load(RULES)[0]["spec"]["groups"] for rule in group["rules"]]


def queries() -> list[str]:
    """All of the dashboard's queries, with Grafana's variables filled in."""
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    targets = [target for panel in dashboard["panels"] for target in panel["targets"]]
    found = [each["expr"] for each in [*targets, *dashboard["annotations"]["list"]]]
    values = {"$__rate_interval": "1m", "$namespace": "model-production"}
    for name, value in values.items():
        found = [query.replace(name, value) for query in found]
    assert not [query for query in found if "$" in query]
    return found
