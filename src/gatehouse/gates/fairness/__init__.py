"""The fairness gate."""
