"""Reads and writes DVC's data without following instructions in records.

DVC treats what it finds in a commit as instructions: where to write, what to download, which remote
to use. A process that holds a key must not follow them. Here records are read by our own schema
(`record`), and objects are fetched by their digest from the remote that the trusted checkout
configures (`remote`), into a new folder (`fetch`).
"""
