"""A fork that was made small: the library as a locked wheel does all that its source did."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from gatehouse.evidence import Evidence, Of
from gatehouse.places import LIBRARY_LOCK, SOURCE
from gatehouse.samples.simulate import simulate
from gatehouse.template.slim import size
from gatehouse.template.wheel import wheel_at
from gatehouse.verdict import Verdict
from tests.end_to_end.clone import Clone, copy_checkout
from tests.template.recipes import do, on_the_page
from tests.workflows.world import SMALL

pytestmark = pytest.mark.slow


class Slim(Clone):
    """A small fork, with the wheel's files in a folder of their own as an installation has them."""

    @property
    def places(self) -> str:
        return os.pathsep.join([str(self.root.parent / "installed"), super().places])


@pytest.fixture(scope="module")
def slim(tmp_path_factory: pytest.TempPathFactory) -> Slim:
    """A fork after `gatehouse template slim`, its wheel installed as scripts/install.sh does."""
    fork = copy_checkout(tmp_path_factory.mktemp("slim") / "fork")
    for file, changes in SMALL.items():
        for old, new in changes.items():
            fork.replace(file, old, new)
    fork.commit("Settings for a small run")
    told = fork.gatehouse("template", "slim")
    assert "removed  packages: " in told
    made = Slim(fork.root)
    target = str(fork.root.parent / "installed")
    words = ("uv", "pip", "install", "--quiet", "--target", target, "--no-deps", "--no-index",
             "--find-links", "vendor", "--require-hashes", "-r", str(LIBRARY_LOCK))  # fmt: skip
    made.run(sys.executable, "-m", *words)
    return made


def test_it_is_small_and_one_commit(slim: Slim) -> None:
    """Attacks machinery that stays, and files that Git does not know of."""
    left = size(slim.root)
    assert left.files <= 110
    assert left.lines <= 9000
    assert slim.run("git", "status", "--porcelain") == ""
    assert slim.run("git", "log", "--format=%s", "-1").startswith("Depend on Gatehouse ")
    assert not (slim.root / "packages").exists()
    assert "template slim" not in slim.run("cat", "README.md")
    updates = yaml.safe_load((slim.root / ".github/dependabot.yml").read_text("utf-8"))["updates"]
    assert [each["package-ecosystem"] for each in updates] == ["github-actions"]


def test_it_runs_from_data_to_verdict(slim: Slim) -> None:
    """Attacks a stage, a template or a table that only the library's source has."""
    output = slim.gatehouse("run")
    assert "PASS" in output
    report = (slim.root / "reports/report.md").read_text("utf-8")
    assert "../policy.yaml#L" in report
    assert SOURCE not in report, "there are no docs to link to"
    assert "model" in slim.gatehouse("explain", "accuracy")
    slim.gatehouse("site")
    place = slim.run(sys.executable, "-c", "import gatehouse; print(gatehouse.__file__)")
    assert Path(place.strip()).is_relative_to(slim.root.parent / "installed")


def test_its_own_tests_and_its_lint_are_green(slim: Slim) -> None:
    """Attacks tests of a fork that read the library's source."""
    slim.run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n0", "tests")
    slim.run("ruff", "check", ".")


def test_what_runs_before_an_installation_finds_the_wheel(slim: Slim) -> None:
    """Attacks the workflows' first steps, which have no packages yet."""
    place = slim.run("sh", "scripts/library.sh").strip()
    assert place.endswith(".whl")
    words = [sys.executable, "-I", "-S", "-c",
             f"import sys; sys.path.insert(0, {place!r}); import gatehouse.ownership"]  # fmt: skip
    subprocess.run(words, check=True)


def test_a_changed_wheel_is_not_installed(slim: Slim, tmp_path: Path) -> None:
    """Attacks the lock: other bytes under the same name."""
    (wheel,) = (slim.root / "vendor").iterdir()
    (tmp_path / wheel.name).write_bytes(wheel.read_bytes() + b"\0")
    words = (sys.executable, "-m", "uv", "pip", "install", "--target", str(tmp_path / "site"),
             "--no-deps", "--no-index", "--find-links", str(tmp_path), "--require-hashes",
             "-r", str(LIBRARY_LOCK))  # fmt: skip
    assert "Hash mismatch" in slim.run(*words, code=1)


def test_an_object_of_each_kind_is_one_file(
    slim: Slim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/extending.md: its gate, metric, rule, kind, source and trainer decide a change."""
    shutil.copytree(slim.root.parent, tmp_path / "own", symlinks=True)
    own = Slim(tmp_path / "own" / slim.root.name)
    for part in on_the_page():
        do(part, own.root)
        touched = own.run("git", "status", "--porcelain").splitlines()
        assert len(touched) == 2, "the object, and the settings that name it"
        own.commit(part.partition("\n")[0])
    assert len(list(on_the_page())) == 6
    rows = simulate(6000)
    rows["capital_gain"] = rows["capital_gain"].map("{:,} USD".format)
    with contextlib.closing(sqlite3.connect(tmp_path / "crm.db")) as database:
        rows.to_sql("customers", database, index=False)
    told = own.gatehouse("run", code=2)
    assert "CRM_DATABASE: names no file" in told
    monkeypatch.setenv("CRM_DATABASE", str(tmp_path / "crm.db"))
    own.run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n0", "tests")
    own.run("ruff", "check", ".")
    own.gatehouse("run", code=None)
    verdict = Verdict.read(own.root / "reports/verdict.json")
    assert verdict.errors == {}
    assert {result.rule for result in verdict.rules} >= {"missing-few", "accuracy-cost"}
    raw = pd.read_parquet(own.root / "data/raw/rows.parquet")
    assert raw["capital_gain"].dtype == "float64"
    train, test = (
        set(pd.read_parquet(own.root / f"data/prepared/{split}.parquet")["occupation"].dropna())
        for split in ("train", "test")
    )
    assert test == {"Transport-moving"}
    assert not train & test
    own.commit("The first run")
    own.run("git", "checkout", "--quiet", "-b", "change")
    own.gatehouse("set", "train.forest.trees=10")
    told = own.gatehouse("run", "--base", "main", code=None)
    assert "train: " in told
    assert "ingest: " not in told
    verdict = Verdict.read(own.root / "reports/verdict.json")
    assert verdict.errors == {}
    evidence = Evidence.read(own.root / "reports/evidence/accuracy.json")
    of = {each.of for each in evidence.measurements if each.name == "decision_cost"}
    assert of == {Of.CANDIDATE, Of.BASE, Of.COMPARISON}


def test_an_update_raises_the_wheel(slim: Slim, tmp_path: Path) -> None:
    """Attacks an update that leaves the library behind, or brings its source back."""
    template = copy_checkout(tmp_path / "template")
    version = re.compile(r'^version = "([^"]+)"$', re.MULTILINE)
    project = template.root / SOURCE / "pyproject.toml"
    (old,) = version.findall(project.read_text("utf-8"))
    first = template.run("git", "rev-parse", "HEAD").strip()
    template.replace(f"{SOURCE}/pyproject.toml", f'version = "{old}"', 'version = "9.9.9"')
    template.commit("Gatehouse 9.9.9")
    template.run("git", "tag", "v9.9.9")
    told = slim.gatehouse(
        "template", "update", "--url", str(template.root), "--from", first, "--branch", "newer"
    )
    assert "vendor/gatehouse-9.9.9-py3-none-any.whl: the library of the new version" in told
    assert [path.name for path in (slim.root / "vendor").iterdir()] == [
        "gatehouse-9.9.9-py3-none-any.whl"
    ]
    assert (slim.root / LIBRARY_LOCK).read_text("utf-8") == wheel_at("HEAD", template.root).lock
    assert not (slim.root / "packages").exists()


def test_equal_sources_make_equal_wheels(tmp_path: Path) -> None:
    """Attacks a wheel that nobody can compare with its source."""
    one, two = (copy_checkout(tmp_path / name) for name in ("one", "two"))
    assert wheel_at("HEAD", one.root) == wheel_at("HEAD", two.root)
