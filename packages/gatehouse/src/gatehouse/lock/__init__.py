"""`dvc.lock`: read and written as DVC does, merged by stages, and brought in line with files."""

from gatehouse.lock.merge import Merged, merge_locks
from gatehouse.lock.relock import relock

__all__ = ["Merged", "merge_locks", "relock"]
