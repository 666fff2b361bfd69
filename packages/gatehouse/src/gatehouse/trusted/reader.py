"""The process that opens a candidate: it answers one question, or splits the rows.

`measuring` runs it as `python -P -m gatehouse.trusted.reader QUESTION` in the candidate's folder.
The answer is one typed document on standard output; output of libraries goes to standard error.
"""

from __future__ import annotations

import os
import sys

from gatehouse.errors import GatehouseError
from gatehouse.typed import Frozen

GRAPH = "graph"
"""Question for the graph's metadata."""
BASE, DEAL = "base", "candidate"
"""Requests to split the rows of either into its `data/prepared`. All other questions are gates."""


class Dealt(Frozen):
    """The rows were split."""

    lines: tuple[str, ...] = ()


def answer(question: str) -> Frozen:
    """Return a gate's evidence, or the metadata of the served graph, for the current folder.

    A request to split rows instead writes the splits. Nothing else is written.

    Raises:
        GatehouseError: data or model is missing, or they do not fit each other.
    """
    from gatehouse.base import measuring_policy, recorded_base
    from gatehouse.deal import deal_both
    from gatehouse.gates.own import find_gate
    from gatehouse.measure import measure
    from gatehouse.workspace import Workspace

    if question == BASE:
        recorded_base()
        return Dealt()
    if question == DEAL:
        return Dealt(lines=tuple(deal_both()))
    if question == GRAPH:
        return Workspace().model.metadata
    policy = measuring_policy()
    gate = find_gate(question, policy)
    base = recorded_base() if gate.compares else None
    return measure(gate, Workspace(), base, policy)


def main(question: str) -> int:
    """Write the answer to standard output and return the exit code."""
    # Output that a library prints must not get into the answer.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as stream:
        os.dup2(2, 1)
        try:
            stream.write(answer(question).model_dump_json(by_alias=True))
        except (GatehouseError, OSError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
