"""`python -m gatehouse.reference`: the pages' generated parts, and the policy's defaults."""

from __future__ import annotations

from pathlib import Path

from gatehouse import defaults
from gatehouse.reference import write_pages

if __name__ == "__main__":
    write_pages()
    Path(defaults.__file__).with_name(defaults.FILE).write_text(defaults.to_json(), "utf-8")
