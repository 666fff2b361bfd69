"""The site: verdicts over commits, trends, production and reports, as pages that stand alone."""
