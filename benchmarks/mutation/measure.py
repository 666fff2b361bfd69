"""Mutation score: the share of small defects in the code that the tests notice.

    .venv/bin/python -m uv pip install cosmic-ray==8.7.0    # no lock has it
    .venv/bin/python benchmarks/mutation/measure.py draw    # once: writes mutants.json
    .venv/bin/python benchmarks/mutation/measure.py run before
    .venv/bin/python benchmarks/mutation/measure.py run after
    .venv/bin/python benchmarks/mutation/measure.py table   # writes RESULTS.md

`draw` lists the mutants that cosmic-ray makes of the modules in `TESTS`, and draws some of them.
It leaves out mutants inside annotations, inside `if TYPE_CHECKING:`, on lines with
`pragma: no mutate`, and those that do not compile without a warning. cosmic-ray often makes several
mutants of one kind at one place, such as ten replacements of one `==`. The draw takes at most one
of them.

`run` changes the module on disk, runs only the tests that `TESTS` names for it, and restores the
module. Run it on a clean `src` and leave the clone alone meanwhile. It writes each result at once,
so the same command goes on after an interruption. `run after` leaves out the mutants that survived
before, if before.json is there: they cannot lower the score. To measure other tests with the same
mutants, edit `TESTS` only, and delete the results that other tests gave.

- killed: pytest ends with 1 (a test failed), 2 (a test file cannot be imported) or 4 (a
  conftest.py cannot be imported).
- timeout: the tests take longer than 60 s and than five times their time without a mutant. The
  table counts it as killed.
- survived: all tests pass.
- gone: the function no longer has this line. The score leaves it out.
- error: pytest ends in any other way. The score leaves it out, and the next `run` tries again.

Each run is a fork of one process that has the third-party libraries loaded. Before the first mutant
of a module its tests run without a mutant and must pass; their times decide which tests run first.
Hypothesis does not shrink failing examples, which changes no result.
"""

from __future__ import annotations

import argparse
import ast
import compileall
import gc
import importlib
import importlib.util
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
MUTANTS = HERE / "mutants.json"
RESULTS = HERE / "RESULTS.md"
SOURCE = "src/gatehouse/"
FOLDER = "tests/gatehouse/"

SEED = 20261129
NUMBER = 320
LEAST_SECONDS = 60.0
TIMES = 5

# The tests of each module, cheapest first. Patterns of glob, so that a file may be split.
TESTS: dict[str, tuple[str, ...]] = {
    "judge.py": ("test_judge.py",),
    "changes.py": ("test_changes.py",),
    "typed.py": ("test_typed.py",),
    "base.py": ("test_base.py", "test_base_remote.py"),
    "github/alarm.py": ("github/test_alarm.py",),
    "github/alarm_retrain.py": ("github/test_alarm.py",),
    "github/alarm_text.py": ("github/test_alarm.py",),
    "github/archive.py": ("github/test_archive.py",),
    "github/basis.py": ("github/test_basis.py",),
    "github/candidate.py": ("github/test_candidate.py",),
    "github/cli.py": (
        "github/test_alarm.py",
        "github/test_comment.py",
        "github/test_refusing.py",
    ),
    "github/client.py": (
        "github/test_workflow.py",
        "github/test_target.py",
        "github/test_archive.py",
        "github/test_publish.py",
    ),
    "github/comment.py": ("github/test_comment.py",),
    "github/compose.py": (
        "github/test_compose.py",
        "github/test_replay.py",
        "github/test_refusing.py",
    ),
    "github/event.py": ("github/test_target.py",),
    "github/fetch.py": ("github/test_fetch.py",),
    "github/judged.py": ("github/test_notes.py", "github/test_publish.py"),
    "github/judging.py": (
        "github/test_replay.py",
        "github/test_basis.py",
        "github/test_refusing.py",
        "github/test_judging.py",
    ),
    "github/kept.py": ("github/test_kept.py",),
    "github/key.py": ("github/test_kept.py", "github/test_refusing.py"),
    "github/look.py": ("github/test_alarm.py",),
    "github/measuring.py": ("github/test_measuring.py", "github/test_candidate.py"),
    "github/notes.py": ("github/test_notes.py", "github/test_replay.py"),
    "github/owners.py": ("github/test_owners.py", "github/test_settings.py"),
    "github/publish.py": ("github/test_publish.py",),
    "github/recording.py": (
        "github/test_replay.py",
        "github/test_recording.py",
        "github/test_judging.py",
    ),
    "github/reporting.py": ("github/test_replay.py",),
    "github/settings.py": ("github/test_settings.py",),
    "github/settings_api.py": ("github/test_settings.py",),
    "github/settings_steps.py": ("github/test_settings.py",),
    "github/target.py": ("github/test_target.py", "github/test_publish.py"),
    "github/workflow.py": ("github/test_workflow.py",),
}

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
KILLED = (1, 2, 4)


@dataclass(frozen=True)
class Mutant:
    """One mutant, described so that it is found again when other lines moved.

    Attributes:
        number: its name in the results.
        module: path below src/gatehouse.
        operator: cosmic-ray's name of the change.
        args: arguments of the operator.
        occurrence: which of the operator's places in the module, when it was drawn.
        definition: the function or class around it.
        start: line and column, when it was drawn.
        end: line and column, when it was drawn.
        line: the source line where it starts.
        nth: which of the mutants that are alike in all of the above but the positions.
        before: the lines that it replaces.
        after: what it puts there.
    """

    number: int
    module: str
    operator: str
    args: dict[str, Any]
    occurrence: int
    definition: str
    start: tuple[int, int]
    end: tuple[int, int]
    line: str
    nth: int
    before: str
    after: str

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for the same mutant in another version of the module."""
        columns = (self.start[1], self.end[1], self.end[0] - self.start[0])
        return (self.operator, str(self.args), self.definition, self.line, columns, self.nth)

    @property
    def place(self) -> tuple[object, ...]:
        """Equal for mutants of one kind at one place."""
        return (self.module, self.operator.partition("_")[0], self.start, self.end)


@dataclass
class Run:
    """What one run of pytest came to; `seconds` of each test only for the order."""

    code: int | None
    seconds: float
    failed: str | None = None
    tests: dict[str, float] = field(default_factory=dict)
    output: str = ""


# --- The draw ---


def mutants_of(module: str) -> Iterator[Mutant]:
    """All mutants of a module as it is now, in cosmic-ray's order, not numbered yet."""
    work_items = importlib.import_module("cosmic_ray.commands.init")._all_work_items
    path = ROOT / SOURCE / module
    lines = path.read_text("utf-8").split("\n")
    seen: Counter[tuple[object, ...]] = Counter()
    for item in work_items([path], {}):
        (spec,) = item.mutations
        made = Mutant(
            number=0,
            module=module,
            operator=spec.operator_name,
            args=dict(spec.operator_args),
            occurrence=spec.occurrence,
            definition=spec.definition_name or "",
            start=spec.start_pos,
            end=spec.end_pos,
            line=lines[spec.start_pos[0] - 1].strip(),
            nth=0,
            before="",
            after="",
        )
        nth = seen[made.key]
        seen[made.key] += 1
        yield Mutant(**(asdict(made) | {"nth": nth, "start": made.start, "end": made.end}))


def mutated(mutant: Mutant) -> str | None:
    """The text of the whole module with the mutant in it."""
    plugins = importlib.import_module("cosmic_ray.plugins")
    mutating = importlib.import_module("cosmic_ray.mutating")
    operator = plugins.get_operator(mutant.operator)(**mutant.args)
    text: str | None = None
    with suppress(AttributeError):  # cosmic-ray cannot replace an exception with a dotted name
        text = mutating.mutate_code(_text(mutant.module), operator, mutant.occurrence)
    return text


def difference(old: str, new: str) -> tuple[str, str]:
    """The lines in which two texts differ, without those before and after that are alike."""
    before, after = old.split("\n"), new.split("\n")
    while before and after and before[0] == after[0]:
        del before[0], after[0]
    while before and after and before[-1] == after[-1]:
        del before[-1], after[-1]
    return "\n".join(before), "\n".join(after)


def dead(module: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where a mutant cannot matter: annotations, and what only a type checker reads."""
    text = _text(module)
    lines = text.split("\n")
    found: list[ast.AST] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            found.append(node.annotation)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns:
            found.append(node.returns)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            found += [node.test, *node.body]

    def position(line: int, column: int) -> tuple[int, int]:
        return line, len(lines[line - 1].encode()[:column].decode())

    return [
        (
            position(node.lineno, node.col_offset),
            position(node.end_lineno or node.lineno, node.end_col_offset or 0),
        )
        for node in found
        if isinstance(node, ast.expr | ast.stmt)
    ]


def draw() -> None:
    """Write mutants.json; results of other mutants must be deleted first."""
    if old := [path.name for path in HERE.glob("*.json") if path != MUTANTS]:
        sys.exit(f"{', '.join(old)}: results of the mutants drawn earlier; delete them first")
    places: dict[tuple[object, ...], list[Mutant]] = {}
    for module in TESTS:
        lines, spans = _text(module).split("\n"), dead(module)
        for mutant in mutants_of(module):
            inside = any(low <= mutant.start and mutant.end <= high for low, high in spans)
            pragma = re.search(r"#.*pragma:.*no mutate", lines[mutant.end[0] - 1])
            if not inside and not pragma:
                places.setdefault(mutant.place, []).append(mutant)
    generator = random.Random(SEED)
    order = list(places.values())
    generator.shuffle(order)
    chosen: list[Mutant] = []
    for alike in order:
        generator.shuffle(alike)
        for mutant in alike:
            text = mutated(mutant)
            if text is not None and _compiles(text) and text != _text(mutant.module):
                before, after = difference(_text(mutant.module), text)
                positions = {"start": mutant.start, "end": mutant.end}
                changes = {"before": before, "after": after}
                chosen.append(Mutant(**(asdict(mutant) | positions | changes)))
                break
        if len(chosen) == NUMBER:
            break
    modules = list(TESTS)
    chosen.sort(key=lambda each: (modules.index(each.module), each.start, each.operator))
    lines = [json.dumps(asdict(each) | {"number": n}) for n, each in enumerate(chosen, 1)]
    head = json.dumps({"commit": _commit(), "seed": SEED, "places": len(places)})
    MUTANTS.write_text(
        f'{{"drawn": {head},\n"mutants": [\n' + ",\n".join(lines) + "\n]}\n", "utf-8"
    )
    counts = Counter(each.module for each in chosen)
    print(f"{len(chosen)} mutants of {len(places)} places: {dict(counts)}")


def load() -> list[Mutant]:
    found = json.loads(MUTANTS.read_text("utf-8"))["mutants"]
    return [
        Mutant(**(each | {"start": tuple(each["start"]), "end": tuple(each["end"])}))
        for each in found
    ]


def present(mutant: Mutant) -> str | None:
    """The module's text with this mutant, in the module as it is now; None where it is gone."""
    if not (ROOT / SOURCE / mutant.module).exists():
        return None
    now = next((each for each in _now(mutant.module) if each.key == mutant.key), None)
    text = mutated(now) if now else None
    if text is None or difference(_text(mutant.module), text) != (mutant.before, mutant.after):
        return None
    return text


# --- The runs ---


class Watch:
    """A pytest plugin: sets the order of the tests, and keeps what failed and the times."""

    def __init__(self, times: dict[str, float]) -> None:
        self.times = times
        self.seconds: dict[str, float] = {}
        self.failed: str | None = None

    def pytest_configure(self) -> None:
        from hypothesis import Phase, settings

        quick = (Phase.explicit, Phase.reuse, Phase.generate)
        settings.register_profile("mutants", settings.default, phases=quick)
        settings.load_profile("mutants")

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items.sort(key=lambda item: self.times.get(item.nodeid, 0.0))

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        if report.failed and self.failed is None:
            self.failed = report.nodeid

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed and self.failed is None:
            self.failed = report.nodeid


def run_tests(files: Iterable[str], times: dict[str, float], limit: float) -> Run:
    """Run test files in a fork of this process; the code is None when they take too long."""
    folder = Path(tempfile.mkdtemp(prefix="m"))
    started = time.perf_counter()
    child = os.fork()
    if child == 0:
        _child(folder, list(files), times)
    try:
        code = _wait(child, started + limit)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # also what the tests left running
        with suppress(ChildProcessError):
            os.waitpid(child, 0)
    run = Run(code, time.perf_counter() - started)
    with suppress(OSError, ValueError):
        run.failed, run.tests = json.loads((folder / "watch.json").read_text("utf-8"))
    with suppress(OSError):
        run.output = (folder / "output.txt").read_text("utf-8", errors="replace")
    shutil.rmtree(folder, ignore_errors=True)
    return run


def _child(folder: Path, files: list[str], times: dict[str, float]) -> None:
    """In the fork: run pytest, write what it saw, and end."""
    code = 99
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        output = os.open(folder / "output.txt", os.O_WRONLY | os.O_CREAT)
        for stream in (1, 2):
            os.dup2(output, stream)
        os.environ["TMPDIR"] = str(folder)
        tempfile.tempdir = None
        sys.path.pop(0)  # this script's folder
        pytest = importlib.import_module("pytest")
        # Loaded before pytest could rewrite their asserts, which no test needs.
        quiet = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
        words = ["-x", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", *quiet]
        watch = Watch(times)
        base = f"--basetemp={folder / 'base'}"
        code = int(pytest.main([*words, base, *files], plugins=[watch]))
        (folder / "watch.json").write_text(json.dumps([watch.failed, watch.seconds]), "utf-8")
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _wait(child: int, until: float) -> int | None:
    while time.perf_counter() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    return None


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
        with on_disk(module, f"{_text(module)}# No mutant.\n"):
            second = run_tests(files, first.tests, 3600)
    if first.code or second.code:
        sys.exit(f"{second.output}\n{module}: {' '.join(files)} fail without a mutant")
    return first, second


def files_of(module: str) -> tuple[str, ...]:
    """The test files of a module, from the repository's root."""
    found: list[str] = []
    for pattern in TESTS[module]:
        files = sorted((ROOT / FOLDER).glob(pattern))
        if not files:
            sys.exit(f"{module}: no file is {FOLDER}{pattern}; edit TESTS in {Path(__file__).name}")
        found += [path.relative_to(ROOT).as_posix() for path in files]
    return tuple(dict.fromkeys(found))


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
            print(f"[{done}/{len(mutants)}] gone {_words(mutant)}", flush=True)
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
        status = _status(made.code)
        results.add(mutant, status, made)
        line = f"[{done}/{len(mutants)}] {status} {made.seconds:.1f} s {_words(mutant)}"
        print(line if status == "survived" else f"{line} by {_test(made.failed)}", flush=True)
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


def _status(code: int | None) -> str:
    if code is None:
        return "timeout"
    if code == 0:
        return "survived"
    return "killed" if code in KILLED else "error"


# --- The results ---


@dataclass
class Results:
    """A results file: one line for each set of tests, and one for each mutant."""

    path: Path
    commit: str
    tests: dict[str, dict[str, Any]]
    mutants: dict[str, dict[str, Any]]

    @classmethod
    def read(cls, path: Path) -> Results:
        if not path.exists():
            return cls(path, _commit(), {}, {})
        found = json.loads(path.read_text("utf-8"))
        return cls(path, found["commit"], found["tests"], found["mutants"])

    def needs(self, mutant: Mutant) -> bool:
        return self.status(mutant) in (None, "error")

    def status(self, mutant: Mutant) -> str | None:
        status: str | None = self.mutants.get(str(mutant.number), {}).get("status")
        return status

    def add(self, mutant: Mutant, status: str, run: Run | None = None) -> None:
        found: dict[str, Any] = {"status": status, "what": _words(mutant)}
        if run:
            found |= {"code": run.code, "seconds": round(run.seconds, 1)}
        if run and run.failed:
            found["by"] = _test(run.failed)
        self.mutants[str(mutant.number)] = found
        self.write()

    def add_tests(self, module: str, natural: Run, ordered: Run) -> None:
        totals: dict[str, float] = {}  # a test with all its parameters is one
        for name, seconds in natural.tests.items():
            totals[_test(name)] = totals.get(_test(name), 0.0) + seconds
        slowest = sorted(totals, key=lambda name: -totals[name])[:3]
        self.tests[" ".join(files_of(module))] = {
            "tests": len(natural.tests),
            "seconds": round(natural.seconds, 1),
            "again": round(ordered.seconds, 1),
            "slowest": {name: round(totals[name], 1) for name in slowest},
        }
        self.write()

    def write(self) -> None:
        def lines(found: dict[str, dict[str, Any]]) -> str:
            return ",\n".join(f"{json.dumps(key)}: {json.dumps(found[key])}" for key in found)

        text = (
            f'{{"commit": "{self.commit}",\n"tests": {{\n{lines(self.tests)}\n}},\n'
            f'"mutants": {{\n{lines(self.mutants)}\n}}}}\n'
        )
        new = self.path.with_suffix(".new")
        new.write_text(text, "utf-8")
        new.replace(self.path)

    def counts(self, mutants: Iterable[Mutant] | None = None) -> Counter[str]:
        if mutants is None:
            return Counter(each["status"] for each in self.mutants.values())
        return Counter(self.status(each) or "open" for each in mutants)


def _killed(counts: Counter[str]) -> int:
    return counts["killed"] + counts["timeout"]


def _score(counts: Counter[str]) -> str:
    of = _killed(counts) + counts["survived"]
    return f"{_killed(counts) / of:.0%}" if of else ""


def _cells(counts: Counter[str]) -> list[str]:
    rest = sum(counts[each] for each in ("gone", "error", "open"))
    return [str(_killed(counts)), str(counts["survived"]), str(rest)]


def table() -> None:
    """Write RESULTS.md from the results that there are."""
    mutants = load()
    drawn = json.loads(MUTANTS.read_text("utf-8"))["drawn"]
    runs = {
        name: Results.read(HERE / f"{name}.json")
        for name in ("before", "after")
        if (HERE / f"{name}.json").exists()
    }
    groups = {module: [each for each in mutants if each.module == module] for module in TESTS}
    rows = [("all", mutants), *((name, group) for name, group in groups.items() if group)]
    head = ["module", "mutants"]
    for name in runs:
        head += [f"{name}: killed", "survived", "other"]
    head.insert(5, "score")
    lines = [
        "# Mutation score",
        "",
        "A mutant is a copy of the code with one small defect. The tests kill it if one of them "
        "fails. The score is the share of mutants that the tests of their module kill.",
        "",
        f"`.venv/bin/python benchmarks/mutation/measure.py draw` drew {len(mutants)} mutants from "
        f"{drawn['places']:,} places in commit {drawn['commit'][:7]} (seed {drawn['seed']}), with "
        "the operators of cosmic-ray 8.7.0. The first lines of the script say how it draws. Its "
        "`TESTS` says which tests belong to a module.",
        "",
        *(
            f"- {name}: `.venv/bin/python benchmarks/mutation/measure.py run {name}` at commit "
            f"{found.commit[:7]}, {_minutes(found)}"
            for name, found in runs.items()
        ),
        "",
        "`.venv/bin/python benchmarks/mutation/measure.py table` writes this page. Killed includes "
        "timeouts. Other mutants are gone, not measured, or ended in an error; the score leaves "
        "them out. Those that survived before are not measured after. Some survivors change "
        "nothing that a test could see, so 100 % is out of "
        "reach.",
        "",
        f"| {' | '.join(head)} |",
        f"| :--- {'| ---: ' * (len(head) - 1)}|",
    ]
    for name, group in rows:
        cells = [cell for found in runs.values() for cell in _cells(found.counts(group))]
        cells.insert(3, _score(runs["before"].counts(group)))
        lines.append(f"| {' | '.join([name, str(len(group)), *cells])} |")
    if len(runs) == len(("before", "after")):
        lines += _changed(mutants, runs["before"], runs["after"])
    RESULTS.write_text("\n".join(lines).rstrip() + "\n", "utf-8")
    print("\n".join(lines))


def _changed(mutants: list[Mutant], before: Results, after: Results) -> list[str]:
    """The score over mutants that both runs measured, and those that they disagree on."""
    counted = ("killed", "timeout", "survived")
    both = [m for m in mutants if before.status(m) in counted and after.status(m) in counted]
    lines = [
        "",
        f"Of the {len(both)} mutants that both runs measured, the tests killed "
        f"{_killed(before.counts(both))} before and {_killed(after.counts(both))} after.",
    ]
    for title, old, new in (
        ("Killed only before", before, after),
        ("Killed only after", after, before),
    ):
        found = [m for m in both if old.status(m) != "survived" and new.status(m) == "survived"]
        lines += ["", f"{title}: {len(found)}", ""]
        lines += [f"- {m.number}: `{_words(m)}`" for m in found]
    return lines


def _minutes(found: Results) -> str:
    seconds = sum(each.get("seconds", 0.0) for each in found.mutants.values())
    seconds += sum(each["seconds"] + each["again"] for each in found.tests.values())
    return f"{seconds / 60:.0f} minutes"


# --- Small things ---


def _words(mutant: Mutant) -> str:
    name = mutant.operator.partition("/")[2]
    return f"{mutant.module}:{mutant.start[0]} {name}: {mutant.line[:80]}"


def _test(name: str | None) -> str:
    """A test's name without its parameters, which may hold anything."""
    return (name or "").partition("[")[0].removeprefix(FOLDER)


def _compiles(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # as in the tests, where every such mutant would be killed
        try:
            compile(text, "mutant", "exec")
        except (SyntaxError, ValueError):
            return False
    return True


@cache
def _text(module: str) -> str:
    return (ROOT / SOURCE / module).read_text("utf-8")


@cache
def _now(module: str) -> list[Mutant]:
    return list(mutants_of(module))


def _commit() -> str:
    words = ["git", "rev-parse", "HEAD"]
    found = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    return found.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description="Mutation score of the tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("draw", help="write mutants.json")
    runs = commands.add_parser("run", help="measure the mutants, or go on with it")
    runs.add_argument("name", choices=("before", "after"), help="which results to write")
    commands.add_parser("table", help="write RESULTS.md")
    chosen = parser.parse_args()
    if chosen.command == "draw":
        draw()
    elif chosen.command == "run":
        run(chosen.name)
    else:
        table()


if __name__ == "__main__":
    main()
