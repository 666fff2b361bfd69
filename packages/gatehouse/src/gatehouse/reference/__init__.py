"""The parts of the documentation that the code writes.

`python -m gatehouse.reference`, run in `packages/gatehouse`, writes them again. Each part is
between two marks in its page, and a test compares page and code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from gatehouse.errors import GatehouseError
from gatehouse.reference.keys import keys
from gatehouse.reference.lists import (
    columns,
    commands,
    gates,
    metrics,
    rules,
    service,
    sources,
    trainers,
)

DOCS = Path("docs")
PARTS: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "adopting.md": {"trainers": trainers},
    "data.md": {"sources": sources},
    "serving.md": {"settings of the service": service},
    "reference/commands.md": {"commands": commands},
    "reference/contract.md": {"column types": columns, "keys": lambda: keys("contract")},
    "reference/evidence.md": {"keys": lambda: keys("evidence")},
    "reference/gates.md": {"gates": gates, "metrics": metrics, "rules": rules},
    "reference/policy.md": {"keys": lambda: keys("policy")},
    "reference/verdict.md": {"keys": lambda: keys("verdict")},
}
"""Page below `docs` -> name of the part -> what writes it."""

_START = "<!-- {}: made by `python -m gatehouse.reference` -->"
_END = "<!-- /{} -->"


def updated(name: str, page: str) -> str:
    """The text of a page with its parts written again.

    Raises:
        GatehouseError: the marks of a part are not there.
    """
    for part, write in PARTS[name].items():
        first, last = _START.format(part), _END.format(part)
        before, start, rest = page.partition(first)
        _, end, after = rest.partition(last)
        if not start or not end:
            raise GatehouseError(f"docs/{name}: the marks {first} and {last} are missing; add them")
        page = f"{before}{first}\n\n{write()}\n\n{last}{after}"
    return page


def write_pages(folder: Path = DOCS) -> None:
    """Write the parts of every page again."""
    for name in PARTS:
        path = folder / name
        path.write_text(updated(name, path.read_text("utf-8")), "utf-8")
