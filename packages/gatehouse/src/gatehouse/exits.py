"""Exit codes of every Gatehouse command."""

PASS = 0
FAIL = 1
ERROR = 2
INTERRUPTED = 130
