"""The service: the INT8 graph behind HTTP, by BentoML (docs/serving.md)."""
