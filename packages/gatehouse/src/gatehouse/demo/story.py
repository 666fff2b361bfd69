"""The loop, step by step, with the commands that a team would use."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click

from gatehouse.contract import CONTRACT_FILE, parse_contract
from gatehouse.demo.running_service import Served, from_folder, from_image
from gatehouse.demo.traffic import all_rows, ask, callers_rows, logged, moved
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence
from gatehouse.exits import FAIL, PASS
from gatehouse.gates.accuracy import ACCURACY
from gatehouse.gates.drift import DRIFT
from gatehouse.gates.rows import ROWS
from gatehouse.git import environment, file_at, git
from gatehouse.monitor import record as monitored
from gatehouse.run import NO_TELEMETRY, own_code
from gatehouse.verdict import Verdict
from gatehouse.workspace import VERDICT, Workspace

SAMPLE = "adult-income"
"""Name of the contract of the simulated rows."""

REQUESTS = 12_000
SHIFT = 0.5
"""Standard deviations by which the data shift."""

_SMALLER = (
    "data.simulated.rows=36000",
    "data.simulated.seed=1",
    "train.torch_mlp.hidden=[64]",
    "train.torch_mlp.epochs=8",
)
"""Settings that shorten the demo; used only with simulated data."""


@dataclass
class Story:
    """A scratch copy of the repository's last commit, and the demo's state.

    Attributes:
        root: the copy.
        base_image: if set, the new model is served from an image on this base, else from the
            folder.
        sent: number of rows sent to each service, by its log.
        began: start of the demo, by the monotonic clock in seconds.
    """

    root: Path
    base_image: str | None
    began: float = field(default_factory=time.monotonic)
    step: int = 0
    sent: dict[Path, int] = field(default_factory=dict)

    def _log(self, name: str) -> Path:
        """Return the inference log of a service."""
        return self.root.parent / "logs" / name

    def tell(self) -> None:
        """Run the whole demo.

        Raises:
            GatehouseError: a step does not end as expected.
        """
        self._train()
        with (
            self._title("Serve it, over HTTP"),
            from_folder(self.root, self._log("first")) as served,
        ):
            self._say(f"model {_short(served.model)} answers at port {served.port}")
            self._traffic(served, "clean", 0.0, expected=PASS)
            self._traffic(served, "drifted", SHIFT, expected=FAIL)
        self._retrain()
        title = "Serve the new model; its callers are as the new data"
        with self._title(title), self._new_service() as served:
            self._say(f"model {_short(served.model)} answers at port {served.port}")
            self._traffic(served, "after", 0.0, expected=PASS)
        total = time.monotonic() - self.began
        click.echo(f"\nThe loop is closed, after {total:.0f} s. What it left: {self.root.parent}")

    def _train(self) -> None:
        with self._title("Train, judge, commit"):
            if "source: simulated" in (self.root / "params.yaml").read_text("utf-8"):
                self._gatehouse("set", *_SMALLER)
            remote = self.root.parent / "remote"
            self._run("dvc", "remote", "add", "--default", "--force", "folder", str(remote))
            self._gatehouse("run")
            self._verdict()
            self._commit("A model that passes")

    def _traffic(self, served: Served, name: str, shift: float, expected: int) -> None:
        """Send requests, deliver labels and run the monitor."""
        workspace = Workspace(self.root)
        contract = workspace.contract
        rows = callers_rows(workspace, REQUESTS, seed=self.step)
        if shift:
            rows = moved(rows, contract, shift)
            self._say(f"the world moves: every number by {shift} standard deviations")
        start = datetime.now(UTC)
        labels = ask(served.port, rows, contract, name)
        took = (datetime.now(UTC) - start).total_seconds()
        self._say(f"{len(rows):,} rows asked for over HTTP in {took:.1f} s")
        self._wait_for_log(served)
        path = self.root.parent / f"labels-{name}.parquet"
        labels.to_parquet(path)
        until = datetime.now(UTC)
        window = int((until - start).total_seconds()) + 1
        # End the windows with the traffic; a window that began before it would mix old and new
        # traffic.
        code = self._gatehouse(
            "monitor", "--log", str(served.log), "--labels", str(path),
            "--until", until.isoformat(), "--window", f"{window}s", codes=(PASS, FAIL),
        )  # fmt: skip
        verdict = Verdict.read(self.root / monitored.VERDICT)
        self._say(f"monitor: {verdict.outcome.value.upper()}. {self._found(verdict)}")
        if code != expected:
            raise GatehouseError(
                f"the monitor's exit code is {code}, not {expected}; see "
                f"{self.root / monitored.REPORT}"
            )

    def _found(self, verdict: Verdict) -> str:
        evidence = Evidence.read(self.root / monitored.EVIDENCE / f"{DRIFT.name}.json")
        drifts = [m for m in evidence.measurements if m.name == "drift" and m.value is not None]
        first = max(drifts, key=lambda measured: measured.value or 0.0)
        text = f"{first.slice} moved most: {first.value:.3f} {first.unit}"
        accuracy = self.root / monitored.EVIDENCE / f"{ACCURACY.name}.json"
        auc = next(m for m in Evidence.read(accuracy).measurements if m.name == "roc_auc")
        failed = [result.rule for result in verdict.rules if result.blocks]
        if auc.interval is not None:
            text += f"; ROC AUC {auc.value:.3f} [{auc.interval.low:.3f}, {auc.interval.high:.3f}]"
        return text + (f"; red: {', '.join(failed)}" if failed else "")

    def _wait_for_log(self, served: Served) -> None:
        """Wait for the log's thread, which writes a moment after the answer."""
        self.sent[served.log] = self.sent.get(served.log, 0) + REQUESTS
        end = time.monotonic() + 30
        while not logged(served.log, self.sent[served.log]):
            if time.monotonic() > end:
                raise GatehouseError(f"{served.log}: the service does not log all that it answers")
            time.sleep(0.1)

    def _retrain(self) -> None:
        with self._title("Alarm: new data by a pull request, judged like any other"):
            self._say("on GitHub, monitor.yml opens an issue here, and retrain.yml a pull request")
            new = self.root.parent / "new.parquet"
            workspace = Workspace(self.root)
            moved(all_rows(workspace), workspace.contract, SHIFT).to_parquet(new)
            git("switch", "--quiet", "--create", "retrain", root=self.root)
            self._gatehouse("data", "add", str(new))
            self._commit("New data")
            self._gatehouse("run", "--base", "main", codes=(PASS, FAIL))
            red = self._verdict()
            self._commit("Retrained")
            # Other rows are another exam, and a model of the shifted data does worse on the old
            # one.
            allowed = (DRIFT.name, ROWS.name, ACCURACY.name)
            if any(result.blocks and result.gate not in allowed for result in red.rules):
                raise GatehouseError(f"red by more than its data; see {self.root / 'reports'}")
        with self._title("An owner accepts the drift: waivers, on main, for a week"):
            git("switch", "--quiet", "main", root=self.root)
            self._waive([result.rule for result in red.rules if result.blocks])
            self._commit("The drift is real")
            git("switch", "--quiet", "retrain", root=self.root)
            self._merge("main")
            self._gatehouse("judge", "--base", "main", codes=(PASS, FAIL))
            if self._verdict().outcome.value != "pass":
                raise GatehouseError(f"still red; see {self.root / 'reports/report.md'}")
            self._commit("Judged again")
            git("switch", "--quiet", "main", root=self.root)
            self._merge("retrain")

    def _waive(self, rules: list[str]) -> None:
        if not rules:
            return
        path = self.root / "policy.yaml"
        until = date.today() + timedelta(days=7)
        waivers = "".join(
            f"  - rule: {rule}\n    reason: The callers moved, and the model has to follow\n"
            f"    approver: demo\n    expires: {until}\n"
            for rule in rules
        )
        text = path.read_text("utf-8")
        head, found, rest = text.partition("waivers: []\n")
        if not found:
            raise GatehouseError("policy.yaml: the demo writes its waivers where it has none")
        path.write_text(f"{head}waivers:\n{waivers}{rest}", "utf-8")
        self._say(f"waived until {until}: {', '.join(rules)}")

    @contextlib.contextmanager
    def _new_service(self) -> Iterator[Served]:
        if self.base_image is None:
            with from_folder(self.root, self._log("second")) as served:
                yield served
            return
        self._gatehouse("image", "build", "--base", self.base_image)
        image = self.root / ".gatehouse/release/image"
        self._say("built its image; podman runs it")
        with from_image(image, self._log("second")) as served:
            yield served

    def _verdict(self) -> Verdict:
        verdict = Verdict.read(self.root / VERDICT)
        red = [gate for gate in verdict.gates if verdict.gate_blocks(gate)]
        why = f" by {', '.join(red)}" if red else ""
        self._say(f"verdict: {verdict.outcome.value.upper()}{why}")
        return verdict

    def _commit(self, message: str) -> None:
        git("add", "--all", root=self.root)
        git("commit", "--quiet", "--message", message, root=self.root)
        self._run("dvc", "push", "--quiet")

    def _merge(self, branch: str) -> None:
        git("merge", "--quiet", "--no-edit", branch, root=self.root)

    @contextlib.contextmanager
    def _title(self, text: str) -> Iterator[None]:
        self.step += 1
        click.secho(f"\n{self.step}. {text}", bold=True)
        start = time.monotonic()
        yield
        self._say(f"({time.monotonic() - start:.0f} s)")

    def _say(self, text: str) -> None:
        click.echo(f"   {text}")

    def _gatehouse(self, *words: str, codes: tuple[int, ...] = (PASS,)) -> int:
        self._say(f"$ gatehouse {' '.join(words)}".replace(f"{self.root.parent}/", ""))
        return self._run(sys.executable, "-m", "gatehouse.cli", *words, codes=codes)

    def _run(self, *words: str, codes: tuple[int, ...] = (PASS,)) -> int:
        """Run a command in the copy; store its output, and show it if the command fails."""
        if words[0] == "dvc":
            words = (sys.executable, "-m", *words)
        kept = self.root.parent / "commands.log"
        paths = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
        # The copy's own code must build an image of the copy.
        own = {"PATH": os.pathsep.join(paths)} | own_code(self.root)
        with kept.open("a", encoding="utf-8") as stream:
            stream.write(f"\n$ {' '.join(words)}\n")
            stream.flush()
            done = subprocess.run(
                words,
                cwd=self.root,
                env=environment() | NO_TELEMETRY | own,
                stdout=stream,
                stderr=stream,
                check=False,
            )
        if done.returncode not in codes:
            tail = kept.read_text("utf-8").strip().splitlines()[-15:]
            raise GatehouseError("\n".join([f"{' '.join(words[2:])} failed:", *tail]))
        return done.returncode


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]


def check_sample(source: Path) -> None:
    """Refuse a repository whose last commit has other data, because the demo runs on the sample.

    Raises:
        GatehouseError: with the contract's name.
    """
    text = file_at("HEAD", CONTRACT_FILE, source)
    name = SAMPLE if text is None else parse_contract(text, CONTRACT_FILE).name
    if name != SAMPLE:
        raise GatehouseError(
            f"{CONTRACT_FILE}: is of '{name}', and the demo plays with the sample that Gatehouse "
            f"comes with ('{SAMPLE}'); play it in a fresh clone of Gatehouse"
        )


def scratch(source: Path, folder: Path) -> Path:
    """Clone the repository's last commit, and configure an author for the clone.

    Raises:
        GatehouseError: `source` is not a Git repository, or has no commit.
    """
    root = folder / "fork"
    git("clone", "--quiet", "--no-hardlinks", str(source.resolve()), str(root), root=source)
    git("switch", "--quiet", "--force-create", "main", root=root)
    git("remote", "remove", "origin", root=root)
    git("config", "user.name", "Demo", root=root)
    git("config", "user.email", "demo@example.org", root=root)
    return root
