"""Slices: parts of the rows, named by the policy or found where the candidate does worst."""

WORST = "worst_slice"
"""Name of the measurement of a slice in which the candidate loses most."""
