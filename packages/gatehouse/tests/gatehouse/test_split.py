"""The split rule: a row's split depends on the values of its identity columns, and on nothing else.

Attacks: rows moved into another split, and so out of the exam, by a change that seems harmless.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gates
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.contract import Contract, parse_contract
from gatehouse.digest import SPLITS
from gatehouse.errors import GatehouseError
from gatehouse.split import deal as deal_rows
from gatehouse.split_settings import Split
from gatehouse.splits.hash import value_hashes
from tests.gatehouse.tiny import CONTRACT

SPLIT = Split(hash=1, identity=("n", "c", "x"), valid=0.16, test=0.2)

Row = tuple[int, str | None, float | None]
ROWS = st.lists(
    st.tuples(
        st.integers(-(2**53), 2**53),
        st.none() | st.text(max_size=5) | st.sampled_from(["7", "7.0", "07", "-1", "1e5"]),
        st.none() | st.floats(allow_infinity=False),
    ),
    min_size=1,
    max_size=30,
)


def table(rows: list[Row], **more: Any) -> pa.Table:
    columns = list(zip(*rows, strict=True))
    types = (pa.int64(), pa.string(), pa.float64())
    found = {name: pa.array(columns[i], types[i]) for i, name in enumerate("ncx")}
    return pa.table(found | {name: pa.array(values) for name, values in more.items()})


def deal(rows: pa.Table, split: Split, *, official_test: bool = False) -> Any:
    made = parse_contract(CONTRACT, "contract.yaml").model_copy(update={"split": split})
    return deal_rows(rows, made, official_test=official_test)


@given(ROWS, st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_only_the_identity_decides(rows: list[Row], random: Any) -> None:
    """Other orders, other columns, other rows and turned targets move no row."""
    labels = [random.choice(["no", "yes"]) for _ in rows]
    before = table(rows, y=labels)
    dealt = deal(before, SPLIT).tolist()
    names = ["n", "c", "x", "y"]
    random.shuffle(names)
    assert deal(before.select(names), SPLIT).tolist() == dealt
    listed = list(SPLIT.identity)
    random.shuffle(listed)
    assert deal(before, SPLIT.model_copy(update={"identity": tuple(listed)})).tolist() == dealt
    turned = ["no" if label == "yes" else "yes" for label in labels]
    more = [random.random() for _ in rows]
    assert deal(table(rows, y=turned, a=more, z=more), SPLIT).tolist() == dealt
    order = list(range(len(rows)))
    random.shuffle(order)
    assert deal(before.take(order), SPLIT).tolist() == [dealt[i] for i in order]
    alone = [int(deal(before.slice(i, 1), SPLIT)[0]) for i in range(len(rows))]
    assert alone == dealt


@given(ROWS)
@settings(max_examples=50, deadline=None)
def test_types_move_no_row(rows: list[Row]) -> None:
    """Attacks a column that becomes float because a value is missing, or text by its type."""
    before = table(rows)
    dealt = value_hashes(before, SPLIT.identity).tolist()
    for n in (pa.float64(), pa.string(), pa.large_string()):
        changed = before.set_column(0, "n", before["n"].cast(n))
        assert value_hashes(changed, SPLIT.identity).tolist() == dealt
    texts = [None if x is None or math.isnan(x) else repr(x) for x in before["x"].to_pylist()]
    for column in (
        before["x"].cast(pa.float64()).dictionary_encode(),
        pa.array(texts, pa.string()),
        pa.array(texts, pa.string()).dictionary_encode(),
    ):
        changed = before.set_column(2, "x", column)
        assert value_hashes(changed, SPLIT.identity).tolist() == dealt
    parts = pa.concat_tables([before.slice(0, 1), before.slice(1)])
    assert value_hashes(parts, SPLIT.identity).tolist() == dealt


def test_equal_identities_share_a_split() -> None:
    """Attacks two rows that differ in the target or a protected attribute only."""
    rows: list[Row] = [(i, "a", i / 3) for i in range(500)]
    both = table(rows * 2, y=["no"] * 500 + ["yes"] * 500, sex=["f"] * 500 + ["m"] * 500)
    dealt = deal(both, SPLIT)
    assert dealt[:500].tolist() == dealt[500:].tolist()
    assert set(dealt) == {0, 1, 2}


def test_the_deal_stays_what_it_is() -> None:
    """Attacks an update of a library, or of this code, that would deal all rows of all forks anew.

    If this fails, hash: 1 has changed: keep it, and give the new one another number.
    """
    rows: list[Row] = [(1, "a", 0.5), (-7, None, None), (2**60 + 1, "é", -0.0), (0, "07", 1e-5)]
    assert value_hashes(table(rows), SPLIT.identity).tolist() == [
        3_076_091_690_297_558_329,
        8_029_937_460_835_286_072,
        4_421_258_502_384_265_999,
        13_448_336_604_213_635_283,
    ]
    many = table([(i, None, None) for i in range(24)])
    assert "".join(str(split) for split in deal(many, SPLIT)) == "022200200202000002210000"


def test_shares_are_as_asked() -> None:
    """Attacks shares that depend on the values, and an official test that rows are dealt into."""
    rows = table([(i, "a", None) for i in range(40_000)])
    shares = np.bincount(deal(rows, SPLIT), minlength=len(SPLITS)) / 40_000
    assert shares == pytest.approx([0.64, 0.16, 0.2], abs=0.01)
    official = np.bincount(deal(rows, SPLIT, official_test=True), minlength=len(SPLITS)) / 40_000
    assert official == pytest.approx([0.8, 0.2, 0.0], abs=0.01)
    assert official[2] == 0


def test_what_pandas_left_in_the_file_is_not_asked() -> None:
    """Attacks metadata that turns an identity column into the index, or renames it."""
    rows: list[Row] = [(i, "a", None) for i in range(50)]
    plain = table(rows)
    frame = plain.to_pandas().set_index("n")
    forged = plain.replace_schema_metadata(pa.Table.from_pandas(frame).schema.metadata)
    assert deal(forged, SPLIT).tolist() == deal(plain, SPLIT).tolist()


@pytest.mark.parametrize(
    "rows",
    [
        table([(1, "a", 1.0)]).drop_columns("c"),
        pa.Table.from_arrays([pa.array([1])] * 4, names=["n", "c", "x", "c"]),
    ],
    ids=["gone", "twice"],
)
def test_an_identity_column_must_be_there_once(rows: pa.Table) -> None:
    """Attacks rows that move because one of two columns of a name decides, or none."""
    with pytest.raises(GatehouseError, match=r"needs column c once, .* take it out of split in"):
        deal(rows, SPLIT)


def contract(old: str, new: str) -> Contract:
    assert old in CONTRACT
    return parse_contract(CONTRACT.replace(old, new, 1), "contract.yaml")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("age: {type: number", "age: {role: ignored, type: number"),
        ("age: {type: number, range: [0, 120]", "age: {type: string, role: ignored"),
        (
            "age: {type: number",
            "id: {type: string, role: key, description: i}\n  age: {type: number",
        ),
        ("  sex: {", "  new: {type: number, description: n}\n  sex: {"),
        ("role: protected", "role: protected, model_input: true"),
        ('positive: "yes"', 'positive: "no"'),
        ("[nurse, cook]", "[cook, nurse, clerk]"),
    ],
)
def test_a_changed_contract_moves_no_row(old: str, new: str) -> None:
    """Attacks a new column, role or type that picks other exam rows without touching `split`."""
    assert contract(old, new).split == parse_contract(CONTRACT, "contract.yaml").split


PARITY = """\
import numpy as np
from gatehouse.splits.rule import SplitRule
from gatehouse.typed import Frozen


class Settings(Frozen):
    step: int = 2


def deal(rows, deal):
    numbers = rows["n"].to_numpy()
    return (numbers % deal.settings.step == 0) * np.uint8(1 if deal.official_test else 2)


def rule(deal):
    return SplitRule(name="parity", label="parity of", settings=Settings, deal=deal)


PARITY, SHORT, FAR = rule(deal), rule(lambda rows, *_: []), rule(lambda rows, *_: np.array([4]))
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Split]:
    """A split by a rule in a fork's package `gates`."""
    (tmp_path / "by_parity.py").write_text(PARITY)
    monkeypatch.setattr(gates, "__path__", [*gates.__path__, str(tmp_path)])

    def make(name: str = "PARITY", **settings: Any) -> Split:
        return SPLIT.model_copy(update={"by": f"gates.by_parity:{name}", "settings": settings})

    return make


def test_a_rule_of_one_s_own_deals(own: Callable[..., Split]) -> None:
    """Attacks a rule that is named and never asked, and one that does not get its settings."""
    rows = table([(i, "a", None) for i in range(6)])
    assert deal(rows, own()).tolist() == [2, 0, 2, 0, 2, 0]
    assert deal(rows, own(step=3)).tolist() == [2, 0, 0, 2, 0, 0]
    assert deal(rows, own(), official_test=True).tolist() == [1, 0, 1, 0, 1, 0]


@pytest.mark.parametrize(
    ("rule", "settings", "told"),
    [
        ("SHORT", {}, "must give each row one of 0, 1, 2, 3"),
        ("FAR", {}, "must give each row one of 0, 1, 2, 3"),
        ("PARITY", {"stop": 3}, r"contract.yaml: split.settings.stop: there is no such key"),
        ("Settings", {}, "contract.yaml: split.by: .* is no gatehouse.splits.rule.SplitRule"),
        ("NONE", {}, "contract.yaml: split.by: 'gates.by_parity' has no object 'NONE'"),
    ],
)
def test_a_rule_that_can_not_deal_is_told(
    own: Callable[..., Split], rule: str, settings: dict[str, Any], told: str
) -> None:
    """Attacks rows in a split that there is not, and tracebacks."""
    with pytest.raises(GatehouseError, match=told):
        deal(table([(1, "a", None)]), own(rule, **settings))


@pytest.mark.parametrize("name", ["hsah", "pipeline.mine:RULE", "os:system", "gates:RULE", ""])
def test_a_rule_is_the_library_s_or_owned(name: str) -> None:
    """Attacks a split that free code decides."""
    with pytest.raises(GatehouseError, match=r"split\.by: .* is no split rule; there are: hash"):
        contract("split: {", f"split: {{by: '{name}', ")


def test_another_rule_is_another_contract() -> None:
    """Attacks a digest that leaves the rule out, and one that the default changed for all."""
    plain = parse_contract(CONTRACT, "contract.yaml")
    assert contract("split: {", "split: {by: hash, ").digest == plain.digest
    assert contract("split: {", "split: {by: 'gates.a:B', ").digest != plain.digest
