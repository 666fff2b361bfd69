"""What a column's name says of its values."""

from __future__ import annotations

import re

_ID = re.compile(
    r"(^|[_\W])(id|ids|key|uuid|guid|nr|no|number|index|ref|reference|identifier)$"
    r"|[a-z](Id|ID|Key|Nr|No)$",
)
_ROW = re.compile(r"\.?row[_ ]?(names?|id|nr|no|number|index)?|index|unnamed: 0")
_IDENTIFIER = re.compile(r"(^|[_\W])(id|ids|uuid|guid|identifier)$")
_ENTITY = re.compile(
    r"(id|uuid|guid|identifier"
    r"|(.*[_\W])?(patient|customer|client|user|person|individual|subject|participant|respondent"
    r"|member|account|household|student|employee|driver|device|machine)"
    r"[_\W]*(id|uuid|guid|identifier|nr|no|number|key|ref|reference))"
)
_CYCLE = re.compile(r"year|quarter|month|week|day|hour|minute|time", re.IGNORECASE)
_PROTECTED = re.compile(
    r"(^|[_\W])(sex|gender|race|ethnicity|ethnic|religion|disability|nationality|geschlecht|sexe)"
    r"($|[_\W])",
)
_WEIGHT = re.compile(
    r"((sample|survey|row|case|person|final|sampling)[_ ]?)?(weights?|wgt|wt)|pweight|fnlwgt",
    re.IGNORECASE,
)


def is_id_name(name: str) -> bool:
    """Does it identify something?"""
    return bool(_ID.search(name) or _ID.search(name.lower()) or is_row_name(name))


def is_row_name(name: str) -> bool:
    """Is it what R, pandas and spreadsheets call the rows' names, which may be numbers?"""
    return _ROW.fullmatch(name.lower()) is not None


def is_identifier_name(name: str) -> bool:
    """Does it name things even where it is a number? 'glycemic index' is an amount."""
    return _IDENTIFIER.search(_by_words(name)) is not None


def is_entity_name(name: str) -> bool:
    """Does it name a person or a thing that a model meets again? Rows of the same one are alike."""
    return _ENTITY.fullmatch(_by_words(name)) is not None


def is_cycle_name(name: str) -> bool:
    """Is it what goes round and round, or on and on, and says something all the same?"""
    return _CYCLE.search(name) is not None


def is_protected_name(name: str) -> bool:
    """Does it name an attribute that many laws protect?"""
    return _PROTECTED.search(_by_words(name)) is not None


def is_weight_name(name: str) -> bool:
    """Does it say how much a row counts?"""
    return _WEIGHT.fullmatch(name) is not None


def _by_words(name: str) -> str:
    """PatientId as patient_id."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
