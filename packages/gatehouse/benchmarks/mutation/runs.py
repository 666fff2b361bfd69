"""The runs: each mutant is written to disk, and its tests run."""

from __future__ import annotations

import compileall
import gc
import importlib
import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import entry_points
from pathlib import Path

from draw import load
from forks import Run, run_tests
from modules import HERE, ROOT, SOURCE, files_of, text_of
from mutant import present, words
from results import Results, test_name

LEAST_SECONDS = 60.0
TIMES = 5
KILLED = (1, 2, 4)

# The libraries that these tests load in their own process, and nothing of this project.
# onnxruntime is not here: it starts a thread when it is imported, which no fork may meet.
LIBRARIES = (
    "pytest",
    "hypothesis",
    "schemathesis",
    "numpy",
    "pandas",
    "pyarrow.parquet",
    "pydantic",
    "yaml",
    "ruamel.yaml",
    "click.testing",
    "rich.console",
    "github",
    "requests",
    "boto3",
    "moto.server",
    "dvc.repo",
    "s3fs",
    "onnx",
)


@contextmanager
def on_disk(module: str, text: str) -> Iterator[None]:
    """The module has another text; its own comes back in any case."""
    path = ROOT / SOURCE / module
    original = path.read_bytes()
    try:
        path.write_text(text, "utf-8")
        yield
    finally:
        path.write_bytes(original)


def unmutated(module: str) -> tuple[Run, Run]:
    """Two runs that must pass: in the files' order, then in that of the mutants.

    A comment stands at the end of the module in the second, for tests that look at its file.
    """
    files = files_of(module)
    first = run_tests(files, {}, 3600)
    second = first
    if first.code == 0:
        with on_disk(module, f"{text_of(module)}# No mutant.\n"):
            second = run_tests(files, first.tests, 3600)
    if first.code or second.code:
        sys.exit(f"{second.output}\n{module}: {' '.join(files)} fail without a mutant")
    return first, second


def run(name: str) -> None:
    mutants, path = load(), HERE / f"{name}.json"
    if name == "after":
        before = Results.read(HERE / "before.json")
        mutants = [each for each in mutants if before.status(each) != "survived"]
    prepare({each.module for each in mutants})
    results = Results.read(path)
    todo = [each for each in mutants if results.needs(each)]
    print(f"{len(mutants) - len(todo)} of {len(mutants)} are measured", flush=True)
    known: dict[tuple[str, ...], tuple[dict[str, float], float]] = {}
    for done, mutant in enumerate(todo, len(mutants) - len(todo) + 1):
        text = present(mutant)
        if text is None:
            results.add(mutant, "gone")
            print(f"[{done}/{len(mutants)}] gone {words(mutant)}", flush=True)
            continue
        files = files_of(mutant.module)
        if files not in known:
            natural, ordered = unmutated(mutant.module)
            longest = max(natural.seconds, ordered.seconds)
            known[files] = natural.tests, max(LEAST_SECONDS, TIMES * longest)
            results.add_tests(mutant.module, natural, ordered)
            print(f"{len(natural.tests)} tests, {natural.seconds:.1f} s: {' '.join(files)}")
        times, limit = known[files]
        with on_disk(mutant.module, text):
            made = run_tests(files, times, limit)
        status = status_of(made.code)
        results.add(mutant, status, made)
        line = f"[{done}/{len(mutants)}] {status} {made.seconds:.1f} s {words(mutant)}"
        print(line if status == "survived" else f"{line} by {test_name(made.failed)}", flush=True)
        if status == "error":
            print(made.output, flush=True)
    print(results.counts())


def prepare(modules: set[str]) -> None:
    """Refuse a changed src, forget compiled modules that will change, and load the libraries."""
    changed = subprocess.run(
        ["git", "status", "--porcelain", "src"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    if changed:
        sys.exit(
            f"{changed}src has changes. A run that was killed leaves a mutant: git checkout src"
        )
    os.chdir(ROOT)
    for folder in ("src", "tests"):
        compileall.compile_dir(folder, quiet=1)
    for module in modules:
        Path(importlib.util.cache_from_source(str(Path(SOURCE, module)))).unlink(missing_ok=True)
    sys.dont_write_bytecode = True
    os.environ |= {"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # so that the module is restored
    importlib.import_module("cosmic_ray.commands.init")
    for library in LIBRARIES:
        with suppress(ImportError):
            importlib.import_module(library)
    for plugin in entry_points(group="pytest11"):
        if plugin.module.partition(".")[0] != "xdist":
            plugin.load()
    gc.freeze()
    ours = [name for name in sys.modules if name.partition(".")[0] in ("gatehouse", "tests")]
    tasks = [path.read_text("utf-8").strip() for path in Path("/proc/self/task").glob("*/comm")]
    threads = [name for name in tasks[1:] if name != "jemalloc_bg_thd"]  # Arrow's, made for forks
    if ours or threads:
        sys.exit(f"cannot fork: these threads run: {threads}, and these are loaded: {ours}")


def status_of(code: int | None) -> str:
    if code is None:
        return "timeout"
    if code == 0:
        return "survived"
    return "killed" if code in KILLED else "error"
