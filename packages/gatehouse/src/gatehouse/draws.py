"""Random draws that a change cannot know: seeds, sampled rows, sizes of calls.

What is drawn follows from HMAC-SHA256 (RFC 2104) of the candidate's digests under a secret of the
trusted jobs. So it is equal on every run again and at release, and nobody can search for data or a
model that are lucky with it. Without the secret a published key takes its place: draws are then as
fixed as a seed in a file. A process that opens the candidate never has the secret; it is handed
what follows from it for this candidate.
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
"""The variable with the secret."""
DRAWS = "GATEHOUSE_DRAWS"
"""The variable with what follows from it for the candidate that is measured."""
PUBLISHED = "gatehouse: no secret is set"
"""The key where none is set."""


def draws_of(candidate: Workspace) -> str:
    """What all draws of a candidate follow from, as 64 hexadecimal digits; only bytes are read."""
    found = dict(zip(PAIR, candidate.present(PAIR).pair, strict=True))
    key = os.environ.get(KEY) or PUBLISHED
    return hmac.new(key.encode(), json.dumps(found).encode(), hashlib.sha256).hexdigest()


def draws_here(candidate: Workspace) -> str:
    """What this process was handed, or else what follows here."""
    return os.environ.get(DRAWS) or draws_of(candidate)


def mark(draws: str) -> str:
    """A digest by which evidence says which draws it rests on, and which does not tell them."""
    return "sha256:" + hashlib.sha256(f"mark {draws}".encode()).hexdigest()


def drawn_policy(policy: Policy, gate: str, draws: str) -> Policy:
    """A policy whose seed follows from the draws, the gate and the seed that it had."""
    text = f"{draws} {gate} {policy.measure.seed}"
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:6])
    measure = policy.measure.model_copy(update={"seed": seed})
    return policy.model_copy(update={"measure": measure})
