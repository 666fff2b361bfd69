"""The BentoML service, which bentofile.yaml names."""

from __future__ import annotations

from typing import cast

import bentoml
from starlette.applications import Starlette

from gatehouse.serving.front import Front


class Gatehouse:
    """Health and the browsable documentation are BentoML's; the other paths are Front's."""


# BentoML's own metrics have a label with the path as it was sent, so that anyone could make series
# without end; its access log and OpenTelemetry cost more than the prediction. Ours are in Front.
service = bentoml.service(
    name="gatehouse",
    workers=1,
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": ".*"},
)(Gatehouse)

service.add_asgi_middleware(Front)

LEFT_OUT = frozenset({"OpenTelemetryMiddleware", "TimeoutMiddleware"})
"""BentoML puts these around every request, whatever its settings say: one to pass it on, one with
a task and a minute's timer for it. Front has a time limit of its own; benchmarks/serving has what
they cost."""


def application() -> Starlette:
    """BentoML's application, without what it puts around each request for nothing."""
    made = cast(Starlette, service.to_asgi())
    made.user_middleware = [
        middleware
        for middleware in made.user_middleware
        if getattr(middleware.cls, "__name__", "") not in LEFT_OUT
    ]
    return made
