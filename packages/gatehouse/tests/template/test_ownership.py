"""ownership.txt names every file of the template, and nothing that is not there."""

from __future__ import annotations

from pathlib import Path

from gatehouse.ownership import OWNERSHIP_FILE, Kind, load, steers
from tests.sample import tracked

REPOSITORY = Path(__file__).parents[4]
OF_A_FORK = {"CHANGELOG.md", "docs/", "vendor/"}
"""What forks have at the root, and the template has not."""


def test_every_file_of_the_template_has_a_line_of_its_own() -> None:
    """Attacks: a file whose kind nobody chose. Add a line for it."""
    border = load(REPOSITORY)
    named = [path for path in tracked() if not steers(path)]
    assert [path for path in named if border.rule_of(path) is border.default] == []


def test_every_path_that_the_template_names_is_there() -> None:
    """Attacks: a line about a file that was moved, which then guards or frees nothing."""
    border = load(REPOSITORY)
    assert not [path for path in OF_A_FORK if (REPOSITORY / path).exists()]
    for rule in border.rules[1:]:
        made = rule.kind is Kind.GENERATED or rule.path in OF_A_FORK
        assert made or (REPOSITORY / rule.path).exists(), f"{OWNERSHIP_FILE}:{rule.line}"
        assert made or (REPOSITORY / rule.path).is_dir() == rule.is_folder, rule
