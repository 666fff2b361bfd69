"""How much training alone moves the metrics: `gatehouse noise`."""
