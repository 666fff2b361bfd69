"""Your own code that decides: gates, metrics, split rules, column kinds and slices.

A change of this package needs an owner's approval. It may import `gatehouse` and installed
packages, but never `pipeline`, which a change may edit without approval: jobs that judge or sign
have no `src/pipeline`.
"""
