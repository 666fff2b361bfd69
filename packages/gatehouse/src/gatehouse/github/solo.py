"""`solo` in policy.yaml: if one account owns everything, it may accept its own changes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from gatehouse.errors import GatehouseError
from gatehouse.github.acceptors import is_alone
from gatehouse.policy import POLICY_FILE, parse_policy
from gatehouse.typed import read_text, write_text

_LINE = "solo: true                    # one account owns all; take this away once two do\n"


def with_solo(text: str) -> str:
    """Return a policy's text with `solo: true` added; the text must not set `solo`.

    Raises:
        GatehouseError: the text is not a policy, or has no line `version:` to write it after.
    """
    if parse_policy(text, POLICY_FILE).solo is not None:
        return text
    changed = re.sub(r"^version:.*\n", rf"\g<0>{_LINE}", text, count=1, flags=re.MULTILINE)
    if parse_policy(changed, POLICY_FILE).solo is not True:
        raise GatehouseError(f"{POLICY_FILE}: write solo: true into it, at the left edge")
    return changed


def write_solo(owners: Iterable[str], root: Path = Path()) -> bool:
    """Write `solo: true` if all `owners` are one user and the policy does not set it.

    Returns:
        Whether the file changed.

    Raises:
        GatehouseError: policy.yaml is missing or wrong.
    """
    if not is_alone(owners):
        return False
    text = read_text(root / POLICY_FILE)
    changed = with_solo(text)
    if changed == text:
        return False
    write_text(root / POLICY_FILE, changed)
    return True
