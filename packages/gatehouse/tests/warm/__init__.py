"""Stages that tests run begin as copies of a process that has imported the libraries.

Importing is half of what a stage does, up to five seconds. So one process imports the third-party
packages and waits. A stage that a test starts, at whatever depth, finds `client.py` as its
sitecustomize. It sends its command, folder, environment and streams to the process that waits,
which forks a copy of itself for it, and it ends as the copy ends. The copy imports the code of the
repository itself, from where the stage would have found it.

A reader of a candidate runs apart, as another user and with no network. Its copy enters the same
namespaces and has the same rights (`joining.py`), for which the process that waits must be root.

All copies share one hash seed. Tests of reproducibility set `COLD`.
"""

from __future__ import annotations

COLD = "TESTS_COLD"
"""The environment variable with which a stage starts by itself, as outside of tests."""
