"""Whether a stage would only repeat its last run: its code, its values, and the versions of what it reads and wrote."""
