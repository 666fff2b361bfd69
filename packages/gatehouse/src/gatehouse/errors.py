"""The one error that a user is meant to read."""


class GatehouseError(Exception):
    """Bad input or configuration (exit code 2).

    The message names the file, the place and the fix.
    """
