"""Links of a report: from a rule to its line in the policy, from a gate to its page in the docs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from gatehouse.gates import GATES
from gatehouse.places import SOURCE
from gatehouse.report.escape import code
from gatehouse.template.record import Record

DOCS = f"{SOURCE}/docs"
"""The documentation, in a repository that has the library's source."""
PICTURE = "verdict.svg"
"""The picture's file, next to the report."""


@dataclass(frozen=True)
class Links:
    """Addresses, absolute or relative to the report's folder.

    Attributes:
        policy: address of the policy that decided; if empty, nothing links to it.
        docs: address of the documentation's folder; if empty, nothing links to it.
        lines: line of the policy where each rule begins; a rule without one links to the file.
    """

    policy: str = "../policy.yaml"
    docs: str = f"../{DOCS}"
    lines: Mapping[str, int] = field(default_factory=dict)

    def rule(self, name: str) -> str:
        """Return a rule's name as a Markdown link."""
        if not self.policy:
            return code(name)
        line = f"#L{self.lines[name]}" if name in self.lines else ""
        return f"[{code(name)}]({self.policy}{line})"

    def gate(self, gate: str) -> str:
        """Return a gate's name as a Markdown link."""
        return self.page(gate, f"**{gate}**")

    def page(self, gate: str, text: str) -> str:
        """Return a Markdown link to the documentation of a built-in gate and its rules."""
        built_in = any(gate == each.name for each in GATES)
        return f"[{text}]({self.docs}/gates.md#{gate})" if self.docs and built_in else text


NO_LINKS = Links(policy="", docs="")
"""For a report that may be read anywhere, for example in an issue."""


def links_at(server: str, repository: str, commit: str, policy: str | None) -> Links:
    """Return links into a commit on GitHub.

    Args:
        server: address of GitHub, for example `https://github.com`.
        repository: `owner/name`.
        commit: the base that decided.
        policy: text of its policy; None if it has none.
    """
    place = f"{server}/{repository}/blob/{commit}"
    return Links(f"{place}/policy.yaml", docs_below(place), rule_lines(policy or ""))


def links_beside(policy: str | None, root: Path = Path()) -> Links:
    """Return links for a report in `reports/` into its repository `root`."""
    return Links(docs=docs_below("..", root), lines=rule_lines(policy or ""))


def docs_below(place: str, root: Path = Path()) -> str:
    """Return the address of the documentation's folder, or an empty string if there is none.

    Args:
        place: address of the repository `root`.
        root: repository that has the documentation, or records its template.
    """
    if (root / DOCS).is_dir():
        return f"{place}/{DOCS}"
    record = Record.beside(root)
    if record is None or not (record.url or "").startswith("https://"):
        return ""
    return f"{str(record.url).removesuffix('.git')}/blob/{record.commit}/{DOCS}"


def rule_lines(text: str) -> dict[str, int]:
    """Return the line where each rule begins in a policy's text, from 1; empty for invalid YAML."""
    found = key_lines(text)
    names = [key.removeprefix("rules.") for key in found if key.startswith("rules.")]
    return {name: found[f"rules.{name}"] for name in names if "." not in name}


def key_lines(text: str) -> dict[str, int]:
    """Return the line of each key in a YAML text, from 1, by `section.key`.

    Empty if the text is invalid YAML. A node that several keys share is visited once.
    """
    try:
        root = YAML(typ="safe").compose(text)
    except Exception:  # ruamel raises built-in errors for some directives and deep nesting
        return {}
    found: dict[str, int] = {}
    seen: set[int] = set()
    waiting: list[tuple[str, Node | None]] = [("", root)]
    while waiting:
        prefix, node = waiting.pop()
        if not isinstance(node, MappingNode) or id(node) in seen:
            continue
        seen.add(id(node))
        for key, value in node.value:
            if isinstance(key, ScalarNode):
                found[f"{prefix}{key.value}"] = key.start_mark.line + 1
                waiting.append((f"{prefix}{key.value}.", value))
    return found
