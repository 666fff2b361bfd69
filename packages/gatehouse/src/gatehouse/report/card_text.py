"""The part of the model card that people write (`model_card.yaml`); the rest is measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from gatehouse.typed import Frozen, parse_yaml, read_text, validate

CARD_TEXT = Path("model_card.yaml")
TO_WRITE = "To be written by people"
"""Start of a part that `gatehouse init` left open."""

Sentences = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...], Field(description="plain text, no markup")
]


class ModelDetails(Frozen):
    """Who answers for the model."""

    name: str = Field(min_length=1, description="name of the model")
    owner: str = Field(min_length=1, description="person or organization that answers for it")
    contact: str = Field(min_length=1, description="where questions and comments go")
    license: str = Field(min_length=1, description="licence of the model")
    references: Sentences = Field(default=(), description="papers and other resources")


class IntendedUse(Frozen):
    """What the model is for."""

    primary_uses: Sentences = Field(min_length=1, description="what it was made for")
    primary_users: Sentences = Field(min_length=1, description="whom it was made for")
    out_of_scope: Sentences = Field(min_length=1, description="what it must not be used for")


class CardText(Frozen):
    """The parts of the model card that no measurement can give."""

    version: Literal[1] = Field(description="version of this file's schema")
    model_details: ModelDetails
    intended_use: IntendedUse
    factors: Sentences = Field(description="groups and conditions that matter, measured or not")
    metrics: Sentences = Field(default=(), description="why these metrics and limits")
    evaluation_data: Sentences = Field(default=(), description="what the test rows are and lack")
    training_data: Sentences = Field(default=(), description="what the training rows are and lack")
    ethical_considerations: Sentences = Field(
        min_length=1, description="risks, harms, sensitive data"
    )
    caveats_and_recommendations: Sentences = Field(min_length=1, description="what to mind and do")


def load_card_text(path: Path = CARD_TEXT) -> CardText:
    """Load the people's part of the card at `path`.

    Raises:
        GatehouseError: the file is invalid; the message names the file, line, key and fix.
    """
    return validate(CardText, parse_yaml(read_text(path), path), path)
