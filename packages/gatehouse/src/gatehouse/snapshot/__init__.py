"""New data by Git: a table that keeps the contract becomes a snapshot, which DVC tracks."""
