"""Attacks what is answered, and what is refused: no input may end in a 500."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from gatehouse.serving import rows
from gatehouse.serving.errors import Refused
from gatehouse.serving.rows import Reader
from tests.gatehouse.serving.place import JSON, ROW, Client, serving

NURSE_OF_50 = 1 / (1 + math.exp(-2.0))


def test_one_row_is_answered_with_all_that_belongs_to_it(client: Client) -> None:
    """One object in, one object out: probability, decision, threshold, digest, id."""
    reply = client.ask(ROW, JSON, (b"x-request-id", b"my-1"))
    assert reply.status == 200
    assert reply.headers["x-request-id"] == "my-1"
    told = reply.json
    assert told.pop("probability") == pytest.approx(NURSE_OF_50)
    digest = client.house.described["model"]
    assert told == {"decision": "yes", "threshold": 0.75, "model": digest, "request_id": "my-1"}


def test_many_rows_are_answered_in_their_order(client: Client) -> None:
    """A list in, a list out; missing values are those the contract lets be missing."""
    rows = [ROW, ROW | {"age": None, "job": None}, ROW | {"job": "cook"}]
    reply = client.ask(rows)
    assert [p["decision"] for p in reply.json["predictions"]] == ["yes", "no", "no"]
    assert reply.json["predictions"][1]["probability"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    "changed",
    [
        {"age": 39.5},
        {"age": 1e-320},
        {"kids": 2.0},
        {"kids": 20},
        {"to/wn~": "Köln 🏠"},
        {"to/wn~": "x" * 200},
        {"heat": -3.4e38},
        {"id": "a-1", "sex": "f"},
    ],
)
def test_what_the_contract_allows_is_answered(client: Client, changed: dict[str, Any]) -> None:
    """Ends of ranges, whole numbers written with a point, unlisted but allowed categories, keys."""
    assert client.ask(ROW | changed).status == 200


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"age": "50"}, "/age"),
        ({"age": True}, "/age"),
        ({"age": -0.1}, "/age"),
        ({"age": 121}, "/age"),
        ({"age": [50]}, "/age"),
        ({"age": 10**400}, "/age"),
        ({"age": math.nan}, "/age"),
        ({"age": math.inf}, "/age"),
        ({"heat": 3.5e38}, "/heat"),
        ({"heat": -math.inf}, "/heat"),
        ({"kids": 1.5}, "/kids"),
        ({"kids": True}, "/kids"),
        ({"kids": None}, "/kids"),
        ({"kids": 21}, "/kids"),
        ({"kids": math.nan}, "/kids"),
        ({"job": "Nurse"}, "/job"),
        ({"job": ""}, "/job"),
        ({"job": 1}, "/job"),
        ({"job": {}}, "/job"),
        ({"to/wn~": None}, "/to~1wn~0"),
        ({"to/wn~": ""}, "/to~1wn~0"),
        ({"to/wn~": "x" * 201}, "/to~1wn~0"),
        ({"sex": "x"}, "/sex"),
        ({"id": 3}, "/id"),
        ({"note": "hi"}, "/note"),
        ({"rich": "no"}, "/rich"),
        ({"nix": 1}, "/nix"),
        ({"": 1}, "/"),
    ],
)
def test_what_the_contract_forbids_is_refused_with_its_place(
    client: Client, changed: dict[str, Any], pointer: str
) -> None:
    """Wrong types, ranges, categories, nulls and columns, alone and in the second row."""
    alone, listed = client.ask(ROW | changed), client.ask([ROW, ROW | changed])
    assert (alone.status, alone.pointers) == (422, [pointer])
    assert (listed.status, listed.pointers) == (422, ["/1" + pointer])
    assert alone.headers["content-type"] == "application/problem+json"
    assert alone.json["errors"][0]["detail"]


@pytest.mark.parametrize("column", ROW)
def test_a_column_may_not_be_left_out(client: Client, column: str) -> None:
    """Forgetting a column is no way to say that its value is missing."""
    reply = client.ask({name: value for name, value in ROW.items() if name != column})
    assert (reply.status, len(reply.pointers)) == (422, 1)


@pytest.mark.parametrize("body", [None, 1, 1.5, True, "row", [[]], [None], [ROW, 3], [[ROW]], {}])
def test_json_that_is_no_row_is_refused(client: Client, body: Any) -> None:
    """Scalars, lists in lists, an empty object."""
    assert client.ask(body).status == 422


def test_no_row_and_too_many_rows_are_refused(client: Client) -> None:
    """An empty list, and one more row than the limit."""
    assert client.ask([]).status == 422
    assert client.ask([ROW] * 1000).status == 200
    assert client.ask([ROW] * 1001).pointers == ["/1000"]


ROW_TEXT = json.dumps(ROW)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"nul",
        b"age=50",
        ROW_TEXT[:-1].encode(),
        ROW_TEXT.encode() + b"x",
        ROW_TEXT.encode("utf-16"),
        b"\xef\xbb\xbf" + ROW_TEXT.encode(),
        ROW_TEXT.replace("Ulm", "Köln").encode("latin-1"),
        ROW_TEXT.replace("Ulm", "\\ud800").encode(),
        ROW_TEXT.replace("age", "\\ud800").encode(),
        ROW_TEXT.replace("50", "1" * 5000).encode(),
        ROW_TEXT.replace("50", "050").encode(),
        ROW_TEXT.replace("50", "'50'").encode(),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 500_000 + b"]" * 500_000,
    ],
)
def test_what_is_no_json_is_refused(client: Client, body: bytes) -> None:
    """Broken, deep and wrongly encoded text; numbers that take for ever to read."""
    reply = client.ask(body)
    assert (reply.status, reply.pointers) == (400, [""])


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ('{"age": 1, "age": 2}', "/age"),
        (f'[{ROW_TEXT}, {{"kids": 1, "kids": 1}}]', "/1/kids"),
        ('{"a": {"x": 1, "x": 2}, "a": 3}', "/a"),
        ('{"a": [{}, {"x/y": 1, "x/y": 2}]}', "/a/1/x~1y"),
    ],
)
def test_a_key_that_stands_twice_is_refused(client: Client, body: str, pointer: str) -> None:
    """Readers disagree which of two counts."""
    reply = client.ask(body.encode())
    assert (reply.status, reply.pointers) == (400, [pointer])


def test_an_answer_does_not_grow_with_what_it_refuses(client: Client) -> None:
    """Many wrong keys, and a very long one, are told in few words."""
    many = client.ask({f"k{i}": i for i in range(50_000)})
    long = client.ask(ROW | {"k" * 500_000: 1})
    twice = client.ask(('{"%s": 1, "%s": 2}' % (("k" * 400_000,) * 2)).encode())
    for reply in (many, long, twice):
        assert 400 <= reply.status < 500
        assert len(reply.body) < 5000


def test_rows_without_end_are_not_all_read(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body of 340,000 objects is refused at the first that are too many, and is not searched."""
    made: list[int] = []
    monkeypatch.setattr(Reader, "_object", count(made, Reader._object))
    with monkeypatch.context() as patched:
        patched.setattr(rows, "_path", None)
        reader = Reader(client.house.predictor._reader.contract, 1000)
        with pytest.raises(Refused) as refused:
            reader.read(b"[" + b"{}," * 340_000 + b'{"x":1,"x":2}]')
    assert (refused.value.status, refused.value.reason) == (422, "too_many_rows")
    assert len(made) <= 1000 + rows.BEYOND + 1
    assert [problem.pointer for problem in refused.value.problems] == [""]


def count(made: list[int], function: Any) -> Any:
    def counting(*args: Any) -> Any:
        made.append(1)
        return function(*args)

    return counting


def test_after_a_refusal_objects_are_counted_anew(client: Client) -> None:
    """One body that is too large must not shut out the next ones."""
    for _ in range(3):
        assert client.ask([ROW] * 2000).status == 422
        assert client.ask([ROW] * 1000).status == 200


def test_a_few_objects_too_many_are_told_in_their_place(root: Path) -> None:
    """An object in a row is no row, even where one row is all that is answered."""
    with serving(root, max_rows=1) as client:
        assert client.ask(ROW | {"age": {}}).pointers == ["/age"]
        assert client.ask([ROW, ROW]).pointers == ["/1"]


@pytest.mark.parametrize("depth", [1, 900])
def test_a_key_twice_beside_much_else_is_not_searched_for(client: Client, depth: int) -> None:
    """Finding its place among 300,000 lists would hold everybody up."""
    reply = client.ask(b"[" * depth + b"[]," * 300_000 + b'{"x":1,"x":2}' + b"]" * depth)
    assert (reply.status, reply.pointers) == (400, [""])
