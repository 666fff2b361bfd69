"""Verification: the recorded run, made again from the recorded code and data, must be the same.

`dvc.lock` and the files that it names can be forged so that DVC finds everything up to date. What
cannot be forged is the outcome of running the recorded code again: every stage is forced, no run
cache is used, and the results are compared with the record.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gatehouse.base import BASE_FILE, LOCK, BaseRecord
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, Gate, Measurement, evidence_path, read_evidence
from gatehouse.git import commit_of, file_at, git
from gatehouse.typed import parse_yaml
from gatehouse.workspace import EVIDENCE, Workspace

_TIMED = ("latency_ratio", "latency_p50", "latency_p95", "latency_p99")
"""Measurements of time: no two runs agree on them, and none of them is compared."""


@dataclass(frozen=True)
class Difference:
    """One thing that the record says and a fresh run does not."""

    what: str
    recorded: str
    reproduced: str

    def __str__(self) -> str:
        return f"{self.what}: recorded {self.recorded}, reproduced {self.reproduced}"


def verify_head(root: Path) -> bool:
    """Reproduce HEAD in a temporary clone, and print what differs; true where nothing does.

    Raises:
        GatehouseError: HEAD records no finished run, or the fresh run failed.
    """
    commit = commit_of("HEAD", root)
    recorded = _recorded_outputs(commit, root)
    with tempfile.TemporaryDirectory(prefix="gatehouse-verify-") as folder:
        clone = Path(folder) / "clone"
        git("clone", "--quiet", "--no-checkout", str(root.resolve()), str(clone), root=root)
        git("checkout", "--quiet", "--detach", commit, root=clone)
        _bring_base(root, clone)
        _reproduce(clone, _trained_at(root))
        differences = _compare_outputs(recorded, _outputs((clone / LOCK).read_text("utf-8")))
        for gate in Gate:
            differences += _compare_evidence(commit, root, clone, gate)
    if differences:
        print(f"verify: {commit[:12]} does not reproduce:")
        for difference in differences:
            print(f"  {difference}")
        return False
    print(
        f"verify: {commit[:12]} reproduces: {len(recorded)} outputs and all evidence are the same"
    )
    return True


def _recorded_outputs(commit: str, root: Path) -> dict[str, str]:
    text = file_at(commit, LOCK, root)
    if text is None:
        raise GatehouseError(
            f"{LOCK} is not in HEAD: there is no recorded run to verify; "
            "run `make run`, then commit dvc.lock and reports/"
        )
    return _outputs(text)


def _outputs(lock: str) -> dict[str, str]:
    stages = parse_yaml(lock, LOCK).get("stages", {})
    return {
        str(out["path"]): str(out["md5"])
        for stage in stages.values()
        for out in stage.get("outs", [])
    }


def _bring_base(root: Path, clone: Path) -> None:
    """The base that the evidence was compared with, from this checkout's store."""
    record = BaseRecord.read(clone / BASE_FILE) if (clone / BASE_FILE).exists() else BaseRecord()
    if record.outputs is None:
        return
    if not (root / record.folder).exists():
        raise GatehouseError(
            f"{BASE_FILE}: the base it names is not here; run `gatehouse measure --base REF` first"
        )
    shutil.copytree(root / record.folder, clone / record.folder)


def _trained_at(root: Path) -> str | None:
    """The commit that the model says it was trained at: it is part of the model's bytes."""
    try:
        return Workspace(root).model.metadata.commit
    except GatehouseError:
        return None


def _reproduce(clone: Path, trained_at: str | None) -> None:
    from gatehouse.run import NO_TELEMETRY

    environment = os.environ | NO_TELEMETRY
    # The clone's own code, not the installed one, and the tools of this environment.
    environment["PYTHONPATH"] = str(clone / "src")
    environment["PATH"] = os.pathsep.join(
        [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    )
    if trained_at:
        environment["GATEHOUSE_COMMIT"] = trained_at
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "dvc", "repro", "--force", "--no-run-cache"],
        cwd=clone,
        env=environment,
        check=False,
    )
    if done.returncode:
        raise GatehouseError("the recorded run could not be reproduced; the reason stands above")


def _compare_outputs(recorded: dict[str, str], fresh: dict[str, str]) -> list[Difference]:
    timed = {evidence_path(EVIDENCE, Gate.LATENCY).as_posix(), "reports/model_card.md"}
    return [
        Difference(path, recorded.get(path, "nothing"), fresh.get(path, "nothing"))
        for path in sorted(set(recorded) | set(fresh))
        if path not in timed and recorded.get(path) != fresh.get(path)
    ]


def _compare_evidence(commit: str, root: Path, clone: Path, gate: Gate) -> list[Difference]:
    """The evidence in Git against the reproduced one; times are left out."""
    path = evidence_path(EVIDENCE, gate)
    text = file_at(commit, path, root)
    if text is None:
        return [Difference(path.as_posix(), "nothing", "evidence")]
    with tempfile.TemporaryDirectory(prefix="gatehouse-verify-") as folder:
        stored = Path(folder) / path.name
        stored.write_text(text, encoding="utf-8")
        try:
            recorded = read_evidence(stored, gate)
        except GatehouseError as error:
            return [Difference(path.as_posix(), f"unreadable ({error})", "evidence")]
    return _evidence_differences(path, recorded, read_evidence(clone / path, gate))


def _evidence_differences(path: Path, recorded: Evidence, fresh: Evidence) -> list[Difference]:
    differences = [
        Difference(f"{path.as_posix()} {field}", str(getattr(recorded, field)),
                   str(getattr(fresh, field)))
        for field in ("candidate", "base", "settings")
        if getattr(recorded, field) != getattr(fresh, field)
    ]  # fmt: skip
    before, after = _untimed(recorded), _untimed(fresh)
    for key in sorted(set(before) | set(after)):
        if before.get(key) != after.get(key):
            what = f"{path.as_posix()} {' '.join(key)}"
            differences.append(Difference(what, _value(before.get(key)), _value(after.get(key))))
    return differences


def _untimed(evidence: Evidence) -> dict[tuple[str, str, str, str], Measurement]:
    return {
        (m.name, m.of.value, m.slice, m.unit): m
        for m in evidence.measurements
        if m.name not in _TIMED
    }


def _value(measurement: Measurement | None) -> str:
    if measurement is None:
        return "nothing"
    interval = measurement.interval
    return f"{measurement.value}" + (f" [{interval.low}, {interval.high}]" if interval else "")
