"""Lint the English of pages and of the text in Python files: `lint.py FILE...`.

proselint's own checks run together with this project's list (words.py). In a Markdown file, code
and links are left out; in a Python file, only docstrings, comments and strings with a space count.
Exits with 1 if anything is found.
"""

from __future__ import annotations

import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

from proselint.checks import __register__ as theirs
from proselint.config import DEFAULT
from proselint.registry import CheckRegistry
from proselint.registry.checks import Check, types
from proselint.registry.checks.engine import Fast, RegexOptions
from proselint.tools import LintFile
from words import ANYWHERE, EXACT, PAGES

OFF = (
    "annotations", "cliches", "dates_times", "lexical_illusions", "needless_variants", "typography",
    "misc.preferred_forms", "uncomparables", "weasel_words",
)  # fmt: skip
"""proselint's checks of taste, and those that code, tables and straight quotes trip."""

_CODE = re.compile(r"^```.*?^```|^<!--.*?-->|`[^`\n]*`|\]\([^)\n]*\)|https?://\S+", re.S | re.M)
_HOLES = re.compile(r"^ +[a-z_]+: |`[^`\n]*`|\{[^{}\n]*\}|https?://\S+", re.M)
_TERM = re.compile(r"\bcan.t be told\b")
"""The report's words for what the rows can't show."""
_FSTRING = getattr(tokenize, "FSTRING_MIDDLE", None)  # from Python 3.12 on


def main(files: list[str]) -> int:
    """Print what was found, as `file:line:column: message`."""
    registry = CheckRegistry()
    registry.register_many(theirs)
    registry.register_many(tuple(_own()))
    # proselint takes the first key that fits, so a part comes before the whole.
    checks = dict.fromkeys(OFF, False) | {"house": True}
    checks |= {name: on for name, on in DEFAULT["checks"].items() if name not in OFF}
    found = 0
    for file in map(Path, files):
        page = file.suffix == ".md"
        text = file.read_text("utf-8")
        text = _blank(_TERM, _blank(_CODE, text) if page else _prose(text))
        enabled = {"house.pages": page} | checks
        for result in LintFile(file.as_posix(), text).lint({"max_errors": 1000, "checks": enabled}):
            line, column = result.pos
            message = " ".join(result.check_result.message.split())
            print(f"{file}:{line}:{column}: {message}")
            found += 1
    return 1 if found else 0


def _own() -> Iterator[Check]:
    for pattern, advice in ANYWHERE.items():
        yield _check(rf"\b(?:{pattern})\b", advice, "house.words", RegexOptions())
    heeding = RegexOptions(case_insensitive=False)
    for pattern, advice in EXACT.items():
        yield _check(pattern, advice, "house.exact", heeding)
    for pattern, advice in PAGES.items():
        yield _check(pattern, advice, "house.pages", heeding)


def _check(pattern: str, advice: str, path: str, options: RegexOptions) -> Check:
    return Check(types.ExistenceSimple(pattern), Fast(options), path, "'{}': " + advice)


def _prose(source: str) -> str:
    """The text in Python code, every other character a space: lines and columns stay."""
    lines = [" " * len(line) for line in source.splitlines()]
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        string = token.type == tokenize.STRING and " " in token.string
        if not (string or token.type in (tokenize.COMMENT, _FSTRING)):
            continue
        (row, start), text = token.start, token.string
        for each in _blank(_HOLES, text).translate(str.maketrans("\"'\\#", "    ")).split("\n"):
            line = lines[row - 1]
            lines[row - 1] = line[:start] + each + line[start + len(each) :]
            row, start = row + 1, 0
    return "\n".join(lines)


def _blank(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda hit: re.sub(r"[^\n]", " ", hit[0]), text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
