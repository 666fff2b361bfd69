"""`gatehouse monitor` as it is called: options, exit codes, and what it prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse.monitor.record import RECORD, REPORT, Record
from gatehouse.workspace import Workspace
from tests.gatehouse import tiny
from tests.gatehouse.conftest import Command
from tests.gatehouse.monitor import logs
from tests.gatehouse.s3 import session
from tests.gatehouse.tiny import Finished

UNTIL = ("--until", "2026-03-30")
ROWS = tiny.rows(600, 3000)


@pytest.fixture
def root(finished: Finished) -> Path:
    """A workspace with a clean log of one window."""
    path = finished.root / "policy.yaml"
    path.write_text(path.read_text().replace("at_most: 0.05\n", "at_most: 0.15\n"))
    records = logs.predictions(finished.workspace, ROWS)
    logs.write(finished.root / "log.jsonl", records)
    logs.labels(finished.workspace, records, ROWS).to_json(
        finished.root / "labels.jsonl", orient="records", lines=True
    )
    moved = logs.predictions(finished.workspace, ROWS.assign(age=ROWS["age"] + 10))
    logs.write(finished.root / "moved.jsonl", moved)
    return finished.root


def test_pass(root: Path, gatehouse: Command) -> None:
    """Attacks the exit code, and files that are not written."""
    done = gatehouse("monitor", "--log", "log.jsonl", "--labels", "labels.jsonl", *UNTIL, cwd=root)
    assert done.exit_code == 0, done.output
    assert "600 records read, 0 broken lines" in done.output
    assert Record.read(root / RECORD).counts.labelled == 600
    assert (root / REPORT).is_file()


def test_alarm(root: Path, gatehouse: Command) -> None:
    """Attacks an alarm that a shell takes for a pass."""
    done = gatehouse("monitor", "--log", "moved.jsonl", *UNTIL, cwd=root)
    assert done.exit_code == 1
    assert "age" in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--log", "none.jsonl"), "none.jsonl: there is no such file"),
        (("--log", "policy.yaml"), "policy.yaml: none of its first"),
        (("--log", "log.jsonl", "--labels", "none.csv"), "none.csv: there is no such file"),
        (
            ("--log", "log.jsonl", "--labels", "policy.yaml"),
            "policy.yaml: cannot be read as labels",
        ),
        (("--log", "log.jsonl", "--until", "2020-01-01"), "the log has no record from"),
        (("--log", "log.jsonl", "--until", "soon"), "'soon' is not a time"),
        (("--log", "log.jsonl", "--until", "0001-01-01T00:00+10:00"), "is not a time"),
        (("--log", "log.jsonl", "--until", "0001-01-01"), "begin before any date"),
        (("--log", "log.jsonl", "--window", "999999w"), "begin before any date"),
        (("--log", "log.jsonl", "--window", "1 week"), "is not a time span"),
        (("--log", "log.jsonl", "--window", "0d"), "is not a time span"),
        (("--log", "log.jsonl", "--model", "sha256:0"), "git log"),
        (
            ("--log", "ftp://anna:hunter2@127.0.0.1:1/x.jsonl"),  # pragma: allowlist secret
            "ftp://127.0.0.1:1/x.jsonl: cannot",
        ),
        ((), "Missing option"),
    ],
)
def test_bad_input_exits_2(
    root: Path, gatehouse: Command, arguments: tuple[str, ...], message: str
) -> None:
    """Attacks tracebacks, passes, and messages without the name of what is wrong."""
    until = () if "--until" in arguments else UNTIL
    done = gatehouse("monitor", *arguments, *until, cwd=root)
    assert (done.exit_code, message in done.output) == (2, True), done.output
    assert "hunter2" not in done.output
    assert not (root / RECORD).exists()


def test_a_window_and_a_model_by_hand(root: Path, gatehouse: Command) -> None:
    """Attacks options that do nothing."""
    model = Record.read(_looked(root, gatehouse)).model
    arguments = ("--window", "3d", "--model", model, "--until", "2026-03-29T12:00+02:00")
    done = gatehouse("monitor", "--log", "log.jsonl", *arguments, cwd=root)
    assert done.exit_code == 0, done.output
    record = Record.read(root / RECORD)
    assert (record.window.days, f"{record.windows[-1].end:%d %H:%M}") == (3, "29 10:00")


def _looked(root: Path, gatehouse: Command) -> Path:
    assert gatehouse("monitor", "--log", "log.jsonl", *UNTIL, cwd=root).exit_code == 0
    return root / RECORD


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "hunter2")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    session().client("s3", endpoint_url=s3).create_bucket(Bucket="logged")
    return "logged"


def test_a_log_on_s3(root: Path, gatehouse: Command, bucket: str) -> None:
    """Attacks a reader that only ever saw folders: log, rotated and packed, and labels."""
    client = session().client("s3")
    content = (root / "log.jsonl").read_bytes().splitlines(keepends=True)
    for key, body in (
        ("pod/predictions.jsonl", b"".join(content[400:])),
        ("pod/predictions.jsonl.1.gz", logs.PACKERS["gz"](b"".join(content[:400]))),
        ("labels/new.jsonl", (root / "labels.jsonl").read_bytes()),
    ):
        client.put_object(Bucket=bucket, Key=key, Body=body)
    arguments = ("--log", f"s3://{bucket}/pod", "--labels", f"s3://{bucket}/labels/*.jsonl")
    done = gatehouse("monitor", *arguments, *UNTIL, cwd=root)
    assert done.exit_code == 0, done.output
    counts = Record.read(root / RECORD).counts
    assert (counts.read, counts.labelled) == (600, 600)
    done = gatehouse("monitor", "--log", f"s3://{bucket}/none", *UNTIL, cwd=root)
    assert (done.exit_code, f"s3://{bucket}/none: there is no" in done.output) == (2, True)
    done = gatehouse("monitor", "--log", "s3://nobodys/pod", *UNTIL, cwd=root)
    assert (done.exit_code, "s3://nobodys/pod: " in done.output) == (2, True), done.output
    assert "hunter2" not in done.output


def test_the_work_tree_stays_as_it_is(root: Path, gatehouse: Command) -> None:
    """Attacks a look that changes the verdict or evidence of the run here."""
    before = {p: p.read_bytes() for p in root.rglob("*") if p.is_file()}
    _looked(root, gatehouse)
    after = {p: p.read_bytes() for p in root.rglob("*") if p.is_file()}
    assert {p: after[p] for p in before} == before
    assert {p.relative_to(root).parts[:2] for p in set(after) - set(before)} == {
        ("reports", "monitor")
    }
    assert Workspace(root).present() == Finished(root).workspace.present()
