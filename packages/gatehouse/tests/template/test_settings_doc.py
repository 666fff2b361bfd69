"""docs/github-settings.md lists the variables and secrets that a workflow reads, and no others."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[4]
READ = re.compile(r"\b(vars|secrets)\.([A-Z_]+)\b")
KINDS = {"vars": "variable", "secrets": "secret"}  # pragma: allowlist secret


def test_every_setting_is_in_the_table() -> None:
    """Attacks a name that nobody can guess, and one that was renamed or is read no longer."""
    page = (REPOSITORY / "packages/gatehouse/docs/github-settings.md").read_text("utf-8")
    section = page.split("## Variables and secrets\n")[1].split("\n## ")[0]
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| `")]
    told = {
        (kind.rstrip("s"), name)
        for names, kind, *_ in rows
        for name in re.findall(r"`([A-Z_]+)`", names)
    }
    texts = [path.read_text("utf-8") for path in (REPOSITORY / ".github").rglob("*.yml")]
    read = {(KINDS[kind], name) for text in texts for kind, name in READ.findall(text)}
    assert read - {("secret", "GITHUB_TOKEN")} == told
