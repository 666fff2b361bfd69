"""From a request body to rows that satisfy the contract, or to the problems with it."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

from pydantic import TypeAdapter, ValidationError

from gatehouse.contract import Contract
from gatehouse.serving.errors import Problem, Reason, Refused, pointer
from gatehouse.serving.schema import accepted, row_adapter

TOLD = 20
"""Maximum number of problems in one answer."""

BEYOND = 100
"""Number of objects beyond the maximum rows that are still read, so that the error names the right
place."""

LOOKED_AT = 10_000
"""Maximum number of a body's parts in which to search for the place of a repeated key."""

Row = dict[str, Any]


class Reader:
    """Reads bodies: a JSON object is one row, an array of objects is many rows."""

    def __init__(self, contract: Contract, max_rows: int) -> None:
        self.contract = contract
        self.columns = accepted(contract)
        self.max_rows = max_rows
        self.adapter: TypeAdapter[Row] = row_adapter(contract)
        self._validate = self.adapter.validator.validate_python
        self._decoder = json.JSONDecoder(object_pairs_hook=self._object, parse_float=_number)
        self._twice: list[tuple[dict[str, Any], str]] = []
        self._objects = 0

    def read(self, body: bytes) -> Row | list[Row]:
        """Return the row or rows in `body`.

        Raises:
            Refused: the body is not JSON (400), or not rows of the contract (422).
        """
        data = self._parse(body)
        if type(data) is not list:
            return self._row(data, ())
        if not data:
            raise Refused(422, "there is no row in it", "no_rows", (Problem("", "is empty"),))
        if len(data) > self.max_rows:
            raise self._too_many(pointer(self.max_rows))
        return [self._row(row, (index,)) for index, row in enumerate(data)]

    def _parse(self, body: bytes) -> Any:
        self._twice.clear()
        self._objects = 0
        try:
            text = body.decode()
            data = self._decoder.decode(text)
            if "\\u" in text:
                json.dumps(data, ensure_ascii=False).encode()  # lone surrogates have no UTF-8
        except UnicodeDecodeError as error:
            raise _not_json(f"byte {error.start} is not UTF-8") from None
        except UnicodeEncodeError:
            raise _not_json("it holds half a Unicode character (such as \\ud800)") from None
        except RecursionError:
            raise _not_json("it is nested too deep") from None
        except json.JSONDecodeError as error:
            raise _not_json(f"{error.msg}, line {error.lineno} column {error.colno}") from None
        except ValueError:  # Python's limit on digits
            raise _not_json("it holds a number of thousands of digits") from None
        if self._twice:
            found, key = self._twice[-1]  # it is not inside a key that was dropped
            path = _path(data, found)
            where = "" if path is None else pointer(*path, key)
            problem = Problem(where, "this key is repeated; which one is meant?")
            raise Refused(400, "a key stands twice", "duplicate_key", (problem,))
        return data

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """Refuse repeated keys: JSON allows them, but readers disagree which one counts."""
        self._objects += 1
        if self._objects > self.max_rows + BEYOND:  # rows contain no objects
            raise self._too_many("")
        found = dict(pairs)
        if len(found) < len(pairs):
            seen: set[str] = set()
            key = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
            self._twice.append((found, key))
        return found

    def _too_many(self, where: str) -> Refused:
        detail = f"more than {self.max_rows} rows; no more are answered at once"
        return Refused(422, detail, "too_many_rows", (Problem(where, detail),))

    def _row(self, row: Any, place: tuple[int, ...]) -> Row:
        if type(row) is dict and len(row) > 2 * len(self.columns):
            detail = f"{len(row)} keys; a row has {len(self.columns)} columns"
            raise Refused(422, "not a row of the contract", "extra", (_at(place, (), detail),))
        try:
            return self._validate(row)  # type: ignore[no-any-return]
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=True)
            problems = tuple(
                _at(place, problem["loc"], self._detail(problem)) for problem in found[:TOLD]
            )
            first = self._reason(found[0])
            more = f" ({len(found)} problems)" if len(found) > 1 else ""
            raise Refused(422, f"not a row of the contract{more}", first, problems) from None

    def _detail(self, problem: Any) -> str:
        name = str(problem["loc"][0]) if problem["loc"] else ""
        column = self.columns.get(name)
        if problem["type"] == "missing":
            null = "; write null where it is not known" if column and column.missing else ""
            return f"this column is missing{null}"
        if problem["type"] == "extra_forbidden":
            if name in self.contract.columns:
                return "this column is not used for a prediction; leave it out"
            return "the contract has no such column; check its spelling, or leave it out"
        if problem["type"] == "dict_type":
            return "should be an object: one row, with the columns as keys"
        if problem["input"] is None:
            return "may not be null: the contract allows no missing values in this column"
        message: str = problem["msg"]
        return message[0].lower() + message[1:]

    def _reason(self, problem: Any) -> Reason:
        match problem["type"]:
            case "missing":
                return "missing"
            case "extra_forbidden":
                return "extra"
            case "greater_than_equal" | "less_than_equal" | "finite_number":
                return "range"
            case "literal_error" | "string_too_long" | "string_too_short":
                return "missing" if problem["input"] is None else "category"
        return "missing" if problem["input"] is None else "type"


def _number(text: str) -> float | int:
    """Parse a number; 39.0 is 39, because JSON does not distinguish integers."""
    value = float(text)
    return int(value) if value.is_integer() else value


def _at(place: tuple[int, ...], rest: tuple[int | str, ...], detail: str) -> Problem:
    return Problem(pointer(*place, *rest), detail)


def _not_json(detail: str) -> Refused:
    return Refused(400, f"the body is not JSON: {detail}", "not_json", (Problem("", detail),))


def _path(data: Any, wanted: dict[str, Any]) -> tuple[str | int, ...] | None:
    """Return the keys and indices from the top of `data` to the object `wanted` itself.

    Returns:
        The path, or None if it is too far away: searching thousands of places would block other
        requests.
    """
    # Each place refers to its parent: storing a full path for each could take gigabytes.
    places: list[tuple[Any, int, str | int]] = [(data, -1, "")]
    for here, (node, _, _) in enumerate(places):
        if node is wanted:
            path: list[str | int] = []
            while here:
                _, above, key = places[here]
                path.append(key)
                here = above
            return tuple(reversed(path))
        parts = node.items() if isinstance(node, dict) else enumerate(node)
        inner = ((part, here, key) for key, part in parts if isinstance(part, dict | list))
        places += islice(inner, LOOKED_AT - len(places))
    return None
