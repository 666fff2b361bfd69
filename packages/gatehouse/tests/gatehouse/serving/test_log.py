"""Attacks the inference log: what may stand in it, and what a lost disk may cost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from threading import Event, current_thread
from typing import Any

import pytest
from prometheus_client import REGISTRY

from gatehouse.contract import UNLISTED
from gatehouse.serving import log as module
from gatehouse.serving.log import FILE
from gatehouse.serving.rotating_lines import RotatingLines
from tests.gatehouse.serving.place import CONTRACT, JSON, ROW, Client, lay_out, serving


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "log"


def logged(folder: Path) -> list[dict[str, Any]]:
    """All rows, oldest first; what a failure cut short is not JSON, and left out."""
    files = [*sorted(folder.glob(FILE + ".*"), reverse=True), folder / FILE]
    found = []
    for line in "".join(file.read_text("utf-8") for file in files).splitlines():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread writes at the end only: what is before it a test writes itself."""
    monkeypatch.setattr(module, "_EVERY", 3600.0)


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
        "index": 0,
        "model": one.json["model"],
        "probability": one.json["probability"],
        "decision": "yes",
        "row": ROW,
    }
    assert second["row"] == ROW | {"age": None, "job": "cook"}
    assert {second["request_id"], third["request_id"]} == {many.json["request_id"]}
    assert second["time"] == third["time"]
    assert [second["index"], third["index"]] == [0, 1]


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


@pytest.mark.parametrize("left_out", [("age",), ("age", "job", "kids", "to/wn~", "heat")])
def test_a_column_that_the_contract_keeps_out_is_not_logged(
    tmp_path: Path, folder: Path, left_out: tuple[str, ...]
) -> None:
    """One, or all: what was predicted is logged still."""
    text = CONTRACT
    for name in left_out:
        text = text.replace(f"  {name}: {{", f"  {name}: {{logged: false, ")
    with serving(lay_out(tmp_path, text), log=folder) as client:
        assert client.ask([ROW] * 2).status == 200
    assert len(logged(folder)) == 2
    for line in logged(folder):
        assert line["row"] == {name: ROW[name] for name in ROW if name not in left_out}
        assert line["decision"] == "yes"


def test_without_the_setting_nothing_is_logged(root: Path) -> None:
    """What people sent is written down only where someone asked for it."""
    before = set(root.rglob("*"))
    with serving(root) as client:
        client.ask(ROW)
    assert set(root.rglob("*")) == before


def test_files_are_rotated_and_bounded(root: Path, folder: Path, by_hand: None) -> None:
    """The newest rows are kept, and no more than was said."""
    with serving(root, log=folder, log_bytes=2000, log_files=3) as client:
        assert client.house.log is not None
        for number in range(60):
            client.ask(ROW, JSON, (b"x-request-id", b"r%d" % number))
            client.house.log._write_waiting()
    assert len(list(folder.iterdir())) == 3
    assert sum(file.stat().st_size for file in folder.iterdir()) < 3 * 2500
    numbers = [row["request_id"] for row in logged(folder)]
    assert numbers == [f"r{number}" for number in range(60 - len(numbers), 60)]


def ask_and_write(client: Client, name: bytes) -> None:
    assert client.house.log is not None
    assert client.ask(ROW, JSON, (b"x-request-id", name)).status == 200
    client.house.log._write_waiting()


def test_a_full_disk_costs_rows_and_no_prediction(
    root: Path, folder: Path, by_hand: None, caplog: pytest.LogCaptureFixture
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


def test_a_folder_that_goes_away_costs_rows_and_no_prediction(
    root: Path, folder: Path, by_hand: None
) -> None:
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
    file.write_text('{"cut": ')
    lines._failed(OSError("no space"))
    lines.write(['{"whole": 1}\n'])
    lines.close()
    assert file.read_text().splitlines()[-1] == '{"whole": 1}'


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Event:
    """A disk that hangs until the event is set."""
    back, write = Event(), RotatingLines.write

    def hang(self: RotatingLines, lines: Sequence[str]) -> None:
        back.wait()
        write(self, lines)

    monkeypatch.setattr(RotatingLines, "write", hang)
    monkeypatch.setattr(module, "_HANGS", 0.0)
    return back


def test_a_disk_that_hangs_fills_the_queue_and_holds_nobody_up(
    root: Path, folder: Path, hanging: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would not fit is lost and counted; memory has an end."""
    monkeypatch.setattr(module, "_WAITING", 5)
    with serving(root, log=folder) as client:
        before = lost("queue")
        for _ in range(8):
            assert client.ask(ROW).status == 200
        assert lost("queue") == before + 3
        hanging.set()
    assert len(logged(folder)) == 5


def test_what_waits_is_bounded_by_rows(root: Path, folder: Path, hanging: Event) -> None:
    """A request may have a thousand of them, so that a few requests are much."""
    with serving(root, log=folder) as client:
        before = lost("queue")
        for _ in range(13):
            assert client.ask([ROW] * 1000).status == 200
        assert lost("queue") == before + 3000
        hanging.set()
    assert len(logged(folder)) == 10_000


def test_a_log_that_is_late_loses_nothing(root: Path, folder: Path) -> None:
    """Lines are made more slowly than predictions: large requests wait until there is room."""

    async def many(client: Client) -> None:
        for _ in range(25):
            assert (await client.asked([ROW] * 1000)).status == 200

    with serving(root, log=folder) as client:
        asyncio.run(many(client))
    assert len(logged(folder)) == 25_000


def test_rows_that_cannot_be_written_down_are_counted_and_the_next_are_kept(
    root: Path, folder: Path, by_hand: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure of ours costs the rows at hand."""
    with serving(root, log=folder) as client:
        before = lost("error")
        with monkeypatch.context() as patched:
            patched.setattr(module, "_JSON", None)
            ask_and_write(client, b"lost")
        assert lost("error") == before + 1
        ask_and_write(client, b"kept")
    assert [row["request_id"] for row in logged(folder)] == ["kept"]


def test_nothing_is_made_of_the_rows_before_the_answer(
    root: Path, folder: Path, by_hand: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread makes the lines, so that the next request need not wait for them."""
    made: list[str] = []

    def make(line: object) -> str:
        made.append(current_thread().name)
        return json.dumps(line)

    monkeypatch.setattr(module, "_JSON", make)
    with serving(root, log=folder) as client:
        assert client.ask([ROW] * 3).status == 200
        assert not made
    assert made == ["inference log"] * 3


def test_bentoml_does_not_warn_of_the_rows_of_the_first_request(
    root: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It takes the second row's columns for columns that stand twice, and says so of each."""
    with serving(root, log=folder) as client:
        client.ask([ROW] * 3)
    assert "duplicated" not in caplog.text
