"""Data about people: pseudonyms of keys, and erasure of logged rows (docs/privacy.md)."""
