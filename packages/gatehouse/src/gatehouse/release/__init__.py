"""From a judged model to a running image: what is deployed where."""
