"""Where a report's links go: a rule to its line in the policy, a gate to its page in the docs."""

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
        policy: the policy that decided; empty: nothing is linked to it.
        docs: the folder of the documentation; empty likewise.
        lines: in which line of the policy each rule begins; a rule without one links to the file.
    """

    policy: str = "../policy.yaml"
    docs: str = f"../{DOCS}"
    lines: Mapping[str, int] = field(default_factory=dict)

    def rule(self, name: str) -> str:
        """A rule's name as a link, in Markdown."""
        if not self.policy:
            return code(name)
        line = f"#L{self.lines[name]}" if name in self.lines else ""
        return f"[{code(name)}]({self.policy}{line})"

    def gate(self, gate: str) -> str:
        """A gate's name as a link, in Markdown."""
        return self.page(gate, f"**{gate}**")

    def page(self, gate: str, text: str) -> str:
        """A link to what the documentation says of a built-in gate and its rules, in Markdown."""
        built_in = any(gate == each.name for each in GATES)
        return f"[{text}]({self.docs}/gates.md#{gate})" if self.docs and built_in else text


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
    return Links(f"{place}/policy.yaml", docs_below(place), rule_lines(policy or ""))


def links_beside(policy: str | None, root: Path = Path()) -> Links:
    """Links of a report that is in `reports/`, into the repository `root` around it."""
    return Links(docs=docs_below("..", root), lines=rule_lines(policy or ""))


def docs_below(place: str, root: Path = Path()) -> str:
    """The address of the documentation's folder; empty where there is none.

    Args:
        place: address of the repository `root`.
        root: which either has the documentation, or says which template it is on.
    """
    if (root / DOCS).is_dir():
        return f"{place}/{DOCS}"
    record = Record.beside(root)
    if record is None or not (record.url or "").startswith("https://"):
        return ""
    return f"{str(record.url).removesuffix('.git')}/blob/{record.commit}/{DOCS}"


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
