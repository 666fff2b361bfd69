"""The model as every gate sees it: an ONNX graph with raw columns in and predictions out.

Inputs: one per column that the contract feeds to the model, named as the column, shape [N, 1];
category columns as strings ("" is missing), numeric columns as float32 (NaN is missing), timestamps
as float64 seconds since 1970 in UTC (NaN is missing).
Output of a classifier: `probabilities`, float32 [N, K], the classes in the order of the metadata's
`classes`. For a regression: `prediction`, float32 [N, 1], in the target's units.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from gatehouse.contract import Task
from gatehouse.errors import GatehouseError
from gatehouse.typed import Frozen, validate

if TYPE_CHECKING:
    import onnx
    import pandas as pd

OUTPUT = "probabilities"
VALUE = "prediction"

Floats = NDArray[np.float64]

_PREFIX = "gatehouse."
TEXT, NUMBER, TIME = "tensor(string)", "tensor(float)", "tensor(double)"
"""Types of the graph's inputs."""
_HELD = {TEXT: "text", NUMBER: "numbers", TIME: "timestamps"}
_SCORING_ROWS = 65_536


_NUMBERS = ("integer", "floating", "mixed-integer-float", "boolean", "decimal")


class Metadata(Frozen):
    """Metadata stored in the graph."""

    contract: str
    data: str
    commit: str
    classes: tuple[str, ...]
    """A classifier's classes, the positive one last if there are two; () for a regression."""
    threshold: Annotated[float, Field(ge=0, le=1)] | None
    """Decision threshold for the positive class; null unless the task is binary."""
    trainer: str

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.classes) == 1:
            raise ValueError("a model tells two or more classes apart, or gives a number")
        if (self.threshold is not None) != (self.task is Task.BINARY):
            raise ValueError("a model of two classes has a decision threshold, and no other has")
        return self

    @property
    def task(self) -> Task:
        match len(self.classes):
            case 0:
                return Task.REGRESSION
            case 2:
                return Task.BINARY
        return Task.MULTICLASS


def output_name(task: Task) -> str:
    """Return the name of the graph's output."""
    return VALUE if task is Task.REGRESSION else OUTPUT


def score(outputs: Floats, task: Task) -> Floats:
    """Return one number for each row, shape [N], from outputs of shape [N, K].

    This is the positive class's probability (binary), the largest probability (multiclass), or the
    value (regression).
    """
    match task:
        case Task.BINARY:
            return np.asarray(outputs[:, 1])
        case Task.MULTICLASS:
            return np.asarray(outputs.max(axis=1))
    return np.asarray(outputs[:, 0])


def decide(outputs: Floats, metadata: Metadata) -> NDArray[np.intp]:
    """Return the index of the predicted class of each row, shape [N].

    Binary: the positive class if its probability reaches the threshold. Multiclass: the first of
    the most probable classes.
    """
    if metadata.threshold is not None:
        return np.asarray(outputs[:, 1] >= metadata.threshold, np.intp)
    return np.asarray(outputs.argmax(axis=1))


def write_metadata(graph: onnx.ModelProto, metadata: Metadata) -> None:
    """Store `metadata` in the graph, replacing earlier metadata."""
    values = metadata.model_dump(mode="json")
    kept = {p.key: p.value for p in graph.metadata_props if not p.key.startswith(_PREFIX)}
    del graph.metadata_props[:]
    for key, value in sorted(kept.items()):
        graph.metadata_props.add(key=key, value=value)
    for key, value in sorted(values.items()):
        graph.metadata_props.add(key=_PREFIX + key, value=json.dumps(value))


class Model:
    """An ONNX Runtime session on one graph that takes tables.

    It uses one thread: small graphs do not gain from more.
    """

    def __init__(self, path: Path, content: bytes | None = None) -> None:
        """Load the graph at `path` (or from `content`, named `path` in errors).

        Raises:
            GatehouseError: the file is not a usable ONNX graph, or has no Gatehouse metadata.
        """
        import onnxruntime as ort

        self.path = path
        try:
            content = content if content is not None else path.read_bytes()
            options = ort.SessionOptions()
            # External weight files are in no digest, so they must never be found: the folder in
            # which they are looked for cannot exist.
            options.add_session_config_entry(
                "session.model_external_initializers_file_folder_path", f"{os.devnull}/none"
            )
            options.intra_op_num_threads = 1
            options.inter_op_num_threads = 1
            options.log_severity_level = 3
            self.session = ort.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
        except OSError as error:
            raise GatehouseError(f"{path}: cannot be read ({error.strerror})") from None
        except Exception as error:  # ONNX Runtime raises its own, unexported classes
            raise GatehouseError(f"{path}: is not a usable ONNX graph ({error})") from None
        try:
            self.inputs: dict[str, str] = {i.name: i.type for i in self.session.get_inputs()}
            outputs = {o.name: o.type for o in self.session.get_outputs()}
            stored: dict[str, str] = self.session.get_modelmeta().custom_metadata_map
        except UnicodeDecodeError:
            raise GatehouseError(f"{path}: a name or text in the graph is not UTF-8") from None
        if not self.inputs:
            raise GatehouseError(f"{path}: the graph reads no column")
        for name, kind in self.inputs.items():
            if kind not in _HELD:
                raise GatehouseError(
                    f"{path}: input '{name}' is a {kind}; the gates feed {' or '.join(_HELD)}, "
                    "so cast inside the graph"
                )
        self.metadata = self._metadata(stored)
        self.output = output_name(self.metadata.task)
        if self.output not in outputs:
            raise GatehouseError(f"{path}: the graph has no output named '{self.output}'")

    def _metadata(self, stored: dict[str, str]) -> Metadata:
        values: dict[str, Any] = {}
        for key, text in stored.items():
            if key.startswith(_PREFIX):
                try:
                    values[key.removeprefix(_PREFIX)] = json.loads(text)
                except (ValueError, RecursionError):
                    raise GatehouseError(f"{self.path}: metadata {key} is not JSON") from None
        return validate(Metadata, values, f"{self.path} (metadata)")

    def feeds(self, frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
        """Return the graph's inputs from a table's columns, each of shape [N, 1].

        Raises:
            GatehouseError: a column is missing, or has text where numbers are needed or vice versa.
        """
        for name in self.inputs:
            if name not in frame.columns:
                raise GatehouseError(
                    f"{self.path}: the graph reads column '{name}'; the table has none"
                )
        return {name: feed(frame[name], kind) for name, kind in self.inputs.items()}

    def run(self, feeds: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
        """Return the graph's output, shape [N, K] (regression: K is 1), from feeds [N, 1].

        Raises:
            GatehouseError: the graph can't run on the feeds, or its output has another shape.
        """
        try:
            (output,) = self.session.run([self.output], feeds)
        except Exception as error:  # ONNX Runtime raises its own, unexported classes
            raise GatehouseError(f"{self.path}: the graph fails on these rows ({error})") from None
        rows = len(next(iter(feeds.values())))
        shape = rows, len(self.metadata.classes) or 1
        if not isinstance(output, np.ndarray) or output.shape != shape:
            found = f"shape {output.shape}" if isinstance(output, np.ndarray) else type(output)
            raise GatehouseError(
                f"{self.path}: '{self.output}' should be a tensor of shape {list(shape)}, "
                f"and is {found} (sklearn-onnx: convert with zipmap=False)"
            )
        if output.dtype.kind != "f":
            raise GatehouseError(
                f"{self.path}: '{self.output}' holds {output.dtype}, not numbers with a point; "
                "cast inside the graph"
            )
        result: NDArray[np.float32] = output
        return result

    def outputs(self, frame: pd.DataFrame) -> Floats:
        """Return the graph's output for each row: shape [N, classes], or [N, 1] for a regression.

        Raises:
            GatehouseError: the table does not fit the graph, or an output is not a probability or
                not finite.
        """
        width = len(self.metadata.classes) or 1
        parts = [
            self.run(self.feeds(frame.iloc[start : start + _SCORING_ROWS]))
            for start in range(0, len(frame), _SCORING_ROWS)
        ]
        found = np.concatenate([np.empty((0, width), np.float32), *parts]).astype(np.float64)
        self.check(found)
        return found

    def check(self, outputs: NDArray[np.floating[Any]]) -> None:
        """Refuse outputs of shape [N, K] that are not probabilities or not finite numbers.

        Raises:
            GatehouseError: with the reason.
        """
        if self.metadata.task is Task.REGRESSION:
            if not np.isfinite(outputs).all():
                raise GatehouseError(f"{self.path}: the graph gives values that are not finite")
        elif not (
            ((outputs >= 0) & (outputs <= 1)).all()
            and np.allclose(outputs.sum(axis=1), 1, atol=1e-4)
        ):
            raise GatehouseError(f"{self.path}: the graph gives values that are not probabilities")

    def scores(self, frame: pd.DataFrame) -> Floats:
        """Return one number for each row, shape [N], computed from the outputs by `score`.

        Raises:
            GatehouseError: as `outputs`.
        """
        return score(self.outputs(frame), self.metadata.task)

    def decisions(self, outputs: Floats) -> NDArray[np.intp]:
        """Return the index of each row's predicted class, shape [N], from outputs [N, K]."""
        return decide(outputs, self.metadata)


def feed(column: pd.Series, kind: str) -> NDArray[Any]:
    """Return a column as the graph's input of type `kind`, shape [N, 1].

    Raises:
        GatehouseError: the column holds something else, such as text where numbers are needed.
    """
    import pandas as pd

    from gatehouse.columns.times import STORED, seconds

    held, wanted = _held(column), _HELD[kind]
    if held not in (wanted, "nothing"):
        raise GatehouseError(f"column '{column.name}' should hold {wanted}, and holds {held}")
    values: NDArray[Any]
    if kind == TIME:
        values = seconds(column.astype(STORED).to_numpy("datetime64[us]").view(np.int64))
    elif kind == TEXT:
        values = column.astype(object).where(column.notna(), "").to_numpy(object)
    else:
        with np.errstate(over="ignore"):  # values beyond float32 become infinite
            values = pd.to_numeric(column).to_numpy(np.float32, na_value=np.nan)
    return values.reshape(-1, 1)


def _held(column: pd.Series) -> str:
    """Describe a column's non-missing values: text, numbers, nothing, or pandas' own word."""
    import pandas as pd

    if not column.notna().any():
        return "nothing"
    values = column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) else column
    found: str = pd.api.types.infer_dtype(values, skipna=True)
    if found == "datetime64":
        return "timestamps"
    return "text" if found == "string" else "numbers" if found in _NUMBERS else found
