"""What depends on what in the simulation of Adult: chosen by hand, the chances are fitted.

A group bundles a column's values, so that a table of chances has few contexts and many rows in
each.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

AGES = list(range(17, 91))
HOURS = list(range(1, 100))
EDUCATION_NUM = list(range(1, 17))

HOURS_STARTS = [1, 11, 20, 21, 30, 31, 35, 36, 40, 41, 45, 46, 50, 51, 60, 61]
"""Bands of hours_per_week: the round hours that people report, and what lies between."""


@dataclass(frozen=True)
class Node:
    """A column and its parents, the strongest first; the first `core` are hardly smoothed away."""

    name: str
    given: list[str] = field(default_factory=list)
    core: int = 1


NODES = [
    Node("sex"),
    Node("race", ["sex"]),
    Node("age", ["sex", "race_2"]),
    Node("marital_status", ["age_12", "sex", "race_2"], core=2),
    Node("relationship", ["marital_status", "sex", "age_6", "race_2"], core=2),
    Node("native_country", ["race", "relationship_3"]),
    Node("education_num", ["region", "age_6", "sex", "relationship_3", "race_2"]),
    Node("prosperous", ["education_8", "married", "age_6", "sex", "race"], core=2),
    Node("workclass", ["education_8", "race_2", "prosperous", "sex", "age_6", "married"], core=2),
    Node(
        "occupation",
        ["education_8", "sex", "prosperous", "workclass_5", "married", "race_2", "age_3"],
        core=3,
    ),
    Node(
        "hours_band",
        [
            *("sex", "workclass_3", "prosperous", "age_4", "relationship_2", "occupation"),
            "education_5",
        ],
        core=3,
    ),
    Node("hours_per_week", ["hours_band"]),
    Node("gain_band", ["prosperous", "education_8", "age_5", "workclass_3", "married", "sex"]),
    Node("capital_gain", ["gain_band"]),
    Node("loss_band", ["any_gain", "prosperous", "married", "education_8", "age_3"], core=2),
    Node("capital_loss", ["loss_band"]),
]
"""`prosperous` is a latent class, fitted to the label and left out of the rows: it carries the
dependence between occupation, hours and capital. The label itself is drawn last, from its points.
"""

MISSING = [
    (["workclass", "occupation"], "work:missing", ["age_6", "hours_5", "income", "sex"]),
    (["occupation"], "occupation:missing", ["never_worked"]),
    (["native_country"], "country:missing", ["race", "income"]),
]
"""Columns that go missing together, their draw, and what the chance depends on."""

POINTS: list[tuple[list[str], Literal["levels", "spline"]]] = [
    (["age"], "spline"),
    (["hours_per_week"], "spline"),
    (["hours_16"], "levels"),
    (["education_num"], "levels"),
    (["workclass"], "levels"),
    (["occupation"], "levels"),
    (["marital_status"], "levels"),
    (["relationship"], "levels"),
    (["race"], "levels"),
    (["sex"], "levels"),
    (["region"], "levels"),
    (["capital_gain"], "levels"),
    (["capital_loss"], "levels"),
    (["education_8", "married"], "levels"),
    (["age_6", "married"], "levels"),
    (["age_6", "education_5"], "levels"),
    (["hours_5", "married"], "levels"),
    (["occupation", "married"], "levels"),
    (["occupation", "education_5"], "levels"),
    (["workclass_5", "education_5"], "levels"),
    (["relationship", "age_3"], "levels"),
    (["race", "sex"], "levels"),
    (["sex", "married"], "levels"),
    (["sex", "education_5"], "levels"),
    (["hours_5", "age_6"], "levels"),
]
"""Terms of the label's score: a smooth curve over a column's values, or one value per level."""

DRIFT_CATEGORY = {"workclass": "Self-emp-not-inc", "occupation": "Sales"}
"""The category that a drift moves rows to."""

_POOR = ["Mexico", "Guatemala", "El-Salvador", "Honduras", "Dominican-Republic", "Portugal"]
_SCHOOLED = ["India", "Taiwan", "China", "Iran", "Japan", "Hong", "France"]
_SOUTH_EAST_ASIA = ["Philippines", "Vietnam", "South", "Laos", "Cambodia", "Thailand"]
_CARIBBEAN = ["Puerto-Rico", "Nicaragua", "Haiti", "Columbia", "Ecuador", "Jamaica", "Peru"]
_CARIBBEAN += ["Trinadad&Tobago", "Cuba", "Outlying-US(Guam-USVI-etc)"]
_SPOUSE = ["Married-civ-spouse", "Married-AF-spouse"]
_ALONE = ["Self-emp-not-inc", "Without-pay"]

BANDS: dict[str, tuple[str, list[int]]] = {
    "age_12": ("age", [17, 20, 22, 24, 26, 28, 31, 35, 40, 46, 54, 64]),
    "age_6": ("age", [17, 21, 25, 32, 45, 60]),
    "age_5": ("age", [17, 22, 29, 45, 62]),
    "age_4": ("age", [17, 22, 30, 62]),
    "age_3": ("age", [17, 25, 45]),
    "education_8": ("education_num", [1, 5, 9, 10, 11, 13, 14, 15]),
    "education_5": ("education_num", [1, 9, 10, 13, 14]),
    "hours_16": ("hours_per_week", HOURS_STARTS),
    "hours_5": ("hours_per_week", [1, 30, 40, 41, 50]),
}
"""Group: its column, and the first value of each band."""

MEMBERS: dict[str, tuple[str, list[list[str]]]] = {
    "race_2": ("race", [["Black", "Amer-Indian-Eskimo"]]),
    "married": ("marital_status", [_SPOUSE]),
    "relationship_3": ("relationship", [["Own-child"], ["Husband", "Wife"]]),
    "relationship_2": ("relationship", [["Own-child"]]),
    "region": (
        "native_country",
        [["United-States"], _POOR, _SCHOOLED, _SOUTH_EAST_ASIA, _CARIBBEAN],
    ),
    "workclass_5": (
        "workclass",
        [["Private", "Never-worked"], _ALONE, ["Self-emp-inc"], ["Federal-gov"]],
    ),
    "workclass_3": ("workclass", [_ALONE, ["Self-emp-inc"]]),
    "never_worked": ("workclass", [["Never-worked"]]),
}
"""Group: its column, and the categories of each bundle; the rest are one bundle more."""
