"""From a request body to an answer: read the rows, run the graph, count, log."""

from __future__ import annotations

import json
from typing import Any

from gatehouse.serving import metrics
from gatehouse.serving.log import InferenceLog
from gatehouse.serving.rows import Reader
from gatehouse.serving.served import Served


class Predictor:
    """Answer bodies with predictions, the model's digest and the request's id."""

    def __init__(self, served: Served, reader: Reader, log: InferenceLog | None) -> None:
        self._served = served
        self._reader = reader
        self._log = log
        threshold = served.model.metadata.threshold
        self._about: dict[str, Any] = {} if threshold is None else {"threshold": threshold}
        self._about["model"] = served.digest
        self._count = metrics.predicted(served.contract)

    def answer(self, body: bytes, request_id: str) -> bytes:
        """Return the answer as JSON: an object for one row, a list of predictions for a list.

        Raises:
            Refused: the body does not consist of rows of the contract.
            GatehouseError: the graph fails.
        """
        read = self._reader.read(body)
        rows = read if isinstance(read, list) else [read]
        outputs = self._served.outputs(rows)
        entries = self._served.log_entries(outputs)
        self._count(entries)
        if self._log is not None:
            self._log.write(request_id, rows, entries)
        predictions = self._served.answers(outputs, entries)
        reply = {"predictions": predictions} if isinstance(read, list) else predictions[0]
        return json.dumps(reply | self._about | {"request_id": request_id}).encode()
