"""What decides, and is your own: gates, metrics, split rules, column kinds and slices.

A change of this package needs an owner. It may import `gatehouse` and installed packages, and never
`pipeline`, which a change may edit without one: jobs that judge or sign have no `src/pipeline`.
"""
