"""Verification: repeating the recorded run from its code and data must give the same result.

`dvc.lock` and the files that it names can be forged so that DVC finds everything up to date. The
result of running the recorded code again cannot be forged: every stage is forced, no run cache is
used, and the results are compared with the record. This installation's gates, not the recorded
ones, measure the evidence, and the recorded policy judges it.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gatehouse.base import (
    BASE_FILE,
    LOCK,
    checked_base,
    folder_of,
    locked_outputs,
    measuring_policy,
    read_record,
    recorded_base,
)
from gatehouse.errors import GatehouseError
from gatehouse.evidence import TIMED, Evidence, Measurement, evidence_path, read_evidence
from gatehouse.fingerprint.stages import FINGERPRINTS
from gatehouse.gates.own import gates_of
from gatehouse.gates.rows import ROWS
from gatehouse.git import commit_of, file_at, git
from gatehouse.judge import Case, judge
from gatehouse.judge_files import today
from gatehouse.measure import measure
from gatehouse.objects.fetch import LostError, fetch
from gatehouse.objects.record import read_lock, read_tracked
from gatehouse.objects.remote import open_store
from gatehouse.origin import without_origin
from gatehouse.places import PARAMS
from gatehouse.policy import Policy
from gatehouse.run import CARD, own_code, reproduce
from gatehouse.typed import read_text, write_text
from gatehouse.verdict import Outcome
from gatehouse.workspace import EVIDENCE, MODEL, Workspace

TRAIN_REPORTS = Path("reports/train")

_DRAWN = ("drift", "single_row_difference", "split_leak")
"""Measurements whose value depends on sampled rows if there are many rows."""


@dataclass(frozen=True)
class Difference:
    """A difference between the record and a fresh run."""

    what: str
    recorded: str
    reproduced: str

    def __str__(self) -> str:
        return f"{self.what}: recorded {self.recorded}, reproduced {self.reproduced}"


def verify_head(root: Path) -> bool:
    """Reproduce HEAD in a temporary clone and print the differences; return whether there are none.

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
        _bring_snapshot(commit, root, clone)
        _reproduce(clone, _trained_at(commit, root))
        fresh = locked_outputs(read_text(clone / LOCK), LOCK.as_posix())
        differences = _compare_outputs(recorded, fresh)
        differences += _compare_files(commit, clone)
        differences += _compare_evidence(commit, root, clone)
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
    """Copy the base that the evidence was compared with from this checkout's store."""
    record = read_record(clone)
    if record.outputs is None:
        return
    if not (root / record.folder).exists():
        raise GatehouseError(
            f"{BASE_FILE}: the base it names is not here; run `gatehouse measure --base REF` first"
        )
    checked_base(root / record.folder, record.outputs)
    earlier = [folder_of(outputs) for outputs in record.since.values()]
    for folder in {record.folder, *(each for each in earlier if (root / each).is_dir())}:
        shutil.rmtree(clone / folder, ignore_errors=True)
        shutil.copytree(root / folder, clone / folder)


def _bring_snapshot(commit: str, root: Path, clone: Path) -> None:
    """Copy the DVC-tracked file that the recorded settings read: no stage can make it again."""
    from gatehouse.pipeline.settings import load_settings

    data = load_settings(clone / PARAMS).data
    path = data.file.path
    tracked = path.with_name(path.name + ".dvc")
    if data.source != "file" or data.file.url or not (clone / tracked).is_file():
        return
    output = read_tracked(read_text(clone / tracked), tracked.as_posix())
    try:
        fetch([output], clone, open_store(root))
    except LostError as error:
        raise GatehouseError(
            f"{path}: is in no DVC cache or remote that can be reached ({error}), and without it "
            "nothing can be made again; push it from where it was added (dvc push)"
        ) from None


def _trained_at(commit: str, root: Path) -> str | None:
    """Return the commit in the recorded model's metadata, which is part of the model's bytes."""
    from gatehouse.model import Model

    lock = file_at(commit, LOCK, root) or ""
    try:
        with tempfile.TemporaryDirectory(prefix="gatehouse-verify-") as folder:
            model = read_lock(lock, f"HEAD:{LOCK}")[MODEL.as_posix()]
            fetch([model], Path(folder), open_store(root))
            named = Model(Path(folder) / MODEL).metadata.commit
    except (GatehouseError, KeyError) as error:
        print(
            f"verify: the recorded {MODEL} can't be read from DVC's cache or remote ({error}), so "
            "the commit that it was trained at is not known; an honest one may seem to differ"
        )
        return None
    return named if re.fullmatch(r"[\w.-]{1,64}", named) else None


def _reproduce(clone: Path, trained_at: str | None) -> None:
    variables = own_code(clone)
    if trained_at:
        variables["GATEHOUSE_COMMIT"] = trained_at
    if not reproduce("--force", "--no-run-cache", root=clone, **variables):
        raise GatehouseError("the recorded run could not be reproduced; the reason is above")


def _compare_outputs(recorded: dict[str, str], fresh: dict[str, str]) -> list[Difference]:
    """Compare the outputs in `dvc.lock` except the card and evidence (compared by content).

    Fingerprints are skipped: they describe the code that ran, and are not results.
    """
    beside = {CARD.as_posix(), FINGERPRINTS.as_posix()}
    return [
        Difference(path, recorded.get(path, "nothing"), fresh.get(path, "nothing"))
        for path in sorted(set(recorded) | set(fresh))
        if not path.startswith(f"{EVIDENCE.as_posix()}/")
        and path not in beside
        and recorded.get(path) != fresh.get(path)
    ]


def _compare_files(commit: str, clone: Path) -> list[Difference]:
    """Compare training metrics in Git with the reproduced ones: people read these, not the lock."""
    folder = TRAIN_REPORTS.as_posix()
    recorded = set(
        git("ls-tree", "-rz", "--name-only", commit, "--", folder, root=clone).split("\0")
    )
    fresh = {
        file.relative_to(clone).as_posix()
        for file in (clone / folder).rglob("*")
        if not file.is_dir() or file.is_symlink()
    }
    changed = git("diff", "-z", "--name-only", "--no-renames", commit, "--", folder, root=clone)
    lost = {path for path in recorded - fresh if path}
    return (
        [Difference(path, "a file", "nothing") for path in sorted(lost)]
        + [Difference(path, "nothing", "a file") for path in sorted(fresh - recorded)]
        + [
            Difference(path, "other content", "another")
            for path in sorted(set(changed.split("\0")) & fresh & recorded)
        ]
    )


def _compare_evidence(commit: str, root: Path, clone: Path) -> list[Difference]:
    """Compare the evidence in Git with this installation's measurements on the reproduced run."""
    candidate, policy, base = Workspace(clone), measuring_policy(clone), recorded_base(clone)
    differences: list[Difference] = []
    recorded: dict[str, Evidence] = {}
    fresh: dict[str, Evidence] = {}
    for spec in gates_of(policy):
        gate, path = spec.name, evidence_path(EVIDENCE, spec.name)
        text = file_at(commit, path, root)
        if text is None:
            differences.append(Difference(path.as_posix(), "nothing", "evidence"))
            continue
        write_text(clone / path, text)
        try:
            recorded[gate] = read_evidence(clone / path, gate)
        except GatehouseError as error:
            differences.append(Difference(path.as_posix(), f"unreadable ({error})", "evidence"))
            continue
        fresh[gate] = measure(spec, candidate, base, policy)
        if spec is ROWS:  # no run can reproduce the model's origin
            recorded[gate] = without_origin(recorded[gate])
            fresh[gate] = without_origin(fresh[gate])
        differences += _evidence_differences(path, *_alike(recorded[gate], fresh[gate]))
    return differences + _compare_outcomes(recorded, fresh, candidate, base, policy)


def _compare_outcomes(
    recorded: dict[str, Evidence],
    fresh: dict[str, Evidence],
    candidate: Workspace,
    base: Workspace | None,
    policy: Policy,
) -> list[Difference]:
    """Compare the outcomes of rules on times: measured times differ, but outcomes must agree.

    An inconclusive outcome that does not block does not contradict a pass: the limit is within the
    noise.
    """

    def outcomes(evidence: dict[str, Evidence]) -> dict[str, Outcome]:
        case = Case(
            evidence=evidence,
            candidate=candidate.present(),
            base=base.present() if base else None,
            today=today(),
            gates=gates_of(policy),
        )
        return {
            rule.rule: Outcome.PASS
            if rule.outcome is Outcome.INCONCLUSIVE and not rule.blocks
            else rule.outcome
            for rule in judge(case, policy, "verify").rules
        }

    before, after = outcomes(recorded), outcomes(fresh)
    return [
        Difference(f"rule {name}", before[name].value, after[name].value)
        for name in before
        if before[name] != after[name]
    ]


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


def _alike(recorded: Evidence, fresh: Evidence) -> tuple[Evidence, Evidence]:
    """Drop sampled measurements if the two rest on different draws: a workstation has no secret."""
    if recorded.draws == fresh.draws:
        return recorded, fresh

    def undrawn(evidence: Evidence) -> Evidence:
        kept = tuple(
            m.model_copy(update={"interval": None, "p_value": None, "note": None})
            for m in evidence.measurements
            if m.name not in _DRAWN
        )
        return evidence.model_copy(update={"measurements": kept})

    return undrawn(recorded), undrawn(fresh)


Key = tuple[str, str, str, str]


def _comparable(evidence: Evidence) -> dict[Key, list[Measurement]]:
    """Group the measurements by what they measure, dropping measured times, which never agree.

    Values are lists, because forged evidence can contain a second measurement of the same thing.
    """
    found: dict[Key, list[Measurement]] = {}
    for m in evidence.measurements:
        time = m.name.startswith(TIMED) and m.value is not None
        kept = m.model_copy(update={"value": 0.0, "interval": None}) if time else m
        found.setdefault((m.name, m.of.value, m.slice, m.unit), []).append(kept)
    return found


def _values(found: dict[Key, list[Measurement]], key: Key) -> str:
    return " and ".join(_value(measurement) for measurement in found.get(key, [])) or "nothing"


def _value(measurement: Measurement) -> str:
    interval = measurement.interval
    return f"{measurement.value}" + (f" [{interval.low}, {interval.high}]" if interval else "")
