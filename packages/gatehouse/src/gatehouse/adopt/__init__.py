"""A fork's first step: a table of its own becomes contract, policy and settings."""
