"""How often the worst slice blocks clean changes, and losses on 5 % of the rows.

    .venv/bin/python packages/gatehouse/benchmarks/slices/rates.py

Models of several kinds are trained on simulated tables of each size and score a pool of fresh rows.
Each run draws a valid and a test split of the table's size from the pool; the gate's own search
and tests run on them, and the policy's rule decides. Defects change the candidate's scores alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier
from numpy.typing import NDArray
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from xgboost import XGBClassifier

from gatehouse.contract import Contract, load_contract
from gatehouse.gates.holm import holm
from gatehouse.gates.predictions import Predictions
from gatehouse.gates.slices import WORST
from gatehouse.gates.slices.cells import sliced_columns
from gatehouse.gates.slices.losses import guess_loss, row_losses
from gatehouse.gates.slices.worst import suspects_of, tested_of
from gatehouse.policy import load_policy
from gatehouse.samples.simulate import simulate

Floats = NDArray[np.float64]

SIZES = (3_000, 10_000, 30_000)
POOL = 60_000
TABLES = 4
RUNS = 50  # per table
CONTRACT = load_contract(Path("contract.yaml"))
MISSING, CATEGORY = "occupation", ("workclass", "Local-gov")


def features(rows: pd.DataFrame, contract: Contract = CONTRACT) -> pd.DataFrame:
    columns = {
        name: rows[name].astype(object).where(rows[name].notna(), "").astype(
            pd.CategoricalDtype(["", *column.categories])
        ) if column.categories else rows[name]
        for name, column in contract.inputs.items()
    }  # fmt: skip
    return pd.DataFrame(columns)


def labels_of(rows: pd.DataFrame) -> Floats:
    return np.asarray((rows[CONTRACT.target] == CONTRACT.classes[1]).to_numpy(np.float64))


def linear(rows: pd.DataFrame) -> object:
    texts = rows.select_dtypes("category").columns.tolist()
    numbers = [name for name in rows if name not in texts]
    return make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), texts), (StandardScaler(), numbers)
        ),
        LogisticRegression(C=1.0, max_iter=300),
    )


def lightgbm(seed: int) -> LGBMClassifier:
    return LGBMClassifier(n_estimators=80, learning_rate=0.08, num_leaves=15, subsample=0.8,
                          subsample_freq=1, colsample_bytree=0.8, random_state=seed, n_jobs=1,
                          verbose=-1)  # fmt: skip


def models_of(size: int, table: int, pool: pd.DataFrame) -> dict[str, Floats]:
    """The pool's scores by each model trained on one table."""
    rows = simulate(size, seed=1000 * size + table)
    train = rows.iloc[: int(size * 0.64)]
    more = simulate(size // 20, seed=1000 * size + table + 500)
    wide, y = features(train), labels_of(train)
    both = pd.concat([train, more])
    kinds = {
        "base": (lightgbm(0), wide, y),
        "another seed": (lightgbm(1), wide, y),
        "5 % more rows": (lightgbm(0), features(both), labels_of(both)),
        "XGBoost": (XGBClassifier(n_estimators=80, learning_rate=0.1, max_depth=4, n_jobs=1,
                                  enable_categorical=True), wide, y),
        "histogram boosting": (HistGradientBoostingClassifier(
            categorical_features="from_dtype", max_iter=60, random_state=0), wide, y),
        "linear": (linear(wide), wide, y),
    }  # fmt: skip
    seen = features(pool)
    return {
        name: np.asarray(model.fit(x, t).predict_proba(seen)[:, 1], np.float64)
        for name, (model, x, t) in kinds.items()
    }


def shifted(scores: Floats, rows: NDArray[np.bool_], by: Floats | float) -> Floats:
    logits = np.log(np.clip(scores, 1e-6, 1 - 1e-6) / np.clip(1 - scores, 1e-6, 1))
    return np.asarray(np.where(rows, 1 / (1 + np.exp(-(logits + by))), scores))


def predicted(labels: Floats, scores: Floats) -> Predictions:
    return Predictions(labels, scores, (scores >= 0.5) * 1.0, classes=CONTRACT.classes)


def blocks(
    pool: pd.DataFrame, labels: Floats, ours: Floats, theirs: Floats, size: int,
    rng: np.random.Generator,
) -> tuple[bool, float]:  # fmt: skip
    """Whether the rule fails on one draw of valid and test, and the largest effect."""
    valid, test = int(size * 0.16), int(size * 0.2)
    chosen = rng.choice(len(pool), valid + test, replace=False)
    sides = chosen[:valid], chosen[valid:]
    losses = [
        row_losses(predicted(labels[rows], ours[rows]))
        - row_losses(predicted(labels[rows], theirs[rows]))
        for rows in sides
    ]
    losses = [each - max(0.0, float(each.mean())) for each in losses]
    suspects = suspects_of(pool.iloc[sides[0]], sliced_columns(CONTRACT), losses[0])
    exam = predicted(labels[sides[1]], ours[sides[1]])
    tested = tested_of(suspects, [pool.iloc[sides[1]]], losses[1], exam)
    if not tested:
        return False, 0.0
    p_values = holm([each.mean.p_value for each in tested])
    effects = [each.mean.value / guess_loss(exam) for each in tested]
    fails = any(
        p < RULE.alpha and effect > RULE.limit for p, effect in zip(p_values, effects, strict=True)
    )
    return fails, max(effects)


RULE = next(
    rule for rule in load_policy(Path("policy.yaml")).rules.values() if rule.measurement == WORST
)


def main() -> None:
    started = time.process_time()
    pool = simulate(POOL, seed=7)
    labels = labels_of(pool)
    missing = pool[MISSING].isna().to_numpy()
    category = (pool[CATEGORY[0]] == CATEGORY[1]).fillna(False).to_numpy(bool)
    noise = np.random.default_rng(0).normal(size=POOL)
    defects: dict[str, Callable[[Floats], Floats]] = {
        f"defect: noise where {MISSING} is missing": lambda s: shifted(s, missing, 4 * noise),
        f"defect: logits - 2 where {'='.join(CATEGORY)}": lambda s: shifted(s, category, -2.0),
        "defect: logits - 1 there": lambda s: shifted(s, category, -1.0),
    }
    print("| table's rows | change | runs | blocked | median of the largest effect |")
    print("|---:|---|---:|---:|---:|")
    for size in SIZES:
        found: dict[str, list[tuple[bool, float]]] = {}
        for table in range(TABLES):
            scores = models_of(size, table, pool)
            rng = np.random.default_rng(table)
            pairs = {
                f"clean: {name}": (each, scores["base"])
                for name, each in scores.items()
                if name not in ("base", "linear")
            }
            pairs["clean: linear to boosting (better)"] = scores["base"], scores["linear"]
            for name, change in defects.items():
                pairs[name] = change(scores["another seed"]), scores["base"]
                if not table:
                    where = missing if "missing" in name else category
                    print(
                        f"<!-- {name}: {where.mean():.1%} of rows, AUC "
                        f"{roc_auc_score(labels[where], scores['base'][where]):.3f} -> "
                        f"{roc_auc_score(labels[where], pairs[name][0][where]):.3f} -->"
                    )
            for name, (ours, theirs) in pairs.items():
                found.setdefault(name, []).extend(
                    blocks(pool, labels, ours, theirs, size, rng) for _ in range(RUNS)
                )
        for name, results in found.items():
            share = np.mean([each for each, _ in results])
            effect = np.median([each for _, each in results])
            print(f"| {size:,} | {name} | {len(results)} | {share:.1%} | {effect:.2f} |")
    print(f"\n{time.process_time() - started:.0f} CPU s")


if __name__ == "__main__":
    main()
