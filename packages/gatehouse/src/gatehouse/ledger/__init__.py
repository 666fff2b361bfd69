"""The row ledger: what a change did to the base's rows, and to the exam.

The exam is the base's test rows. The base's rule splits the raw rows of the change, and the ledger
compares them with the base's. Everything is streamed: memory contains hashes of rows, never the
rows.
"""
