"""From a body to an answer: read the rows, run the graph, count, log."""

from __future__ import annotations

import json
from typing import Any

from gatehouse.serving import metrics
from gatehouse.serving.log import InferenceLog
from gatehouse.serving.rows import Reader
from gatehouse.serving.served import Served


class Predictor:
    """Answers bodies with probability, decision, threshold, model digest and request id."""

    def __init__(self, served: Served, reader: Reader, log: InferenceLog | None) -> None:
        self._served = served
        self._reader = reader
        self._log = log
        self._threshold = served.model.metadata.threshold
        self._classes = served.model.metadata.classes
        self._decisions = [metrics.DECISIONS.labels(name) for name in self._classes]

    def answer(self, body: bytes, request_id: str) -> bytes:
        """The answer, as JSON: an object for one row, a list of predictions for a list.

        Raises:
            Refused: the body is not rows of the contract.
            GatehouseError: the graph fails.
        """
        read = self._reader.read(body)
        rows = read if isinstance(read, list) else [read]
        probabilities = self._served.probabilities(rows)
        positive = [probability >= self._threshold for probability in probabilities]
        decisions = [self._classes[is_positive] for is_positive in positive]
        for is_positive, probability in zip(positive, probabilities, strict=True):
            self._decisions[is_positive].inc()
            metrics.PROBABILITY.observe(probability)
        if self._log is not None:
            self._log.write(request_id, rows, probabilities, decisions)
        predictions: list[dict[str, Any]] = [
            {"probability": probability, "decision": decision}
            for probability, decision in zip(probabilities, decisions, strict=True)
        ]
        about = {
            "threshold": self._threshold,
            "model": self._served.digest,
            "request_id": request_id,
        }
        told = {"predictions": predictions} if isinstance(read, list) else predictions[0]
        return json.dumps(told | about).encode()
