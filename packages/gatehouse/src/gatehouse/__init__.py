"""Gatehouse: the machinery that measures a candidate model and judges it against a policy."""

import os

# Before ONNX Runtime is imported: its 1.31 collects usage data on Linux unless disabled.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
