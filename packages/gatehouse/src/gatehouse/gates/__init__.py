"""The gates: each measures; none decides. One folder per gate, which declares a `GateSpec`.

This is the table that all else goes through; `gatehouse.gates.own` adds those of a fork.
"""

from __future__ import annotations

from gatehouse.gates.accuracy import ACCURACY
from gatehouse.gates.data import DATA
from gatehouse.gates.drift import DRIFT
from gatehouse.gates.fairness import FAIRNESS
from gatehouse.gates.latency import LATENCY
from gatehouse.gates.rows import ROWS
from gatehouse.gates.spec import GateSpec

GATES: tuple[GateSpec, ...] = (DATA, ROWS, DRIFT, ACCURACY, FAIRNESS, LATENCY)
"""The built-in gates, in the order in which they are shown."""
