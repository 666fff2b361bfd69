"""Output for people: the report, the model card and the verdict table in the terminal."""
