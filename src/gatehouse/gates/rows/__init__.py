"""The rows gate."""
