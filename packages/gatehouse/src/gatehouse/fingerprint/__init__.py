"""Fingerprints: the code and the packages that each stage of dvc.yaml depends on.

DVC runs a stage again when a file among its `deps` changes. A fingerprint is such a file. It is
computed from the imports in the source text, so nobody lists code by hand.
"""
