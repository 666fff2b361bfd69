"""A fork that was made small: the library as a locked wheel does all that its source did."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from gatehouse.places import LIBRARY_LOCK, SOURCE
from gatehouse.template.wheel import wheel_at
from tests.end_to_end.clone import copy_checkout
from tests.end_to_end.slim import Slim

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def slim(slim_fork: Path, tmp_path_factory: pytest.TempPathFactory) -> Slim:
    """A small fork with a recorded run, and an environment that has its wheel."""
    return Slim.copied(slim_fork, tmp_path_factory.mktemp("slim") / "fork")


def test_it_is_small_and_one_commit(slim: Slim, slim_fork: Path) -> None:
    """Attacks machinery that stays, and files that Git does not know of."""
    output = (slim_fork / "told.txt").read_text("utf-8")
    assert "removed  packages: " in output
    left = re.search(r"left +([\d,]+) files, ([\d,]+) lines", output)
    assert left is not None, "counted before a run records what it makes"
    files, lines = (int(number.replace(",", "")) for number in left.groups())
    assert files <= 110
    assert lines <= 9000
    of_git = slim.run("git", "ls-tree", "-r", "--name-only", "HEAD~1").split()
    assert files == len([path for path in of_git if not fnmatch(path, "requirements/*.txt")])
    assert slim.run("git", "status", "--porcelain") == ""
    assert slim.run("git", "log", "--format=%s", "-1", "HEAD~1").startswith("Depend on Gatehouse ")
    assert not (slim.root / "packages").exists()
    assert "template slim" not in slim.run("cat", "README.md")
    updates = yaml.safe_load((slim.root / ".github/dependabot.yml").read_text("utf-8"))["updates"]
    assert [each["package-ecosystem"] for each in updates] == ["github-actions"]
    bento = yaml.safe_load((slim.root / "bentofile.yaml").read_text("utf-8"))
    assert [part for part in bento["include"] if not [*slim.root.glob(part)]] == []


def test_no_page_leads_to_what_went(slim: Slim) -> None:
    """Attacks links to the library's documentation, which is not there."""
    pages = slim.run("git", "ls-files", "*.md").split()
    for page in pages:
        file = slim.root / page
        links = re.findall(r"\]\(([^)#]+)[^)]*\)", file.read_text("utf-8"))
        here = [link for link in links if "://" not in link]
        assert [link for link in here if not (file.parent / link).exists()] == [], page


def test_it_ran_from_data_to_verdict(slim: Slim) -> None:
    """Attacks a stage, a template or a table that only the library's source has."""
    assert "PASS" in slim.gatehouse("judge")
    report = (slim.root / "reports/report.md").read_text("utf-8")
    assert "../policy.yaml#L" in report
    assert SOURCE not in report, "there are no docs to link to"
    assert "model" in slim.gatehouse("explain", "accuracy")
    slim.gatehouse("site")
    place = slim.run(str(slim.python), "-c", "import gatehouse; print(gatehouse.__file__)")
    assert Path(place.strip()).is_relative_to(slim.root / ".venv")


def test_an_unchanged_run_makes_nothing_again(slim: Slim) -> None:
    """Attacks fingerprints that an installed library has and a recorded one has not."""
    output = slim.run("make", "run")
    assert "train: " not in output
    assert slim.run("git", "status", "--porcelain", "dvc.lock") == ""


def test_the_recorded_run_is_verified(slim: Slim) -> None:
    """Attacks a reproduction by other code than the wheel's."""
    output = slim.run("make", "verify")
    assert re.search(
        r"verify: \w{12} reproduces: \d+ outputs and all evidence are the same", output
    )


def test_the_doctor_finds_it_well(slim: Slim) -> None:
    """Attacks a doctor who misses the library's source, or overlooks another wheel."""
    packages = slim.root / ".venv" / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
    for info in Path(sysconfig.get_path("purelib")).glob("*.dist-info"):  # found by no .pth file
        if not info.name.startswith("gatehouse-"):
            (packages / info.name).symlink_to(info)
    for stamp in (slim.root / ".venv").glob(".installed-*"):
        stamp.touch()  # all sets are installed
    output = slim.gatehouse("doctor", "--json", "--offline")
    found = json.JSONDecoder().raw_decode(output)[0]["findings"]
    texts = [each["text"] for each in found]
    wheel = slim.run("ls", "vendor").strip()
    assert f"gatehouse is vendor/{wheel}, as {LIBRARY_LOCK} locks it" in texts
    assert "HEAD records a run" in texts
    assert "no large files in Git" in texts


def test_its_own_tests_and_its_checks_are_green(slim: Slim) -> None:
    """Attacks tests and hooks of a fork that read the library's source, or miss its types."""
    slim.run("make", "test", "ARGS=--numprocesses=0")
    output = slim.check()
    assert re.search(r"(?m)^types\.+Passed$", output)
    slim.run("make", "test-library")
    slim.run("make", "clean")


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
