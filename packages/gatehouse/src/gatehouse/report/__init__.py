"""What people read: the report, the model card and the verdict table in the terminal."""
