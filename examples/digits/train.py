"""Stage `train` with the modules of this folder in `pipeline`, as if they lay in src/pipeline.

A trainer is a module of `pipeline`. In a fork it lies there, and the stage is the repository's own.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pipeline

pipeline.__path__.append(str(Path(__file__).parent))

if __name__ == "__main__":
    from gatehouse.pipeline.train import main

    sys.exit(main())
