"""An owner's acceptance of one pull request's failure: its scope, and its format."""
