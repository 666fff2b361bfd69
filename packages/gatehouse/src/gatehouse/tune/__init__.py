"""`gatehouse tune`: look for better training settings, by cross-validation."""
