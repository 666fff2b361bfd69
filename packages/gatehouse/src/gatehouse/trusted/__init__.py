"""Reads, measures and records an untrusted candidate. Independent of GitHub."""
