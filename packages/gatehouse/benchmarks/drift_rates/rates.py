"""How often the drift gate alarms on equal data, and what it sees, by size of the tables.

    .venv/bin/python packages/gatehouse/benchmarks/drift_rates/rates.py

Each pair of tables has nine columns: normal, lognormal, mostly zero, whole numbers with a peak, a
number with missing values, and categories with 3, 50 and 500 levels, and one with a frequent and
many rare levels. "Before" is the rule that the gate had: Kolmogorov-Smirnov or chi-squared,
Holm-adjusted p below alpha, and the measured effect beyond the limit. "Now" is the gate with the
policy's alpha and limits. Neither applies the rules' minimum number of rows, which warns instead.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from tqdm import tqdm

from gatehouse.gates.drift.joint import joint_drift
from gatehouse.gates.drift.measure import adjusted, compare_tables
from gatehouse.gates.holm import holm
from gatehouse.judge import decide, rule_measurements
from gatehouse.policy import Policy, load_policy
from gatehouse.verdict import Outcome

sys.path.insert(0, str(Path(__file__).parents[1] / "gates"))
from results import share, table

HERE = Path(__file__).parent
RUNS = {640: 60, 3_000: 40, 10_000: 24, 100_000: 6}
Draw = Callable[[int, np.random.Generator], pd.DataFrame]


def rows(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Clean rows; `twin` is `normal` and noise."""
    normal = rng.normal(size=n)

    def levels(count: int) -> pd.Series:
        return pd.Series(rng.integers(0, count, n)).map("level {}".format)

    rare = np.where(rng.random(n) < 0.9, 0, rng.integers(1, 2000, n))
    return pd.DataFrame(
        {
            "normal": normal,
            "twin": normal + rng.normal(0, 0.5, n),
            "lognormal": rng.lognormal(10, 0.5, n),
            "zeros": np.where(rng.random(n) < 0.92, 0, rng.lognormal(8, 1, n)),
            "peak": np.where(rng.random(n) < 0.47, 40, rng.normal(40, 12, n).round()),
            "gaps": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
            "three": levels(3),
            "fifty": levels(50),
            "many": levels(500),
            "rare": pd.Series(rare).map("level {}".format),
        }
    )


def _moved(column: str, edit: Callable[[pd.Series, np.random.Generator], object]) -> Draw:
    def draw(n: int, rng: np.random.Generator) -> pd.DataFrame:
        frame = rows(n, rng)
        return frame.assign(**{column: edit(frame[column], rng)})

    return draw


def _some(values: pd.Series, part: float, rng: np.random.Generator, to: object) -> pd.Series:
    return values.mask(rng.random(len(values)) < part, to)


CHANGES: dict[str, Draw] = {
    "nothing": rows,
    "normal moved by 0.04 sigma (below the limit)": _moved("normal", lambda v, _: v + 0.04),
    "2 points of 3 levels (below the limit)": _moved(
        "three", lambda v, r: v.mask((v == "level 0") & (r.random(len(v)) < 0.06), "level 1")
    ),
    "normal moved by 0.1 sigma": _moved("normal", lambda v, _: v + 0.1),
    "5 points of 3 levels": _moved(
        "three", lambda v, r: v.mask((v == "level 0") & (r.random(len(v)) < 0.15), "level 1")
    ),
    "5 points of 50 levels": _moved("fifty", lambda v, r: _some(v, 0.05, r, "level 0")),
    "5 points more missing": _moved("gaps", lambda v, r: _some(v, 0.055, r, np.nan)),
    "0.5 % of lognormal times 1,000": _moved(
        "lognormal", lambda v, r: v.mask(r.random(len(v)) < 0.005, v * 1000)
    ),
    "lognormal times 3, one 2147483647 in both": _moved("lognormal", lambda v, _: v * 3),
    "twin permuted (wrong join)": _moved("twin", lambda v, r: r.permutation(v.to_numpy())),
}


def before(old: pd.DataFrame, new: pd.DataFrame, policy: Policy) -> bool:
    """The gate's former rule: p-values and effects of other statistics, and no interval."""
    p_values, beyond = [], []
    for name in old.columns:
        if old[name].dtype.kind == "f":
            a, b = old[name].dropna().to_numpy(), new[name].dropna().to_numpy()
            p_values.append(stats.ks_2samp(a, b, method="asymp").pvalue)
            effect = stats.wasserstein_distance(a, b) / a.std()
            beyond.append(effect > policy.rules["drift-numbers"].limit)
            if old[name].isna().any():
                counts = np.array(
                    [[v.isna().sum(), v.notna().sum()] for v in (old[name], new[name])]
                )
                p_values.append(stats.chi2_contingency(counts, correction=False).pvalue)
                shares = counts / counts.sum(axis=1, keepdims=True)
                beyond.append(
                    abs(shares[0, 0] - shares[1, 0]) > policy.rules["drift-categories"].limit
                )
            continue
        codes, found = pd.factorize(pd.concat([old[name], new[name]]))
        counts = np.stack([np.bincount(c, minlength=len(found))
                           for c in np.split(codes, [len(old)])])  # fmt: skip
        rare = counts.sum(axis=0) < policy.measure.drift.rare_level
        if rare.any():
            counts = np.column_stack([counts[:, ~rare], counts[:, rare].sum(axis=1)])
        shares = counts / counts.sum(axis=1, keepdims=True)
        moved = np.abs(shares[0] - shares[1]).sum() / 2
        one = counts.shape[1] == 1
        p_values.append(1 if one else stats.chi2_contingency(counts, correction=False).pvalue)
        beyond.append(moved > policy.rules["drift-categories"].limit)
    alpha = policy.rules["drift-numbers"].alpha or 0
    return any(p < alpha and far for p, far in zip(holm(p_values), beyond, strict=True))


def now(old: pd.DataFrame, new: pd.DataFrame, policy: Policy) -> bool:
    names, drift = list(old.columns), policy.measure.drift
    most = drift.maximum_rows // 2
    measured = adjusted(compare_tables(old, new, names, drift, 0))
    measured.append(joint_drift(old.iloc[:most], new.iloc[:most], names, 0))
    return any(
        decide(rule.model_copy(update={"minimum_n": 0}), measurement)[0] is Outcome.FAIL
        for rule in policy.rules.values()
        if rule.gate == "drift"
        for measurement in rule_measurements(rule, measured)
    )


def main() -> None:
    policy = load_policy(Path("policy.yaml"))
    alarms: dict[tuple[str, int, str], int] = {}
    for n, runs in RUNS.items():
        for name, draw in tqdm(CHANGES.items(), desc=f"{n:,} rows", disable=None):
            rng = np.random.default_rng(n)
            for _ in range(runs if name == "nothing" else runs // 2):
                old, new = rows(n, rng), draw(n, rng)
                if "2147483647" in name:
                    for frame in (old, new):
                        frame.loc[5, "lognormal"] = 2147483647
                for kind, alarm in (("before", before), ("now", now)):
                    key = name, n, kind
                    alarms[key] = alarms.get(key, 0) + alarm(old, new, policy)
    lines = []
    for name in CHANGES:
        cells = []
        for n, runs in RUNS.items():
            of = runs if name == "nothing" else runs // 2
            pair = (f"{alarms[name, n, kind] / of:.0%}" for kind in ("before", "now"))
            cells.append(", ".join(pair).replace("%", " %"))
        lines.append([name, *cells])
    clean = sum(alarms["nothing", n, "now"] for n in RUNS)
    text = table(["what changed", *(f"{n:,} rows" for n in RUNS)], lines)
    text += f"\n\nOn equal data, {share(clean, sum(RUNS.values()))} of all pairs alarm now.\n"
    page = HERE / "README.md"
    head = page.read_text("utf-8").partition("<!-- table -->")[0]
    page.write_text(f"{head}<!-- table -->\n{text}", "utf-8")
    print(text)


if __name__ == "__main__":
    main()
