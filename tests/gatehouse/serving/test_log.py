"""Attacks the inference log: what may stand in it, and what a lost disk may cost."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from tests.gatehouse.serving.place import JSON, ROW, Client, serving

from gatehouse.serving import lines as module
from gatehouse.serving.lines import RotatingLines
from gatehouse.serving.log import FILE, UNLISTED


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "log"


def logged(folder: Path) -> list[dict[str, Any]]:
    """All rows, oldest first; what a failure cut short is no JSON, and left out."""
    files = [*sorted(folder.glob(FILE + ".*"), reverse=True), folder / FILE]
    found = []
    for line in "".join(file.read_text("utf-8") for file in files).splitlines():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


def lost(reason: str) -> float:
    value = REGISTRY.get_sample_value("gatehouse_log_rows_lost_total", {"reason": reason})
    return value or 0.0


def test_a_prediction_is_logged_with_what_belongs_to_it(root: Path, folder: Path) -> None:
    """Row, answer, model, time and request id: enough to judge the model again."""
    with serving(root, log=folder) as client:
        one = client.ask(ROW, JSON, (b"x-request-id", b"first"))
        many = client.ask([ROW | {"age": None, "job": "cook"}, ROW])
    first, second, third = logged(folder)
    assert first.pop("time").endswith("+00:00")
    assert first == {
        "request_id": "first",
        "model": one.json["model"],
        "probability": one.json["probability"],
        "decision": "yes",
        "row": ROW,
    }
    assert second["row"] == ROW | {"age": None, "job": "cook"}
    assert {second["request_id"], third["request_id"]} == {many.json["request_id"]}


def test_what_may_not_be_logged_is_not(root: Path, folder: Path) -> None:
    """Protected attributes, keys, text of the client's own, tokens, and refused rows."""
    token = "one-token-of-16-up"
    with serving(root, log=folder, tokens=token) as client:
        bearer = (b"authorization", b"Bearer " + token.encode())
        row = ROW | {"id": "person-4711", "sex": "f", "to/wn~": "12 Private Road"}
        assert client.ask(row, JSON, bearer).status == 200
        assert client.ask(ROW | {"note": "refused"}, JSON, bearer).status == 422
        assert client.ask(row, JSON).status == 401
    (only,) = logged(folder)
    assert only["row"] == ROW | {"to/wn~": UNLISTED}
    text = (folder / FILE).read_text()
    assert not [word for word in ("4711", "Private", "refused", token) if word in text]


def test_without_the_setting_nothing_is_logged(root: Path) -> None:
    """What people sent is written down only where someone asked for it."""
    before = set(root.rglob("*"))
    with serving(root) as client:
        client.ask(ROW)
    assert set(root.rglob("*")) == before


def test_files_are_rotated_and_bounded(root: Path, folder: Path) -> None:
    """The newest rows are kept, and no more than was said."""
    with serving(root, log=folder, log_bytes=2000, log_files=3) as client:
        assert client.house.log is not None
        for number in range(60):
            client.ask(ROW, JSON, (b"x-request-id", b"r%d" % number))
            client.house.log._file._write_waiting()
    assert len(list(folder.iterdir())) == 3
    assert sum(file.stat().st_size for file in folder.iterdir()) < 3 * 2500
    numbers = [row["request_id"] for row in logged(folder)]
    assert numbers == [f"r{number}" for number in range(60 - len(numbers), 60)]


def ask_and_write(client: Client, name: bytes) -> None:
    assert client.house.log is not None
    assert client.ask(ROW, JSON, (b"x-request-id", name)).status == 200
    client.house.log._file._write_waiting()


def test_a_full_disk_costs_rows_and_no_prediction(
    root: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is counted, told once, and over when there is room again."""
    folder.mkdir()
    with serving(root, log=folder) as client:
        (folder / FILE).symlink_to("/dev/full")
        before = lost("disk")
        with caplog.at_level(logging.ERROR):
            ask_and_write(client, b"lost-1")
            ask_and_write(client, b"lost-2")
        assert lost("disk") == before + 2
        assert len([r for r in caplog.records if "cannot be written" in r.message]) == 1
        (folder / FILE).unlink()
        ask_and_write(client, b"kept")
    assert [row["request_id"] for row in logged(folder)] == ["kept"]


def test_a_folder_that_goes_away_costs_rows_and_no_prediction(root: Path, folder: Path) -> None:
    """First it is only emptied, then something else stands there, then it is back."""
    with serving(root, log=folder) as client:
        ask_and_write(client, b"gone-with-the-folder")
        shutil.rmtree(folder)
        ask_and_write(client, b"in-a-new-one")
        assert [row["request_id"] for row in logged(folder)] == ["in-a-new-one"]
        shutil.rmtree(folder)
        folder.write_text("no folder")
        before = lost("disk")
        ask_and_write(client, b"lost")
        assert lost("disk") == before + 1
        folder.unlink()
        ask_and_write(client, b"kept")
    assert [row["request_id"] for row in logged(folder)] == ["kept"]


def test_a_line_cut_short_does_not_spoil_the_next(tmp_path: Path) -> None:
    """A disk that fills up in the middle of a line leaves a part of it."""
    file = tmp_path / "lines"
    lines = RotatingLines(file, 10_000, 2)
    try:
        file.write_text('{"cut": ')
        lines._failed(OSError("no space"))
        lines.write(['{"whole": 1}\n'])
        lines._write_waiting()
        assert file.read_text().splitlines()[-1] == '{"whole": 1}'
    finally:
        lines.close()


def test_a_disk_that_hangs_fills_the_queue_and_holds_nobody_up(
    root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would not fit is lost and counted; memory has an end."""
    monkeypatch.setattr(module, "_WAITING", 5)
    monkeypatch.setattr(module, "_EVERY", 3600.0)
    with serving(root, log=folder) as client:
        before = lost("queue")
        for _ in range(8):
            assert client.ask(ROW).status == 200
        assert lost("queue") == before + 3
    assert len(logged(folder)) == 5
