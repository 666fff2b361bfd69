"""The pipeline from the source's rows to a model: ingest, train, export, quantize, settings."""
