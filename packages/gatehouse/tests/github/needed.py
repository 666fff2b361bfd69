"""What a test needs and a machine may not have: skipped, and told why.

`.ci/run` looks for these tools first, so that nothing is skipped there.
"""

from __future__ import annotations

from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip the test for want of `what`."""
    pytest.skip(f"needs {what}")
