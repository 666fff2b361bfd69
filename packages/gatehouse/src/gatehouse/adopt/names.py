"""Conclusions from a column's name."""

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
    """Return whether the name suggests an identifier."""
    return bool(_ID.search(name) or _ID.search(name.lower()) or is_row_name(name))


def is_row_name(name: str) -> bool:
    """Return whether R, pandas or spreadsheets use it for row names, which may be numbers."""
    return _ROW.fullmatch(name.lower()) is not None


def is_identifier_name(name: str) -> bool:
    """Return whether it names identifiers even if it is numeric; 'glycemic index' is an amount."""
    return _IDENTIFIER.search(_by_words(name)) is not None


def is_entity_name(name: str) -> bool:
    """Return whether it names a person or thing that recurs; rows of the same one are alike."""
    return _ENTITY.fullmatch(_by_words(name)) is not None


def is_cycle_name(name: str) -> bool:
    """Return whether it names something cyclic or ever increasing that is informative anyway."""
    return _CYCLE.search(name) is not None


def is_protected_name(name: str) -> bool:
    """Return whether it names an attribute that many laws protect."""
    return _PROTECTED.search(_by_words(name)) is not None


def is_weight_name(name: str) -> bool:
    """Return whether it names a row weight."""
    return _WEIGHT.fullmatch(name) is not None


def _by_words(name: str) -> str:
    """Convert PatientId to patient_id."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
