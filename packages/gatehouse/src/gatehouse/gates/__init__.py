"""The gates. A gate only measures; the policy decides. Each gate has a folder with a `GateSpec`.

All other code finds the built-in gates in this table; `gatehouse.gates.own` adds a fork's own.
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
"""The built-in gates, in display order."""
