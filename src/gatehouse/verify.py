"""Verification: the recorded run, made again from the recorded code and data, must be the same.

`dvc.lock` and the files that it names can be forged so that DVC finds everything up to date. What
cannot be forged is the outcome of running the recorded code again: every stage is forced, no run
cache is used, and the results are compared with the record.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gatehouse.base import BASE_FILE, LOCK, BaseRecord, locked_outputs
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, Gate, Measurement, evidence_path, read_evidence
from gatehouse.git import commit_of, environment, file_at, git
from gatehouse.typed import read_text
from gatehouse.workspace import EVIDENCE, MODEL

_TIMED = ("latency_ratio", "latency_p50", "latency_p95", "latency_p99")
"""Measurements of time: no two runs agree on them. All but their numbers is compared."""


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
        _reproduce(clone, _trained_at(commit, root))
        fresh = locked_outputs(read_text(clone / LOCK), LOCK.as_posix())
        differences = _compare_outputs(recorded, fresh)
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
    return locked_outputs(text, f"HEAD:{LOCK}")


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


def _trained_at(commit: str, root: Path) -> str | None:
    """The commit that the recorded model says it was trained at: it is part of its bytes."""
    from dvc.api import DVCFileSystem

    from gatehouse.model import Model

    try:
        content = DVCFileSystem(str(root.resolve()), rev=commit).cat_file(MODEL.as_posix())
        named = Model(MODEL, content).metadata.commit
    except Exception as error:  # DVC, and each remote's library, raise classes of their own
        print(
            f"verify: the recorded {MODEL} can't be read from DVC's cache or remote ({error}), so "
            "the commit that it was trained at is not known; an honest one may seem to differ"
        )
        return None
    return named if re.fullmatch(r"[\w.-]{1,64}", named) else None


def _reproduce(clone: Path, trained_at: str | None) -> None:
    from gatehouse.run import NO_TELEMETRY

    told = environment() | NO_TELEMETRY
    # The clone's own code, not the installed one, and the tools of this environment.
    told["PYTHONPATH"] = str(clone / "src")
    told["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), told.get("PATH", "")])
    if trained_at:
        told["GATEHOUSE_COMMIT"] = trained_at
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "repro", "--force", "--no-run-cache"],
        cwd=clone,
        env=told,
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
    before, after = _comparable(recorded), _comparable(fresh)
    for key in sorted(set(before) | set(after)):
        if before.get(key) != after.get(key):
            what = f"{path.as_posix()} {' '.join(key)}"
            differences.append(Difference(what, _values(before, key), _values(after, key)))
    return differences


Key = tuple[str, str, str, str]


def _comparable(evidence: Evidence) -> dict[Key, list[Measurement]]:
    """The measurements by what they measure; of times all but the numbers.

    Lists, since forged evidence can hold a second measurement of the same thing.
    """
    found: dict[Key, list[Measurement]] = {}
    for m in evidence.measurements:
        timed = evidence.gate is Gate.LATENCY and m.name in _TIMED and m.value is not None
        kept = m.model_copy(update={"value": 0.0, "interval": None}) if timed else m
        found.setdefault((m.name, m.of.value, m.slice, m.unit), []).append(kept)
    return found


def _values(found: dict[Key, list[Measurement]], key: Key) -> str:
    return " and ".join(_value(measurement) for measurement in found.get(key, [])) or "nothing"


def _value(measurement: Measurement) -> str:
    interval = measurement.interval
    return f"{measurement.value}" + (f" [{interval.low}, {interval.high}]" if interval else "")
