"""From a judged model to a running image: build, sign, verify and deploy."""
