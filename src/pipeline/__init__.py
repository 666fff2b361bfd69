"""Yours: how data becomes a model."""

import os

# Before ONNX Runtime is imported: its 1.31 collects usage data on Linux unless disabled.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
