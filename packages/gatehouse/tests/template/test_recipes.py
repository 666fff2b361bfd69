"""The recipes of the documentation leave a fork's `make test` and `make check` green.

All are done in one scratch fork, in which they don't disturb each other; a table of one's own comes
last, for it writes other settings.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.template.recipes import RECIPES, Fork, make_fork, own_table

ROOT = Path(__file__).parents[4]
READERS = (
    "tests/repository",
    "tests/deploy/test_argocd.py",
    "tests/examples/test_digits.py::test_dvc_takes_the_folder_for_a_project_of_its_own",
    "tests/gatehouse/doctor/test_settings.py",
    "tests/gatehouse/test_codeowners.py",
    "tests/gatehouse/github/test_settings.py",
    "tests/gatehouse/release/test_packages.py",
    "tests/gatehouse/template/test_update.py::test_the_real_files_of_this_repository",
    "tests/gatehouse/test_contract.py",
    "tests/gatehouse/test_ownership.py",
    "tests/gatehouse/test_params.py",
    "tests/gatehouse/test_schemas.py",
    "tests/gatehouse/test_source.py",
    "tests/gatehouse/test_typed.py",
    "tests/gatehouse/tune",
)
"""Tests of the machinery that read files of the repository, or the settings' own classes."""
DEAR = ("tests/pipeline/test_train.py::test_two_processes_train_what_one_trains",)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fork(tmp_path_factory: pytest.TempPathFactory) -> Fork:
    """A scratch fork in which every recipe was done, in a commit of its own."""
    made = make_fork(tmp_path_factory.mktemp("recipes"))
    for recipe in RECIPES:
        recipe(made)
    made.clone.commit("Our own")
    return made


def test_the_fork_s_own_code_is_what_runs(fork: Fork) -> None:
    """Attacks tests that pass since an editable installation points to this checkout."""
    code, told = fork.run(sys.executable, "-c", "import gatehouse, pipeline.crm as own\n"
                          "print(gatehouse.__file__, own.__file__, sep='\\n')")  # fmt: skip
    assert code == 0, told
    assert [Path(line).is_relative_to(fork.root) for line in told.split()] == [True, True]


def test_its_own_tests_are_green(fork: Fork) -> None:
    """What `make test` runs."""
    deselected = [word for each in DEAR for word in ("--deselect", each)]
    code, told = fork.pytest("tests", *deselected)
    assert code == 0, told


def test_make_check_is_green(fork: Fork) -> None:
    """Every hook on what the recipes changed: nothing is found, and nothing is left to change."""
    if (ROOT / ".mypy_cache").is_dir():  # whole trees of libraries are read anew otherwise
        shutil.copytree(ROOT / ".mypy_cache", fork.root / ".mypy_cache")
    code, told = fork.run("pre-commit", "run", "--from-ref", "HEAD~1", "--to-ref", "HEAD")
    assert code == 0, told
    for hook in ("lint", "format", "types", "secrets", "YAML"):
        assert re.search(rf"(?m)^{hook}\.+Passed$", told), told
    assert fork.run("git", "status", "--porcelain") == (0, "")


def test_no_run_of_pytest_comes_to_the_template_s_tests(fork: Fork) -> None:
    """Attacks tests of the README that a fork rewrote: only who names the folder runs them."""
    others = [f"--ignore=tests/{name}" for name in ("gatehouse", "pipeline", "workflows")]
    _, told = fork.library("--collect-only", *others)
    assert "tests/" in told
    assert "tests/template/" not in told
    _, told = fork.library("--collect-only", "tests/template/test_sample.py")
    assert "tests/template/test_sample.py" in told


def test_what_does_not_fit_is_found_by_its_own_tests(fork: Fork) -> None:
    """Attacks tests of a fork's files that pass whatever stands in them."""
    broken = Fork(type(fork.clone)(fork.root.parent / "broken"))
    shutil.copytree(fork.root, broken.root, symlinks=True)
    replace = broken.clone.replace
    replace("dvc.yaml", "reports/fingerprints/train.txt", "src/pipeline/forest.py")
    replace("src/pipeline/crm.py", 'name="crm"', 'name="cmr"')
    replace("params.yaml", "  space: {}", "  space: {forest.leaves: {low: 1, high: 2}}")
    replace("policy.yaml", "slice: number=*", "slice: number=shoe_size")
    replace("model_card.yaml", "owner: ", "ower: ")
    code, told = broken.pytest("tests", "--tb=line", "-rf")
    assert code == 1, told
    assert set(re.findall(r"(?m)^FAILED (\S+)", told)) == {
        "tests/test_files.py::test_the_source_is_there",
        "tests/test_files.py::test_it_is_valid[model_card.yaml]",
        "tests/test_files.py::test_tuning_tries_settings_that_exist_by_a_metric_of_the_task",
        "tests/test_rules.py::test_every_rule_finds_what_it_judges[drift]",
        "tests/test_rules.py::test_the_model_card_is_made",
        "tests/test_stages.py::test_every_stage_depends_on_its_own_code",
    }


def test_a_table_of_its_own_leaves_all_green(fork: Fork) -> None:
    """`gatehouse init`: other columns and another policy, for its tests and the machinery's."""
    own_table(fork, "churned", "--positive", "yes", "--protected", "gender")
    fork.clone.commit("Our table")
    code, told = fork.pytest("tests")
    assert code == 0, told
    code, told = fork.library(*READERS)
    assert code == 0, told
    code, told = fork.run("pre-commit", "run", "--from-ref", "HEAD~1", "--to-ref", "HEAD")
    assert code == 0, told


@pytest.mark.parametrize(
    ("target", "options"), [("spent", ()), ("plan", ("--protected", "gender,region"))]
)
def test_other_tasks_leave_its_own_tests_green(
    fork: Fork, target: str, options: tuple[str, ...]
) -> None:
    """A number and several classes, by the trainer that the template comes with."""
    own_table(fork, target, *options)
    code, told = fork.run("gatehouse", "set", "train.trainer=pipeline.network:torch_mlp")
    assert code == 0, told
    code, told = fork.pytest("tests")
    assert code == 0, told
