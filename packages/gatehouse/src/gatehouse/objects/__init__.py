"""What DVC keeps, without DVC's obedience: records are data, and objects come by their digest.

DVC takes what it finds in a commit for instructions: where to write, what to download, whose remote
to ask. In a process that holds a key, records are therefore read by a schema of ours (`record`),
and objects come from the remote that the trusted checkout configures (`remote`), into a new folder
(`fetch`).
"""
