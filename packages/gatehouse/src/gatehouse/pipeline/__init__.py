"""From the source's rows to a model: ingest, train, export, quantize, and their settings."""
