"""`gatehouse template`: merge a newer Gatehouse into a repository that was made from it."""
