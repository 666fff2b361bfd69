"""Tables of the gates' benchmarks, written between markers of their own into RESULTS.md."""

from __future__ import annotations

import platform
import time
from pathlib import Path

from scipy.stats import binomtest

RESULTS = Path(__file__).with_name("RESULTS.md")


def share(hits: int, of: int) -> str:
    """`2.0 % [0.8, 5.0]`: a share with its 95 % Wilson interval."""
    low, high = binomtest(hits, of).proportion_ci(0.95, method="wilson")
    return f"{hits / of:.1%} [{low:.1%}, {high:.1%}]".replace("%", " %")


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write(name: str, title: str, text: str, started: float) -> None:
    """Put `text` under `title` between the markers of benchmark `name`, and print it."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    command = f".venv/bin/python packages/gatehouse/benchmarks/gates/{name}.py"
    seconds = time.perf_counter() - started
    made = f"`{command}` ({seconds:.0f} s; Python {platform.python_version()})"
    block = f"{begin}\n## {title}\n\n{made}\n\n{text.strip()}\n{end}"
    page = (
        RESULTS.read_text(encoding="utf-8")
        if RESULTS.exists()
        else "# Error rates and cost of the gates\n"
    )
    if begin in page:
        before, _, rest = page.partition(begin)
        page = before + block + rest.partition(end)[2]
    else:
        page = page.rstrip("\n") + f"\n\n{block}\n"
    RESULTS.write_text(page, encoding="utf-8")
    print(block)
