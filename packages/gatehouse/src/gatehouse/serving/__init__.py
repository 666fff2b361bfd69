"""The service: the INT8 graph over HTTP, with BentoML (docs/serving.md)."""
