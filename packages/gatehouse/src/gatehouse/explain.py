"""`gatehouse explain`: the documentation of a word.

The text comes from the pages themselves: the wheel contains those in `PAGES`, and a checkout has
them in `docs/`. A heading explains its section, and a row of a table explains the words in its
first cell. A rule is looked up in the policy, and its measurement and gate in the pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gatehouse.errors import GatehouseError
from gatehouse.nearest import hint
from gatehouse.policy import POLICY_FILE, load_policy

PAGES = (
    "gates", "glossary", "architecture", "data", "evidence", "monitoring", "operations",
    "alarms", "reference/contract", "reference/evidence", "reference/policy", "reference/verdict",
)  # fmt: skip
"""The pages, best explanations first; equal to the list that pyproject.toml puts into the wheel."""

_HEADING = re.compile(r"^(#{2,4}) (.+)$")
_MARKS = re.compile(r"\[([^\]]*)\]\([^)]*\)|\*\*|`")
_WORD = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Entry:
    """One explanation: the names it is found by, its page, and its text."""

    names: frozenset[str]
    page: str
    text: str


def explain(word: str, root: Path) -> list[str]:
    """Return paragraphs about a rule of `root`'s policy, a gate, measurement, key, alert or term.

    Raises:
        GatehouseError: nothing has this name; the error suggests the closest names.
    """
    entries = [entry for page in PAGES for entry in _entries(page)]
    rules = load_policy(root / POLICY_FILE).rules if (root / POLICY_FILE).exists() else {}
    found = []
    wanted = [_key(word)]
    if rule := rules.get(word):
        lines = rule.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        found.append(
            f"{word} is a rule of {POLICY_FILE}:\n"
            + "\n".join(f"  {key}: {value}" for key, value in lines.items())
        )
        wanted = [_key(rule.measurement), _key(word)]
    for name in wanted:
        found += [f"{each.text}\n(docs/{each.page}.md)" for each in entries if name in each.names]
    if not found:
        known = {name for entry in entries for name in entry.names}
        raise GatehouseError(f"'{word}' is not explained anywhere{hint(word, {*known, *rules})}")
    return list(dict.fromkeys(found))


def _entries(page: str) -> Iterator[Entry]:
    """Yield a page's sections, without nested sections, and the rows of its tables."""
    name = ""
    lines: list[str] = []
    for line in [*_text(page).splitlines(), "## end"]:
        if heading := _HEADING.match(line):
            if name and any(lines):
                yield Entry(frozenset([_key(name)]), page, _plain("\n".join([name, *lines])))
            name, lines = heading[2], []
            continue
        lines.append(line)
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
        if line.startswith("| ") and len(cells) > 1 and not cells[0].startswith((":-", "--")):
            terms = _WORD.findall(cells[0]) or _plain(cells[0]).split(",")
            yield Entry(frozenset(map(_key, terms)), page, _plain(" | ".join(cells)))


def _text(page: str) -> str:
    here = Path(__file__).parent
    shipped = here / "pages" / f"{page}.md"
    return (shipped if shipped.exists() else here.parents[1] / "docs" / f"{page}.md").read_text(
        "utf-8"
    )


def _key(name: str) -> str:
    return _plain(name).lower().replace(" ", "_").strip("_")


def _plain(text: str) -> str:
    return _MARKS.sub(lambda mark: mark[1] or "", text).strip()
