"""A fork's first step: turn its table into contract, policy and settings."""
