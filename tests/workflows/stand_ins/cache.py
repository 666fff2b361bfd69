"""Stand-in for actions/cache: it looks at what it is given, and has nothing."""

from __future__ import annotations

from tests.workflows.stand_ins.inputs import fail, inputs, lines, output


def main() -> None:
    given = inputs()
    if not given["key"] or len(given["key"]) > 512 or "," in given["key"]:
        fail(f"key: expected up to 512 characters without a comma, found {given['key']!r}")
    if not lines(given["path"]):
        fail("path: is empty")
    output("cache-hit", "")


if __name__ == "__main__":
    main()
