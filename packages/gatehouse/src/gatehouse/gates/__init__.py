"""The gates: each measures; none decides. One file per gate."""
