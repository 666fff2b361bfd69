"""Reading, measuring and recording a candidate that nobody vouches for; knows no GitHub."""
