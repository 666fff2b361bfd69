"""Attacks the end of a command: a package that is not installed is one line with the cure."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from gatehouse.command import EXTRAS, command

ROOT = Path(__file__).parents[4]


def call(module: str) -> Result:
    @click.command()
    @command
    def needs() -> int:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    return CliRunner().invoke(needs)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (
            "optuna",
            "this needs optuna, which is in the set of packages extras: make setup EXTRAS=1",
        ),
        ("optuna.storages", "this needs optuna, which is in"),
        ("psycopg2", "this needs the package psycopg2, which is not installed"),
    ],
)
def test_a_package_that_is_not_installed(module: str, message: str) -> None:
    """Attacks a traceback after a plain `make setup`."""
    result = call(module)
    assert result.exit_code == 2
    assert result.output.startswith(f"error: {message}")
    assert result.output.count("\n") == 1


@pytest.mark.parametrize("module", ["gatehouse.gone", "pipeline"])
def test_a_module_of_our_own_is_a_fault(module: str) -> None:
    """Attacks advice that cures nothing."""
    assert isinstance(call(module).exception, ModuleNotFoundError)


def test_the_extras_are_those_that_are_locked() -> None:
    """Attacks a package that moves to another set."""
    text = (ROOT / "requirements/extras.in").read_text()
    names = set(re.findall(r"^([a-z]+)(?:-skinny)?>", text, re.MULTILINE))
    assert names == EXTRAS
