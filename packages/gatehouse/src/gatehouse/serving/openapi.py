"""The service's OpenAPI description, generated from the contract."""

from __future__ import annotations

from typing import Any

from gatehouse.contract import Contract, Task
from gatehouse.serving.rows import Reader
from gatehouse.serving.served import Served

JSON = "application/json"
PROBLEM = "application/problem+json"

_REFUSALS = {
    "400": "The body is not JSON, or a key is repeated in it",
    "401": "No bearer token, or an unknown one",
    "408": "The body took too long to arrive",
    "413": "The body is too large",
    "415": "The body is not sent as application/json, or is compressed",
    "422": "The rows break the contract",
    "500": "The model failed; the log has the reason",
    "503": "Overloaded; try again after Retry-After seconds",
}


def describe(served: Served, reader: Reader, *, closed: bool) -> dict[str, Any]:
    """Return the OpenAPI 3.1 description; `closed` means that a bearer token is required."""
    description: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": served.contract.name,
            "description": served.contract.description,
            "version": served.digest.removeprefix("sha256:")[:12],
        },
        "paths": {
            "/predict": {"post": _predict(reader)},
            "/model": {"get": _get("Model card, verdict and digests", JSON, {"type": "object"})},
            "/metrics": {"get": _get("Prometheus metrics", "text/plain", {"type": "string"})},
            "/livez": {"get": _health("Is the process alive?")},
            "/readyz": {"get": _health("Is the model loaded?")},
        },
        "components": {"schemas": _schemas(served.contract, reader)},
    }
    if closed:
        schemes = {"bearer": {"type": "http", "scheme": "bearer"}}
        description["components"]["securitySchemes"] = schemes
        for path in ("/predict", "/model", "/metrics"):
            for operation in description["paths"][path].values():
                operation["security"] = [{"bearer": []}]
                operation["responses"]["401"] = _refusal("401")
    return description


def _predict(reader: Reader) -> dict[str, Any]:
    rows = {"type": "array", "items": _ref("Row"), "minItems": 1, "maxItems": reader.max_rows}
    answers = {"oneOf": [_ref("Answer"), _ref("Answers")]}
    identity = {
        "name": "X-Request-ID",
        "in": "header",
        "description": "Returned in the answer; without a valid one, the service makes one",
        "schema": {"type": "string"},
    }
    refusals = ("400", "408", "413", "415", "422", "500", "503")
    return {
        "summary": "Predict one row, or many",
        "operationId": "predict",
        "parameters": [identity],
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": {"oneOf": [_ref("Row"), rows]}}},
        },
        "responses": {"200": _content("One answer for a row, a list for a list", JSON, answers)}
        | {status: _refusal(status) for status in refusals},
    }


def _get(summary: str, kind: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"summary": summary, "responses": {"200": _content(summary, kind, schema)}}


def _health(summary: str) -> dict[str, Any]:
    unready = {"503": {"description": "No"}}
    return {"summary": summary, "responses": {"200": {"description": "Yes"}} | unready}


def _content(description: str, kind: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {kind: {"schema": schema}}}


def _refusal(status: str) -> dict[str, Any]:
    return _content(_REFUSALS[status], PROBLEM, _ref("Problem"))


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _schemas(contract: Contract, reader: Reader) -> dict[str, Any]:
    prediction = _prediction(contract)
    about: dict[str, Any] = {
        "model": {"type": "string", "description": "digest of the model that answered"},
        "request_id": {"type": "string"},
    }
    if contract.task is Task.BINARY:
        description = "the decision is positive from here on"
        about = {"threshold": {"type": "number", "description": description}} | about
    many = {"predictions": {"type": "array", "items": _object(prediction)}}
    row = reader.adapter.json_schema()
    for column in row["properties"].values():
        column.pop("title", None)
    return {
        "Row": row | {"description": contract.description},
        "Answer": _object(prediction | about),
        "Answers": _object(many | about),
        "Problem": _problem(),
    }


def _prediction(contract: Contract) -> dict[str, Any]:
    """Return the schema of one row's prediction."""
    target = contract.target
    if contract.task is Task.REGRESSION:
        about = f"{target}: {contract.columns[target].description}"
        return {"prediction": {"type": "number", "description": about}}
    decision = {"type": "string", "enum": list(contract.classes)}
    shares = {name: _probability(target, name) for name in contract.classes}
    if contract.task is Task.BINARY:
        return {"probability": shares[contract.classes[1]], "decision": decision}
    return {"probabilities": _object(shares), "decision": decision}


def _probability(target: str, name: str) -> dict[str, Any]:
    about = f"of {target} = {name}"
    return {"type": "number", "minimum": 0, "maximum": 1, "description": about}


def _problem() -> dict[str, Any]:
    text = {"type": "string"}
    place = {"type": "string", "description": "JSON Pointer (RFC 6901) into the body"}
    errors = {"type": "array", "items": _object({"pointer": place, "detail": text})}
    status = {"type": "integer"}
    return _object(
        {"title": text, "status": status, "detail": text, "errors": errors, "request_id": text}
    )


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
