"""The BentoML service that bentofile.yaml names."""

from __future__ import annotations

from typing import cast

import bentoml
from starlette.applications import Starlette

from gatehouse.serving.front import Front


class Gatehouse:
    """BentoML answers health checks and the browsable documentation; Front answers the rest."""


# BentoML's own metrics have a label with the requested path, so anyone could create unlimited
# series. Its access log and OpenTelemetry cost more than the prediction. Front has our metrics.
service = bentoml.service(
    name="gatehouse",
    workers=1,
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": ".*"},
)(Gatehouse)

service.add_asgi_middleware(Front)

LEFT_OUT = frozenset({"OpenTelemetryMiddleware", "TimeoutMiddleware"})
"""Middleware that BentoML puts around every request, whatever its settings: one only forwards the
request, the other creates a task with a minute's timer. Front has its own time limit;
benchmarks/serving shows their cost."""


def application() -> Starlette:
    """Return BentoML's application without the middleware in `LEFT_OUT`."""
    made = cast(Starlette, service.to_asgi())
    made.user_middleware = [
        middleware
        for middleware in made.user_middleware
        if getattr(middleware.cls, "__name__", "") not in LEFT_OUT
    ]
    return made
