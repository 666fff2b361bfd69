"""Random draws that a change cannot know: seeds, sampled rows, sizes of calls.

The draws are derived by HMAC-SHA256 (RFC 2104) from the candidate's digests and a secret of the
trusted jobs. They are therefore the same on every rerun and at release, and nobody can search for
data or a model that happen to do well on them. Without the secret, a published key is used: the
draws are then as fixed as a seed in a file. A process that opens the candidate never has the
secret; it receives only the value derived for this candidate.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os

from gatehouse.evidence import PAIR
from gatehouse.policy import Policy
from gatehouse.workspace import Workspace

KEY = "GATEHOUSE_KEY"
"""The environment variable with the secret."""
DRAWS = "GATEHOUSE_DRAWS"
"""The environment variable with the value derived from it for the measured candidate."""
PUBLISHED = "gatehouse: no secret is set"
"""The key that is used if no secret is set."""


def draws_of(candidate: Workspace) -> str:
    """Return the value that all draws of a candidate derive from, as 64 hexadecimal digits.

    Only bytes are read; no table and no model is opened.
    """
    found = dict(zip(PAIR, candidate.present(PAIR).pair, strict=True))
    key = os.environ.get(KEY) or PUBLISHED
    return hmac.new(key.encode(), json.dumps(found).encode(), hashlib.sha256).hexdigest()


def draws_here(candidate: Workspace) -> str:
    """Return the value passed to this process, or else derive it here."""
    return os.environ.get(DRAWS) or draws_of(candidate)


def mark(draws: str) -> str:
    """Return a digest by which evidence identifies its draws without revealing them."""
    return "sha256:" + hashlib.sha256(f"mark {draws}".encode()).hexdigest()


def drawn_policy(policy: Policy, gate: str, draws: str) -> Policy:
    """Return the policy with a seed derived from the draws, the gate and the policy's own seed."""
    text = f"{draws} {gate} {policy.measure.seed}"
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:6])
    measure = policy.measure.model_copy(update={"seed": seed})
    return policy.model_copy(update={"measure": measure})
