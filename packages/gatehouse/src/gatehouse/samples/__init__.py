"""The sample's rows: UCI Adult, and rows simulated like it. No other module knows a data set."""
