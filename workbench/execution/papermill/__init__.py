"""Papermill from both sides: the runner calls it, and its own users reach our engine through it."""
