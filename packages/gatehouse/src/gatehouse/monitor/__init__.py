"""Production monitoring: from the inference log to evidence, verdict and report."""
