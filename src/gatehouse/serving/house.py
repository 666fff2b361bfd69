"""All that one process serves with: settings, model, tokens, inference log."""

from __future__ import annotations

import functools
import gc
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from gatehouse.serving import metrics
from gatehouse.serving.log import InferenceLog
from gatehouse.serving.openapi import describe
from gatehouse.serving.predict import Predictor
from gatehouse.serving.rows import Reader
from gatehouse.serving.served import load_served
from gatehouse.serving.settings import Settings, load_settings
from gatehouse.serving.tokens import Tokens


@dataclass(frozen=True)
class House:
    """What the paths answer with."""

    settings: Settings
    tokens: Tokens
    predictor: Predictor
    log: InferenceLog | None
    described: dict[str, Any]
    openapi: dict[str, Any]

    @classmethod
    def open(cls, root: Path, settings: Settings) -> Self:
        """Load what lies in `root`.

        Raises:
            GatehouseError: contract, model, card, verdict or tokens are not usable.
        """
        served = load_served(root)
        reader = Reader(served.contract, settings.max_rows)
        tokens = Tokens(settings.tokens, settings.tokens_file, metrics.TOKENS_UNREAD.inc)
        log = None
        if settings.log is not None:
            log = InferenceLog(
                settings.log, served.contract, served.digest, settings.log_bytes, settings.log_files
            )
        metrics.prepare(served)
        return cls(
            settings=settings,
            tokens=tokens,
            predictor=Predictor(served, reader, log),
            log=log,
            described=served.describe(),
            openapi=describe(served, reader, closed=tokens.required),
        )

    def close(self) -> None:
        """Write what the inference log still holds."""
        if self.log is not None:
            self.log.close()


@functools.cache
def open_house() -> House:
    """The one of this process: this folder, and the environment's settings.

    Raises:
        GatehouseError: settings, contract, model, card, verdict or tokens are not usable.
    """
    house = House.open(Path(), load_settings(os.environ))
    # What is loaded stays. Looking through it for garbage, which a body of many parts sets off,
    # took four times as long as reading that body.
    gc.collect()
    gc.freeze()
    return house
