"""Where a report's links go: a rule to its line in the policy, a gate to its page in the docs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from gatehouse.evidence import Gate
from gatehouse.report.escape import code

PICTURE = "verdict.svg"
"""The picture's file, next to the report."""


@dataclass(frozen=True)
class Links:
    """Addresses, absolute or relative to the report's folder.

    Attributes:
        policy: the policy that decided; empty: nothing is linked to it.
        docs: the folder of the documentation; empty likewise.
        lines: in which line of the policy each rule begins; a rule without one links to the file.
    """

    policy: str = "../policy.yaml"
    docs: str = "../docs"
    lines: Mapping[str, int] = field(default_factory=dict)

    def rule(self, name: str) -> str:
        """A rule's name as a link, in Markdown."""
        if not self.policy:
            return code(name)
        line = f"#L{self.lines[name]}" if name in self.lines else ""
        return f"[{code(name)}]({self.policy}{line})"

    def gate(self, gate: Gate) -> str:
        """A gate's name as a link, in Markdown."""
        return self.page(gate, f"**{gate.value}**")

    def page(self, gate: Gate, text: str) -> str:
        """A link to what the documentation says of a gate and its rules, in Markdown."""
        return f"[{text}]({self.docs}/gates.md#{gate.value})" if self.docs else text


NO_LINKS = Links(policy="", docs="")
"""For a report that may be read anywhere, as in an issue."""


def links_at(server: str, repository: str, commit: str, policy: str | None) -> Links:
    """Links into a commit on GitHub.

    Args:
        server: address of GitHub, such as `https://github.com`.
        repository: `owner/name`.
        commit: the base that decided.
        policy: the text of its policy; None where it has none.
    """
    place = f"{server}/{repository}/blob/{commit}"
    return Links(f"{place}/policy.yaml", f"{place}/docs", rule_lines(policy or ""))


def rule_lines(text: str) -> dict[str, int]:
    """The line of a policy's text in which each rule begins, from 1; empty where it is no YAML."""
    found = key_lines(text)
    names = [key.removeprefix("rules.") for key in found if key.startswith("rules.")]
    return {name: found[f"rules.{name}"] for name in names if "." not in name}


def key_lines(text: str) -> dict[str, int]:
    """The line of a YAML text in which each key stands, from 1, by `section.key`.

    Empty where the text is no YAML. A node that several keys share is looked at once.
    """
    try:
        root = YAML(typ="safe").compose(text)
    except Exception:  # ruamel raises Python's own for some directives, and for deep nesting
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
