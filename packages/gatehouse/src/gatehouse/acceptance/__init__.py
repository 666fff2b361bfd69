"""An owner's word on one pull request's failure: what it covers, and how it is written."""
