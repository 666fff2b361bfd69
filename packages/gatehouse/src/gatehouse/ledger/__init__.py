"""The row ledger: what became of the base's rows in a change, and what that did to the exam.

The exam is the base's test rows. A change brings raw rows; here they are compared with the base's,
dealt by the base's rule. Everything is streamed: memory holds hashes of rows, never the rows.
"""
