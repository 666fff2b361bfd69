"""The model's interface: odd graphs and odd tables are errors in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper, numpy_helper

from gatehouse.errors import GatehouseError
from gatehouse.model import Model, write_metadata
from gatehouse.workspace import MODEL
from tests.gatehouse.tiny import Finished, make_graph, origin, rows


def _load(graph: Any) -> Model:
    return Model(Path("model.onnx"), graph.SerializeToString())


def test_scores_are_the_graph_s_own(tmp_path: Path) -> None:
    """Attacks feeding: order of columns, missing values, other columns, many rows, none."""
    model = _load(make_graph())
    frame = rows(9)[["rich", "job", "sex", "age"]]
    frame.loc[4, "age"] = np.nan
    age, nurse = frame["age"].fillna(0).to_numpy(), (frame["job"] == "nurse").to_numpy()
    expected = 1 / (1 + np.exp(-(0.02 * age + nurse)))
    np.testing.assert_allclose(model.scores(frame), expected, rtol=1e-5)
    assert model.scores(frame.iloc[:0]).shape == (0,)
    many = pd.concat([frame] * 8000, ignore_index=True)
    np.testing.assert_array_equal(model.scores(many)[:9], model.scores(frame))
    assert model.decisions(np.array([[0.26, 0.74], [0.25, 0.75]])).tolist() == [0, 1]


@pytest.mark.parametrize("content", [b"", b"not a graph", b"\x00" * 100])
def test_bytes_that_are_no_graph_are_told(content: bytes) -> None:
    """Attacks the loader with files that were cut short or are something else."""
    with pytest.raises(GatehouseError, match=r"model\.onnx: is not a usable ONNX graph"):
        Model(Path("model.onnx"), content)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """Attacks a run without its model."""
    with pytest.raises(GatehouseError, match="cannot be read"):
        Model(tmp_path / "model.onnx")


@pytest.mark.parametrize("size", [1, 40_000])
def test_weights_in_files_beside_the_graph_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Attacks weights that no digest covers: they could be swapped after the judging."""
    weights = numpy_helper.from_array(np.full((size, 2), 0.001, np.float32), "weights")
    zeros = numpy_helper.from_array(np.zeros((1, size), np.float32), "zeros")
    graph = helper.make_graph(
        [
            helper.make_node("Add", ["age", "zeros"], ["wide"]),
            helper.make_node("Gemm", ["wide", "weights"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probabilities"]),
        ],
        "external",
        [helper.make_tensor_value_info("age", TensorProto.FLOAT, ["N", 1])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 2])],
        [weights, zeros],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    write_metadata(model, _load(make_graph()).metadata)
    assert Model(tmp_path / "whole.onnx", model.SerializeToString()).scores(rows(3)).shape == (3,)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.onnx"
    onnx.save_model(
        model, path, save_as_external_data=True, location="weights.bin", size_threshold=0
    )
    assert (tmp_path / "weights.bin").exists()
    for name in (path, tmp_path / "models" / "model.onnx"):
        with pytest.raises(GatehouseError, match="not a usable ONNX graph"):
            Model(name, path.read_bytes())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"output": "output_0"}, "no output named 'probabilities'"),
        ({"metadata": False}, r"\(metadata\): threshold: this key is missing"),
    ],
)
def test_a_graph_without_its_parts_is_told(changes: dict[str, Any], expected: str) -> None:
    """Attacks graphs that another exporter wrote."""
    with pytest.raises(GatehouseError, match=expected):
        _load(make_graph(**changes))


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("threshold", "NaN", "threshold"),
        ("threshold", "7", "threshold"),
        ("threshold", "{", "threshold is not JSON"),
        ("classes", '["no"]', "classes"),
        ("commit", "5", "commit"),
        ("surprise", "5", "surprise"),
    ],
)
def test_forged_metadata_is_told(key: str, text: str, expected: str) -> None:
    """Attacks the metadata, which anyone can write into a graph."""
    graph = make_graph()
    kept = [p for p in graph.metadata_props if p.key != f"gatehouse.{key}"]
    del graph.metadata_props[:]
    graph.metadata_props.extend(kept)
    graph.metadata_props.add(key=f"gatehouse.{key}", value=text)
    with pytest.raises(GatehouseError, match=expected):
        _load(graph)


@pytest.mark.parametrize(
    "text", [b"age", b"by hand", b"gatehouse.trainer", b"probabilities", b"nurse_name"]
)
def test_names_that_are_no_text_are_told(text: bytes) -> None:
    """Attacks the bindings of ONNX Runtime, which cannot decode them."""
    graph = make_graph()
    graph.metadata_props.add(key="nurse_name", value="x")
    content = graph.SerializeToString().replace(text, b"\xff\xfe" + text[2:])
    with pytest.raises(GatehouseError, match=r"model\.onnx: "):
        Model(Path("model.onnx"), content)


def test_metadata_nested_without_end_is_told() -> None:
    """Attacks the JSON reader's stack."""
    graph = make_graph()
    next(p for p in graph.metadata_props if p.key == "gatehouse.trainer").value = "[" * 100_000
    with pytest.raises(GatehouseError, match=r"gatehouse\.trainer is not JSON"):
        _load(graph)


@pytest.mark.parametrize("words", [True, False])
def test_an_output_of_text_is_told(words: bool) -> None:
    """Attacks scores given as text, which NumPy would read as numbers, or fail to."""
    graph = make_graph()
    last = graph.graph.node[-1]
    last.output[0] = "numbers"
    graph.graph.node.append(
        helper.make_node("Concat", ["job", "job"], ["probabilities"], axis=1)
        if words
        else helper.make_node("Cast", ["numbers"], ["probabilities"], to=TensorProto.STRING)
    )
    graph.graph.output[0].type.tensor_type.elem_type = TensorProto.STRING
    with pytest.raises(GatehouseError, match=r"model\.onnx: 'probabilities' holds"):
        _load(graph).scores(rows(5))


def test_values_that_are_no_probabilities_are_told() -> None:
    """Attacks a graph that gives logits, odds or NaN."""
    with pytest.raises(GatehouseError, match="not probabilities"):
        _load(make_graph(probabilities=False)).scores(rows(5))
    with pytest.raises(GatehouseError, match="not probabilities"):
        _load(make_graph(scale=float("nan"))).scores(rows(5))


def test_an_output_of_another_shape_is_told() -> None:
    """Attacks graphs that give the positive class alone."""
    graph = make_graph()
    graph.graph.node[-1].input[:] = ["yes"]
    graph.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 1
    with pytest.raises(GatehouseError, match=r"shape \[5, 2\], and is shape \(5, 1\)"):
        _load(graph).scores(rows(5))


def test_an_input_that_the_gates_do_not_feed_is_told() -> None:
    """Attacks int64 inputs, which most converters make of integer columns."""
    graph = make_graph()
    graph.graph.input[0].type.tensor_type.elem_type = TensorProto.INT64
    graph.graph.node.insert(
        0, helper.make_node("Cast", ["age"], ["age_float"], to=TensorProto.FLOAT)
    )
    for node in list(graph.graph.node)[1:]:
        node.input[:] = ["age_float" if name == "age" else name for name in node.input]
    with pytest.raises(GatehouseError, match=r"input 'age' is a tensor\(int64\)"):
        _load(graph)


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("age", ["old"] * 5, "column 'age' should hold numbers, and holds text"),
        ("age", ["41"] * 5, "column 'age' should hold numbers, and holds text"),
        ("age", [1.0, 2.0, "x", None, 3.0], "should hold numbers, and holds mixed"),
        ("age", pd.to_datetime(["2026-01-01"] * 5), "should hold numbers, and holds timestamps"),
        ("job", [1, 2, 3, 4, 5], "column 'job' should hold text, and holds numbers"),
        ("job", ["cook", 5, "cook", None, "cook"], "should hold text, and holds mixed"),
    ],
)
def test_a_column_of_another_type_is_told(column: str, values: Any, expected: str) -> None:
    """Attacks tables whose types changed on the way: codes for categories, text for numbers."""
    with pytest.raises(GatehouseError, match=expected):
        _load(make_graph()).scores(rows(5).assign(**{column: values}))


def test_a_column_that_is_not_there_is_told() -> None:
    """Attacks a dropped column."""
    with pytest.raises(GatehouseError, match="reads column 'job'; the table has none"):
        _load(make_graph()).scores(rows(5).drop(columns="job"))


@pytest.mark.parametrize("values", [[None] * 5, [1, 2, 3, 4, 5], [True] * 5, [1.5, None, 2, 3, 4]])
def test_numbers_of_any_kind_are_fed(values: list[Any]) -> None:
    """Attacks columns that are wholly missing, whole numbers or truths: all are numbers."""
    for dtype in (None, object):
        frame = rows(5).assign(age=pd.Series(values, dtype=dtype))
        assert np.isfinite(_load(make_graph()).scores(frame)).all()


def test_a_graph_that_the_contract_does_not_know_is_told(finished: Finished) -> None:
    """Attacks a graph that reads a column it may not, or speaks of other classes."""
    contract = finished.root / "contract.yaml"
    text = contract.read_text()
    contract.write_text(text.replace("job: {", "job: {role: ignored, "))
    with pytest.raises(GatehouseError, match="the graph reads job, which the contract does not"):
        _ = finished.workspace.model
    contract.write_text(text.replace('positive: "yes"', 'positive: "no"'))
    onnx.save_model(make_graph(**origin(finished.root)), finished.root / MODEL)
    with pytest.raises(GatehouseError, match="the graph's classes are"):
        _ = finished.workspace.model


def test_external_bytes_in_the_workspace_are_not_read(finished: Finished) -> None:
    """Attacks the served model's path: it goes through the same loader."""
    (finished.root / MODEL).write_bytes(b"x")
    with pytest.raises(GatehouseError, match="not a usable ONNX graph"):
        _ = finished.workspace.model
