"""Attacks rules and dashboard: alerts that stay silent, and charts of metrics that do not exist."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy.objects import (
    DEPLOY,
    ENVIRONMENTS,
    environment,
    load,
    only,
    problems,
    render,
)
from tests.deploy.watched import DASHBOARD, RULES, queries, rules
from tests.github.needed import missing

UNIT_TESTS = Path(__file__).with_name("alerts.yaml")


def promtool(*words: str, folder: Path) -> str:
    """What promtool says; it must not object."""
    if shutil.which("promtool") is None:
        missing("promtool (Debian: apt-get install prometheus)")
    done = subprocess.run(
        ["promtool", *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_rules_are_sound_and_do_what_they_are_for(tmp_path: Path) -> None:
    """promtool parses them strictly, and runs a unit test of each alert."""
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(load(RULES)[0]["spec"]))
    shutil.copy(UNIT_TESTS, tmp_path)
    promtool("check", "rules", "--lint=all", "--lint-fatal", "rules.yaml", folder=tmp_path)
    promtool("test", "rules", UNIT_TESTS.name, folder=tmp_path)


def test_every_alert_is_tried_both_ways() -> None:
    """Each has a unit test in which it fires and one in which it is silent, and says what it is."""
    tried = [
        case for test in load(UNIT_TESTS)[0]["tests"] for case in test.get("alert_rule_test", [])
    ]
    for rule in rules():
        cases = [case for case in tried if case["alertname"] == rule["alert"]]
        assert any(case["exp_alerts"] for case in cases), rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["summary"]
    silent = load(UNIT_TESTS)[0]["tests"][0]["promql_expr_test"]
    assert [(case["expr"], case["exp_samples"]) for case in silent] == [("ALERTS", [])]


def test_every_query_of_the_dashboard_is_one(tmp_path: Path) -> None:
    """promtool parses each, as the expression of a recording rule."""
    records = [{"record": f"query_{n}", "expr": query} for n, query in enumerate(queries())]
    text = yaml.safe_dump({"groups": [{"name": "dashboard", "rules": records}]})
    (tmp_path / "queries.yaml").write_text(text)
    told = promtool("check", "rules", "--lint=none", "queries.yaml", folder=tmp_path)
    assert f"{len(records)} rules found" in told


def test_the_dashboard_is_laid_out() -> None:
    """Panels have ids of their own, a title, and places that do not overlap."""
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["title"] and panel["description"] for panel in panels)
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24


def test_the_monitoring_objects_fit_their_schemas() -> None:
    """PrometheusRule and the dashboard's ConfigMap, as kustomize renders them."""
    objects = render(DEPLOY / "monitoring")
    assert problems(objects) == []
    assert json.loads(only(objects, "ConfigMap")["data"]["dashboard.json"])["uid"] == "model"


def test_the_job_is_the_service() -> None:
    """The rules say job="model": the operator names the job after the Service."""
    for name in ENVIRONMENTS:
        assert only(environment(name), "Service")["metadata"]["name"] == "model"
