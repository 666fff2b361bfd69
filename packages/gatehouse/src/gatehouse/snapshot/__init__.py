"""New data through Git: a table that fits the contract becomes a snapshot, which DVC tracks."""
