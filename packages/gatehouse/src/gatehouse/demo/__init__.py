"""The whole loop in one command: train, serve, monitor, drift, alarm, retrain, judge, serve."""
