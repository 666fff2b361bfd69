"""Settings of all tests."""

from __future__ import annotations

from hypothesis import settings

# The same examples in every run, and no clock: a shared machine may be slow.
settings.register_profile("house", derandomize=True, deadline=None, database=None)
settings.load_profile("house")
