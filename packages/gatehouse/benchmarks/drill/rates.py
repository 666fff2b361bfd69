"""Detection and false-alarm rates of the whole drill over several random draws.

    .venv/bin/python packages/gatehouse/benchmarks/drill/rates.py

Needs a finished run (`make run`); writes benchmarks/drill/RESULTS.md. About two minutes a run.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

RESULTS = Path(__file__).parent / "RESULTS.md"
RUNS = 5


def main() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "gatehouse"), "drill", "--runs", str(RUNS)],
        env=os.environ | {"COLUMNS": "150"},
        capture_output=True,
        text=True,
        check=False,
    )
    RESULTS.write_text(
        "# The drill\n\n"
        "`.venv/bin/python packages/gatehouse/benchmarks/drill/rates.py`: `gatehouse drill --runs "
        f"{RUNS}` after `make run` on the default data. The first table is of the first run.\n\n"
        f"```text\n{done.stdout}```\n",
        encoding="utf-8",
    )
    print(done.stdout, done.stderr)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
