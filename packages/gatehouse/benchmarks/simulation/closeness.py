"""How close simulated rows come to UCI Adult: writes the tables in `docs/simulated.md`.

    GATEHOUSE_ADULT_DIR=... .venv/bin/python packages/gatehouse/benchmarks/simulation/closeness.py

Everything is compared with adult.test, which the model has not seen; beside each distance stands
the one between adult.data and adult.test, which is what chance alone gives.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
import pandas as pd

from gatehouse.contract import Contract, load_contract
from gatehouse.samples import adult
from gatehouse.samples.simulate import simulate

ROWS = 200_000
BEGIN, END = "<!-- closeness: begin -->", "<!-- closeness: end -->"
BANDS = {
    "age": [22, 26, 31, 37, 43, 50, 60],
    "education_num": [9, 10, 11, 13, 14],
    "hours_per_week": [25, 40, 41, 50, 60],
    "capital_gain": [1, 5000, 7000],
    "capital_loss": [1, 1850],
}


def marginals(train: pd.DataFrame, test: pd.DataFrame, rows: pd.DataFrame) -> str:
    """Per column: total variation of the shares, and Kolmogorov-Smirnov of the numeric ones."""
    from scipy.stats import ks_2samp

    lines = [
        "| column | total variation | chance | Kolmogorov-Smirnov | chance |",
        "|---|---|---|---|---|",
    ]
    for name in test.columns:
        numeric = pd.api.types.is_numeric_dtype(test[name])
        cells = []
        for other in (rows, train):
            variation = _variation(other[name], test[name])
            distance = ks_2samp(other[name], test[name]).statistic if numeric else np.nan
            cells.append((variation, distance))
        (near, ks), (chance, ks_chance) = cells
        tail = f"{ks:.3f} | {ks_chance:.3f}" if numeric else "|"
        shares = "|" if name == "fnlwgt" else f"{near:.3f} | {chance:.3f}"  # all but unique values
        lines.append(f"| {name} | {shares} | {tail} |")
    return "\n".join(lines)


def _variation(one: pd.Series, other: pd.Series) -> float:
    a, b = (x.value_counts(normalize=True, dropna=False) for x in (one, other))
    return float(a.sub(b, fill_value=0).abs().sum() / 2)


def dependence(train: pd.DataFrame, test: pd.DataFrame, rows: pd.DataFrame) -> str:
    """Cramér's V (bias-corrected: Bergsma, 2013) of each pair of columns, numeric ones banded."""
    tables = [_banded(frame) for frame in (train, test, rows)]
    pairs = list(itertools.combinations(tables[0].columns, 2))
    found = pd.DataFrame(
        [[_cramer(t[a], t[b]) for t in tables] for a, b in pairs],
        columns=["train", "test", "simulated"],
    )
    far, chance = (found[name].sub(found["test"]).abs() for name in ("simulated", "train"))
    lines = [
        f"Over {len(pairs)} pairs of columns, Cramér's V differs from adult.test's by "
        f"{far.mean():.3f} on average and {far.max():.3f} at most (chance: {chance.mean():.3f} and "
        f"{chance.max():.3f}). The six strongest pairs with `income`, and the six pairs furthest "
        "off:",
        "",
        "| pair | adult.test | adult.data | simulated |",
        "|---|---|---|---|",
    ]
    income = found[[b == "income" for _, b in pairs]]
    for index in [*income.nlargest(6, "test").index, *far.nlargest(6).index]:
        row = found.loc[index]
        cells = " | ".join(f"{row[name]:.3f}" for name in ("test", "train", "simulated"))
        lines.append(f"| {pairs[index][0]}, {pairs[index][1]} | {cells} |")
    return "\n".join(lines)


def _banded(frame: pd.DataFrame) -> pd.DataFrame:
    table = frame.drop(columns=["fnlwgt", "education"])
    for name, edges in BANDS.items():
        table[name] = np.digitize(table[name], edges)
    return table.fillna("?")


def _cramer(one: pd.Series, other: pd.Series) -> float:
    counts = pd.crosstab(one, other).to_numpy(float)
    total = counts.sum()
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / total
    phi = ((counts - expected) ** 2 / expected).sum() / total
    rows, columns = counts.shape
    phi = max(0.0, phi - (rows - 1) * (columns - 1) / (total - 1))
    least = min(side - (side - 1) ** 2 / (total - 1) for side in (rows, columns))
    return float(np.sqrt(phi / (least - 1)))


def rates(train: pd.DataFrame, test: pd.DataFrame, rows: pd.DataFrame) -> str:
    """Share of incomes over 50,000 by group."""
    lines = [
        "| group | adult.test | adult.data | simulated | rows of adult.test |",
        "|---|---|---|---|---|",
    ]
    for given in (["sex"], ["race"], ["sex", "race"], ["relationship"]):
        found = [
            (frame["income"] == ">50K")
            .groupby([frame[name] for name in given])
            .agg(["mean", "size"])
            for frame in (train, test, rows)
        ]
        for key in found[1].index:
            name = ", ".join(key) if isinstance(key, tuple) else key
            shares = [frame.loc[key, "mean"] for frame in found]
            lines.append(
                f"| {name} | {shares[1]:.3f} | {shares[0]:.3f} | {shares[2]:.3f} "
                f"| {found[1].loc[key, 'size']:,.0f} |"
            )
    return "\n".join(lines)


def models(contract: Contract, train: pd.DataFrame, test: pd.DataFrame, rows: pd.DataFrame) -> str:
    """LightGBM's defaults, trained and tested on real and on simulated rows of equal number."""
    from lightgbm import LGBMClassifier
    from sklearn.metrics import accuracy_score, roc_auc_score

    halves = rows.iloc[: len(train)], rows.iloc[-len(test) :]
    lines = ["| trained on | tested on | ROC AUC | accuracy |", "|---|---|---|---|"]
    for learned, source in ((train, "adult.data"), (halves[0], "simulated")):
        model = LGBMClassifier(random_state=0, verbose=-1)
        model.fit(_inputs(contract, learned), learned["income"] == ">50K")
        for judged, target in ((test, "adult.test"), (halves[1], "simulated")):
            score = np.asarray(model.predict_proba(_inputs(contract, judged)))[:, 1]
            truth = judged["income"] == ">50K"
            lines.append(
                f"| {source} | {target} | {roc_auc_score(truth, score):.3f} "
                f"| {accuracy_score(truth, score > 0.5):.3f} |"
            )
    return "\n".join(lines)


def _inputs(contract: Contract, frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            name: pd.Categorical(frame[name], categories=column.categories)
            if column.categories
            else frame[name].to_numpy()
            for name, column in contract.inputs.items()
        }
    )


def copies(train: pd.DataFrame, test: pd.DataFrame, rows: pd.DataFrame) -> str:
    """How many rows equal a row that the model was fitted to, next to fresh real rows."""
    known = pd.util.hash_pandas_object(train.drop(columns="fnlwgt"), index=False)
    shares = [
        pd.util.hash_pandas_object(frame.drop(columns="fnlwgt"), index=False).isin(known).mean()
        for frame in (rows, test)
    ]
    whole = pd.util.hash_pandas_object(rows, index=False).isin(
        pd.util.hash_pandas_object(train, index=False)
    )
    return (
        f"Leaving the sampling weight out, {shares[0]:.1%} of the simulated rows equal some row of "
        f"adult.data; of the rows of adult.test, {shares[1]:.1%} do. With the weight, "
        f"{int(whole.sum())} of {len(rows):,} do; {rows.duplicated().mean():.3%} of the simulated "
        f"rows repeat another one, weight included."
    )


def main() -> None:
    """Write the tables between the markers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("packages/gatehouse/docs/simulated.md"))
    out: Path = parser.parse_args().out
    contract = load_contract()
    train, test = adult.load(None)
    rows = simulate(ROWS, seed=1)
    parts = [
        BEGIN,
        f"{ROWS:,} simulated rows (seed 1) against adult.test; *chance* is adult.data against "
        "adult.test.",
        "**Models** (LightGBM's defaults, equal numbers of rows)",
        models(contract, train, test, rows),
        "**Columns**",
        marginals(train, test, rows),
        "**Dependence**",
        dependence(train, test, rows),
        "**Incomes over 50,000 dollars by group**",
        rates(train, test, rows),
        "**Copies**",
        copies(train, test, rows),
        END,
    ]
    text = out.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    out.write_text(before + "\n\n".join(parts) + after, encoding="utf-8")
    print(f"{out}: written")


if __name__ == "__main__":
    main()
