"""Stand-in for actions/create-github-app-token: a token that the API's stand-in knows."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from tests.workflows.stand_ins.inputs import fail, inputs, output

SLUG = "gatehouse-app"
PREFIX = "permission-"


def main() -> None:
    given = inputs()
    if not given["app-id"] and not given["client-id"]:
        fail("app-id or client-id: one of them must be given")
    if "PRIVATE KEY" not in given["private-key"]:
        fail("private-key: is no PEM file")
    grants = {
        key.removeprefix(PREFIX): value
        for key, value in given.items()
        if key.startswith(PREFIX) and value
    }
    if not grants:
        # The real one gives all that the App has: more than a job should hold.
        fail("no permission-*: name what the token is for")
    if set(grants.values()) - {"read", "write"}:
        fail(f"permissions are read or write, found {grants}")
    token = f"ghs_{secrets.token_hex(18)}"
    print(f"::add-mask::{token}")
    content = {"grants": grants, "login": f"{SLUG}[bot]"}
    Path(os.environ["STAND_IN_TOKENS"], f"{token}.json").write_text(
        json.dumps(content), encoding="utf-8"
    )
    output("token", token)
    output("app-slug", SLUG)


if __name__ == "__main__":
    main()
