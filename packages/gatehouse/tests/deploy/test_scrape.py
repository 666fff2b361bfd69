"""Attacks metrics that rules and dashboard ask for and the service does not have."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatehouse.places import code_path
from tests.deploy.objects import ROOT, load
from tests.deploy.watched import RULES, queries, rules
from tests.gatehouse.tiny import Finished, lay_out
from tests.github.needed import missing
from tests.loopback import free_port

METRIC = re.compile(r"\b(?:gatehouse_\w+|up)\b")


def fetch(url: str) -> bytes:
    """The body of an answer that is a success."""
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
        body: bytes = answer.read()
        return body


def until(answer: Callable[[], Any], seconds: float = 60) -> Any:
    """What `answer` gives, once that is something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := answer():
                return found
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.2)
    raise AssertionError(f"nothing came in {seconds} seconds")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Starts programs, and ends them with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*words: str, folder: Path, **variables: str) -> None:
        with (tmp_path / "log").open("ab") as log:
            environment = os.environ | variables
            started.append(
                subprocess.Popen(words, cwd=folder, env=environment, stdout=log, stderr=log)
            )

    yield start
    for each in started:
        each.terminate()
    for each in started:
        each.wait(30)


@pytest.mark.slow
def test_prometheus_scrapes_the_service(tmp_path: Path, running: Callable[..., None]) -> None:
    """A real Prometheus and the real service: all queries and rules ask for metrics that exist."""
    if shutil.which("prometheus") is None:
        missing("prometheus (Debian: apt-get install prometheus)")
    model = tmp_path / "model"
    model.mkdir()
    lay_out(model)
    Finished(model).write_all()
    service, server = free_port(), free_port()
    running(sys.executable, "-m", "gatehouse.serving", folder=model, PYTHONPATH=code_path(ROOT),
            GATEHOUSE_SERVE_PORT=str(service))  # fmt: skip
    here = f"http://127.0.0.1:{service}"
    until(lambda: fetch(f"{here}/readyz"))
    for row in ({"age": 40, "job": "cook", "sex": "f"}, {"age": 400}):
        request = urllib.request.Request(  # noqa: S310
            f"{here}/predict", json.dumps(row).encode(), {"Content-Type": "application/json"}
        )
        try:
            urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
        except urllib.error.HTTPError as error:
            error.close()

    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(load(RULES)[0]["spec"]))
    job = {
        "job_name": "model",
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
        "static_configs": [
            {"targets": [f"127.0.0.1:{service}"], "labels": {"namespace": "model-production"}}
        ],
    }
    settings = {
        "global": {"evaluation_interval": "1s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [job],
    }
    (tmp_path / "prometheus.yaml").write_text(yaml.safe_dump(settings))
    running("prometheus", "--config.file=prometheus.yaml", f"--storage.tsdb.path={tmp_path}/tsdb",
            f"--web.listen-address=127.0.0.1:{server}", folder=tmp_path)  # fmt: skip

    def ask(query: str) -> list[Any]:
        url = f"http://127.0.0.1:{server}/api/v1/query?" + urllib.parse.urlencode({"query": query})
        with urllib.request.urlopen(url, timeout=10) as answer:
            found: list[Any] = json.load(answer)["data"]["result"]
            return found

    until(lambda: ask("rate(gatehouse_requests_total[10s])"))
    used = {name for text in [*queries(), *(rule["expr"] for rule in rules())]
            for name in METRIC.findall(text)}  # fmt: skip
    assert {name for name in used if not ask(name)} == set()
    (predicted,) = ask('gatehouse_requests_total{path="/predict", status="200"}')
    assert predicted["value"][1] == "1"
    assert ask("sum(gatehouse_bad_inputs_total)")[0]["value"][1] == "1"
    for query in queries():
        assert ask(query) or " unless " in query, query
    (group,) = json.loads(fetch(f"http://127.0.0.1:{server}/api/v1/rules"))["data"]["groups"]
    assert {rule["health"] for rule in group["rules"]} <= {"ok", "unknown"}
