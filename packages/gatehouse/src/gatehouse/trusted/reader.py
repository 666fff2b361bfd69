"""What a process does that opens a candidate: it answers one question, or deals rows.

`measuring` runs it as `python -P -m gatehouse.trusted.reader QUESTION` in the candidate's folder.
The answer is one typed document on standard output; what libraries say goes to standard error.
"""

from __future__ import annotations

import os
import sys

from gatehouse.errors import GatehouseError
from gatehouse.typed import Frozen

GRAPH = "graph"
"""The question what the graph says of itself."""
BASE, DEAL = "base", "candidate"
"""Requests to deal the rows of either, into its `data/prepared`. Any other question is a gate's."""


class Dealt(Frozen):
    """The rows are dealt."""

    said: tuple[str, ...] = ()


def answer(question: str) -> Frozen:
    """The evidence of a gate, or the metadata of the served graph, of the folder that this runs in.

    Or its rows are dealt, which is the only thing that is written.

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
        return Dealt(said=tuple(deal_both()))
    if question == GRAPH:
        return Workspace().model.metadata
    policy = measuring_policy()
    gate = find_gate(question, policy)
    base = recorded_base() if gate.compares else None
    return measure(gate, Workspace(), base, policy)


def main(question: str) -> int:
    """Write the answer to standard output; the exit code."""
    # A library that prints must not write into the answer.
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
