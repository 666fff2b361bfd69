"""The gates: each measures; none decides. One folder per gate."""
