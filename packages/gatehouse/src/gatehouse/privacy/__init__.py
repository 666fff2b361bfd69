"""Persons' data: pseudonyms of keys, and erasure of logged rows (docs/privacy.md)."""
