"""Tables of many shapes, as nobody has prepared them."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gatehouse.contract import Task

ROWS = 400


def plain(rows: int = ROWS, seed: int = 0) -> pd.DataFrame:
    """Three columns that say something of `bought`, and what is said."""
    rng = np.random.default_rng(seed)
    age = rng.normal(45, 12, rows).round(3)
    visits = rng.integers(0, 40, rows)
    city = rng.choice(["Aachen", "Bonn", "Celle"], rows, p=[0.5, 0.3, 0.2])
    logit = (age - 45) / 8 + (visits - 20) / 8 + (city == "Bonn") + rng.normal(0, 1, rows)
    bought = np.where(logit > 0.3, "yes", "no")
    return pd.DataFrame({"age": age, "visits": visits, "city": city, "bought": bought})


def numeric_only() -> pd.DataFrame:
    return plain().drop(columns="city").assign(bought=lambda d: (d["bought"] == "yes").astype(int))


def categorical_only() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    columns = {
        f"c{i}": rng.choice([f"{letter}{i}" for letter in "abcdefg"], ROWS) for i in range(6)
    }
    frame = pd.DataFrame(columns)
    good = (frame["c0"] < "d").astype(int) + (frame["c1"] < "e") + rng.normal(0, 0.6, ROWS) > 1
    return frame.assign(grade=np.where(good, "good", "bad"))


def free_text() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    words = np.array(["slow", "kind", "clean", "far", "loud", "cheap", "late", "warm", "small"])
    said = [f"Anna {i} says " + " ".join(rng.choice(words, 9)) for i in range(ROWS)]
    return plain().assign(remarks=said)


def dates() -> pd.DataFrame:
    days = pd.date_range("2020-01-01", periods=ROWS)
    return plain().assign(
        joined=days.strftime("%Y-%m-%d"),
        left=days.strftime("%d.%m.%Y %H:%M"),
        at=days.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def booleans() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return (
        plain()
        .assign(
            member=rng.choice(["True", "False"], ROWS),
            flag=rng.choice([0, 1], ROWS),
            churned=lambda d: np.where(d["bought"] == "yes", "TRUE", "FALSE"),
        )
        .drop(columns="bought")
    )


def ids() -> pd.DataFrame:
    frame = plain()
    frame.insert(0, "customer_id", [f"K-{7919 * i % 99991:05d}" for i in range(ROWS)])
    return frame.assign(line=range(1, ROWS + 1))


def constants() -> pd.DataFrame:
    return plain().assign(country="DE", year=2024, nothing="", tax=np.nan)


def wide() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    noise = pd.DataFrame(rng.normal(size=(ROWS, 199)).round(3)).add_prefix("x")
    return pd.concat([noise, plain()[["visits", "bought"]]], axis=1)


def missing() -> pd.DataFrame:
    frame = plain().astype({"age": object, "city": object, "visits": object})
    frame.loc[::29, "age"] = ""
    frame.loc[::31, "city"] = "NA"
    frame.loc[::37, "visits"] = "null"
    return frame


def imbalanced() -> pd.DataFrame:
    frame = plain(900)
    order = (frame["age"] + frame["visits"]).sort_values().index
    return frame.assign(bought="no").assign(
        bought=lambda d: d["bought"].where(~d.index.isin(order[-12:]), "yes")
    )


def leaking() -> pd.DataFrame:
    return plain().assign(refund=lambda d: np.where(d["bought"] == "yes", 17.5, 3.25))


def odd_names() -> pd.DataFrame:
    names = {
        "age": "Größe in cm",
        "visits": "a.b[0] \"x\" & = 'y'",
        "city": "都市 (city), name",
        "bought": "gekauft?",
    }
    return plain().rename(columns=names)


def many_values() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    place = np.char.add("place ", (rng.zipf(1.7, ROWS) % 150).astype(str))
    return plain().assign(place=place, zip=[f"0{1000 + i % 13}" for i in range(ROWS)])


def multiclass() -> pd.DataFrame:
    frame = plain(600)
    level = pd.qcut(frame["age"] + frame["visits"], 3, labels=["low", "mid", "top"])
    return frame.drop(columns="bought").assign(level=level.astype(str))


def regression() -> pd.DataFrame:
    frame = plain(600)
    noise = np.random.default_rng(6).normal(0, 3, len(frame))
    price = 3 * frame["age"] + 2 * frame["visits"] + 9 * (frame["city"] == "Bonn") + noise
    return frame.drop(columns="bought").assign(price=price.round(2))


@dataclass(frozen=True)
class Shape:
    """A table, how it is written, and what is to be made of it."""

    make: Callable[[], pd.DataFrame]
    target: str = "bought"
    task: Task = Task.BINARY
    separator: str = ","
    encoding: str = "utf-8"
    decimal: str = "."
    ending: str = ".csv"

    def write(self, folder: Path) -> Path:
        """The file, in `folder`."""
        path, frame = folder / f"my table{self.ending}", self.make()
        if self.ending == ".parquet":
            frame.to_parquet(path, index=False)
            return path
        text = frame.to_csv(index=False, sep=self.separator, decimal=self.decimal)
        content = text.encode(self.encoding)
        path.write_bytes(gzip.compress(content) if self.ending.endswith(".gz") else content)
        return path


def quoted_newlines() -> pd.DataFrame:
    frame = free_text()
    return frame.assign(remarks=frame["remarks"].str.replace(" says ", ':\n"well", '))


def umlauts() -> pd.DataFrame:
    return plain().replace({"city": {"Aachen": "Köln", "Bonn": "Gießen"}})


SHAPES = {
    "numeric only": Shape(numeric_only),
    "categorical only": Shape(categorical_only, "grade"),
    "free text": Shape(free_text),
    "dates": Shape(dates),
    "booleans": Shape(booleans, "churned"),
    "ids": Shape(ids),
    "constants": Shape(constants),
    "200 columns": Shape(wide),
    "500 rows": Shape(lambda: plain(500)),
    "missing values": Shape(missing),
    "imbalanced": Shape(imbalanced),
    "leaking": Shape(leaking),
    "odd names": Shape(odd_names, "gekauft?"),
    "many values": Shape(many_values),
    "semicolons": Shape(umlauts, separator=";", decimal=","),
    "tabs": Shape(plain, separator="\t"),
    "bars": Shape(plain, separator="|"),
    "quoted newlines": Shape(quoted_newlines),
    "cp1252": Shape(umlauts, encoding="cp1252"),
    "utf-16": Shape(umlauts, encoding="utf-16"),
    "byte order mark": Shape(umlauts, encoding="utf-8-sig"),
    "gzip": Shape(umlauts, ending=".csv.gz"),
    "parquet": Shape(umlauts, ending=".parquet"),
    "multiclass": Shape(multiclass, "level", Task.MULTICLASS),
    "regression": Shape(regression, "price", Task.REGRESSION),
}
