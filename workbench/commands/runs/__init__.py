"""Commands that start runs, look at them and say when they begin."""
