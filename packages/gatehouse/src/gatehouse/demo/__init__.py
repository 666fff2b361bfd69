"""The whole loop in one command: train, serve, watch, drift, alarm, retrain, judge, serve."""
