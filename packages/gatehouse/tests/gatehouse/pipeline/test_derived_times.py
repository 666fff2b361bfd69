"""Timestamps: parts and differences, by the clock of the column's timezone, up to the service."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from gatehouse.columns.times import clock_changes, moments, seconds_of
from gatehouse.contract import Contract, parse_contract
from gatehouse.errors import GatehouseError
from gatehouse.model import Model, feed
from gatehouse.pipeline.derived import Features, check_features
from gatehouse.pipeline.derived_nodes import derive
from gatehouse.pipeline.quantize import main as quantize
from gatehouse.pipeline.train import main as train
from gatehouse.serving.errors import Refused
from gatehouse.serving.rows import Reader
from gatehouse.serving.served import load_served
from gatehouse.table import write_table
from gatehouse.workspace import MODEL
from tests.gatehouse.pipeline.conftest import CONTRACT

if TYPE_CHECKING:
    from tests.gatehouse.pipeline.conftest import Shop

PARTS = ["year", "month", "day", "weekday", "hour"]
SEEN = "{type: timestamp, timezone: Europe/Berlin, missing: true, description: Time of the visit}"


def contract_of(timezone: str = "Europe/Berlin") -> Contract:
    seen = SEEN.replace("Europe/Berlin", timezone)
    text = CONTRACT.replace("  age:", f"  seen: {seen}\n  made: {seen}\n  age:")
    return parse_contract(text, "contract.yaml")


def features_of(values: dict[str, Any]) -> Features:
    return TypeAdapter(Features).validate_python(values)


def stored(seconds: Any) -> pd.Series:
    """Moments as the prepared splits hold them."""
    values = (np.asarray(seconds, np.float64) * 1e6).astype(np.int64)
    return pd.Series(values.view("datetime64[us]")).dt.tz_localize("UTC")


@pytest.mark.parametrize(
    "timezone",
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Monrovia"],
)
def test_parts_are_those_of_the_clock_on_the_wall(timezone: str) -> None:
    """Attacks each change of the clocks to the second, leap years and moments before 1970."""
    _, starts, _ = clock_changes(timezone)
    years = pd.date_range("1890", "2099", freq="1000h", tz="UTC")
    leaps = pd.to_datetime(["1900-02-28", "2000-02-29", "2024-02-29", "2100-02-28"], utc=True)
    around = stored(np.concatenate([starts - 1, starts, starts + 0.999999]))
    days = stored(np.arange(-86_400 * 3, 86_400 * 3, 3599))
    seen = pd.concat([around, days, *(pd.Series(each.as_unit("us")) for each in (years, leaps))])
    if timezone != "UTC":
        seen = seen[seen >= pd.Timestamp("1970-01-01", tz="UTC")]
    frame = pd.DataFrame({"seen": seen.reset_index(drop=True)})
    features = features_of({part: {"part": part, "of": "seen"} for part in PARTS})
    contract = contract_of(timezone)
    contract = contract.model_copy(
        update={"columns": {n: c for n, c in contract.columns.items() if n != "made"}}
    )
    found = derive(features, contract, frame).of(frame)
    local = frame["seen"].dt.tz_convert(timezone).dt
    np.testing.assert_array_equal(found, np.stack([getattr(local, p) for p in PARTS], axis=1))


def test_a_difference_of_timestamps_is_in_days() -> None:
    """Attacks float32 seconds since 1970, which would round to two minutes."""
    made = moments(pd.Series(["2026-01-01", "2026-01-01", None]), "UTC")
    seen = moments(pd.Series(["2026-01-01 00:00:01", "2025-12-30", "2026-01-01"]), "UTC")
    frame = pd.DataFrame({"seen": seen, "made": made})
    features = features_of({"wait": {"difference": ["seen", "made"]}})
    found = derive(features, contract_of(), frame).of(frame)[:, 0]
    np.testing.assert_array_equal(found, np.array([1 / 86_400, -2, np.nan], np.float32))


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"x": {"part": "hour", "of": "age"}}, "x.of: 'age' has type: integer; name a column of"),
        ({"x": {"bins": [1], "of": "seen"}}, "x.of: 'seen' has type: timestamp; name a column of"),
        (
            {"x": {"difference": ["seen", "age"]}},
            "x.difference: 'seen' has type: timestamp and 'age' type: integer; name two",
        ),
    ],
)
def test_features_of_the_wrong_kind(features: dict[str, Any], message: str) -> None:
    with pytest.raises(GatehouseError, match=r"^params\.yaml: features\." + message):
        check_features(features_of(features), contract_of())


def test_a_timestamp_that_no_feature_reads_is_refused() -> None:
    """Attacks an input that callers must send and that the model ignores."""
    features = features_of({"x": {"part": "hour", "of": "seen"}})
    with pytest.raises(GatehouseError, match=r"contract\.yaml: columns\.made: .* add one under"):
        check_features(features, contract_of())


@given(
    st.datetimes(min_value=pd.Timestamp(1900, 1, 1), max_value=pd.Timestamp(2099, 1, 1)),
    st.sampled_from(["", "Z", " +02:00", "-0330", "+14"]),
    st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"]),
)
@example(pd.Timestamp(2026, 3, 29, 2, 30).to_pydatetime(), "", "Europe/Berlin")
@example(pd.Timestamp(2026, 10, 25, 2, 30).to_pydatetime(), "", "Europe/Berlin")
def test_service_and_pipeline_read_a_text_alike(moment: Any, offset: str, timezone: str) -> None:
    """The pipeline stores a moment and feeds the table; the service feeds the text of a request."""
    text = moment.isoformat(sep=" ", timespec="microseconds") + offset
    table = feed(moments(pd.Series([text, None]), timezone), "tensor(double)")
    np.testing.assert_array_equal(table[:, 0], seconds_of([text, None], timezone))
    assert np.isfinite(table[0, 0])


def test_a_timestamp_goes_from_training_to_the_service(shop: Shop) -> None:
    """Only the hour of the visit decides, by the clocks in Berlin; requests hold text."""
    rng = np.random.default_rng(0)
    for name, frame in (("train", shop.train), ("valid", shop.valid)):
        seen = stored(rng.integers(1_700_000_000, 1_760_000_000, len(frame)))
        hour = seen.dt.tz_convert("Europe/Berlin").dt.hour
        changed = frame.assign(
            seen=seen.mask(frame.index < 5), bought=np.where(hour < 12, "no", "yes")
        )
        write_table(changed, shop.root / f"data/prepared/{name}.parquet")
    shop.edit("contract.yaml", "  age:", f"  seen: {SEEN}\n  age:")
    shop.edit("params.yaml", "train:\n", "features:\n  hour: {part: hour, of: seen}\ntrain:\n")
    shop.edit("params.yaml", "epochs: 4", "epochs: 20")
    assert train() == 0
    assert quantize() == 0
    assert Model(MODEL).inputs["seen"] == "tensor(double)"
    served = load_served(shop.root)
    reader = Reader(served.contract, 10)
    row = {"age": 30, "size in cm": 20.0, "colour": "red", "room": "bath"}
    texts = ["2026-07-01 11:30", "2026-07-01T10:30:00Z", "2026-01-31", None, "2026-07-01 12:30+02"]
    rows = reader.read(json.dumps([row | {"seen": text} for text in texts]).encode())
    assert isinstance(rows, list)
    answers = np.array(served.outputs(rows))[:, 1]
    np.testing.assert_array_equal(answers[[0, 1, 2, 4]] > 0.5, [False, True, False, True])
    table = pd.DataFrame(rows)
    table["seen"] = moments(table["seen"], "Europe/Berlin")
    np.testing.assert_array_equal(Model(MODEL).scores(table), answers)
    assert "seen" not in served.contract.logged

    with pytest.raises(Refused) as caught:
        reader.read(json.dumps(row | {"seen": "2026-02-30"}).encode())
    assert caught.value.problems[0].detail == "there is no such date or time"
