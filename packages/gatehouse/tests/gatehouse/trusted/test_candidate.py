"""Attacks the candidate: only what its lock records is measured, and what can't be is no pass."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import onnx
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from onnx import TensorProto, helper

from gatehouse.errors import GatehouseError
from gatehouse.judge_files import verdict_on
from gatehouse.trusted import measuring
from gatehouse.trusted.candidate import check_outputs, complete, outputs_of
from gatehouse.trusted.isolation import Isolation, Level
from gatehouse.verdict import Outcome
from gatehouse.workspace import MODEL, MODEL_FP32, Workspace
from tests.fuzz.seeds import Candidate, passing
from tests.gatehouse.tiny import make_graph, origin
from tests.shared import NAMES

RAW = Path("data/raw/rows.parquet")
FILES = ("contract.yaml", "policy.yaml", "params.yaml", "model_card.yaml")


@pytest.fixture
def candidate(tmp_path: Path) -> Candidate:
    return passing(tmp_path / "candidate")


def git(root: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Tester", "-c", "user.email=tester@example.org"]
    return subprocess.run(
        ["git", *who, *arguments], cwd=root, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def head(tmp_path: Path, candidate: Candidate) -> Path:
    """A checkout with the candidate's own files, which a test changes."""
    root = tmp_path / "head"
    root.mkdir()
    git(root, "init", "-q")
    for name in FILES[:3]:
        (root / name).write_bytes((candidate.root / name).read_bytes())
        (candidate.root / name).unlink()
    return root


def committed(root: Path) -> str:
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "a change")
    return git(root, "rev-parse", "HEAD")


def test_a_commit_completes_its_candidate(head: Path, candidate: Candidate) -> None:
    """Attacks the way in: the archive brings data and models, the commit brings the rest."""
    (head / "policy.yaml").write_text((head / "policy.yaml").read_text() + "# mine\n")
    complete(candidate.root, committed(head), head)
    assert (candidate.root / "policy.yaml").read_text().endswith("# mine\n")
    assert not (candidate.root / "model_card.yaml").exists()


def _link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "x").write_text("version: 1")


def _submodule(path: Path) -> None:
    path.unlink()
    path.mkdir()
    git(path, "init", "-q")
    git(path, "commit", "-q", "--allow-empty", "-m", "x")


@pytest.mark.parametrize("name", ["params.yaml", "model_card.yaml"])
@pytest.mark.parametrize(
    "change",
    [
        _folder,
        _submodule,
        lambda path: path.write_text("# x\n" * 300_000),
        lambda path: path.write_bytes(b"a: \xff"),
    ],
    ids=["folder", "submodule", "huge", "binary"],
)
def test_a_commits_file_of_another_kind_is_told(
    head: Path, candidate: Candidate, name: str, change: Callable[[Path], Any]
) -> None:
    """Attacks reading from Git: folders, submodules, files that are large or no text."""
    (head / name).touch()
    change(head / name)
    with pytest.raises(GatehouseError, match=name):
        complete(candidate.root, committed(head), head)


def test_a_link_is_not_followed(head: Path, candidate: Candidate) -> None:
    """Attacks the files of the machine that judges."""
    for name in ("contract.yaml", "params.yaml"):
        _link(head / name)
    with pytest.raises(GatehouseError, match=r"params\.yaml: holds no settings"):
        complete(candidate.root, committed(head), head)
    for name in ("contract.yaml", "params.yaml"):
        assert not (candidate.root / name).is_symlink()
        assert (candidate.root / name).read_text() == "/etc/passwd"


@pytest.mark.parametrize("text", ["", "[]", "5", "- a", "a: b: c", "&a\nx: *a"])
def test_params_that_are_none_are_told(head: Path, candidate: Candidate, text: str) -> None:
    """Attacks the report, which lists the settings."""
    (head / "params.yaml").write_text(text)
    with pytest.raises(GatehouseError, match=r"params\.yaml"):
        complete(candidate.root, committed(head), head)


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / MODEL).write_bytes((root / MODEL).read_bytes() + b"\0"),
        lambda root: (root / RAW).write_bytes(b""),
        lambda root: (root / "data/raw/more.parquet").write_bytes(b"x"),
        lambda root: (root / MODEL).write_bytes((root / MODEL_FP32).read_bytes()),
    ],
)
def test_what_the_lock_does_not_record_is_refused(
    candidate: Candidate, change: Callable[[Path], Any]
) -> None:
    """Attacks the tie between what is judged and what merges."""
    check_outputs(candidate.root)
    change(candidate.root)
    with pytest.raises(GatehouseError, match=r"is not what its dvc\.lock records"):
        check_outputs(candidate.root)


LAUGHS = "\n".join(
    ["a0: &a0 [lol]"]
    + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    + ["stages: {all: {outs: [{path: *a11, md5: x}]}}"]
)


@pytest.mark.parametrize(
    "text",
    [
        LAUGHS,
        "[" * 1000,
        "stages: " + "{a: " * 1000,
        "stages: []",
        "stages: {all: 5}",
        "stages: {all: {outs: 5}}",
        "stages: {all: {outs: [5]}}",
        "stages: {all: {outs: [{path: models/model.onnx}]}}",
        "stages: {}\nstages: {}",
        "5",
        "null",
        "--- a\n--- b",
        "!!python/object/apply:os.system ['true']",
    ],
    ids=lambda text: text[:30],
)
def test_a_lock_that_is_none_is_told(candidate: Candidate, text: str) -> None:
    """Attacks the lock's reader: aliases without end, deep nesting, other shapes."""
    with pytest.raises(GatehouseError, match=r"dvc\.lock"):
        outputs_of(text, "the candidate's dvc.lock")
    (candidate.root / "dvc.lock").write_text(text)
    with pytest.raises(GatehouseError, match=r"dvc\.lock"):
        check_outputs(candidate.root)


def test_a_lock_with_an_output_twice_is_told(candidate: Candidate) -> None:
    """Attacks the choice between two: one could fit what is judged, the other what merges."""
    text = (candidate.root / "dvc.lock").read_text()
    entry = "    - path: models/model.onnx\n      hash: md5\n      md5: " + "a" * 32 + "\n"
    (candidate.root / "dvc.lock").write_text(f"{text}  again:\n    cmd: x\n    outs:\n{entry}")
    with pytest.raises(GatehouseError, match=r"names the output models/model\.onnx twice"):
        check_outputs(candidate.root)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a: \x00", b""])
def test_a_lock_that_is_no_text_is_told(candidate: Candidate, content: bytes) -> None:
    """Attacks decoding; an empty lock records nothing."""
    (candidate.root / "dvc.lock").write_bytes(content)
    with pytest.raises(GatehouseError, match=r"dvc\.lock"):
        check_outputs(candidate.root)


def measured(gate: str, candidate: Candidate, seconds: float) -> str | None:
    ask = partial(measuring._run, Isolation(Level.NONE, candidate.root), "0" * 64, NAMES)
    return measuring._measure(gate, candidate.root, ask, seconds)


def refused(candidate: Candidate, gate: str, name: Path) -> str:
    """Why the gate could not be measured, once its lock fits: names the file, and is no pass."""
    candidate.relock()
    check_outputs(candidate.root)
    reason = measured(gate, candidate, 600)
    assert reason is not None
    assert name.as_posix() in reason
    assert reason.isprintable()
    assert not re.match(r"[\w.]+(Error|Exception): ", reason)
    verdict = verdict_on(Workspace(candidate.root), unmeasured={gate: reason})
    assert verdict.outcome is Outcome.FAIL
    assert verdict.gate_blocks(gate)
    return reason


def _graph(candidate: Candidate) -> Any:
    return make_graph(**origin(candidate.root))


def _external(model: Any, location: str) -> None:
    weights = model.graph.initializer[2]
    weights.ClearField("float_data")
    weights.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "4")):
        entry = weights.external_data.add()
        entry.key, entry.value = key, value


def _custom(model: Any) -> None:
    model.graph.node[0].domain = "com.example"
    model.opset_import.append(helper.make_opsetid("com.example", 1))


def _gigantic(model: Any) -> None:
    model.graph.initializer[2].dims[:] = [1 << 40]


def _huge_at_run(model: Any) -> None:
    shape = helper.make_tensor("huge", TensorProto.INT64, [2], [1 << 25, 1 << 25])
    model.graph.initializer.append(shape)
    model.graph.node[-1].output[0] = "both"
    model.graph.node.extend(
        [
            helper.make_node("ConstantOfShape", ["huge"], ["zeros"]),
            helper.make_node("ReduceSum", ["zeros"], ["sum"], keepdims=0),
            helper.make_node("Add", ["both", "sum"], ["probabilities"]),
        ]
    )


def _controls(model: Any) -> None:
    for said in model.metadata_props:
        if said.key == "gatehouse.data":
            said.value = json.dumps("\x1b[2J\x1b[31m\n::error::x\u202e")


@pytest.mark.parametrize(
    "change",
    [
        lambda model: _external(model, "/etc/passwd"),
        lambda model: _external(model, "../../x"),
        lambda model: _external(model, "model.onnx"),
        _custom,
        _gigantic,
        _huge_at_run,
        _controls,
    ],
    ids=["absolute", "outside", "beside", "operator", "gigantic", "huge at run", "controls"],
)
def test_a_hostile_graph_is_no_pass(candidate: Candidate, change: Callable[[Any], None]) -> None:
    """Attacks the process that measures with graphs that reach out, or want all memory."""
    model = _graph(candidate)
    change(model)
    (candidate.root / MODEL).write_bytes(model.SerializeToString())
    refused(candidate, "accuracy", MODEL)


def test_a_graph_that_never_ends_is_ended(
    candidate: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks the runner's time: the process is killed at its limit, and the gate is no pass."""
    model = _graph(candidate)
    model.graph.node[-1].output[0] = "both"
    body = helper.make_graph(
        [helper.make_node("Identity", ["on"], ["still"]),
         helper.make_node("Identity", ["x"], ["y"])],
        "forever",
        [helper.make_tensor_value_info("turn", TensorProto.INT64, []),
         helper.make_tensor_value_info("on", TensorProto.BOOL, []),
         helper.make_tensor_value_info("x", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info("still", TensorProto.BOOL, []),
         helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )  # fmt: skip
    model.graph.initializer.append(helper.make_tensor("true", TensorProto.BOOL, [], [True]))
    model.graph.node.append(
        helper.make_node("Loop", ["", "true", "both"], ["probabilities"], body=body)
    )
    onnx.save_model(model, candidate.root / MODEL)
    candidate.relock()
    monkeypatch.setenv("PYTHONPATH", "")  # by itself: a copy of tests/warm ends a moment later
    reason = measured("accuracy", candidate, 6)
    assert reason is not None
    assert reason.startswith("the accuracy gate took longer than its 6 s and was stopped")
    assert not any(_works_in(process, candidate.root) for process in Path("/proc").glob("[0-9]*"))
    verdict = verdict_on(Workspace(candidate.root), unmeasured={"accuracy": reason})
    assert verdict.gate_blocks("accuracy")


def _works_in(process: Path, folder: Path) -> bool:
    try:
        return process.joinpath("cwd").resolve() == folder
    except OSError:
        return False


def _footer_says(content: bytes, old: int, new: int) -> bytes:
    """Parquet's footer with a number of rows replaced (Thrift's compact zigzag integers)."""

    def varint(number: int) -> bytes:
        number, out = number << 1, bytearray()
        while number >= 0x80:
            out.append(number & 0x7F | 0x80)
            number >>= 7
        return bytes([*out, number])

    length = int.from_bytes(content[-8:-4], "little")
    footer = content[-8 - length : -8].replace(varint(old), varint(new))
    return content[: -8 - length] + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def _frame(candidate: Candidate) -> pd.DataFrame:
    return pd.read_parquet(candidate.root / RAW)


def _table(candidate: Candidate, **columns: Any) -> None:
    table = pa.Table.from_pandas(_frame(candidate), preserve_index=False)
    rows = table.num_rows
    for name, value in columns.items():
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, pa.array([value] * rows))
    pq.write_table(table, candidate.root / RAW)


def _claims_rows(candidate: Candidate, claimed: int) -> None:
    path = candidate.root / RAW
    path.write_bytes(_footer_says(path.read_bytes(), 3500, claimed))


@pytest.mark.parametrize(
    "change",
    [
        lambda made: _table(made, age=[1.0]),
        lambda made: _table(made, job={"a": 1}),
        lambda made: _table(made, job=b"\xff"),
        lambda made: _claims_rows(made, 1 << 40),
        lambda made: _claims_rows(made, 1 << 62),
        lambda made: (made.root / RAW).write_bytes((made.root / RAW).read_bytes()[:-20]),
        lambda made: (made.root / RAW).write_bytes(b"PAR1" * 3),
    ],
    ids=["lists", "structs", "bytes", "2^40 rows", "2^62 rows", "cut", "nothing"],
)
def test_a_hostile_table_is_no_pass(
    candidate: Candidate, change: Callable[[Candidate], Any]
) -> None:
    """Attacks the process that measures with tables of other shapes, or of more than there is."""
    change(candidate)
    refused(candidate, "data", RAW)


@pytest.mark.slow
@pytest.mark.parametrize(
    "column", [{"age": "old"}, {"age": None}, {"rich": 1}, {"rich": "yes"}, {"job": "\0<script>"}]
)
def test_a_table_of_other_values_is_measured_and_fails(
    candidate: Candidate, column: dict[str, Any]
) -> None:
    """Attacks the data gate with columns of other kinds: it measures them, and they break it."""
    frame = _frame(candidate).assign(**column)
    frame.to_parquet(candidate.root / RAW, index=False)
    candidate.relock()
    assert measured("data", candidate, 600) is None
    assert verdict_on(Workspace(candidate.root)).gate_blocks("data")
