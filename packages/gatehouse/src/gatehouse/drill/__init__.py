"""The drill: planted defects prove that each gate turns red, clean runs that it stays green."""

from gatehouse.drill.runner import run_drill

__all__ = ["run_drill"]
