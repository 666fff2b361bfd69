"""contract.yaml, params.yaml, policy.yaml and model_card.yaml: valid, with existing names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gatehouse.contract import CONTRACT_FILE, load_contract
from gatehouse.pipeline.settings import PARAMS_FILE, load_settings
from gatehouse.pipeline.spaces import Choice
from gatehouse.pipeline.trainer import find_trainer
from gatehouse.policy import POLICY_FILE, load_policy
from gatehouse.report.card_text import CARD_TEXT, load_card_text
from gatehouse.source import find_source
from gatehouse.tune.metric import metric_of
from gatehouse.tune.space import applied

ROOT = Path(__file__).parents[1]

LOADERS: dict[Path, Callable[[Path], Any]] = {
    CONTRACT_FILE: load_contract,
    PARAMS_FILE: load_settings,
    POLICY_FILE: load_policy,
    CARD_TEXT: load_card_text,
}


@pytest.mark.parametrize("file", LOADERS, ids=str)
def test_it_is_valid(file: Path) -> None:
    """Attacks a misspelt key, and a value of another type; the error names the line."""
    assert LOADERS[file](ROOT / file)


def test_the_trainer_is_there() -> None:
    """Attacks a renamed trainer, misspelt settings, and a library not in the requirements."""
    settings = load_settings(ROOT / PARAMS_FILE).train
    assert find_trainer(settings.trainer).options(settings)


def test_the_source_is_there() -> None:
    """Attacks a renamed source, and misspelt settings of it."""
    settings = load_settings(ROOT / PARAMS_FILE).data
    assert find_source(settings.source).options(settings)


def test_tuning_tries_settings_that_exist_by_a_metric_of_the_task() -> None:
    """Attacks a tuning that fails only after the first model was trained."""
    settings, contract = load_settings(ROOT / PARAMS_FILE), load_contract(ROOT / CONTRACT_FILE)
    assert metric_of(contract, load_policy(ROOT / POLICY_FILE), settings.tune.metric)
    for key, over in settings.tune.space.items():
        for value in over.choices if isinstance(over, Choice) else (over.low, over.high):
            assert applied(settings.train, {key: value})
