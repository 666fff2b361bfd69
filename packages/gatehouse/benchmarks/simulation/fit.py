"""Fits `gatehouse/samples/adult_model.json` to UCI Adult's training file.

    GATEHOUSE_ADULT_DIR=... .venv/bin/python packages/gatehouse/benchmarks/simulation/fit.py

Only adult.data is read, so that adult.test can say how close the model is. A column's chances
given its parents are counts, smoothed by recursive interpolation with the chances given fewer
parents (Witten and Bell, 1991). The label is a penalised logistic regression, rounded to integer
points. Amounts of capital that few people have are merged with their neighbours.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import structure
from numpy.typing import NDArray

from gatehouse.contract import load_contract
from gatehouse.samples import adult, simulate

ONE = simulate.ONE
POINTS_PER_LOGIT = 32
LOGITS = 8  # the label's score is clipped there, on either side of even chances
QUANTILES = 256
FEW = 50  # contexts with fewer people take the chances of a coarser context
CALIBRATION_ROWS = 2**19
RARE = 8  # fewer people than this: the amount is merged with its neighbour
PENALTY = 3.0  # scikit-learn's C of the logistic regression
GAIN_STARTS = {0: [1, 2500, 3500], 1: [1, 7000, 8000, 15000, 99999]}
LOSS_STARTS = {0: [1, 1800], 1: [1, 2300]}

Codes = NDArray[np.int64]


def fit(frame: pd.DataFrame) -> dict[str, Any]:
    """The model of the rows of adult.data."""
    contract = load_contract()
    positive = (frame["income"] == contract.classes[1]).to_numpy()
    values: dict[str, list[Any]] = {
        name: list(column.categories or ()) for name, column in contract.columns.items()
    }
    values |= {
        "age": structure.AGES,
        "hours_per_week": structure.HOURS,
        "education_num": structure.EDUCATION_NUM,
    }
    codes, band_levels = {}, {}
    for name, starts, band in [
        ("capital_gain", GAIN_STARTS, "gain_band"),
        ("capital_loss", LOSS_STARTS, "loss_band"),
    ]:
        values[name], codes[name], of_value = _amounts(frame[name], positive, starts)
        codes[band] = of_value[codes[name]]
        band_levels[band] = int(of_value.max()) + 1
    for name in values:
        if name not in codes and name != "fnlwgt":
            codes[name] = pd.Categorical(frame[name], categories=values[name]).codes.astype(int)
    codes["prosperous"], band_levels["prosperous"] = codes["income"], 2
    groups = _groups(values, band_levels)
    of, hours_bands = groups["hours_16"]
    codes["hours_band"] = hours_bands[codes[of]]
    levels = {name: len(found) for name, found in values.items() if found} | band_levels
    levels["hours_band"] = len(structure.HOURS_STARTS)
    model: dict[str, Any] = {"levels": levels, "groups": groups}
    observed = codes
    for _ in range(3):  # what is missing is drawn by the model of the round before
        nodes = [_node(model, node, codes, levels[node.name]) for node in structure.NODES]
        codes = _impute(model, nodes, observed)
    return {
        "source": "Fitted by benchmarks/simulation/fit.py to UCI Adult: Becker, B. and Kohavi, R. "
        "(1996), https://doi.org/10.24432/C5XW20, CC BY 4.0",
        "columns": {
            name: ["education_num", values[name]]
            if name == "education"
            else [name, values[name] or None]
            for name in contract.columns
        },
        "levels": levels,
        "groups": {
            name: {"of": of, "codes": found.tolist()} for name, (of, found) in groups.items()
        },
        "draws": [
            *(name for name in levels if name != "education"),
            *("fnlwgt", "fnlwgt:within", "income:bias", "drift", "drift:category"),
            *(draw for _, draw, _ in structure.MISSING),
        ],
        "nodes": nodes,
        "fnlwgt": _quantiles(frame["fnlwgt"]),
        "label": _label(model, codes),
        "missing": [
            _missing(model, frame, codes, columns, draw, given)
            for columns, draw, given in structure.MISSING
        ],
        "drift": {
            "numeric": {
                name: {"deviation": round(float(frame[name].std()), 3), "levels": levels[name]}
                for name in ("age", "education_num", "hours_per_week")
            },
            "category": {
                name: values[name].index(value) for name, value in structure.DRIFT_CATEGORY.items()
            },
        },
    }


def _amounts(
    amounts: pd.Series, positive: NDArray[np.bool_], starts: dict[int, list[int]]
) -> tuple[list[int], Codes, Codes]:
    """Kept amounts, each row's code, and each amount's band: none, or by majority label and size.

    In Adult an amount of capital all but decides the label, so a merged amount keeps its side.
    """
    side = pd.Series(positive).groupby(amounts.to_numpy()).mean().ge(0.5)
    count = amounts.value_counts()
    kept = sorted(int(a) for a in count.index[count >= RARE])
    by_side = {s: np.array([a for a in kept if a and side[a] == bool(s)]) for s in (0, 1)}
    nearest = {
        int(a): int(a)
        if a in kept
        else int(by_side[int(side[a])][np.abs(by_side[int(side[a])] - a).argmin()])
        for a in count.index
    }
    codes = np.searchsorted(kept, amounts.map(nearest).to_numpy())
    bands = [
        0
        if a == 0
        else 1
        + len(starts[0]) * int(side[a])
        + int(np.searchsorted(starts[int(side[a])], a, side="right"))
        - 1
        for a in kept
    ]
    return kept, codes, np.array(bands)


def _quantiles(weights: pd.Series) -> list[int]:
    """Edges of equally likely intervals, the last one as wide as its mean asks for."""
    edges = np.quantile(weights, np.linspace(0, 1, QUANTILES + 1), method="nearest")
    top = weights[weights >= edges[-2]].mean()
    edges[-1] = round(2 * top - edges[-2])
    return edges.astype(int).tolist()  # type: ignore[no-any-return]


def _groups(
    values: dict[str, list[Any]], band_levels: dict[str, int]
) -> dict[str, tuple[str, Codes]]:
    groups = {
        name: (of, np.searchsorted(starts, values[of], side="right") - 1)
        for name, (of, starts) in structure.BANDS.items()
    }
    for name, (of, bundles) in structure.MEMBERS.items():
        bundle = {value: i for i, bundle in enumerate(bundles) for value in bundle}
        groups[name] = (of, np.array([bundle.get(value, len(bundles)) for value in values[of]]))
    groups["any_gain"] = ("gain_band", np.minimum(np.arange(band_levels["gain_band"]), 1))
    return groups


def _node(
    model: dict[str, Any], node: structure.Node, codes: dict[str, Codes], levels: int
) -> dict[str, Any]:
    """Smoothed chances of the column in each context of its parents, as integer weights."""
    columns = [model["groups"].get(name, (name,))[0] for name in node.given]
    known = np.all([codes[name] >= 0 for name in [*columns, node.name]], axis=0)
    rows = {name: column[known] for name, column in codes.items()}
    level = rows[node.name]
    chances: NDArray[np.floating[Any]] = np.bincount(level, minlength=levels)[None, :] + 0.5
    chances /= chances.sum(axis=1, keepdims=True)
    for depth in range(1, len(node.given) + 1):
        given = node.given[:depth]
        sizes = [_levels(model, name) for name in given]
        contexts = int(np.prod(sizes))
        index = simulate.context(model, given, rows, len(level))
        counts = np.bincount(index * levels + level, minlength=contexts * levels)
        counts = counts.reshape(contexts, levels)
        fewer = np.repeat(chances, sizes[-1], axis=0)
        total = counts.sum(axis=1, keepdims=True)
        seen = (counts > 0).sum(axis=1, keepdims=True)
        trust = np.maximum(seen, 1) if depth > node.core else 1
        enough = (total >= FEW) | (depth <= node.core)
        chances = np.where(enough, (counts + trust * fewer) / (total + trust), fewer)
    if node.name == "age":
        chances = _smooth(chances)
    weights, rows_of = np.unique(_weights(chances), axis=0, return_inverse=True)
    return {
        "name": node.name,
        "given": node.given,
        "table": rows_of.ravel().tolist(),
        "weights": weights.tolist(),
    }


def _smooth(chances: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Binomial kernel over neighbouring ages; the last level ("90 and older") stays."""
    kernel = np.array([1, 4, 6, 4, 1]) / 16
    body = np.pad(chances[:, :-1], ((0, 0), (2, 2)), mode="edge")
    smooth = np.array([np.convolve(row, kernel, mode="valid") for row in body])
    smooth *= chances[:, :-1].sum(axis=1, keepdims=True) / smooth.sum(axis=1, keepdims=True)
    return np.hstack([smooth, chances[:, -1:]])


def _weights(chances: NDArray[np.floating[Any]]) -> Codes:
    """Integers that sum to ONE in each row, by largest remainders."""
    exact = np.round(chances / chances.sum(axis=1, keepdims=True) * ONE, 6)
    weights: Codes = np.floor(exact).astype(int)
    for row, remainder in zip(weights, exact - weights, strict=True):
        row[np.argsort(-remainder, kind="stable")[: ONE - row.sum()]] += 1
    return weights


def _levels(model: dict[str, Any], name: str) -> int:
    if name in model["groups"]:
        return int(model["groups"][name][1].max()) + 1
    return int(model["levels"][name])


def _impute(
    model: dict[str, Any], nodes: list[dict[str, Any]], observed: dict[str, Codes]
) -> dict[str, Codes]:
    """Missing codes filled by a draw of the fitted nodes, in their order."""
    codes = dict(observed)
    random = np.random.Generator(np.random.PCG64(0))
    for node in nodes:
        name = node["name"]
        words = random.integers(0, 2**32, len(codes[name]), dtype=np.uint64)
        index = simulate.context(model, node["given"], codes, len(words))
        levels = len(node["weights"][0])
        row = np.array(node["table"])[index]
        drawn = simulate.sample(simulate.edges(node["weights"]), levels, row, words)
        codes[name] = np.where(codes[name] < 0, drawn, codes[name])
    return codes


def _label(model: dict[str, Any], codes: dict[str, Codes]) -> dict[str, Any]:
    """Integer points per level of each term, and the chance at each sum of points."""
    from scipy import sparse
    from sklearn.linear_model import LogisticRegression

    rows = len(codes["income"])
    indices = [simulate.context(model, given, codes, rows) for given, _ in structure.POINTS]
    bases = [
        _basis(int(np.prod([_levels(model, name) for name in given])), kind)
        for given, kind in structure.POINTS
    ]
    design = sparse.hstack(
        [sparse.csr_matrix(basis)[index] for basis, index in zip(bases, indices, strict=True)]
    ).tocsr()
    regression = LogisticRegression(C=PENALTY, solver="newton-cholesky", max_iter=200)
    regression.fit(design.toarray(), codes["income"])
    coefficients, terms, start = regression.coef_[0], [], 0
    for (given, _), basis in zip(structure.POINTS, bases, strict=True):
        curve = basis @ coefficients[start : start + basis.shape[1]]
        start += basis.shape[1]
        terms.append({"given": given, "values": np.rint(curve * POINTS_PER_LOGIT)})
    half = LOGITS * POINTS_PER_LOGIT
    scores = np.arange(-half, half + 1) / POINTS_PER_LOGIT
    return {
        "offset": half + round(float(regression.intercept_[0]) * POINTS_PER_LOGIT),
        "chances": np.rint(ONE / (1 + np.exp(-scores))).astype(int).tolist(),
        "terms": [term | {"values": term["values"].astype(int).tolist()} for term in terms],
    }


def _basis(levels: int, kind: str) -> NDArray[np.float64]:
    """What a term's regression sees of each level, shape [levels, features]."""
    if kind == "levels":
        return np.eye(levels)
    from sklearn.preprocessing import SplineTransformer

    spline = SplineTransformer(n_knots=8, degree=3, knots="uniform", include_bias=False)
    basis: NDArray[np.float64] = spline.fit_transform(np.arange(levels, dtype=float)[:, None])
    return basis


def _missing(
    model: dict[str, Any],
    frame: pd.DataFrame,
    codes: dict[str, Codes],
    columns: list[str],
    draw: str,
    given: list[str],
) -> dict[str, Any]:
    lost = frame[columns].isna().all(axis=1).to_numpy().astype(int)
    if given == ["never_worked"]:  # an occupation is never known of those who never worked
        return {"columns": columns, "draw": draw, "given": given, "values": [ONE, 0]}
    contexts = int(np.prod([_levels(model, name) for name in given]))
    index = simulate.context(model, given, codes, len(frame))
    among = np.bincount(index, minlength=contexts)
    chances = (np.bincount(index, lost, contexts) + 10 * lost.mean()) / (among + 10)
    values = np.rint(chances * ONE).astype(int).tolist()
    return {"columns": columns, "draw": draw, "given": given, "values": values}


def calibrate(model: dict[str, Any], frame: pd.DataFrame) -> None:
    """Move points of groups until the simulated rates of positives are the file's.

    One Newton step on a group's log-odds per round; groups of fewer than 100 people stay.
    """
    for _ in range(3):
        for given in (["relationship"], ["race", "sex"]):
            parsed = simulate.parse(to_json(model))
            drawn = simulate.draw(parsed, CALIBRATION_ROWS, seed=1)
            names = [parsed["columns"][name][1] for name in given]
            group = simulate.context(parsed, given, drawn, CALIBRATION_ROWS)
            rate = np.bincount(group, drawn["income"]) / np.bincount(group)
            spread = np.bincount(group, _variance(parsed, drawn)) / np.bincount(group)
            (term,) = (t for t in model["label"]["terms"] if t["given"] == given)
            for index, key in enumerate(itertools.product(*names)):
                rows = frame[(frame[given] == list(key)).all(axis=1)]
                if len(rows) >= 100:
                    step = ((rows["income"] == ">50K").mean() - rate[index]) / spread[index]
                    term["values"][index] += round(step * POINTS_PER_LOGIT)


def _variance(model: dict[str, Any], codes: dict[str, Codes]) -> NDArray[np.float64]:
    """p (1 - p) of each row's chance p: how fast the rate of a group moves with its log-odds."""
    points = simulate.points(model, codes, len(codes["income"]))
    chance = model["label"]["chances"][points] / ONE
    variance: NDArray[np.float64] = chance * (1 - chance)
    return variance


def to_json(model: dict[str, Any]) -> str:
    """JSON with one line per list of numbers, so that a new fit gives a readable diff."""

    def text(value: Any, indent: str) -> str:
        inner = indent + " "
        if isinstance(value, dict):
            items = [f"{inner}{json.dumps(k)}: {text(v, inner)}" for k, v in value.items()]
            return "{\n" + ",\n".join(items) + "\n" + indent + "}"
        if isinstance(value, list) and any(isinstance(item, list | dict) for item in value):
            return "[\n" + ",\n".join(inner + text(v, inner) for v in value) + "\n" + indent + "]"
        return json.dumps(value, separators=(",", ":"))

    return text(model, "") + "\n"


def main() -> None:
    """Fit and write the model file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=simulate.MODEL_FILE)
    out: Path = parser.parse_args().out
    train, _ = adult.load(None)
    model = fit(train)
    calibrate(model, train)
    content = to_json(model)
    out.write_text(content, encoding="utf-8")
    print(f"{out}: {len(content):,} bytes")


if __name__ == "__main__":
    main()
