"""The state of one serving process: settings, model, tokens, inference log."""

from __future__ import annotations

import functools
import gc
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from gatehouse.contract import CONTRACT_FILE
from gatehouse.errors import GatehouseError
from gatehouse.privacy.pseudonym import read_secret
from gatehouse.serving import metrics
from gatehouse.serving.log import FILE, InferenceLog
from gatehouse.serving.openapi import describe
from gatehouse.serving.predict import Predictor
from gatehouse.serving.rotating_lines import RotatingLines
from gatehouse.serving.rows import Reader
from gatehouse.serving.served import Served, load_served
from gatehouse.serving.settings import ServingSettings, load_settings
from gatehouse.serving.shadow import Shadow, check_shadow
from gatehouse.serving.tokens import Tokens
from gatehouse.verdict import Outcome

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class House:
    """Everything that the paths need to answer."""

    settings: ServingSettings
    tokens: Tokens
    predictor: Predictor
    log: InferenceLog | None
    described: dict[str, Any]
    openapi: dict[str, Any]

    @classmethod
    def open(cls, root: Path, settings: ServingSettings) -> Self:
        """Load the files in `root`.

        Raises:
            GatehouseError: contract, model, card, verdict, tokens, shadow or secret are not usable.
        """
        served = load_served(root)
        reader = Reader(served.contract, settings.max_rows)
        tokens = Tokens(settings.tokens, settings.tokens_file, metrics.TOKENS_UNREAD.inc)
        log = _open_log(settings, served) if settings.log is not None else None
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
        """Write the remaining rows of the inference log."""
        if self.log is not None:
            self.log.close()


def _open_log(settings: ServingSettings, served: Served) -> InferenceLog:
    assert settings.log is not None
    secret = None
    if settings.key_secret_file is not None:
        secret = read_secret(settings.key_secret_file)
        if not served.contract.keys:
            logger.warning("%s has no column with role: key; no key is logged", CONTRACT_FILE)
    return InferenceLog(
        RotatingLines(settings.log / FILE, settings.log_bytes, settings.log_files),
        served.contract,
        served.digest,
        secret,
        _open_shadow(settings.shadow, served) if settings.shadow is not None else None,
    )


def _open_shadow(root: Path, served: Served) -> Shadow:
    try:
        second = load_served(root)
    except GatehouseError as error:
        raise GatehouseError(f"the shadow cannot be loaded: {error}") from None
    check_shadow(served.contract, second.contract, root / CONTRACT_FILE)
    outcome = second.verdict.outcome if second.verdict else Outcome.NONE
    logger.info("shadow: model %s; verdict on it: %s", second.digest, outcome)
    return Shadow(second)


@functools.cache
def open_house() -> House:
    """Open this process's state from this folder and the environment's settings.

    Raises:
        GatehouseError: settings, contract, model, card, verdict or tokens are not usable.
    """
    house = House.open(Path(), load_settings(os.environ))
    # Loaded objects stay. Scanning them in garbage collections, which a body of many parts
    # triggers, took four times as long as reading that body.
    gc.collect()
    gc.freeze()
    return house
