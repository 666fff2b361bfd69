"""The one error that a user is meant to read."""


class GatehouseError(Exception):
    """Bad input or configuration: the message names the file, the place and the fix (exit code 2)."""
