"""Production watched: the inference log to evidence, verdict and report."""
