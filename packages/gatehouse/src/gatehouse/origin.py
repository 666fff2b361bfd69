"""The origin of data and model, which the trusted workflow adds to the rows gate's evidence.

The origin cannot be known on a workstation, so no rule fails for it there.
"""

from __future__ import annotations

from gatehouse.evidence import Evidence, Measurement

MEASUREMENT = "not_from_run"
"""Name of the measurement: 1 if data and model do not come from a run that counts, else 0."""

_METHOD = (
    "GitHub's word on the run, Git trees of the change's head and the default branch's tip, and "
    "SHA-256 digests of data and model"
)


def unknown_origin() -> Measurement:
    """Return the measurement of a workstation, where the origin is unknown."""
    return Measurement(
        name=MEASUREMENT,
        value=None,
        unit="1",
        n=0,
        method=_METHOD,
        note="known only where a pull request is judged",
    )


def with_origin(evidence: Evidence, problem: str | None) -> Evidence:
    """Return the rows gate's evidence with the result of the origin check.

    Args:
        evidence: its own measurement of the origin is dropped, because it was made next to
            untrusted files.
        problem: why data and model do not count as coming from a run, or None if they do.
    """
    found = Measurement(
        name=MEASUREMENT, value=int(problem is not None), unit="1", n=1, method=_METHOD,
        note=problem,
    )  # fmt: skip
    others = without_origin(evidence).measurements
    return evidence.model_copy(update={"measurements": (*others, found)})


def origin_text(measurement: Measurement) -> str:
    """Return the result of a rule on the origin as plain text."""
    if measurement.value is None:
        return "only a pull request's gates know where a model comes from"
    if not measurement.value:
        return "data and model come from a run that counts, or were recorded before"
    return f"data and model come from no run that counts: {measurement.note}"


def without_origin(evidence: Evidence) -> Evidence:
    """Return the evidence without the measurement of the origin."""
    others = tuple(m for m in evidence.measurements if m.name != MEASUREMENT)
    return evidence.model_copy(update={"measurements": others})
