"""Attacks the links of rules and gates: each leads to its line and its page."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse.report.links import DOCS, links_at, rule_lines
from tests.sample import SAMPLE

POLICY = (SAMPLE / "policy.yaml").read_text("utf-8")


def test_each_rule_has_its_line() -> None:
    """Attacks a link into the middle of another rule."""
    lines = POLICY.splitlines()
    found = rule_lines(POLICY)
    assert len(found) > 20
    assert all(lines[number - 1].startswith(f"  {rule}: {{") for rule, number in found.items())


BROKEN = [
    "", "rules: [", "rules: 3", "- a", "rules: {[a]: b}", "\x00", "{", "[" * 900,
    "%YAML 9.9.9\n---\na",
]  # fmt: skip


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_no_policy_has_no_lines(text: str) -> None:
    """Attacks a report with a policy that cannot be read."""
    assert rule_lines(text) == {}


def test_links_lead_into_the_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks a link into the pull request's own policy, which does not decide."""
    (tmp_path / DOCS).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    links = links_at("https://github.com", "octo/model", "c" * 40, POLICY)
    place = f"https://github.com/octo/model/blob/{'c' * 40}"
    number = rule_lines(POLICY)["accuracy-floor"]
    assert links.rule("accuracy-floor") == f"[`accuracy-floor`]({place}/policy.yaml#L{number})"
    assert links.rule("unknown") == f"[`unknown`]({place}/policy.yaml)"
    assert links.gate("drift") == f"[**drift**]({place}/packages/gatehouse/docs/gates.md#drift)"
