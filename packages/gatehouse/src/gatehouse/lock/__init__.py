"""`dvc.lock`: reads and writes it as DVC does, merges it by stages, and updates it from files."""

from gatehouse.lock.merge import Merged, merge_locks
from gatehouse.lock.relock import relock

__all__ = ["Merged", "merge_locks", "relock"]
