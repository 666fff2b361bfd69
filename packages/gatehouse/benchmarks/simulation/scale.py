"""Time and memory of `ingest` (simulated) and `prepare`: writes the table in `docs/simulated.md`.

    .venv/bin/python packages/gatehouse/benchmarks/simulation/scale.py

Each stage runs as DVC runs it, in a process of its own, so start and imports count.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gatehouse.places import code_path

SIZES = (48_842, 1_000_000, 10_000_000)
BEGIN, END = "<!-- scale: begin -->", "<!-- scale: end -->"


def measure(stage: str, folder: Path) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak memory in MiB of one stage run in `folder`."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", f"pipeline.{stage}"], cwd=folder, stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{stage} failed")
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    """Measure and write the table between the markers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("packages/gatehouse/docs/simulated.md"))
    out: Path = parser.parse_args().out
    lines = ["| rows | stage | seconds | CPU seconds | peak memory |", "|---|---|---|---|---|"]
    os.environ["PYTHONPATH"] = code_path(Path())
    for rows in SIZES:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            shutil.copy("contract.yaml", folder)
            params = Path("params.yaml").read_text(encoding="utf-8")
            params = re.sub(r"(?m)^(    rows:) \d+", rf"\1 {rows}", params)
            (folder / "params.yaml").write_text(params, encoding="utf-8")
            for stage in ("ingest", "prepare"):
                wall, cpu, memory = measure(stage, folder)
                lines.append(f"| {rows:,} | {stage} | {wall:.1f} | {cpu:.1f} | {memory:,.0f} MiB |")
                print(lines[-1])
    text = out.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    table = "\n".join(lines)
    out.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
