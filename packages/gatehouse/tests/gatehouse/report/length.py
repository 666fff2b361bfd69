"""How many lines of a comment a reader sees before anything is unfolded."""

from __future__ import annotations

import re

WIDTH, SMALL = 120, 150
"""Characters of a line of a comment at GitHub's width, about; of a line of small print."""


def lines_in_sight(markdown: str) -> int:
    """Lines that are shown, counted as GitHub wraps them; a picture, and a folded part, is one."""
    text, folded = re.sub(r"<!--.*?-->", "", markdown), 0
    shown = []
    for line in text.splitlines():
        if line == "<details>":
            folded += 1
            shown += ["folded"] * (folded == 1)
        elif line == "</details>":
            folded -= 1
        elif not folded:
            shown += line.split("<br>")
    return sum(_wrapped(line) for line in shown)


def _wrapped(line: str) -> int:
    if line.startswith(("![", "```")):
        return int(line.startswith("![") and not line.startswith("![]("))  # CML's mark is unseen
    if line.startswith("/gatehouse "):
        return 1  # code is scrolled, not wrapped
    plain = re.sub(r"\]\([^)]*\)", "", line)
    plain = re.sub(r"\b[0-9a-f]{40}\b", "0123456", plain)  # a commit's link is short
    plain = re.sub(r"<[^>]*>|[`*\[>]|&[a-z]+;", "", plain).strip()
    return -(-len(plain) // (SMALL if "<sub>" in line else WIDTH))
