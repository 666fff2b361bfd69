"""The error whose message is meant for users."""


class GatehouseError(Exception):
    """Bad input or configuration (exit code 2).

    The message names the file, the place and the fix.
    """
