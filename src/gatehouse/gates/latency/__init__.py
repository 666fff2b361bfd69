"""The latency gate."""
