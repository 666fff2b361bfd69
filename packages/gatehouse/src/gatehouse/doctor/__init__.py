"""`gatehouse doctor`: find what is missing on this machine, in the repository and on GitHub."""
