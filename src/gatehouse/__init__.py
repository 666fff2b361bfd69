"""Gatehouse: the machinery that measures a candidate model and judges it against a policy."""
