"""Mutations that keep a file readable: one value, line, node or column is another."""

from __future__ import annotations

import copy
import io
import json
from typing import Any

import pandas as pd
from hypothesis import strategies as st

from tests.fuzz.mutations import mutated

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, 0.0, -0.5, 0.5, 1e308, 5e-324, "", " ", "x",
    "0", "\0", "\u202e", "x" * 5000, [], {}, [[]], [None], {"": None}, "2026-02-30", "all", "*",
    "sha256:0",
)  # fmt: skip
SCALARS = (
    "null", "true", "~", "-1", "1e999", ".nan", ".inf", "0x10", "1_000", "2026-02-30", "[]", "{}",
    "[[]]", "*a", "&a x", "!!set {a}", "!!python/object:os.system x", "|", ">-", "'", "<<", "? x",
    "9" * 400, "[1, 2]", "{a: 1}", "yes", "1:30", "''", "pass", "warn", "99999", "0.5", "other",
)  # fmt: skip

# Copies: what is put in may itself be changed by the next mutation.
_ODD = st.sampled_from(ODD).map(copy.deepcopy)


@st.composite
def changed_json(draw: st.DrawFn, seed: bytes) -> bytes:
    """JSON with values replaced, taken out, doubled or moved."""
    data = json.loads(seed)
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(data))
        if not places:
            break
        parent, key = draw(st.sampled_from(places))
        match draw(st.sampled_from(("odd", "odd", "out", "other", "new"))):
            case "odd":
                parent[key] = draw(_ODD)
            case "out":
                del parent[key]
            case "other":
                there, other = draw(st.sampled_from(places))
                parent[key] = copy.deepcopy(there[other])
            case "new" if isinstance(parent, dict):
                parent[draw(st.text(max_size=5))] = draw(_ODD)
            case "new":
                parent.append(copy.deepcopy(parent[key]))
    return json.dumps(data).encode()


def _places(node: Any) -> Any:
    keys = list(node) if isinstance(node, dict) else range(len(node))
    for key in keys:
        yield node, key
        if isinstance(node[key], dict | list):
            yield from _places(node[key])


@st.composite
def changed_yaml(draw: st.DrawFn, seed: bytes) -> bytes:
    """YAML with lines replaced, taken out, doubled, moved or indented, and values replaced."""
    lines = seed.decode().splitlines()
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(("value", "value", "value", "out", "double", "move", "indent"))):
            case "value":
                head, colon, _ = lines[at].partition(":")
                lines[at] = f"{head}{colon} {draw(st.sampled_from(SCALARS))}"
            case "out" if len(lines) > 1:
                del lines[at]
            case "double":
                lines.insert(draw(st.integers(0, len(lines))), lines[at])
            case "move":
                lines.append(lines[at])
            case "indent":
                lines[at] = draw(st.sampled_from(("  ", " ", "- ", "\t"))) + lines[at]
    return "\n".join(lines).encode()


@st.composite
def changed_model(draw: st.DrawFn, seed: bytes) -> bytes:
    """A graph whose nodes, shapes, constants or metadata are others."""
    import onnx

    model = onnx.load_from_string(seed)
    graph = model.graph
    names = [*(name for node in graph.node for name in (*node.input, *node.output)), "", "age"]
    for _ in range(draw(st.integers(1, 2))):
        node = draw(st.sampled_from(list(graph.node)))
        constant = draw(st.sampled_from(list(graph.initializer)))
        match draw(
            st.sampled_from(("op", "input", "output", "shape", "type", "in", "said", "out"))
        ):
            case "op":
                ops = ("Identity", "Loop", "If", "Shape", "Neg", "Gather", "Tile", "Cast", "Evil")
                node.op_type = draw(st.sampled_from(ops))
            case "input" if node.input:
                at = draw(st.integers(0, len(node.input) - 1))
                node.input[at] = draw(st.sampled_from(names))
            case "output":
                node.output[0] = draw(st.sampled_from(names))
            case "shape":
                sizes = (0, -1, 1, 2, 1 << 20, 1 << 40, 1 << 62)
                constant.dims[:] = [draw(st.sampled_from(sizes))]
            case "type":
                constant.data_type = draw(st.integers(0, 25))
            case "in":
                value = draw(st.sampled_from([*graph.input, *graph.output]))
                value.type.tensor_type.elem_type = draw(st.integers(0, 25))
            case "said":
                said = draw(st.sampled_from(list(model.metadata_props)))
                said.value = json.dumps(draw(st.sampled_from(ODD)))
            case "out" if len(graph.node) > 1:
                graph.node.remove(node)
    content: bytes = model.SerializeToString()
    return content


@st.composite
def changed_table(draw: st.DrawFn, seed: bytes) -> bytes:
    """A table with columns of other names, kinds and order, fewer rows, or hostile values."""
    frame = pd.read_parquet(io.BytesIO(seed))
    for _ in range(draw(st.integers(1, 2))):
        name = draw(st.sampled_from(list(frame.columns)))
        match draw(st.sampled_from(("name", "kind", "value", "rows", "order", "new", "out"))):
            case "name":
                frame = frame.rename(columns={name: draw(st.text(max_size=8))})
            case "kind":
                kind = draw(st.sampled_from(("str", "category", "object", "bytes", "list", "bool")))
                odd = {"bytes": b"\xff", "list": [1], "bool": True}.get(kind)
                known = kind if odd is None else "str"
                kept = frame[name].map(repr).astype(known)
                frame[name] = kept if odd is None else pd.Series([odd] * len(frame), dtype=object)
            case "value":
                value = draw(st.sampled_from((None, "\0", "<!--", "=1+1", 1e308, -1.0, 2**62)))
                frame[name] = pd.Series([value] * len(frame))
            case "rows":
                frame = frame.head(draw(st.sampled_from((0, 1, 2, 20))))
            case "order":
                frame = frame[list(reversed(frame.columns))]
            case "new":
                frame[draw(st.text(max_size=8))] = 1
            case "out" if len(frame.columns) > 1:
                frame = frame.drop(columns=name)
        frame = frame.loc[:, ~frame.columns.duplicated()].reset_index(drop=True)
    stream = io.BytesIO()
    frame.to_parquet(stream, index=False, compression="none", use_dictionary=False)
    return stream.getvalue()


def json_file(seed: bytes) -> st.SearchStrategy[bytes]:
    return st.one_of(mutated(seed), changed_json(seed))


def yaml_file(seed: bytes) -> st.SearchStrategy[bytes]:
    return st.one_of(mutated(seed), changed_yaml(seed))


def model_file(seed: bytes) -> st.SearchStrategy[bytes]:
    return st.one_of(mutated(seed), changed_model(seed))


def table_file(seed: bytes) -> st.SearchStrategy[bytes]:
    return st.one_of(mutated(seed), changed_table(seed))
