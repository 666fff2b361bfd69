"""The site: self-contained pages of verdicts over commits, trends, production and reports."""
