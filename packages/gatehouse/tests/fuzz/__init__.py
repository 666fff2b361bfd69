"""Bad input never turns the status green: what a candidate brings is mutated, and tried."""
