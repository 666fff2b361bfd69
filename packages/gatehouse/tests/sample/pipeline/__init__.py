"""Yours: how data becomes a model."""
