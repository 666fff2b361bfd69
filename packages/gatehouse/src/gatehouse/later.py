"""Imports that are delayed until they are used.

A library may import modules that few of its functions use. Great Expectations imports Altair, for
drawing, and SciPy's statistics: half a second of CPU time without any measuring.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType


class _Later(MetaPathFinder):
    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target) if fullname in self._names else None
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


@contextmanager
def loaded_later(*names: str) -> Iterator[None]:
    """Delay the execution of modules that the block imports until one of their names is read.

    Args:
        *names: dotted names of modules. A parent of another imported module is read at once, so
            delaying it gains nothing.
    """
    finder = _Later(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
