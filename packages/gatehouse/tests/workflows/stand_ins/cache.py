"""Stand-in for actions/cache: it has what STAND_IN_CACHE names for every key, or nothing."""

from __future__ import annotations

import os
import shutil

from tests.workflows.stand_ins.inputs import fail, inputs, lines, output


def main() -> None:
    given = inputs()
    if not given["key"] or len(given["key"]) > 512 or "," in given["key"]:
        fail(f"key: expected up to 512 characters without a comma, found {given['key']!r}")
    if not lines(given["path"]):
        fail("path: is empty")
    held = os.environ.get("STAND_IN_CACHE", "")
    for path in lines(given["path"]) if held else ():
        shutil.copytree(held, path, dirs_exist_ok=True)
    output("cache-hit", "true" if held else "")


if __name__ == "__main__":
    main()
