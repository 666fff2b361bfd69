"""Source `simulated`: rows in UCI Adult's schema from a compact generative model.

`adult_model.json` holds a Bayesian network of integer tables (each column given a few earlier
ones) and an additive label model in integer points. It was fitted to Adult by
`benchmarks/simulation/fit.py`; `docs/simulated.md` says how, and how close the rows come.

The same arguments give the same rows on every machine: random numbers are the raw 64-bit words of
the Philox generator (Salmon et al., 2011), whose stream NumPy guarantees, and they are compared
with integer tables; no floating-point function decides anything. Rows are drawn in blocks of fixed
size, each with a generator of its own, so more rows begin with the same rows.

Adult: Becker, B. and Kohavi, R. (1996). UCI Machine Learning Repository.
https://doi.org/10.24432/C5XW20, CC BY 4.0.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MODEL_FILE = Path(__file__).with_name("adult_model.json")

ONE = 2**14
"""The integer that represents a probability of 1 in the model file's chances and weights."""

_BLOCK_ROWS = 2**16
_WORD_BITS = 32

Codes = NDArray[np.int64]
Words = NDArray[np.uint64]


def simulate(
    rows: int,
    seed: int = 0,
    drift: float = 0.0,
    label_bias: float = 0.0,
    missingness: float = 1.0,
) -> pd.DataFrame:
    """Return rows in Adult's schema: text columns as `str`, numbers as `int64`, shape [rows, 15].

    Args:
        rows: how many; `simulate(2 * n)` begins with the rows of `simulate(n)`.
        seed: of the random numbers.
        drift: age, education_num and hours_per_week shift by this many standard deviations (within
            their ranges), and half that share of the rows moves to one category of workclass and of
            occupation. The relation between a row and its label stays the same.
        label_bias: share of the positive labels of women that are turned into negative ones.
        missingness: multiple of Adult's share of missing values, which depends on the other columns
            and the label as in Adult.
    """
    model = _model()
    codes = draw(model, rows, seed, drift, label_bias, missingness)
    columns = model["columns"].items()
    return pd.DataFrame({name: _column(codes[of], values) for name, (of, values) in columns})


@cache
def _model() -> dict[str, Any]:
    return parse(MODEL_FILE.read_text(encoding="utf-8"))


def parse(text: str) -> dict[str, Any]:
    """Parse a model file, with its lists of integers as arrays."""
    model: dict[str, Any] = json.loads(text)
    for node in model["nodes"]:
        node["table"] = np.array(node["table"], np.int64)
        node["edges"] = edges(node["weights"])
    model["groups"] = {
        name: (group["of"], np.array(group["codes"], np.int64))
        for name, group in model["groups"].items()
    }
    for table in [*model["label"]["terms"], *model["missing"]]:
        table["values"] = np.array(table["values"], np.int64)
    model["label"]["chances"] = np.array(model["label"]["chances"], np.uint64)
    return model


def draw(
    model: dict[str, Any],
    rows: int,
    seed: int = 0,
    drift: float = 0.0,
    label_bias: float = 0.0,
    missingness: float = 1.0,
) -> dict[str, Codes]:
    """Return codes of every column of a parsed model, shape [rows] each; -1 is missing."""
    blocks = []
    for start in range(0, max(rows, 1), _BLOCK_ROWS):
        size = min(_BLOCK_ROWS, rows - start)
        words = _words(seed, start // _BLOCK_ROWS, len(model["draws"]))[:, :size]
        draws = dict(zip(model["draws"], words, strict=True))
        blocks.append(_block(model, draws, drift, label_bias, missingness))
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def edges(weights: list[list[int]]) -> Words:
    """Return cumulative weights of all rows in one ascending array, for `sample`."""
    table = np.array(weights, np.uint64)
    scaled = table.cumsum(axis=1, dtype=np.uint64) * np.uint64(2**_WORD_BITS // ONE)
    row = np.arange(len(table), dtype=np.uint64)[:, None] << np.uint64(_WORD_BITS)
    return (row + scaled).ravel()


def sample(edges: Words, levels: int, row: Codes, words: Words) -> Codes:
    """Draw a level for each entry of `row` by that row's weights, from 32-bit words, shape [N]."""
    keys = (row.astype(np.uint64) << np.uint64(_WORD_BITS)) | words
    return np.searchsorted(edges, keys, side="right") - row * levels


def context(model: dict[str, Any], given: list[str], codes: dict[str, Codes], rows: int) -> Codes:
    """Return the index of each row's combination of the columns or groups `given`, shape [N]."""
    index = np.zeros(rows, np.int64)
    for name in given:
        if name in model["groups"]:
            column, group = model["groups"][name]
            index = index * (int(group.max()) + 1) + group[codes[column]]
        else:
            index = index * model["levels"][name] + codes[name]
    return index


def _words(seed: int, block: int, draws: int) -> Words:
    """Return random 32-bit words, shape [draws, block rows]."""
    generator = np.random.Philox(key=np.array([seed, block], np.uint64))
    words: Words = generator.random_raw(draws * _BLOCK_ROWS)
    return words.reshape(draws, _BLOCK_ROWS) >> np.uint64(64 - _WORD_BITS)


def _block(
    model: dict[str, Any],
    draws: dict[str, Words],
    drift: float,
    label_bias: float,
    missingness: float,
) -> dict[str, Codes]:
    codes: dict[str, Codes] = {}
    for node in model["nodes"]:
        words = draws[node["name"]]
        row = node["table"][context(model, node["given"], codes, len(words))]
        codes[node["name"]] = sample(node["edges"], len(node["weights"][0]), row, words)
    codes["fnlwgt"] = _weight(model["fnlwgt"], draws["fnlwgt"], draws["fnlwgt:within"])
    if drift:
        _drift(model["drift"], codes, draws, drift)
    codes["income"] = _label(model, codes, draws["income"])
    if label_bias:
        female = codes["sex"] == model["columns"]["sex"][1].index("Female")
        turned = female & (draws["income:bias"] < _threshold(label_bias))
        codes["income"] = np.where(turned, 0, codes["income"])
    lost: dict[str, NDArray[np.bool_]] = {}
    for missing in model["missing"]:
        index = context(model, missing["given"], codes, len(draws["income"]))
        # One product of two doubles, rounded down: IEEE 754 defines it to the bit.
        chances = np.minimum(missing["values"] * missingness, ONE) * (2**_WORD_BITS // ONE)
        hit = draws[missing["draw"]] < chances.astype(np.uint64)[index]
        for name in missing["columns"]:
            lost[name] = lost[name] | hit if name in lost else hit
    for name, hit in lost.items():
        codes[name] = np.where(hit, -1, codes[name])
    return codes


def _weight(quantiles: list[int], words: Words, within: Words) -> Codes:
    """Draw uniformly between neighbouring quantiles."""
    table = np.array(quantiles, np.int64)
    index = (words * np.uint64(len(table) - 1) >> np.uint64(_WORD_BITS)).astype(np.int64)
    span = (table[index + 1] - table[index]).astype(np.uint64)
    return table[index] + (within * span >> np.uint64(_WORD_BITS)).astype(np.int64)


def points(model: dict[str, Any], codes: dict[str, Codes], rows: int) -> Codes:
    """Return each row's label score: an index into the table of chances, shape [rows]."""
    label = model["label"]
    score = np.full(rows, label["offset"], np.int64)
    for term in label["terms"]:
        score += term["values"][context(model, term["given"], codes, rows)]
    clipped: Codes = np.clip(score, 0, len(label["chances"]) - 1)
    return clipped


def _label(model: dict[str, Any], codes: dict[str, Codes], words: Words) -> Codes:
    """Return 1 where the label is positive."""
    chance = model["label"]["chances"][points(model, codes, len(words))]
    positive: NDArray[np.bool_] = words < chance * np.uint64(2**_WORD_BITS // ONE)
    return positive.astype(np.int64)


def _drift(
    shifts: dict[str, Any], codes: dict[str, Codes], draws: dict[str, Words], drift: float
) -> None:
    words = draws["drift"]
    for name, shift in shifts["numeric"].items():
        # The fraction of a unit is a chance, so that the mean shifts by exactly the shift.
        units = int(drift * shift["deviation"] * ONE)
        step = units // ONE + (words < _threshold(units % ONE / ONE))
        codes[name] = np.clip(codes[name] + step, 0, shift["levels"] - 1)
    moved = draws["drift:category"] < _threshold(min(abs(drift) / 2, 1.0))
    for name, code in shifts["category"].items():
        codes[name] = np.where(moved, code, codes[name])


def _threshold(share: float) -> np.uint64:
    return np.uint64(int(share * 2**_WORD_BITS))


def _column(codes: Codes, values: list[int] | list[str] | None) -> pd.Series:
    if values is None:  # the codes are the values
        return pd.Series(codes)
    if isinstance(values[0], int):
        return pd.Series(np.array(values, np.int64)[codes])
    return pd.Series(pd.array(values, dtype="str").take(codes, allow_fill=True))
