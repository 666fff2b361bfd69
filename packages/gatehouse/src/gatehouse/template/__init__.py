"""`gatehouse template`: a newer Gatehouse merged into a repository that was made from it."""
